//! Between the window and the settings file: takes them at start, applies them, hands on what changed.

use std::path::Path;

use eframe::egui::Context;

use crate::action::Action;
use crate::jobs::files;
use crate::rooms::models;
use crate::settings::{file, saver::Saver};
use crate::shell;
use crate::state::{Level, State};
use crate::theme;

/// Keeps the settings.
pub struct Memory {
    saver: Option<Saver>,
    /// Whether this machine asks for a still window whatever the person set.
    still: bool,
}

impl Memory {
    /// Reads the settings below the studio's folder and applies them.
    pub fn start(ctx: &Context, data_folder: &Path, state: &mut State) -> Self {
        // The studio has commands of its own for the size of text.
        ctx.options_mut(|o| o.zoom_with_keyboard = false);
        let held = match file::read(data_folder) {
            Ok(settings) => {
                state.settings = settings;
                false
            }
            Err(why) => {
                let renew = Action::Shell(shell::Action::RenewSettings);
                state.messages.push_with(Level::Error, why, "Begin new settings", renew);
                true
            }
        };
        state.shell.settings_held = held;
        state.room = state.settings.room;
        state.apply_tier();
        state.has_generated = state.settings.has_generated;
        if let Some(folder) = state.settings.model.clone().filter(|f| f.join("model.toml").is_file()) {
            state.models.open = models::Known::Folder(folder);
        }
        if let Some(folder) = &state.settings.save_folder
            && state.save_folder == files::default_save_folder()
        {
            state.save_folder.clone_from(folder);
        }
        let wake = ctx.clone();
        let saver = Saver::start(data_folder.to_owned(), state.settings.clone(), held, move || wake.request_repaint());
        let saver =
            saver.map_err(|error| state.messages.push(Level::Error, format!("Settings are not kept this time: {error}."))).ok();
        let memory = Self { saver, still: theme::is_still(ctx) };
        memory.apply(ctx, state);
        memory
    }

    /// Applies the settings and hands on what changed.
    pub fn step(&mut self, ctx: &Context, state: &mut State) {
        self.apply(ctx, state);
        let zoom = ctx.zoom_factor();
        let window = ctx.input(|i| {
            let viewport = i.viewport();
            let whole = viewport.maximized == Some(true) || viewport.fullscreen == Some(true) || viewport.minimized == Some(true);
            viewport.inner_rect.filter(|_| !whole).map(|r| [(r.width() * zoom).round(), (r.height() * zoom).round()])
        });
        if window.is_some_and(|w| w.iter().all(|v| *v >= 100.0)) {
            state.settings.window = window;
        }
        if let Some(saver) = &mut self.saver {
            saver.step(&state.settings);
            while let Some(sentence) = saver.poll() {
                state.messages.push(Level::Error, sentence);
            }
        }
    }

    /// Puts a file that could not be read aside and writes new settings.
    pub fn renew(&mut self, state: &mut State) {
        if let Some(saver) = &mut self.saver {
            saver.put_aside(&state.settings);
            state.shell.settings_held = false;
            state.messages.push(Level::Done, "New settings are kept; the old file lies beside them under another name.");
        }
    }

    fn apply(&self, ctx: &Context, state: &State) {
        if ctx.zoom_factor() != state.settings.zoom() {
            ctx.set_zoom_factor(state.settings.zoom());
        }
        let still = self.still || state.settings.reduce_motion;
        if theme::is_still(ctx) != still {
            theme::set_still(ctx, still);
        }
    }
}
