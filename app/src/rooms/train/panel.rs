//! The panel: the same prompts and seeds, sampled again and again while the model learns.

use std::sync::Arc;

use eframe::egui::{Rect, RichText, Role, Sense, Slider, Ui, WidgetInfo, pos2, vec2};

use super::action::Action;
use super::push;
use super::watch::stage::Stage;
use super::watch::{Picture, View};
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, grouped, section};

/// Width of the words beside a picture.
const NAMES: f32 = 76.0;
/// Highest picture between the curves, in points.
const HIGHEST: f32 = 300.0;
/// Pictures are drawn at most so many times as large as they are.
const LARGEST: f32 = 4.0;

/// Shows the panel of a stage between the curves; nothing where it has none.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>, view: &View, stage: &Stage) {
    let steps: Vec<u64> = view.panels(&stage.name).iter().filter_map(|picture| picture.step).collect();
    if steps.is_empty() {
        return;
    }
    ui.add_space(4.0);
    bar(ui, panel, &steps);
    pictures(ui, panel, view, stage, HIGHEST);
}

/// The panel over the whole room.
pub(super) fn large(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some((_, run)) = panel.state.train.shown() else { return };
    let view = Arc::clone(&run.view);
    let Some(stage) = panel.state.train.shown_stage().cloned() else { return };
    let steps: Vec<u64> = view.panels(&stage.name).iter().filter_map(|picture| picture.step).collect();
    bar(ui, panel, &steps);
    let rows = 1 + usize::from(panel.state.train.held().is_some()) + usize::from(view.truth(&stage.name).is_some());
    let highest = (ui.available_height() / rows as f32 - 12.0).max(96.0);
    eframe::egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| pictures(ui, panel, &view, &stage, highest));
}

/// Which update is shown, and what is done with it.
fn bar(ui: &mut Ui, panel: &mut Panel<'_>, steps: &[u64]) {
    let room = &panel.state.train;
    let (large, held) = (room.large, room.held);
    let Some(shown) = room.panel().and_then(|picture| picture.step) else { return };
    let at = steps.iter().position(|step| *step == shown).unwrap_or(0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        section(ui, "Panel");
        let newest = if at + 1 == steps.len() { ", the newest" } else { "" };
        let words = format!("update {}{newest}, {} of {}", grouped(shown as usize), at + 1, steps.len());
        ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
        let before = Push::new("Earlier").name("Earlier panel").command("train.earlier-panel").without_cap().enabled(at > 0);
        if before.purpose("The panel before").show(ui).clicked() {
            push(panel, Action::StepPanel(-1));
        }
        let mut place = at;
        if steps.len() > 1 {
            ui.spacing_mut().slider_width = (ui.available_width() - 330.0).clamp(80.0, 260.0);
            let slider = Slider::new(&mut place, 0..=steps.len() - 1).show_value(false);
            let slider = ui.add(slider).accessible_name("Update of the panel");
            if slider.on_hover_text("Goes through the panels of the training").changed() && place != at {
                push(panel, Action::ShowPanel((place + 1 < steps.len()).then(|| steps[place])));
            }
        }
        let after =
            Push::new("Later").name("Later panel").command("train.later-panel").without_cap().enabled(at + 1 < steps.len());
        if after.purpose("The panel after").show(ui).clicked() {
            push(panel, Action::StepPanel(1));
        }
        let hold = Push::new("Compare").name("Compare with this panel").command("train.hold-panel").without_cap();
        let hold = hold.purpose("Holds this panel, and shows others above it").selected(held.is_some());
        if hold.show(ui).clicked() {
            push(panel, Action::HoldPanel(if held.is_some() { None } else { Some(shown) }));
        }
        let words = if large { "Back to the curves" } else { "Enlarge" };
        let enlarge = Push::new(words).name(if large { words } else { "Enlarge the panel" }).command("train.large").without_cap();
        if enlarge.purpose("The panel over the whole room, and back").selected(large).show(ui).clicked() {
            push(panel, Action::ToggleLarge);
        }
    });
}

/// The shown panel, the one that is held, and the pictures of the data.
fn pictures(ui: &mut Ui, panel: &mut Panel<'_>, view: &View, stage: &Stage, highest: f32) {
    let room = &panel.state.train;
    let (shown, held) = (room.panel().cloned(), room.held().cloned());
    let held = held.filter(|held| Some(held) != shown.as_ref());
    let truth = view.truth(&stage.name).cloned();
    let all: Vec<Picture> = [shown, held, truth].into_iter().flatten().collect();
    // One scale for all, so that the cases of the data stand below their samples.
    let read = all.iter().filter_map(|picture| room.picture(&picture.path)?.as_ref().ok());
    let sizes: Vec<(f32, f32)> = read.map(|image| (image.width() as f32, image.height() as f32)).collect();
    let fits = sizes.iter().map(|(w, h)| ((ui.available_width() - NAMES) / w).min(highest / h));
    let scale = fits.fold(LARGEST, f32::min);
    for picture in all {
        one(ui, panel, &picture, scale);
    }
}

fn one(ui: &mut Ui, panel: &mut Panel<'_>, picture: &Picture, scale: f32) {
    let words = picture.step.map_or("Data".to_owned(), |step| format!("Update {}", grouped(step as usize)));
    let image = match panel.state.train.picture(&picture.path).cloned() {
        Some(Ok(image)) => image,
        Some(Err(why)) => {
            ui.label(RichText::new(why).font(text::secondary()).color(tokens::ERR));
            return;
        }
        None => {
            caption(ui, format!("{words} is being read."));
            return;
        }
    };
    let size = vec2(image.width() as f32, image.height() as f32);
    let size = size * scale;
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), size.y), Sense::hover());
    let place = Rect::from_min_size(pos2(line.left() + NAMES, line.top()), size);
    let id = ui.scope_id().with(("panel picture", &picture.path));
    let response = ui.interact(place, id, Sense::click());
    let called = format!("{words}, synthetic panel of the training");
    let called = if picture.step.is_none() { "Data that the panel is compared with".to_owned() } else { called };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &called));
    let texture = panel.thumbnails.large(ui.ctx(), &image);
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().image(texture, place, whole, tokens::AS_IS);
    let label = ui.painter().with_clip_rect(Rect::from_min_max(line.min, pos2(place.left() - 6.0, line.bottom())));
    let below = words.replacen(' ', "\n", 1);
    label.text(line.left_top() + vec2(0.0, 2.0), eframe::egui::Align2::LEFT_TOP, below, text::secondary(), tokens::INK2);
    let tip = if panel.state.train.large { "Click: back to the curves." } else { "Click: as large as the room." };
    if response.on_hover_text(format!("{called}\n{tip}")).clicked() {
        push(panel, Action::ToggleLarge);
    }
}
