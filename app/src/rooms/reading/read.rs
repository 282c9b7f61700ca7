//! Step 4: the reading window, and how far readers are; no score is shown before the key is joined.

use eframe::egui::{Ui, vec2};
use study::sealed::short;

use super::action::Action;
use super::draw::{busy, fact, path_field, push};
use super::state::{Field, Tab};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::tokens;
use crate::widgets::{Push, caption, check_line, chip, progress, rule, secondary, section};

/// The study, and the button.
pub(super) fn left(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Sealed study");
    let path = panel.state.reading.paths.study.clone();
    path_field(ui, panel, Field::Study, "Study to read path", &path);
    if let Some(reading) = panel.state.reading.reading.clone() {
        fact(ui, "Title", &reading.title);
        fact(ui, "Hash", &short(&reading.hash));
        caption(ui, reading.question);
    }
    ui.add_space(4.0);
    let room = &panel.state.reading;
    let can = room.reading.is_some() && !room.kiosk;
    let open = Push::new("Open reading window").primary().size(32.0, ui.available_width()).enabled(can);
    let purpose = if room.kiosk {
        "A reading window is open"
    } else {
        "A program of its own, without model, library and names; it asks for the reader's code"
    };
    if open.purpose(purpose).show(ui).clicked() {
        push(panel, Action::OpenReader(None));
    }
    busy(ui, panel, Tab::Read);
    rule(ui);
    section(ui, "On another computer");
    secondary(ui, "A reader needs the studio and the .cxstudy file, no model and no key:");
    secondary(ui, "chexgen-studio read NAME.cxstudy");
    secondary(ui, "What comes back is one .cxanswers file; put it beside the study or name it in step 5.");
}

/// How far each reader is.
pub(super) fn middle(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal(|ui| {
        section(ui, "Readers");
        let can = !panel.state.reading.paths.study.as_os_str().is_empty();
        if Push::new("Look again")
            .purpose("Reads how many answers are locked in the files beside the study")
            .enabled(can)
            .show(ui)
            .clicked()
        {
            push(panel, Action::Look);
        }
    });
    let Some(reading) = panel.state.reading.reading.clone() else {
        caption(ui, "The readers of the study appear here with how far they are, when a sealed study is named.");
        return;
    };
    ui.set_max_width(ui.available_width().min(720.0));
    for reader in &reading.readers {
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            section(ui, &reader.code);
            if reader.simulated {
                chip::badge(ui, super::top::SIMULATED, tokens::WARN);
            }
            let called = format!("Open reading window for {}", reader.code);
            let open = Push::new("Open").name(&called).frameless().enabled(!panel.state.reading.kiosk);
            if !reader.simulated && open.purpose("The reader need not choose a code").show(ui).clicked() {
                push(panel, Action::OpenReader(Some(reader.code.clone())));
            }
        });
        match &reader.locked {
            None => {
                caption(ui, format!("Not begun, {} trials.", reader.trials));
            }
            Some(Ok(locked)) => {
                secondary(ui, format!("{locked} of {} answers locked", reader.trials));
                let share = *locked as f32 / reader.trials.max(1) as f32;
                progress::bar(ui, ui.available_width().min(480.0), share, &format!("Progress of {}", reader.code));
            }
            Some(Err(why)) => check_line::show(ui, Verdict::Note, why),
        }
        ui.allocate_space(vec2(1.0, 2.0));
    }
    ui.add_space(8.0);
    caption(ui, "Only how many answers are locked is read here. Scores stay unread until the key is joined.");
}
