//! The impression: editor with token counter and class lines, phrases, and who the patient is.

use std::sync::Arc;

use eframe::egui::text::CCursor;
use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{
    Align, Color32, Galley, Layout, Margin, Painter, Pos2, RichText, Shape, Stroke, TextBuffer, TextEdit, Ui, pos2, vec2,
};
use engine::text::findings;

use super::{Panel, conflict};
use crate::action::Action;
use crate::checks::{Check, Verdict};
use crate::insight;
use crate::state::{Group, Sex, View};
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, field, section_row};

/// The editor's accessible name.
pub const NAME: &str = "Impression";

const PHRASES: [(&str, &[&str]); 4] = [
    (
        "+ Finding",
        &[
            "Moderate right pneumothorax.",
            "Small left pleural effusion.",
            "Consolidation in the right lower lung.",
            "Nodule in the left mid lung.",
            "Heart is enlarged.",
            "Left chest wall pacemaker in place.",
        ],
    ),
    (
        "Negative",
        &["No pneumothorax.", "No pleural effusion.", "The lungs are clear.", "Heart size is normal.", "No acute findings."],
    ),
    ("Severity", &["The finding is small.", "The finding is moderate.", "The finding is large."]),
    (
        "Device",
        &["Left chest wall pacemaker in place.", "Right central venous catheter in place.", "Endotracheal tube in place."],
    ),
];

/// Shows the section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let (words, color) = match panel.tokens {
        Some(t) => (format!("{} of {} tokens", t.used, t.limit), if t.used > t.limit { tokens::WARN } else { tokens::INK3 }),
        None => ("counted when the model is ready".to_owned(), tokens::INK3),
    };
    section_row(ui, "Impression", |ui| {
        ui.label(RichText::new(words).font(text::secondary()).color(color));
    });
    editor(ui, panel);
    conflict::show(ui, panel);
    phrases(ui, panel);
    ui.add_space(2.0);
    patient(ui, panel);
    let prefix = panel.state.document.demographics.prefix();
    if prefix.is_empty() {
        caption(ui, "Nothing is sent in front of the text.");
    } else {
        caption(ui, format!("Sent in front: {}", prefix.trim_end()));
    }
}

fn editor(ui: &mut Ui, panel: &mut Panel<'_>) {
    let document = &panel.state.document;
    let prefix = document.demographics.prefix().len();
    let cut_at = panel.tokens.and_then(|t| t.cut_at).map(|at| at.saturating_sub(prefix));
    let mut words = document.impression.clone();
    let waved = waved(&panel.insight.checks);
    let mut layouter = |ui: &Ui, buffer: &dyn TextBuffer, width: f32| -> Arc<Galley> {
        let mut job = marked(buffer.as_str(), cut_at, &waved);
        job.wrap.max_width = width;
        ui.fonts_mut(|f| f.layout_job(job))
    };
    let edit = TextEdit::multiline(&mut words)
        .id_salt("impression")
        .desired_width(f32::INFINITY)
        .desired_rows(4)
        .margin(Margin::same(9))
        .hint_text(
            RichText::new("What the radiograph should show, for example: Moderate right pneumothorax.")
                .font(text::editor())
                .color(tokens::INK3),
        )
        .layouter(&mut layouter);
    let shown = edit.show(ui);
    let response = shown.response.response.accessible_name(NAME);
    let painter = ui.painter().with_clip_rect(shown.text_clip_rect);
    for range in waved.iter().filter(|_| words == document.impression) {
        wave(&painter, &shown.galley, shown.galley_pos, &words, range);
    }
    let pointed = response.hover_pos().map(|at| shown.galley.cursor_from_pos(at - shown.galley_pos).index.0);
    point_at(panel, pointed, prefix);
    if response.changed() {
        panel.out.push(Action::SetImpression(words));
    }
    if response.lost_focus() {
        panel.out.push(Action::Settle);
    }
}

/// The words of conflicts, which carry a wave.
fn waved(checks: &[Check]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<_> =
        checks.iter().filter(|c| c.verdict == Verdict::Conflict).flat_map(|c| c.words.iter().cloned()).collect();
    ranges.sort_by_key(|r| (r.start, r.end));
    ranges.dedup();
    ranges
}

/// A wavy line under some words, one piece a row.
fn wave(painter: &Painter, galley: &Galley, origin: Pos2, words: &str, range: &std::ops::Range<usize>) {
    let Some(lead) = words.get(..range.start) else { return };
    let Some(inside) = words.get(range.clone()) else { return };
    let first = lead.chars().count();
    let at = |i: usize, next_row: bool| galley.pos_from_cursor(CCursor { prefer_next_row: next_row, ..CCursor::new(i) });
    let mut start: Option<Pos2> = None;
    for i in first..first + inside.chars().count() {
        let (left, right) = (at(i, true), at(i + 1, false));
        let from = *start.get_or_insert(left.left_bottom());
        // The next letter stands on another row, or there is none.
        let ends = i + 1 == first + inside.chars().count() || at(i + 1, true).bottom() > right.bottom() + 1.0;
        if ends {
            wave_line(painter, origin + from.to_vec2(), right.right() + origin.x);
            start = None;
        }
    }
}

fn wave_line(painter: &Painter, from: Pos2, to_x: f32) {
    let length = (to_x - from.x).max(4.0);
    let steps = (length / 1.5).ceil() as usize;
    let points = (0..=steps).map(|i| {
        let x = length * i as f32 / steps as f32;
        pos2(from.x + x, from.y - 1.0 + 1.5 * (x * std::f32::consts::TAU / 6.0).sin())
    });
    painter.add(Shape::line(points.collect(), Stroke::new(1.4, tokens::WARN)));
}

/// Points at the word of the word map under the pointer, where the shown run has this very text.
fn point_at(panel: &mut Panel<'_>, letter: Option<usize>, prefix: usize) {
    let view = panel.insight;
    if view.words.is_empty() || view.text != panel.state.document.full_impression() {
        return;
    }
    let text = &panel.state.document.impression;
    let lead = text.len() - text.trim_start().len();
    let byte = letter.and_then(|n| text.char_indices().nth(n)).map(|(at, _)| at.saturating_sub(lead) + prefix);
    let word = byte.and_then(|at| view.words.iter().position(|range| range.contains(&at)));
    // The pointer elsewhere leaves what the list of words points at.
    if letter.is_some() && word != panel.state.insight.word {
        panel.out.push(Action::Insight(insight::Action::PointAt(word)));
    }
}

/// The text with a class line under each finding that is said to be there, and what is cut off in grey.
///
/// Words that carry a wave have no class line, so that the two cannot be confused.
fn marked(words: &str, cut_at: Option<usize>, waved: &[std::ops::Range<usize>]) -> LayoutJob {
    let cut = cut_at.filter(|&at| words.is_char_boundary(at)).unwrap_or(words.len());
    let lines: Vec<(std::ops::Range<usize>, Color32)> = findings::mentions(words)
        .into_iter()
        .filter(|m| !m.negated())
        .map(|m| (lined(&m, waved, words), tokens::class(m.finding)))
        .collect();
    let mut job = LayoutJob::default();
    let mut append = |range: std::ops::Range<usize>, line: Option<Color32>| {
        // A piece may lie on both sides of the cut.
        for (from, to, color) in [(range.start, range.end.min(cut), tokens::INK), (range.start.max(cut), range.end, tokens::DIS)]
        {
            if from < to {
                let underline = line.map_or(Stroke::NONE, |c| Stroke::new(2.0, c));
                let format =
                    TextFormat { font_id: text::editor(), color, underline, line_height: Some(21.0), ..TextFormat::default() };
                job.append(&words[from..to], 0.0, format);
            }
        }
    };
    let mut at = 0;
    for (span, color) in lines {
        if span.start >= at {
            append(at..span.start, None);
            append(span.clone(), Some(color));
            at = span.end;
        }
    }
    append(at..words.len(), None);
    job
}

/// The words of a finding that carry its class line: from behind the last wave on.
fn lined(mention: &findings::Mention, waved: &[std::ops::Range<usize>], words: &str) -> std::ops::Range<usize> {
    let span = mention.span.clone();
    let start = waved.iter().filter(|w| w.start < span.end && w.end > span.start).map(|w| w.end).max().unwrap_or(span.start);
    let blanks = words.get(start..span.end).map_or(0, |rest| rest.len() - rest.trim_start().len());
    (start + blanks).min(span.end)..span.end
}

fn phrases(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        for (title, choices) in PHRASES {
            let chip = Push::new(title).chip().show(ui);
            eframe::egui::Popup::menu(&chip).show(|ui| {
                ui.set_min_width(220.0);
                for phrase in choices {
                    if ui.button(RichText::new(*phrase).font(text::body())).clicked() {
                        panel.out.push(Action::InsertPhrase(phrase));
                        ui.close();
                    }
                }
            });
        }
    });
}

fn patient(ui: &mut Ui, panel: &mut Panel<'_>) {
    let gap = 8.0;
    // Four in a row, or two rows of two where a word would not fit.
    let in_row = if ui.available_width() < 260.0 { 2 } else { 4 };
    let width = ((ui.available_width() - (in_row - 1) as f32 * gap) / in_row as f32).floor();
    for row in ["Sex", "Age", "Group", "View"].chunks(in_row) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            for label in row {
                ui.allocate_ui_with_layout(vec2(width, 48.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    ui.spacing_mut().button_padding.x = 7.0;
                    ui.spacing_mut().item_spacing.y = 4.0;
                    ui.label(RichText::new(*label).font(text::secondary()).color(tokens::INK2));
                    patient_field(ui, panel, label, width);
                });
            }
        });
    }
}

fn patient_field(ui: &mut Ui, panel: &mut Panel<'_>, label: &str, width: f32) {
    let who = panel.state.document.demographics;
    let action = match label {
        "Sex" => field::choice(ui, label, width, who.sex, &Sex::ALL, Sex::title).map(Action::SetSex),
        "Group" => field::choice(ui, label, width, who.group, &Group::ALL, Group::title).map(Action::SetGroup),
        "View" => field::choice(ui, label, width, who.view, &View::ALL, View::title).map(Action::SetView),
        _ => age(ui, who.age, width).map(Action::SetAge),
    };
    panel.out.extend(action);
}

/// Age in years; zero leaves it out. Returns the new age when it was changed.
fn age(ui: &mut Ui, age: Option<u32>, width: f32) -> Option<Option<u32>> {
    let mut years = age.unwrap_or(0);
    ui.spacing_mut().interact_size = vec2(width, 28.0);
    let drag = eframe::egui::DragValue::new(&mut years)
        .range(0..=110)
        .speed(0.25)
        .custom_formatter(|v, _| if v < 0.5 { "–".to_owned() } else { format!("{v:.0}") })
        .custom_parser(|s| if s.trim() == "–" || s.trim().is_empty() { Some(0.0) } else { s.trim().parse().ok() });
    ui.add(drag).accessible_name("Age").changed().then(|| (years > 0).then_some(years))
}
