//! Screens without an image: consent, breaks, waiting for a round, the end.

use eframe::egui::{
    Align, Checkbox, CornerRadius, Frame, Label, Layout, Margin, RichText, ScrollArea, Sense, Stroke, TextEdit, Ui, Vec2, vec2,
};

use super::impression::set;
use super::{Scene, display};
use crate::reader::action::Action;
use crate::reader::date;
use crate::reader::keys;
use crate::reader::sheet::grouped_hash;
use crate::reader::state::form::Years;
use crate::reader::state::{Handed, Stage, State};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, chip, secondary};

/// Width of what is read in the middle of a screen, in points.
const COLUMN: f32 = 620.0;
/// The accessible name of the reason for a round before its time.
const EARLY: &str = "Why the round begins before its time";
/// The accessible name of the field for special training.
const TRAINING: &str = "Special training, optional";

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    match scene.state.stage {
        Stage::Consent => column(ui, COLUMN, |ui| consent(ui, scene)),
        Stage::Display => column(ui, 760.0, |ui| display::show(ui, scene)),
        Stage::Rest(at) => column(ui, COLUMN, |ui| rest(ui, scene, at)),
        Stage::Washout(at, from) => column(ui, COLUMN, |ui| washout(ui, scene, at, from)),
        Stage::Done => column(ui, COLUMN, |ui| done(ui, scene)),
        Stage::Practice(_) | Stage::Trial(_) => {}
    }
}

/// A column in the middle that scrolls when it is longer than the window.
pub(super) fn column(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui)) {
    let all = ui.available_size();
    let width = width.min(all.x);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.add_space(((all.x - width) * 0.5).max(0.0));
            ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(width);
                ui.add_space((all.y * 0.09).clamp(16.0, 90.0));
                add(ui);
                ui.add_space(24.0);
            });
        });
    });
}

/// A title of a screen.
pub(super) fn title(ui: &mut Ui, words: &str) {
    ui.label(set(words, 20.0, 26.0).font(eframe::egui::FontId::new(20.0, crate::theme::fonts::semibold())));
    ui.add_space(6.0);
}

/// A paragraph.
pub(super) fn paragraph(ui: &mut Ui, words: &str) {
    ui.add(Label::new(set(words, 15.0, 23.0).color(tokens::INK2)).wrap());
    ui.add_space(6.0);
}

/// A small heading over fields.
pub(super) fn label(ui: &mut Ui, words: &str) {
    ui.add_space(10.0);
    ui.label(RichText::new(words).font(text::section()).color(tokens::INK));
}

/// Choices beside each other, on the keys from 1 on; returns the one that was pressed.
pub(super) fn options<T: Copy + PartialEq>(
    ui: &mut Ui,
    all: &[T],
    chosen: Option<T>,
    name: impl Fn(T) -> &'static str,
) -> Option<T> {
    let mut pressed = None;
    ui.horizontal_wrapped(|ui| {
        for (n, &option) in all.iter().enumerate() {
            let key = (n + 1).to_string();
            if Push::new(name(option)).key(&key).size(32.0, 0.0).selected(chosen == Some(option)).show(ui).clicked() {
                pressed = Some(option);
            }
        }
    });
    pressed
}

/// The bright button of a screen, what is missing, and what could not be saved.
pub(super) fn go_on(ui: &mut Ui, scene: &mut Scene<'_>, words: &str, enabled: bool) {
    ui.add_space(18.0);
    ui.horizontal(|ui| {
        if Push::new(words).key("Enter").primary().size(38.0, 170.0).enabled(enabled).show(ui).clicked() {
            scene.out.push(Action::Next);
        }
        if let Some(notice) = &scene.state.notice {
            ui.label(RichText::new(notice).font(text::body()).color(tokens::WARN));
        }
    });
    trouble(ui, scene.state, scene.out);
}

/// What could not be saved, and the way to try again.
pub(super) fn trouble(ui: &mut Ui, state: &State, out: &mut Vec<Action>) {
    let Some(trouble) = &state.saving.trouble else { return };
    ui.add_space(12.0);
    card(ui, |ui| {
        ui.horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::hover());
            Icon::Warning.paint(ui.painter(), rect, 15.0, tokens::ERR);
            ui.add(Label::new(RichText::new(trouble).font(text::body()).color(tokens::INK)).wrap());
        });
        let again = Push::new("Try again").key("Enter").purpose("Saves what could not be saved; nothing was lost");
        if again.size(30.0, 150.0).show(ui).clicked() {
            out.push(Action::TryAgain);
        }
    });
}

/// A raised area.
pub(super) fn card(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let frame = Frame::new().fill(tokens::BG).stroke(Stroke::new(1.0, tokens::LINE2));
    frame.corner_radius(CornerRadius::same(8)).inner_margin(Margin::same(14)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        add(ui);
    });
}

fn consent(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    title(ui, "Before you begin");
    for words in state.sheet.consent.split('\n').map(str::trim).filter(|w| !w.is_empty()) {
        paragraph(ui, words);
    }
    paragraph(ui, "Your answers are kept under the code you were given, never under your name. You can stop at any time.");
    let mut agreed = state.form.agreed;
    ui.spacing_mut().interact_size.y = 28.0;
    ui.horizontal(|ui| {
        let words = RichText::new("I have read this and take part").font(text::body());
        let tick = ui.add(Checkbox::new(&mut agreed, words));
        keys::leave_enter(ui.ctx(), tick.id);
        if tick.changed() {
            scene.out.push(Action::Agree(agreed));
        }
        chip::key(ui, "Y");
    });
    label(ui, "Years of reading chest radiographs");
    if let Some(years) = options(ui, &Years::ALL, state.form.years, Years::name) {
        scene.out.push(Action::Years(years));
    }
    label(ui, TRAINING);
    let mut words = state.form.training.clone();
    let field = TextEdit::singleline(&mut words)
        .desired_width(f32::INFINITY)
        .char_limit(200)
        .hint_text("Thoracic fellowship, for example");
    if ui.add(field).accessible_name(TRAINING).changed() {
        scene.out.push(Action::Training(words));
    }
    caption(ui, "Do not enter your name.");
    go_on(ui, scene, "Go on", state.form.missing().is_none());
}

fn rest(ui: &mut Ui, scene: &mut Scene<'_>, at: usize) {
    let state = scene.state;
    let Some(trial) = state.sheet.trials.get(at) else { return };
    let (n, of) = (state.sheet.trials.len(), state.sheet.blocks());
    let left = state.left.as_ref().filter(|l| l.trial == trial.number);
    let resumes = trial.in_block > 1 || left.is_some();
    if at == 0 && !resumes {
        title(ui, "The study begins");
        paragraph(
            ui,
            &format!(
                "{} in {}. From here on every answer counts and is saved at once.",
                counted(n, "image", "images"),
                counted(of as usize, "block", "blocks")
            ),
        );
        let after = if state.sheet.may_change {
            "An answer is locked with Enter. After that it changes only with a reason, from the pause."
        } else {
            "An answer is locked with Enter. After that there is no way back."
        };
        paragraph(ui, after);
    } else if resumes {
        title(ui, "Welcome back");
        let open = left.is_some_and(|l| l.locked);
        paragraph(
            ui,
            &format!(
                "You stopped in block {} at image {} of {}. All answers until there are saved.",
                trial.block, trial.in_block, trial.of_block
            ),
        );
        if open {
            paragraph(ui, "The score of this image is locked; what is wrong can still be told.");
        }
    } else {
        title(ui, &format!("Block {} of {of} is done", trial.block.saturating_sub(1)));
        paragraph(
            ui,
            &format!(
                "{at} of {n} images are answered and saved. Look away from the screen for a while; the break is as long as you like."
            ),
        );
    }
    if trial.round > 1 && trial.in_block == 1 && !trial.examples.is_empty() {
        paragraph(ui, "From here on examples stand beside the image.");
    }
    go_on(ui, scene, &format!("Block {}", trial.block), true);
    ui.add_space(12.0);
    ui.horizontal(|ui| {
        if state.last.is_some() {
            let purpose = "Writes into the record that the last answer was a slip, and why";
            if Push::new("Report a slip").purpose(purpose).size(32.0, 0.0).show(ui).clicked() {
                scene.out.extend([Action::Pause(true), Action::Slip(true)]);
            }
        }
        leave(ui, scene);
    });
}

fn counted(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", crate::widgets::grouped(n)) }
}

fn leave(ui: &mut Ui, scene: &mut Scene<'_>) {
    let purpose = "Closes the window; it opens again where you stopped";
    if Push::new("Leave for now").purpose(purpose).size(32.0, 0.0).show(ui).clicked() {
        scene.out.push(Action::Leave);
    }
}

fn washout(ui: &mut Ui, scene: &mut Scene<'_>, at: usize, from: i64) {
    let round = scene.state.sheet.trials.get(at).map_or(0, |t| t.round);
    title(ui, &format!("Round {round} comes later"));
    paragraph(ui, &format!("So that the images are forgotten, round {round} can begin on {} UTC or later.", date::words(from)));
    paragraph(ui, "All answers until here are saved. Open the study again then; this window goes on by itself if it stays open.");
    label(ui, EARLY);
    let mut words = scene.state.early.clone();
    let field = TextEdit::singleline(&mut words).desired_width(f32::INFINITY).char_limit(400);
    if ui.add(field.hint_text("Only if there is no other way; it is listed in the report")).accessible_name(EARLY).changed() {
        scene.out.push(Action::EarlyReason(words));
    }
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        let ready = !scene.state.early.trim().is_empty();
        if Push::new("Begin all the same").size(32.0, 0.0).enabled(ready).show(ui).clicked() {
            scene.out.push(Action::Early);
        }
        leave(ui, scene);
    });
    if let Some(notice) = &scene.state.notice {
        ui.label(RichText::new(notice).font(text::body()).color(tokens::WARN));
    }
    trouble(ui, scene.state, scene.out);
}

fn done(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    title(ui, "All images are answered");
    paragraph(ui, "Thank you. One file holds your answers; hand it over to the person who runs the study.");
    match &state.handed {
        Some(Handed::Over(name, hash)) => {
            card(ui, |ui| {
                ui.horizontal(|ui| {
                    let (rect, _) = ui.allocate_exact_size(Vec2::splat(18.0), Sense::hover());
                    Icon::Check.paint(ui.painter(), rect, 16.0, tokens::OK);
                    ui.label(RichText::new("The file is written").font(text::section()).color(tokens::INK));
                });
                ui.add_space(4.0);
                secondary(ui, "Name");
                ui.add(Label::new(RichText::new(name).font(text::medium()).color(tokens::INK)).selectable(true).wrap());
                ui.add_space(4.0);
                secondary(ui, "Hash");
                let hash = grouped_hash(hash, 64);
                ui.add(Label::new(RichText::new(hash).font(text::body()).color(tokens::INK)).selectable(true).wrap());
                ui.add_space(4.0);
                caption(ui, "Note the first eight digits: they tell whether the file arrived as it is now.");
            });
            ui.add_space(18.0);
            if Push::new("Close the window").size(38.0, 170.0).primary().show(ui).clicked() {
                scene.out.push(Action::Leave);
            }
            return;
        }
        Some(Handed::Failed(why)) => {
            card(ui, |ui| {
                ui.add(Label::new(RichText::new(why).font(text::body()).color(tokens::INK)).wrap());
                if Push::new("Try again").size(30.0, 110.0).show(ui).clicked() {
                    scene.out.push(Action::HandOver);
                }
            });
        }
        Some(Handed::Writing) => secondary_line(ui, "The file is being written."),
        None => go_on(ui, scene, "Hand over", state.all_saved()),
    }
    ui.add_space(8.0);
    leave(ui, scene);
}

fn secondary_line(ui: &mut Ui, words: &str) {
    secondary(ui, words);
}
