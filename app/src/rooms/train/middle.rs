//! The middle of the room: how far the run is, its curves and its panel.

use std::sync::Arc;

use eframe::egui::{Align, Layout, RichText, Sense, Ui, UiBuilder, vec2};

use super::action::Action;
use super::plot::{Asked, Curve, Plot, heat};
use super::state::letter;
use super::watch::stage::Stage;
use super::watch::table::Column;
use super::watch::{Standing, View};
use super::{ink, panel as pictures, push, words};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, duration, field, grouped, progress};

/// Height of the loss, and of the other plots.
const HEIGHTS: (f32, f32) = (216.0, 132.0);
/// Between plots.
const GAP: f32 = 12.0;
/// Narrowest plot of several in a row.
const NARROWEST: f32 = 260.0;
/// Updates before and after over which the loss is smoothed.
const SMOOTHINGS: [u32; 6] = [0, 10, 50, 200, 1000, 5000];

/// Shows the middle.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some((_, run)) = panel.state.train.shown() else { return };
    let (name, view) = (run.name(), Arc::clone(&run.view));
    head(ui, panel, &name, &view);
    let Some(stage) = panel.state.train.shown_stage().cloned() else { return };
    ui.add_space(8.0);
    controls(ui, panel);
    if stage.lines == 0 {
        return;
    }
    loss(ui, panel);
    pictures::show(ui, panel, &view, &stage);
    ui.add_space(GAP);
    others(ui, panel, &view, &stage);
}

/// Name, stages, progress, and what is wrong.
fn head(ui: &mut Ui, panel: &mut Panel<'_>, name: &str, view: &View) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(name).font(text::title()).color(tokens::INK));
        if !view.plan.name.is_empty() {
            ui.label(RichText::new(&view.plan.name).font(text::secondary()).color(tokens::INK3));
        }
        let shown = panel.state.train.shown_stage().map(|stage| stage.name.clone());
        let names = view.names();
        if names.len() > 1 {
            ui.add_space(8.0);
            for stage in names {
                let begun = view.stage(stage).is_some();
                let done = view.finished.iter().any(|finished| finished == stage);
                let words = if done { format!("{stage}, done") } else { stage.to_owned() };
                let called = format!("Stage {stage}");
                let purpose = if begun { "Shows its curves and panels" } else { "It has not begun" };
                let chip = Push::new(&words).name(&called).purpose(purpose).chip();
                if chip.selected(shown.as_deref() == Some(stage)).enabled(begun).show(ui).clicked() {
                    push(panel, Action::SetStage(Some(stage.to_owned())));
                }
            }
        }
    });
    if let Some(share) = view.reading {
        caption(ui, format!("Reading the log: {:.0} %", 100.0 * share));
        progress::bar(ui, ui.available_width(), share, "Share of the log that was read");
    } else if let Some(stage) = view.newest() {
        far(ui, view, stage);
    }
    let (verdict, said) = words::standing(view);
    // What works needs no line; how it ended stands at the right, with what can be done.
    if view.trouble.is_some() || (verdict == Verdict::Conflict && view.standing == Standing::Running) || view.newest().is_none() {
        check_line::show(ui, verdict, &said);
    }
    for note in &view.notes {
        check_line::show(ui, Verdict::Note, note);
    }
}

/// How far the newest stage is, with the time left.
fn far(ui: &mut Ui, view: &View, stage: &Stage) {
    let step = grouped(stage.step as usize);
    let mut words = match view.of(stage) {
        Some(of) => {
            let share = 100.0 * f64::from(stage.step) / of.max(1) as f64;
            format!("{}: update {step} of {} ({share:.0} %)", stage.name, grouped(of as usize))
        }
        None => format!("{}: update {step}", stage.name),
    };
    if view.standing == Standing::Running
        && let Some(left) = view.left()
    {
        words.push_str(&format!(", {} left", duration(left)));
    }
    if stage.seconds > 0.0 {
        words.push_str(&format!(", {} of training so far", duration(stage.seconds)));
    }
    ui.label(RichText::new(words).font(text::body()).color(tokens::INK2));
    if let Some(of) = view.of(stage) {
        progress::bar(ui, ui.available_width(), stage.step as f32 / of.max(1) as f32, "Progress of the stage");
    }
}

/// The line above the curves: scale, smoothing, and which updates.
fn controls(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.train;
    let (log, smoothing, zoom) = (room.log, room.smoothing, room.zoom);
    let end = room.range().1;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let scale =
            Push::new("Log scale").command("train.log-scale").without_cap().purpose("Equal ratios of the loss equally far apart");
        if scale.selected(log).show(ui).clicked() {
            push(panel, Action::ToggleLog);
        }
        ui.label(RichText::new("Smoothing").font(text::secondary()).color(tokens::INK3));
        if let Some(chosen) = field::choice(ui, "Smoothing of the loss", 108.0, smoothing, &SMOOTHINGS, updates_of) {
            push(panel, Action::SetSmoothing(chosen));
        }
        ui.add_space(8.0);
        let all = Push::new("All updates").command("train.all").without_cap().purpose("Shows the whole stage");
        if all.selected(zoom.is_none()).show(ui).clicked() {
            push(panel, Action::Zoom(None));
        }
        let last = Push::new("Last tenth").command("train.last").without_cap().purpose("Shows the newest updates only");
        if last.enabled(end > 20.0).show(ui).clicked() {
            push(panel, Action::Zoom(Some(last_tenth(panel.state))));
        }
        if let Some((from, to)) = zoom {
            let words = format!("updates {} to {}", grouped(from.max(1.0) as usize), grouped(to.min(end).max(1.0) as usize));
            ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK3));
        }
    });
}

/// The last tenth of the updates.
pub fn last_tenth(state: &crate::state::State) -> (f64, f64) {
    let end = state.train.drawn().iter().map(|(_, stage)| stage.step).max().unwrap_or(0);
    (f64::from(end) * 0.9, f64::from(end))
}

fn updates_of(updates: u32) -> &'static str {
    match updates {
        0 => "none",
        10 => "10 updates",
        50 => "50 updates",
        200 => "200 updates",
        1000 => "1 000 updates",
        _ => "5 000 updates",
    }
}

fn ask(panel: &mut Panel<'_>, asked: Asked) {
    if let Some(range) = asked {
        push(panel, Action::Zoom(range));
    }
}

/// One column of all drawn runs.
fn curves(drawn: &[(usize, Arc<Stage>)], column: Column) -> Vec<Curve<'_>> {
    let several = drawn.len() > 1;
    drawn
        .iter()
        .enumerate()
        .filter(|(_, (_, stage))| stage.table.has(column))
        .map(|(place, (index, stage))| {
            let letter = if several { letter(*index).to_string() } else { String::new() };
            Curve { table: &stage.table, column, ink: ink(place == 0, *index), letter }
        })
        .collect()
}

fn drawn(panel: &Panel<'_>) -> Vec<(usize, Arc<Stage>)> {
    panel.state.train.drawn().into_iter().map(|(index, stage)| (index, Arc::clone(stage))).collect()
}

fn loss(ui: &mut Ui, panel: &mut Panel<'_>) {
    let runs = drawn(panel);
    let room = &panel.state.train;
    let plot = Plot {
        name: "Loss",
        unit: "mean of an update",
        tip: "Faint are single updates, from the least to the greatest one; bright is their mean over the updates before and after",
        curves: curves(&runs, Column::Loss),
        range: room.range(),
        log: room.log,
        smoothing: room.smoothing,
        marks: Vec::new(),
        factor: 1.0,
        from_zero: false,
        places: None,
        height: HEIGHTS.0,
    };
    let asked = plot.show(ui);
    ask(panel, asked);
}

/// The plots below the panel, as many in a row as there is room for.
fn others(ui: &mut Ui, panel: &mut Panel<'_>, view: &View, stage: &Stage) {
    let runs = drawn(panel);
    let range = panel.state.train.range();
    let clip = view.plan.stage(&stage.name).and_then(|planned| planned.clip_norm);
    let plot = |name, unit, tip, column| Plot {
        name,
        unit,
        tip,
        curves: curves(&runs, column),
        range,
        log: false,
        smoothing: 0,
        marks: Vec::new(),
        factor: 1.0,
        from_zero: false,
        places: None,
        height: HEIGHTS.1,
    };
    let marks = clip.map(|norm| vec![(norm, format!("clipped above {norm}"))]).unwrap_or_default();
    let norm = plot("Gradient norm", "before clipping", "A longer gradient is shortened to the dashed line", Column::GradNorm);
    let wait = plot("Waiting for data", "% of the time", "More than 2 % means that the loader is too slow", Column::Wait);
    let plots = [
        Plot { marks, ..norm },
        plot("Learning rate", "", "After warm-up and decay", Column::Rate),
        Plot { from_zero: true, ..plot("Throughput", "samples a second", "Over all cards", Column::Speed) },
        Plot { marks: vec![(0.02, "2 %".to_owned())], factor: 100.0, from_zero: true, places: Some(1), ..wait },
        Plot {
            factor: 1.0 / 1024.0,
            from_zero: true,
            ..plot("Memory", "GiB", "Of the process that writes the log", Column::Memory)
        },
    ];
    let plots: Vec<&Plot<'_>> = plots.iter().filter(|plot| !plot.curves.is_empty()).collect();
    let heat_there = stage.table.has(Column::Level(0)) || stage.table.has(Column::Level(5));
    let count = plots.len() + usize::from(heat_there);
    let across = ((ui.available_width() + GAP) / (NARROWEST + GAP)).floor().clamp(1.0, 3.0) as usize;
    let width = (ui.available_width() - GAP * (across - 1) as f32) / across as f32;
    let mut wanted = None;
    for first in (0..count).step_by(across) {
        let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHTS.1), Sense::hover());
        for (place, index) in (first..count.min(first + across)).enumerate() {
            let left = line.left() + place as f32 * (width + GAP);
            let cell = eframe::egui::Rect::from_min_size(eframe::egui::pos2(left, line.top()), vec2(width, HEIGHTS.1));
            let mut here =
                ui.new_child(UiBuilder::new().max_rect(cell).layout(Layout::top_down(Align::Min)).id_salt(("plot", index)));
            let asked = match index.checked_sub(usize::from(heat_there)) {
                None => heat::show(&mut here, &stage.table, range, HEIGHTS.1),
                Some(index) => plots[index].show(&mut here),
            };
            wanted = wanted.or(asked);
        }
        ui.add_space(GAP - 6.0);
    }
    ask(panel, wanted);
    if runs.len() > 1 && heat_there {
        caption(ui, "The strip of noise levels is that of the chosen run.");
    }
}
