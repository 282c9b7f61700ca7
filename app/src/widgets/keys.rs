//! The keys of now, for caps and tooltips: every button finds the person's key map here.

use std::sync::Arc;

use eframe::egui::{Context, Id};

use crate::command::{KeyMap, find};

fn place() -> Id {
    Id::unique("key map")
}

/// Puts the key map where buttons find it; called before a frame is drawn.
pub fn set(ctx: &Context, keys: &KeyMap) {
    let known: Option<Arc<KeyMap>> = ctx.data(|d| d.get_temp(place()));
    if known.is_none_or(|known| *known != *keys) {
        ctx.data_mut(|d| d.insert_temp(place(), Arc::new(keys.clone())));
    }
}

/// The key of a command as it is written on a cap; `None` where it has none.
pub fn label(ctx: &Context, id: &str) -> Option<String> {
    let command = find(id)?;
    match ctx.data(|d| d.get_temp::<Arc<KeyMap>>(place())) {
        Some(keys) => keys.label(command),
        None => command.keys.first().map(|key| key.label()),
    }
}

/// Words with the command's key behind them: `Fit (F)`.
pub fn with_key(ctx: &Context, words: &str, id: &str) -> String {
    label(ctx, id).map_or_else(|| words.to_owned(), |key| format!("{words} ({key})"))
}
