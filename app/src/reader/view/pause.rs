//! The pause: nothing of the case is shown. From here a slip is told, or the window is left.

use eframe::egui::{Label, RichText, TextEdit, Ui};

use super::screens::{card, column, label, paragraph, title, trouble};
use super::{Scene, tile};
use crate::reader::action::Action;
use crate::reader::reduce::pause::may_change;
use crate::reader::state::{Slip, Step};
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption};

/// The accessible name of the reason.
const REASON: &str = "What went wrong";

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    column(ui, 620.0, |ui| {
        let state = scene.state;
        title(ui, "Paused");
        let hidden = "The image is hidden and the clock stands; the record says so. Everything until here is saved.";
        paragraph(ui, if state.in_turn() { hidden } else { "The record says so. Everything until here is saved." });
        if state.turn.step == Step::Errors {
            paragraph(ui, "The score is locked; what is wrong can still be told.");
        }
        if let Some(slip) = &state.slip {
            ui.add_space(6.0);
            slip_form(ui, scene, slip);
        }
        ui.add_space(18.0);
        let telling = state.slip.as_ref().is_some_and(|s| !s.sent);
        ui.horizontal(|ui| {
            let mut go_on = Push::new("Go on").size(38.0, 150.0).purpose("Shows the image again; the clock runs on");
            if !telling {
                go_on = go_on.key("Enter").primary();
            }
            if go_on.show(ui).clicked() {
                scene.out.push(Action::Pause(false));
            }
            if state.last.is_some() && state.slip.is_none() {
                let purpose = "Writes into the record that the last answer was a slip, and why";
                if Push::new("Report a slip").purpose(purpose).size(38.0, 0.0).show(ui).clicked() {
                    scene.out.push(Action::Slip(true));
                }
            }
            let purpose = "Closes the window; it opens again where you stopped";
            if Push::new("Leave for now").purpose(purpose).size(38.0, 0.0).show(ui).clicked() {
                scene.out.push(Action::Leave);
            }
        });
        trouble(ui, state, scene.out);
    });
}

fn slip_form(ui: &mut Ui, scene: &mut Scene<'_>, slip: &Slip) {
    let state = scene.state;
    let Some(last) = &state.last else { return };
    let figure = |c: usize| state.sheet.choices.get(c).map(tile::name).unwrap_or_default();
    card(ui, |ui| {
        if slip.sent {
            ui.label(RichText::new("The slip is in the record.").font(text::body()).color(tokens::INK));
            return;
        }
        ui.label(RichText::new("A slip in the last answer").font(text::section()).color(tokens::INK));
        if let [one] = last.chosen.as_slice() {
            caption(ui, format!("Locked: {}", figure(*one)));
        }
        if may_change(state) {
            label(ui, "The answer should be");
            ui.horizontal_wrapped(|ui| {
                for (i, choice) in state.sheet.choices.iter().enumerate() {
                    let (name, key) = (tile::name(choice), choice.key.to_string());
                    let push = Push::new(choice.figure).name(&name).key(&key).size(32.0, 64.0).selected(slip.choice == Some(i));
                    if push.show(ui).clicked() {
                        scene.out.push(Action::SlipChoice(i));
                    }
                }
            });
        } else {
            caption(ui, "The answer itself stays as it is; the study team reads what you write here.");
        }
        label(ui, REASON);
        let mut words = slip.reason.clone();
        let field = TextEdit::singleline(&mut words)
            .desired_width(f32::INFINITY)
            .char_limit(400)
            .hint_text("Pressed the wrong key, for example");
        if ui.add(field).accessible_name(REASON).changed() {
            scene.out.push(Action::SlipReason(words));
        }
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            if Push::new("Write it into the record")
                .key("Enter")
                .primary()
                .size(34.0, 0.0)
                .enabled(!slip.reason.trim().is_empty())
                .show(ui)
                .clicked()
            {
                scene.out.push(Action::SlipSave);
            }
            if Push::new("Not now").size(34.0, 0.0).show(ui).clicked() {
                scene.out.push(Action::Slip(false));
            }
        });
        if let Some(notice) = &state.notice {
            ui.add(Label::new(RichText::new(notice).font(text::secondary()).color(tokens::WARN)).wrap());
        }
    });
}
