//! Step 6: what came out. Facts of the study left, numbers in the middle, the cases behind them right.

mod cases;
mod curve;
mod forest;
mod kinds;
mod left;
mod scores;
mod tables;

pub(super) use cases::cases;
pub(super) use left::left;

use eframe::egui::{Frame, Layout, Ui, UiBuilder, vec2};
use study::analysis::{Analysis, Scale, letter};
use study::template::Template;

use super::action::Action;
use super::draw::{busy, push};
use super::state::{Analysed, Tab};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::widgets::{Push, caption, check_line, rule, section};

/// From these widths on, tables stand beside the effect, and errors beside the curve.
const BESIDE: (f32, f32) = (720.0, 400.0);
/// Share of the width that the effect gets.
const SHARE: f32 = 0.62;

/// What the step shows before anything was joined.
pub(super) fn empty(ui: &mut Ui, panel: &mut Panel<'_>) {
    if panel.state.reading.is_empty() {
        super::build::newcomer(ui, panel);
        busy(ui, panel, Tab::Build);
        return;
    }
    section(ui, "Analysis");
    caption(ui, "Scores, effect and agreement appear here when key and answers are joined in step 5.");
    if Push::new("Go to step 5").purpose("Joins the key and the answers").show(ui).clicked() {
        push(panel, Action::Show(Tab::Join));
    }
    busy(ui, panel, Tab::Analysis);
}

/// The numbers.
pub(super) fn middle(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(analysed) = &panel.state.reading.analysis else { return };
    let (analysis, joined) = (std::sync::Arc::clone(analysed.shown()), std::sync::Arc::clone(&analysed.joined));
    let waits = waits(analysed);
    busy(ui, panel, Tab::Analysis);
    if let Some(name) = &waits {
        check_line::show(
            ui,
            Verdict::Note,
            &format!("The cases with {name} are being analysed; all cases are shown until then."),
        );
    }
    let at = analysed_scale(panel, &analysis);
    if analysis.scales.len() > 1 {
        criteria(ui, panel, &analysis, at);
    }
    let scale = analysis.scales.get(at);
    let scored = scale.filter(|_| analysis.template != Template::AssistedReading);
    if let Some(scale) = scored {
        scores::show(ui, &analysis, scale);
        line(ui);
    }
    beside(
        ui,
        BESIDE.0,
        |ui| {
            kinds::show(ui, &analysis);
            if let Some(scale) = scale {
                effect(ui, &analysis, scale);
            }
            if analysis.curve.points.len() > 1 || !analysis.errors.rows.is_empty() {
                beside(ui, BESIDE.1, |ui| curve::show(ui, &analysis), |ui| tables::errors(ui, &analysis));
            }
        },
        |ui| {
            if let Some(scale) = scale {
                tables::agreement(ui, &analysis, scale);
            }
            tables::readers(ui, &analysis, scale);
        },
    );
    if !analysis.notes.is_empty() {
        line(ui);
        section(ui, "Notes");
        for note in &analysis.notes {
            caption(ui, note);
        }
    }
    if joined.context.simulated {
        caption(ui, "Simulated readers: a program gave these answers, so they say nothing about any image.");
    }
}

/// The name of a finding whose analysis is not there yet.
fn waits(analysed: &Analysed) -> Option<String> {
    let code = analysed.finding.as_ref().filter(|code| !analysed.parts.contains_key(*code))?;
    let row = analysed.whole.findings.iter().find(|row| row.code == *code);
    Some(row.map_or_else(|| code.clone(), |row| row.name.to_lowercase()))
}

fn analysed_scale(panel: &Panel<'_>, analysis: &Analysis) -> usize {
    let at = panel.state.reading.analysis.as_ref().map_or(0, |analysed| analysed.scale);
    at.min(analysis.scales.len().saturating_sub(1))
}

fn criteria(ui: &mut Ui, panel: &mut Panel<'_>, analysis: &Analysis, at: usize) {
    ui.horizontal_wrapped(|ui| {
        for (place, scale) in analysis.scales.iter().enumerate() {
            let tab = Push::new(&scale.criterion).purpose("Shows this criterion").frameless().selected(place == at);
            if tab.show(ui).clicked() {
                push(panel, Action::SetScale(place));
            }
        }
    });
}

/// The effect between arms and the model behind it.
fn effect(ui: &mut Ui, analysis: &Analysis, scale: &Scale) {
    for &pair in &analysis.pairs {
        let lines = forest::effects(analysis, scale, pair);
        if !lines.is_empty() {
            let title = format!("Effect, {} − {}", letter(pair.0), letter(pair.1));
            forest::show(ui, &title, "score points, 95 % interval, Holm p", &lines, 0.0, 2);
            ui.add_space(10.0);
        }
    }
    tables::model(ui, analysis, scale);
}

/// A line across, with room.
fn line(ui: &mut Ui) {
    rule(ui);
    ui.add_space(2.0);
}

/// Two parts beside each other from the least width on, else below each other.
fn beside(ui: &mut Ui, least: f32, first: impl FnOnce(&mut Ui), second: impl FnOnce(&mut Ui)) {
    let width = ui.available_width();
    if width < least {
        first(ui);
        ui.add_space(14.0);
        second(ui);
        return;
    }
    let gap = 32.0;
    let left = ((width - gap) * SHARE).floor();
    let top = ui.cursor().min;
    let part = |ui: &mut Ui, x: f32, width: f32, add: &mut dyn FnMut(&mut Ui)| {
        let rect = eframe::egui::Rect::from_min_size(top + vec2(x, 0.0), vec2(width, f32::INFINITY));
        let mut inner = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::top_down(eframe::egui::Align::Min)));
        Frame::NONE.show(&mut inner, |ui| {
            ui.set_width(width);
            add(ui);
        });
        inner.min_rect().height()
    };
    let (mut first, mut second) = (Some(first), Some(second));
    let a = part(ui, 0.0, left, &mut |ui| {
        if let Some(first) = first.take() {
            first(ui);
        }
    });
    let b = part(ui, left + gap, width - gap - left, &mut |ui| {
        if let Some(second) = second.take() {
            second(ui);
        }
    });
    ui.allocate_space(vec2(width, a.max(b)));
}
