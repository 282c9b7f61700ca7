//! The head of a layer's row: what it is, and eye, solo, lock.

use eframe::egui::{Align, EventFilter, Key, Label, Layout, Rect, RichText, Role, Ui, WidgetInfo, vec2};
use engine::domain::Side;

use crate::action::Action;
use crate::state::{Document, Layer, Region, State};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, chip, grouped};

/// Room for eye, solo and lock.
const BUTTONS: f32 = 72.0;

/// Shows the head; says whether it is being dragged (`false`) or was just let go (`true`).
pub(super) fn show(ui: &mut Ui, state: &State, layer: &Layer, out: &mut Vec<Action>) -> Option<bool> {
    let document = &state.document;
    let chosen = state.view.chosen == Some(layer.id);
    let active = document.is_active(layer);
    let title = layer.title();
    let about = about(document, layer);
    let seen = match (layer.visible, active) {
        (false, _) => "hidden",
        (true, false) => "set aside by another layer's solo",
        (true, true) => "visible",
    };
    let number = document.number(layer.id);
    let strength = if layer.region.is_finding() { format!(", strength {:.2}", layer.strength) } else { String::new() };
    let name = format!("Layer {number}: {title}, {about}{strength}, {seen}");
    // The whole head chooses the layer; its buttons lie above.
    let head = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width() - BUTTONS, 42.0));
    let choose = super::head_sense(ui, layer.id, head);
    choose.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
    if choose.clicked() {
        out.push(Action::ChooseLayer(layer.id));
    }
    if choose.has_focus() {
        keys(ui, &choose, document, layer, out);
    }
    ui.spacing_mut().interact_size.y = 24.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        chip::swatch(ui, layer);
        let ink = if active { tokens::INK } else { tokens::INK3 };
        let room = (ui.available_width() - BUTTONS).max(20.0);
        let words = RichText::new(format!("{number} {title}")).font(text::medium()).color(ink);
        ui.scope(|ui| {
            ui.set_max_width(room);
            ui.add(Label::new(words).truncate());
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            buttons(ui, layer, number, out);
        });
    });
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 16.0;
        ui.horizontal(|ui| {
            ui.add_space(22.0);
            caption(ui, about.as_str());
        });
    });
    match (choose.dragged(), choose.drag_stopped()) {
        (_, true) => Some(true),
        (true, false) => Some(false),
        (false, false) => None,
    }
}

fn buttons(ui: &mut Ui, layer: &Layer, number: usize, out: &mut Vec<Action>) {
    let mut button = |icon: Icon, words: &str, purpose: &str, on: bool, action: Action| {
        let name = format!("{words} layer {number}");
        let push = Push::icon(icon, &name).purpose(purpose).size(24.0, 24.0).icon_size(15.0).selected(on);
        if push.show(ui).clicked() {
            out.push(action);
        }
    };
    let (icon, words) = if layer.locked { (Icon::Lock, "Unlock") } else { (Icon::Unlock, "Lock") };
    button(icon, words, "Tools leave a locked layer alone", false, Action::ToggleLocked(layer.id));
    let words = if layer.solo { "End solo of" } else { "Solo" };
    button(Icon::Solo, words, "Shows and sends this layer alone", layer.solo, Action::ToggleSolo(layer.id));
    let (icon, words) = if layer.visible { (Icon::Eye, "Hide") } else { (Icon::EyeOff, "Show") };
    button(icon, words, "A hidden layer is not sent to the model", false, Action::ToggleVisible(layer.id));
}

/// Arrows choose the neighbour, with Alt they move the layer; Delete removes it.
fn keys(ui: &Ui, choose: &eframe::egui::Response, document: &Document, layer: &Layer, out: &mut Vec<Action>) {
    let arrows = EventFilter { vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(choose.id, arrows));
    let (by, alt, delete) = ui.input(|i| {
        let by = isize::from(i.key_pressed(Key::ArrowDown)) - isize::from(i.key_pressed(Key::ArrowUp));
        (by, i.modifiers.alt, i.key_pressed(Key::Delete))
    });
    let Some(at) = document.layers.iter().position(|l| l.id == layer.id) else { return };
    let to = at.saturating_add_signed(by).min(document.layers.len() - 1);
    if delete {
        out.push(Action::RemoveLayer(layer.id));
    } else if to != at && alt {
        out.push(Action::ReorderLayer(layer.id, to));
    } else if to != at {
        let neighbour = document.layers[to].id;
        out.push(Action::ChooseLayer(neighbour));
        ui.memory_mut(|m| m.request_focus(eframe::egui::Id::unique(("layer", neighbour))));
    }
}

/// Kind, side and size in one line.
fn about(document: &Document, layer: &Layer) -> String {
    let side = match layer.side(document.size_px) {
        Some(Side::Right) => "patient's right",
        Some(Side::Left) => "patient's left",
        Some(Side::Both) => "both sides",
        None => "empty: draw it on the image",
    };
    match &layer.region {
        Region::Guide => "For the eye only; no model here takes it".to_owned(),
        Region::MayChange(_) | Region::Keep(_) if document.base.is_none() => "Off; needs an opened image".to_owned(),
        Region::MayChange(mask) | Region::Keep(mask) if !mask.is_empty() => format!("{side}, {} px", grouped(layer.area_px())),
        Region::MayChange(_) | Region::Keep(_) => "Empty: draw it on the image".to_owned(),
        Region::Mask(_) | Region::Box(_) if layer.is_empty() => format!("{}, {side}", layer.kind()),
        Region::Mask(_) | Region::Box(_) => format!("{}, {side}, {} px", layer.kind(), grouped(layer.area_px())),
    }
}
