//! Step 1, right: order, repeats and breaks, what each reader will do, and the power of it.

use eframe::egui::Ui;
use study::design::{ArmOrder, Design};
use study::power::{Against, Assumed};
use study::template::Template;

use super::action::Action;
use super::draw::{Column, fact, head, numbers, push, row, words};
use crate::panels::Panel;
use crate::widgets::entry::tick;
use crate::widgets::{Push, caption, field, rule, secondary, section};

/// Height of fields.
const FIELD: f32 = 28.0;
/// Trials an hour of a practised reader.
const PACE: f64 = 200.0;
/// Columns of the plan.
const PLAN: [Column; 4] = [words("Reader", 0.34), numbers("Trials", 0.54), numbers("Blocks", 0.76), numbers("Hours", 1.0)];

/// Shows the panel.
pub(super) fn side(ui: &mut Ui, panel: &mut Panel<'_>) {
    let mut design = panel.state.reading.design.clone();
    settings(ui, &mut design);
    rule(ui);
    preview(ui, panel);
    rule(ui);
    power(ui, panel, &mut design);
    ui.add_space(12.0);
    if design != panel.state.reading.design {
        push(panel, Action::Edit(Box::new(design)));
    }
}

fn settings(ui: &mut Ui, design: &mut Design) {
    section(ui, "Plan");
    let showings = design.showings().max(1) as u32;
    let plan = &mut design.plan;
    field::number(ui, "Trials in a block", "Trials in a block", &mut plan.block_size, 1..=1000, 0.2, 0, FIELD)
        .on_hover_text("Trials between two breaks.");
    field::number(ui, "Separation", "Separation of one case", &mut plan.separation, 1..=1000, 0.2, 0, FIELD)
        .on_hover_text("Least number of trials from one showing of a case to the next.");
    let mut percent = 100.0 * plan.repeats;
    field::number(ui, "Hidden repeats, %", "Hidden repeats in percent", &mut percent, 0.0..=50.0, 0.2, 0, FIELD)
        .on_hover_text("Share of the images that come a second time, unknown to the reader: how well a reader repeats.");
    if (percent - 100.0 * plan.repeats).abs() > 1e-9 {
        plan.repeats = percent / 100.0;
    }
    field::number(ui, "Catch trials", "Catch trials", &mut plan.catch, 0..=200, 0.1, 0, FIELD)
        .on_hover_text("Trials whose right answer is known: is the reader awake?");
    field::number(ui, "Practice trials", "Practice trials", &mut plan.practice, 0..=50, 0.1, 0, FIELD)
        .on_hover_text("Nothing of them counts; rows of the table with `practice` in the column `use`.");
    field::number(ui, "Rounds", "Rounds", &mut plan.rounds, 1..=showings, 0.05, 0, FIELD)
        .on_hover_text("Parts of the study with a washout between them.");
    if plan.rounds > 1 {
        let mut days = plan.washout_hours / 24.0;
        field::number(ui, "Washout, days", "Washout in days", &mut days, 0.0..=800.0, 0.1, 1, FIELD)
            .on_hover_text("Least time between two rounds, kept by the clock.");
        if (days * 24.0 - plan.washout_hours).abs() > 1e-6 {
            plan.washout_hours = days * 24.0;
        }
    }
    let tip = "Each arm equally often first, and each pair of successors equally often; off: always in the order of the list.";
    if let Some(balanced) = tick(ui, "Arms in balanced order", tip, plan.order == ArmOrder::Balanced) {
        plan.order = if balanced { ArmOrder::Balanced } else { ArmOrder::Fixed };
    }
    let tip = "A locked answer may be changed, with a reason that is kept; every change is listed in the report.";
    if let Some(may) = tick(ui, "Locked answers may be changed, with a reason", tip, plan.may_change) {
        plan.may_change = may;
    }
}

fn preview(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "What each reader does");
    let checked = panel.state.reading.checked.as_ref();
    let Some(readers) = checked.map(|found| &found.readers).filter(|readers| !readers.is_empty()) else {
        caption(ui, "The plan appears here when the checks pass.");
        return;
    };
    head(ui, &PLAN);
    for reader in readers {
        let hours = format!("{:.1}", reader.trials() as f64 / PACE);
        row(ui, &PLAN, &[reader.code.as_str(), &reader.trials().to_string(), &reader.blocks.to_string(), &hours], false);
    }
    if let Some(reader) = readers.first() {
        caption(
            ui,
            format!(
                "{} count, {} are hidden repeats, {} catch trials, in {} {}. Hours at {PACE:.0} trials an hour of a practised reader.",
                reader.scored,
                reader.repeats,
                reader.catches,
                reader.rounds,
                if reader.rounds == 1 { "round" } else { "rounds" }
            ),
        );
    }
}

/// The figures that are expected, which can be changed.
fn expected(ui: &mut Ui, design: &mut Design) {
    let assumed = design.assumptions();
    let was = design.power.clone().unwrap_or_default();
    let mut given = was.clone();
    match assumed {
        Assumed::Scores(assumed) => {
            let (mut first, mut second) = (assumed.first, assumed.second);
            let range = f64::from(assumed.scale.0)..=f64::from(assumed.scale.1);
            for (label, scores) in [("Better arm", &mut first), ("Other arm", &mut second)] {
                ui.horizontal(|ui| {
                    let name = format!("{label}, mean score");
                    field::number(ui, &format!("{label}, mean"), &name, &mut scores.mean, range.clone(), 0.01, 2, FIELD);
                    field::number(ui, "SD", &format!("{label}, deviation"), &mut scores.sd, 0.05..=3.0, 0.01, 2, FIELD);
                });
            }
            if (first, second) != (assumed.first, assumed.second) {
                (given.first, given.second) = (Some(first), Some(second));
            }
        }
        Assumed::Shares(assumed) => {
            let (label, tip) = match design.template {
                Template::PairwiseChoice => ("Choices for the first arm, %", "Expected share; half of them is guessing."),
                Template::Quartet => ("Real image found, %", "Expected share; a quarter is guessing."),
                _ => ("Right with help, %", "Expected share of right answers with examples beside the image."),
            };
            if let Against::Without(without) = assumed.against {
                let tip = "Expected share of right answers without examples.";
                percent(ui, "Right without help, %", tip, without, &mut given.without);
            }
            percent(ui, label, tip, assumed.share, &mut given.share);
        }
    }
    if given != was {
        design.power = Some(given);
    }
}

/// A share in percent; `given` is what it becomes where it is changed.
fn percent(ui: &mut Ui, label: &str, tip: &str, share: f64, given: &mut Option<f64>) {
    let mut value = 100.0 * share;
    let name = label.trim_end_matches(", %");
    field::number(ui, label, &format!("{name} in percent"), &mut value, 1.0..=99.0, 0.2, 0, FIELD).on_hover_text(tip);
    if (value - 100.0 * share).abs() > 1e-9 {
        *given = Some(value / 100.0);
    }
}

fn power(ui: &mut Ui, panel: &mut Panel<'_>, design: &mut Design) {
    section(ui, "Power");
    expected(ui, design);
    let room = &panel.state.reading;
    let cases = room.checked.as_ref().map_or(0, |found| found.cases);
    let can = room.busy.is_none() && cases >= 2;
    let button = Push::new("Estimate power").enabled(can);
    if button.purpose("Draws 2000 studies of this size and counts how many find the difference").show(ui).clicked() {
        push(panel, Action::Power);
    }
    if let Some((own, needed)) = panel.state.reading.power {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        fact(ui, &format!("Power with {} cases", own.cases), &percent(own.power));
        caption(
            ui,
            format!(
                "95 % interval {} to {}, from {} drawn studies.",
                percent(own.interval.0),
                percent(own.interval.1),
                own.studies
            ),
        );
        match needed {
            Some(needed) => fact(ui, "Cases for a power of 80 %", &needed.cases.to_string()),
            None => {
                secondary(ui, "No number of cases that can be read reaches a power of 80 %.");
            }
        }
    } else if design.power.is_none() {
        let words = match design.assumptions() {
            Assumed::Scores(_) => "Until you set others, the figures of the paper's study are assumed.",
            Assumed::Shares(_) => "Until you set others, usual figures are assumed; set what you expect.",
        };
        caption(ui, words);
    }
}
