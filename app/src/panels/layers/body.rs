//! What opens below the head of the chosen layer: class, strength, opacity, steps, area of effect.

use eframe::egui::{Align, Layout, RichText, Ui, vec2};
use engine::domain::{Finding, StepRange};

use crate::action::Action;
use crate::panels::Panel;
use crate::panels::film::step_words;
use crate::state::{Layer, Region};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, field, slider};

/// Natural reach of an area of effect in pixels.
const AREA_PX: u32 = 12;
/// Farthest reach that the field offers, in pixels.
const MAX_AREA_PX: u32 = 512;

/// Shows the rows.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>, layer: &Layer) {
    let document = &panel.state.document;
    let number = document.number(layer.id);
    if layer.region.is_finding() {
        class(ui, layer, panel.out);
        strength(ui, layer, panel.out);
    }
    if layer.region.mask().is_some() {
        let mut opacity = layer.opacity;
        if slider::row(ui, "Opacity", "Opacity", &mut opacity, 0.0..=0.6, true).changed() {
            panel.out.push(Action::SetOpacity(layer.id, opacity));
        }
    }
    if layer.region.is_finding() {
        let sampling = &panel.state.sampling;
        steps(ui, layer, sampling.sampler.calls(sampling.steps).max(1), panel.out);
        area(ui, layer, panel.out);
    }
    match layer.region {
        Region::MayChange(_) => {
            caption(ui, "Only these pixels of the opened image may change; all others stay as they are.");
        }
        Region::Keep(_) => {
            caption(ui, "These pixels of the opened image stay as they are, whatever else is drawn.");
        }
        _ => {}
    }
    ui.horizontal(|ui| {
        let name = format!("Remove layer {number}");
        let remove = Push::new("Remove").with_icon(Icon::Trash).name(&name).command("layer.remove").frameless().icon_size(14.0);
        if remove.purpose("Takes the layer away; undo brings it back").size(24.0, 0.0).show(ui).clicked() {
            panel.out.push(Action::RemoveLayer(layer.id));
        }
    });
}

/// A row with a name left and something right.
fn row(ui: &mut Ui, words: &str, right: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.set_min_height(24.0);
        ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            right(ui);
        });
    });
}

fn class(ui: &mut Ui, layer: &Layer, out: &mut Vec<Action>) {
    row(ui, "Class", |ui| {
        if let Some(finding) = field::choice(ui, "Class", 158.0, layer.finding, &Finding::ALL, |f: Finding| f.title()) {
            out.push(Action::SetFinding(layer.id, finding));
        }
    });
}

fn strength(ui: &mut Ui, layer: &Layer, out: &mut Vec<Action>) {
    let mut strength = layer.strength;
    if slider::row(ui, "Strength", "Strength", &mut strength, 0.0..=2.0, false).changed() {
        // The natural strength snaps.
        let snapped = if (strength - 1.0).abs() < 0.03 { 1.0 } else { strength };
        out.push(Action::SetStrength(layer.id, snapped));
    }
}

/// "1 to 18 of 25", each number to drag or to type.
fn steps(ui: &mut Ui, layer: &Layer, total: usize, out: &mut Vec<Action>) {
    let inside = layer.steps.steps(total);
    row(ui, "Steps", |ui| {
        if inside.is_empty() {
            if Push::new("All").purpose("Lets the layer act in the whole run").size(22.0, 0.0).show(ui).clicked() {
                out.push(Action::SetStepRange(layer.id, StepRange::ALL));
            }
            caption(ui, step_words(layer.steps, total));
            return;
        }
        let (mut first, mut last) = (inside.start + 1, inside.end);
        // From the right.
        caption(ui, format!("of {total}"));
        let ended = number(ui, "Last step value", &mut last, first..=total);
        caption(ui, "to");
        let began = number(ui, "First step value", &mut first, 1..=last);
        if ended || began {
            out.push(Action::SetStepRange(layer.id, StepRange::of_steps(first - 1..last, total)));
        }
    });
}

/// "everywhere", or "mask + 12 px".
fn area(ui: &mut Ui, layer: &Layer, out: &mut Vec<Action>) {
    let around = if matches!(layer.region, Region::Box(_)) { "box +" } else { "mask +" };
    row(ui, "Area of effect", |ui| match layer.area_px {
        None => {
            let limit = Push::new("everywhere").name("Area of effect").purpose("Limits the layer to its shape and a margin");
            if limit.size(22.0, 0.0).show(ui).clicked() {
                out.push(Action::SetArea(layer.id, Some(AREA_PX)));
            }
        }
        Some(px) => {
            let free = Push::icon(Icon::Cross, "Act everywhere").purpose("Takes the limit away");
            if free.size(22.0, 22.0).icon_size(12.0).show(ui).clicked() {
                out.push(Action::SetArea(layer.id, None));
            }
            caption(ui, "px");
            let mut px = px;
            if number(ui, "Area of effect", &mut px, 0..=MAX_AREA_PX) {
                out.push(Action::SetArea(layer.id, Some(px)));
            }
            caption(ui, around);
        }
    });
}

fn number<N: eframe::egui::emath::Numeric>(ui: &mut Ui, name: &str, value: &mut N, range: std::ops::RangeInclusive<N>) -> bool {
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = vec2(5.0, 2.0);
        ui.spacing_mut().interact_size = vec2(30.0, 22.0);
        let drag = eframe::egui::DragValue::new(value).range(range).speed(0.15);
        ui.add(drag).accessible_name(name).changed()
    })
    .inner
}
