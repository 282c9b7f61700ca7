//! The right of the room: how the run stands and what can be done, checkpoints, sentences, configuration.

use std::sync::Arc;

use eframe::egui::{Align, Label, Layout, RichText, Ui, vec2};

use super::action::Action;
use super::list::copied;
use super::state::Run;
use super::watch::stage::Stage;
use super::watch::table::Column;
use super::watch::{Standing, View};
use super::{command, plot::axis::short, push, words};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, duration, grouped, rule, secondary, section, section_row};

/// Checkpoints that are listed.
const LISTED: usize = 12;
/// Sentences that are listed.
const SENTENCES: usize = 8;
/// Height of a line of facts.
const LINE: f32 = 17.0;

/// Shows the column.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some((_, run)) = panel.state.train.shown() else { return };
    let (run, view) = (run.clone(), Arc::clone(&run.view));
    let stage = panel.state.train.shown_stage().cloned();
    stands(ui, panel, &run, &view);
    if let Some(stage) = &stage {
        rule(ui);
        section(ui, "Numbers");
        numbers(ui, &view, stage);
        rule(ui);
        checkpoints(ui, panel, &view, stage);
    }
    if !view.said.is_empty() {
        rule(ui);
        sentences(ui, panel, &view);
    }
    if !view.config.is_empty() {
        rule(ui);
        configuration(ui, panel, &view);
    }
}

/// How it stands, with the commands that fit.
fn stands(ui: &mut Ui, panel: &mut Panel<'_>, run: &Run, view: &View) {
    section_row(ui, "State", |ui| {
        ui.label(RichText::new(view.standing.title()).font(text::secondary()).color(tokens::INK2));
    });
    let (verdict, said) = words::standing(view);
    check_line::show(ui, verdict, &said);
    for warning in words::warnings(view) {
        check_line::show(ui, Verdict::Conflict, &warning);
    }
    let made = match view.standing {
        Standing::Stopped | Standing::Crashed | Standing::NotBegun if view.trouble.is_none() => {
            caption(ui, "This command goes on with it:");
            Some((command::resume(&run.path), "Copy the command that goes on"))
        }
        Standing::Finished => {
            caption(ui, "This command makes a model of it:");
            let checkpoint = view.last_whole().map(|checkpoint| (checkpoint.path.as_path(), checkpoint.step));
            Some((command::export(&run.path, checkpoint), "Copy the command that exports"))
        }
        _ => None,
    };
    match made {
        Some((Ok(line), name)) => {
            copied(ui, panel, &line, "the command", name);
            if matches!(view.standing, Standing::Stopped | Standing::Crashed) {
                caption(ui, "Add --device cuda where it ran on a graphics card; start it where paths of its configuration hold.");
            }
        }
        Some((Err(why), _)) => drop(caption(ui, why)),
        None => {}
    }
    if let Ok(line) = command::tensorboard(&run.path) {
        let board =
            Push::new("Copy the command for TensorBoard").purpose("The same numbers in TensorBoard, where it is installed");
        if board.show(ui).clicked() {
            push(panel, Action::Copy(line, "the command for TensorBoard"));
        }
    }
}

/// A name at the left, its value at the right.
fn fact(ui: &mut Ui, name: &str, value: &str) {
    ui.allocate_ui_with_layout(vec2(ui.available_width(), LINE), Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().interact_size.y = LINE;
        ui.add(Label::new(RichText::new(name).font(text::secondary()).color(tokens::INK2)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(value).font(text::secondary()).color(tokens::INK)).truncate());
        });
    });
}

fn numbers(ui: &mut Ui, view: &View, stage: &Stage) {
    ui.spacing_mut().item_spacing.y = 2.0;
    let last = |column: Column, factor: f64, unit: &str| {
        stage.last.get(column).map(|value| format!("{} {unit}", short(f64::from(value) * factor)).trim().to_owned())
    };
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let lines = stage.lines.max(1) as f64;
    // One rank alone waits for nobody.
    let exchanges = stage.last.get(Column::Exchange).is_some_and(|share| share > 0.0);
    let facts = [
        ("Loss of the last update", last(Column::Loss, 1.0, "")),
        ("Learning rate", last(Column::Rate, 1.0, "")),
        ("Gradient norm", last(Column::GradNorm, 1.0, "")),
        ("Clipped updates", stage.table.has(Column::ClipScale).then(|| percent(stage.clipped as f64 / lines))),
        ("Left-out updates", Some(grouped(stage.left_out as usize))),
        ("Time of an update", stage.pace().map(|pace| if pace < 1.0 { format!("{:.0} ms", 1e3 * pace) } else { duration(pace) })),
        ("Throughput", last(Column::Speed, 1.0, "samples/s")),
        ("In the network", last(Column::Compute, 100.0, "%")),
        ("In the optimiser", last(Column::Update, 100.0, "%")),
        ("Waiting for data", stage.waits().map(percent)),
        ("Waiting for other ranks", last(Column::Exchange, 100.0, "%").filter(|_| exchanges)),
        ("Memory", last(Column::Memory, 1.0 / 1024.0, "GiB")),
        ("Trained for", (stage.seconds > 0.0).then(|| duration(stage.seconds))),
        ("Time left", view.left().filter(|_| view.standing == Standing::Running).map(duration)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            fact(ui, name, &value);
        }
    }
    ui.spacing_mut().item_spacing.y = 6.0;
}

fn checkpoints(ui: &mut Ui, panel: &mut Panel<'_>, view: &View, stage: &Stage) {
    let all: Vec<_> = view.checkpoints.iter().filter(|checkpoint| checkpoint.stage == stage.name).rev().collect();
    section_row(ui, "Checkpoints", |ui| {
        ui.label(RichText::new(grouped(all.len())).font(text::secondary()).color(tokens::INK3));
    });
    if all.is_empty() {
        caption(ui, "None yet; checkpoints in the configuration tells when one is written.");
        return;
    }
    ui.spacing_mut().item_spacing.y = 2.0;
    for checkpoint in all.iter().take(LISTED) {
        let time = checkpoint.time.map(words::time).unwrap_or_default();
        let kept = if checkpoint.whole { words::kept(view, checkpoint) } else { "cannot be read".to_owned() };
        let size = checkpoint.bytes as f64 / 1e6;
        let size = if size < 1000.0 { format!("{size:.0} MB") } else { format!("{:.1} GB", size / 1000.0) };
        fact(ui, &format!("{}  {time}", grouped(checkpoint.step as usize)), &format!("{kept}, {size}"));
    }
    ui.spacing_mut().item_spacing.y = 6.0;
    if all.len() > LISTED {
        caption(ui, format!("and {} older ones", all.len() - LISTED));
    }
    caption(ui, "Times are UTC.");
    if view.finished.contains(&stage.name) {
        secondary(ui, "The stage is done; its last weights are there.");
    }
    if let Some(folder) = all.first().and_then(|newest| newest.path.to_str()) {
        let copy = Push::new("Copy the newest one's path").purpose("For chexgen export, or as the start of another stage");
        if copy.show(ui).clicked() {
            push(panel, Action::Copy(folder.to_owned(), "the path of the newest checkpoint"));
        }
    }
}

fn sentences(ui: &mut Ui, panel: &mut Panel<'_>, view: &View) {
    section(ui, "What the run said");
    for said in view.said.iter().rev().take(SENTENCES) {
        let head = format!("{} {}", said.stage, grouped(said.step as usize));
        caption(ui, head);
        secondary(ui, &said.text);
    }
    let copy = Push::new("Copy all sentences").purpose("With stage and update, the oldest first");
    if copy.show(ui).clicked() {
        let lines: Vec<String> = view.said.iter().map(|said| format!("{} {}: {}", said.stage, said.step, said.text)).collect();
        push(panel, Action::Copy(lines.join("\n"), "what the run said"));
    }
}

fn configuration(ui: &mut Ui, panel: &mut Panel<'_>, view: &View) {
    let open = panel.state.train.config_open;
    ui.horizontal(|ui| {
        let words = if open { "Hide the configuration" } else { "Show the configuration" };
        let toggle = Push::new(words).command("train.configuration").without_cap().selected(open);
        if toggle.purpose("The effective one, as it stands in every checkpoint").show(ui).clicked() {
            push(panel, Action::ToggleConfig);
        }
        if Push::new("Copy").name("Copy the configuration").purpose("As TOML").show(ui).clicked() {
            push(panel, Action::Copy(view.config.to_string(), "the configuration"));
        }
    });
    if open {
        let words = RichText::new(view.config.trim_end()).font(text::caption()).color(tokens::INK2);
        ui.add(Label::new(words).wrap().selectable(true));
    }
}
