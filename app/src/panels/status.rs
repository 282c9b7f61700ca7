//! Status bar: what is under the pointer, how one looks at it, messages, and that nothing is sent anywhere.

use eframe::egui::{Align, Layout, RichText, Ui};

use super::Panel;
use crate::action::Action;
use crate::state::{Document, Level, Region, Room, millimetres};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, duration, gigabytes, grouped};

/// Shows the bar; `zoom` is screen points per image pixel.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>, zoom: f32) {
    let state = panel.state;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 20.0;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            say(ui, "Network: none".to_owned());
            let errors = state.messages.list.iter().filter(|m| m.level == Level::Error).count();
            let words = match (state.messages.list.len(), errors) {
                (0, _) => "No messages".to_owned(),
                (1, 0) => "1 message".to_owned(),
                (n, 0) => format!("{n} messages"),
                (_, 1) => "1 error".to_owned(),
                (_, n) => format!("{n} errors"),
            };
            let list = Push::new(&words)
                .with_icon(Icon::Messages)
                .name("Messages")
                .frameless()
                .purpose("All messages of this session")
                .size(22.0, 0.0)
                .icon_size(13.0);
            if list.selected(state.view.messages_open).show(ui).clicked() {
                panel.out.push(Action::ToggleMessages);
            }
            if let Some(run) = state.results.first().and_then(|r| r.run.as_ref()) {
                say(ui, format!("Saved, seed {}", run.seed));
            }
            if let Some(memory) = state.memory {
                say(ui, format!("Memory {} of {:.0} GB", gigabytes(memory.used), memory.total as f64 / 1e9));
            }
            match (state.queue.len(), state.queue.secs_waiting()) {
                (0, _) => {}
                (n, Some(secs)) if secs > 0.0 && state.queue.held.is_none() => {
                    say(ui, format!("{n} waiting, {}", duration(secs)))
                }
                (n, _) => say(ui, format!("{n} waiting")),
            }
            // What is left belongs to the room; words that have no room are left out, the least important first.
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.shrink_clip_rect(ui.max_rect());
                match state.room {
                    Room::Runs => crate::rooms::runs::status(ui, panel),
                    Room::Reading => crate::rooms::reading::status(ui, panel),
                    Room::Train => crate::rooms::train::status(ui, panel),
                    Room::Compare => crate::rooms::compare::status(ui, panel),
                    Room::DataSets => crate::rooms::data_sets::status(ui, panel),
                    Room::Canvas | Room::Evaluate => canvas(ui, panel, zoom),
                }
            });
        });
    });
}

fn say(ui: &mut Ui, words: String) {
    ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
}

/// What a pixel measures, and where that is known from.
fn scale(document: &Document) -> String {
    match millimetres::spacing_mm(document) {
        Some((x, y)) if (x - y).abs() > 0.005 * x => format!("1 px = {x:.2} × {y:.2} mm"),
        Some((x, _)) => format!("1 px = {x:.2} mm"),
        None => format!("1 px = {:.2} mm, assumed", millimetres::assumed_mm_per_px(document.size_px)),
    }
}

/// What is under the pointer and how one looks at it.
fn canvas(ui: &mut Ui, panel: &Panel<'_>, zoom: f32) {
    let state = panel.state;
    let mut all = vec![
        pixel(panel),
        scale(&state.document),
        format!("Window {:.2} / {:.2}", state.view.window, state.view.level),
        format!("Zoom {:.0} %", zoom * 100.0),
    ];
    if let Some(layer) = state.chosen_layer().filter(|l| !l.is_empty() && l.region != Region::Guide) {
        let area = layer.area_px();
        let share = area as f32 / (state.document.size_px as f32).powi(2) * 100.0;
        let cm2 = millimetres::area_cm2(&state.document, area).map_or_else(String::new, |cm2| format!(", {cm2:.1} cm²"));
        all.push(format!("{} {} px{cm2}, {share:.1} %", layer.kind(), grouped(area)));
    }
    words(ui, all);
}

/// Words one after another, the most important first, as far as they have room.
pub(crate) fn words(ui: &mut Ui, all: impl IntoIterator<Item = String>) {
    for words in all {
        let width = ui.painter().layout_no_wrap(words.clone(), text::secondary(), tokens::INK2).size().x;
        if width > ui.available_width() {
            break;
        }
        say(ui, words);
    }
}

fn pixel(panel: &Panel<'_>) -> String {
    let Some((x, y)) = panel.state.view.pointer else { return "Pixel –".to_owned() };
    let (x, y) = (x as u32, y as u32);
    let grey = panel.state.shown_image().and_then(|image| {
        let scale = image.width() as f32 / panel.state.document.size_px as f32;
        image.get((x as f32 * scale) as u32, (y as f32 * scale) as u32)
    });
    match grey {
        Some(grey) => format!("Pixel {x}, {y} · grey {:.2}", f32::from(grey) / 65535.0),
        None => format!("Pixel {x}, {y}"),
    }
}
