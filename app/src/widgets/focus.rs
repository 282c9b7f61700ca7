//! The keyboard's focus ring.
//!
//! egui shows a focused widget as if it were pressed, also after a click. The ring is drawn here, once a
//! frame, around whatever has the focus, and only when the last input was a key.

use eframe::egui::{Context, CornerRadius, Event, Id, LayerId, Order, Stroke, StrokeKind};

use crate::theme::tokens;

/// Draws the ring.
pub fn ring(ctx: &Context) {
    let memory = Id::unique("last input was a key");
    let by_key = ctx.input(|i| {
        i.events.iter().rev().find_map(|e| match e {
            Event::Key { pressed: true, .. } => Some(true),
            Event::PointerButton { pressed: true, .. } => Some(false),
            _ => None,
        })
    });
    let by_key = ctx.data_mut(|d| {
        if let Some(by_key) = by_key {
            d.insert_temp(memory, by_key);
        }
        d.get_temp(memory).unwrap_or(false)
    });
    if let Some(id) = ctx.memory(|m| m.focused()).filter(|_| by_key)
        && let Some(response) = ctx.read_response(id)
    {
        let painter = ctx.layer_painter(LayerId::new(Order::Foreground, memory));
        painter.rect_stroke(
            response.rect.expand(2.0),
            CornerRadius::same(8),
            Stroke::new(2.0, tokens::FOCUS),
            StrokeKind::Outside,
        );
    }
}
