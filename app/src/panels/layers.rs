//! The layer list: class, kind and side of each; the chosen one opens.

use eframe::egui::{Align, CornerRadius, Frame, Layout, Margin, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use engine::domain::{Finding, Side};

use super::Panel;
use crate::action::Action;
use crate::canvas;
use crate::state::{Document, Layer, Region};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, chip, field, grouped, section_row, slider};

/// Shows the section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    section_row(ui, "Layers", |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let guide = panel.state.document.layers.iter().any(|l| l.region == Region::Guide);
        let add = |ui: &mut Ui, words: &str, name: &str, purpose: &str| {
            Push::new(words)
                .with_icon(Icon::Plus)
                .name(name)
                .purpose(purpose)
                .frameless()
                .icon_size(13.0)
                .size(22.0, 0.0)
                .show(ui)
                .clicked()
        };
        if !guide && add(ui, "Guide", "Add guide", "The outline of usual lungs, for you only") {
            panel.out.push(Action::AddGuide);
        }
        if add(ui, "Box", "Add box", "A labelled rectangle") {
            panel.out.push(Action::AddBox);
        }
        if add(ui, "Mask", "Add mask", "A painted region") {
            panel.out.push(Action::AddMask);
        }
    });
    if panel.state.document.layers.is_empty() {
        caption(ui, "A layer says where a finding lies. Add a mask or a box, or just start to draw.");
    }
    for layer in &panel.state.document.layers {
        row(ui, panel.state.view.chosen == Some(layer.id), &panel.state.document, layer, panel.out);
    }
}

fn row(ui: &mut Ui, chosen: bool, document: &Document, layer: &Layer, out: &mut Vec<Action>) {
    let open = chosen && layer.region != Region::Guide;
    let frame = Frame::new().fill(if open { tokens::RAISE } else { tokens::NONE }).corner_radius(8).inner_margin(Margin {
        left: 10,
        right: 6,
        top: 7,
        bottom: 7,
    });
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 4.0;
        head(ui, chosen, document, layer, out);
        if open {
            body(ui, layer, out);
        }
    });
    if open {
        let rect = shown.response.rect;
        let bar = Rect::from_min_max(rect.left_top() + vec2(0.0, 4.0), pos2(rect.left() + 3.0, rect.bottom() - 4.0));
        ui.painter().rect_filled(bar, CornerRadius::same(2), canvas::class_color(layer));
    }
}

fn head(ui: &mut Ui, chosen: bool, document: &Document, layer: &Layer, out: &mut Vec<Action>) {
    let title = layer.title();
    let about = about(document, layer);
    let state = if layer.visible { "visible" } else { "hidden" };
    let name = format!("Layer {}: {title}, {about}, {state}", document.number(layer.id));
    // The whole head chooses the layer; its buttons lie above.
    let top = ui.cursor().min;
    let head = Rect::from_min_size(top, vec2(ui.available_width() - 84.0, 36.0));
    let choose = ui.interact(head, ui.scope_id().with(("layer", layer.id)), Sense::click());
    choose.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
    if choose.clicked() {
        out.push(Action::ChooseLayer(layer.id));
    }
    ui.spacing_mut().interact_size.y = 24.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        chip::swatch(ui, layer);
        let ink = if layer.visible { tokens::INK } else { tokens::INK3 };
        ui.label(RichText::new(format!("{} {title}", document.number(layer.id))).font(text::medium()).color(ink));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            let number = document.number(layer.id);
            let remove = format!("Remove layer {number}");
            if Push::icon(Icon::Trash, &remove).purpose("Undo brings it back").size(24.0, 24.0).icon_size(15.0).show(ui).clicked()
            {
                out.push(Action::RemoveLayer(layer.id));
            }
            let (icon, words) = if layer.locked { (Icon::Lock, "Unlock") } else { (Icon::Unlock, "Lock") };
            let lock = format!("{words} layer {number}");
            if Push::icon(icon, &lock)
                .purpose("Tools leave a locked layer alone")
                .size(24.0, 24.0)
                .icon_size(15.0)
                .show(ui)
                .clicked()
            {
                out.push(Action::ToggleLocked(layer.id));
            }
            let (icon, words) = if layer.visible { (Icon::Eye, "Hide") } else { (Icon::EyeOff, "Show") };
            let eye = format!("{words} layer {number}");
            if Push::icon(icon, &eye)
                .purpose("A hidden layer is not sent to the model")
                .size(24.0, 24.0)
                .icon_size(15.0)
                .show(ui)
                .clicked()
            {
                out.push(Action::ToggleVisible(layer.id));
            }
        });
    });
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 16.0;
        ui.horizontal(|ui| {
            ui.add_space(22.0);
            caption(ui, about.as_str());
        });
    });
}

/// Kind, side and size in one line.
fn about(document: &Document, layer: &Layer) -> String {
    if layer.region == Region::Guide {
        return "Guide, not sent to the model".to_owned();
    }
    let kind = layer.kind();
    match layer.side(document.size_px) {
        None => format!("{kind}, empty: draw it on the image"),
        Some(side) => {
            let side = match side {
                Side::Right => "patient's right",
                Side::Left => "patient's left",
                Side::Both => "both sides",
            };
            format!("{kind}, {side}, {} px", grouped(layer.area_px()))
        }
    }
}

fn body(ui: &mut Ui, layer: &Layer, out: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Class").font(text::secondary()).color(tokens::INK2));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let title = |f: Finding| f.title();
            if let Some(finding) = field::choice(ui, "Class", 158.0, layer.finding, &Finding::ALL, title) {
                out.push(Action::SetFinding(layer.id, finding));
            }
        });
    });
    let mut strength = layer.strength;
    let response = slider::row(ui, "Strength", "Strength", &mut strength, 0.0..=2.0, false);
    if response.changed() {
        // The natural strength snaps.
        let snapped = if (strength - 1.0).abs() < 0.03 { 1.0 } else { strength };
        out.push(Action::SetStrength(layer.id, snapped));
    }
    if matches!(layer.region, Region::Mask(_)) {
        let mut opacity = layer.opacity;
        if slider::row(ui, "Opacity", "Opacity", &mut opacity, 0.0..=0.6, true).changed() {
            out.push(Action::SetOpacity(layer.id, opacity));
        }
    }
}
