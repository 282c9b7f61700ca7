//! The layer list: class, kind and side of each; the chosen one opens. Rows are dragged to reorder them.

mod body;
mod head;

use eframe::egui::{CornerRadius, Frame, Id, Margin, Popup, Rect, RichText, Sense, Ui, pos2, vec2};

use super::Panel;
use crate::action::Action;
use crate::canvas;
use crate::state::{Layer, LayerId, Region};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, section_row};

/// Shows the section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    section_row(ui, "Layers", |ui| add_buttons(ui, panel));
    if panel.state.document.layers.is_empty() {
        caption(ui, "A layer says where a finding lies. Add a mask or a box, or just start to draw.");
    }
    let mut rows: Vec<(LayerId, Rect)> = Vec::new();
    let mut dragged = None;
    for index in 0..panel.state.document.layers.len() {
        let layer = &panel.state.document.layers[index];
        let (rect, drag) = row(ui, panel, layer);
        rows.push((layer.id, rect));
        if let Some(done) = drag {
            dragged = Some((layer.id, done));
        }
    }
    if let Some((id, done)) = dragged {
        reorder(ui, id, done, &rows, panel.out);
    }
}

fn add_buttons(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.spacing_mut().item_spacing.x = 2.0;
    let guide = panel.state.document.layers.iter().any(|l| l.region == Region::Guide);
    let add = |words: &'static str, name: &'static str, purpose: &'static str| {
        Push::new(words).with_icon(Icon::Plus).name(name).purpose(purpose).frameless().icon_size(13.0).size(22.0, 0.0)
    };
    let more = Push::icon(Icon::Down, "More kinds of layers").purpose("Guide, may change, must not change").size(22.0, 22.0);
    let more = more.icon_size(13.0).show(ui);
    Popup::menu(&more).show(|ui| {
        ui.set_min_width(230.0);
        let kinds = [
            ("Guide: the outline of usual lungs", Action::AddGuide, !guide),
            ("May change: a region of the opened image", Action::AddMayChange, true),
            ("Must not change: a region of the opened image", Action::AddKeep, true),
        ];
        for (words, action, can) in kinds {
            if ui.add_enabled(can, eframe::egui::Button::new(RichText::new(words).font(text::body()))).clicked() {
                panel.out.push(action);
                ui.close();
            }
        }
    });
    if add("Box", "Add box", "A labelled rectangle").show(ui).clicked() {
        panel.out.push(Action::AddBox);
    }
    if add("Mask", "Add mask", "A painted region").show(ui).clicked() {
        panel.out.push(Action::AddMask);
    }
}

/// One row; its rectangle, and whether it is being dragged (`false`) or was just let go (`true`).
fn row(ui: &mut Ui, panel: &mut Panel<'_>, layer: &Layer) -> (Rect, Option<bool>) {
    let open = panel.state.view.chosen == Some(layer.id);
    let frame = Frame::new().fill(if open { tokens::RAISE } else { tokens::NONE }).corner_radius(8).inner_margin(Margin {
        left: 10,
        right: 6,
        top: 7,
        bottom: 7,
    });
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 4.0;
        let drag = head::show(ui, panel.state, layer, panel.out);
        if open {
            body::show(ui, panel, layer);
        }
        drag
    });
    let rect = shown.response.rect;
    if open {
        let bar = Rect::from_min_max(rect.left_top() + vec2(0.0, 4.0), pos2(rect.left() + 3.0, rect.bottom() - 4.0));
        ui.painter().rect_filled(bar, CornerRadius::same(2), canvas::class_color(layer));
    }
    (rect, shown.inner)
}

/// Shows where a dragged row would go; moves it when it is let go.
fn reorder(ui: &Ui, id: LayerId, done: bool, rows: &[(LayerId, Rect)], out: &mut Vec<Action>) {
    let Some(pointer) = ui.input(|i| i.pointer.interact_pos().or(i.pointer.latest_pos())) else { return };
    let above = rows.iter().filter(|(_, rect)| rect.center().y < pointer.y).count();
    let from = rows.iter().position(|(row, _)| *row == id).unwrap_or(0);
    let to = if above > from { above - 1 } else { above };
    if done {
        if to != from {
            out.push(Action::ReorderLayer(id, to));
        }
        return;
    }
    let y = match (rows.get(above), rows.last()) {
        (Some((_, rect)), _) => rect.top() - 3.0,
        (None, Some((_, rect))) => rect.bottom() + 3.0,
        (None, None) => return,
    };
    if to != from
        && let Some((_, rect)) = rows.first()
    {
        ui.painter().hline(rect.x_range(), y, (2.0, tokens::INK));
    }
}

/// The area that listens to clicks and drags of a row's head.
fn head_sense(ui: &Ui, id: LayerId, rect: Rect) -> eframe::egui::Response {
    ui.interact(rect, Id::unique(("layer", id)), Sense::click_and_drag())
}
