//! The impression: editor with token counter and class lines, phrases, and who the patient is.

use std::sync::Arc;

use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{Align, Color32, Galley, Layout, Margin, RichText, Stroke, TextBuffer, TextEdit, Ui, vec2};

use super::Panel;
use crate::action::Action;
use crate::checks;
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
    let mut layouter = |ui: &Ui, buffer: &dyn TextBuffer, width: f32| -> Arc<Galley> {
        let mut job = marked(buffer.as_str(), cut_at);
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
    let response = ui.add(edit).accessible_name(NAME);
    if response.changed() {
        panel.out.push(Action::SetImpression(words));
    }
    if response.lost_focus() {
        panel.out.push(Action::Settle);
    }
}

/// The text with a class line under each finding that is said to be there, and what is cut off in grey.
fn marked(words: &str, cut_at: Option<usize>) -> LayoutJob {
    let cut = cut_at.filter(|&at| words.is_char_boundary(at)).unwrap_or(words.len());
    let mut lines: Vec<(std::ops::Range<usize>, Color32)> =
        checks::mentions(words).into_iter().filter(|m| !m.negated).map(|m| (m.span, tokens::class(m.finding))).collect();
    lines.sort_by_key(|l| l.0.start);
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
