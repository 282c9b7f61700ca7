//! What templates other than scores show: detection, choices, quartets, assisted reading, grading.

use eframe::egui::Ui;
use study::analysis::words::{number, percent, percents};
use study::analysis::{Analysis, Estimate, ShareOf, letter};
use study::template::Template;

use super::super::draw::{Column, fact, head, numbers, row, words};
use super::forest::{self, Line};
use crate::widgets::{caption, secondary, section};

const DETECTION: [Column; 4] =
    [words("", 0.28), numbers("d′", 0.42), numbers("Right", 0.66), numbers("Synthetic called real", 1.0)];
const ASSISTED: [Column; 5] =
    [words("", 0.26), numbers("Without", 0.44), numbers("With", 0.60), numbers("Gained", 0.80), numbers("Lost", 1.0)];
const SENSITIVITY: [Column; 5] =
    [words("Sensitivity", 0.26), numbers("Without", 0.41), numbers("95 %", 0.62), numbers("With", 0.77), numbers("95 %", 1.0)];
const SPECIFICITY: [Column; 5] = [words("Specificity", 0.26), SENSITIVITY[1], SENSITIVITY[2], SENSITIVITY[3], SENSITIVITY[4]];
const STRENGTH: [Column; 3] = [words("Strength, logits", 0.5), numbers("Value", 0.68), numbers("95 % interval", 1.0)];

fn share(share: &Option<ShareOf>) -> String {
    share.as_ref().map_or_else(|| "–".to_owned(), |share| percent(share.value, 0))
}

fn of_share(share: &Option<ShareOf>) -> Option<Estimate> {
    share.as_ref().map(|share| Estimate { value: share.value, interval: Some(share.interval), n: share.n })
}

fn reader(analysis: &Analysis, reader: Option<usize>) -> String {
    reader.and_then(|r| analysis.readers.get(r)).cloned().unwrap_or_else(|| "All readers".to_owned())
}

/// Shows what the template has besides scores.
pub(super) fn show(ui: &mut Ui, analysis: &Analysis) {
    detection(ui, analysis);
    choices(ui, analysis);
    quartet(ui, analysis);
    assisted(ui, analysis);
    grading(ui, analysis);
}

fn detection(ui: &mut Ui, analysis: &Analysis) {
    let Some(found) = &analysis.detection else { return };
    let name = |row: &study::analysis::DetectionRow| match row.arm {
        Some(arm) => format!("Against {}", letter(arm)),
        None => reader(analysis, row.reader),
    };
    let line = |row: &study::analysis::DetectionRow| Line {
        name: name(row),
        estimate: row.auc,
        p: row.test.map(|test| test.holm),
        all: row.reader.is_none(),
    };
    let lines: Vec<Line> = found.rows.iter().map(line).collect();
    let under = "area under the ROC curve, 95 % interval, Holm p of right against one half";
    forest::shares(ui, "Telling real from synthetic", under, &lines, 0.5);
    ui.add_space(8.0);
    head(ui, &DETECTION);
    for of_row in &found.rows {
        let d_prime = of_row.d_prime.map_or_else(|| "–".to_owned(), |d| number(d.value, 2));
        let values = [name(of_row), d_prime, share(&of_row.right), share(&of_row.synthetic_called_real)];
        let tip = of_row.right.map(|right| {
            format!("Right: {} of {}, {}; undecided {}", right.hits, right.n, percents(right.interval, 0), of_row.undecided)
        });
        let response = row(ui, &DETECTION, &values, of_row.reader.is_none());
        if let Some(tip) = tip {
            response.on_hover_text(tip);
        }
    }
    caption(ui, "0.5 is guessing. “Cannot tell” counts in the area, not in d′ and right.");
    ui.add_space(12.0);
}

fn choices(ui: &mut Ui, analysis: &Analysis) {
    let Some(found) = &analysis.choices else { return };
    for pair in &found.pairs {
        let (a, b) = pair.pair;
        let mut lines: Vec<Line> = pair
            .rows
            .iter()
            .map(|row| Line {
                name: reader(analysis, Some(row.reader)),
                estimate: of_share(&row.share),
                p: row.test.map(|t| t.holm),
                all: false,
            })
            .collect();
        if analysis.readers.len() > 1 {
            lines.push(Line { name: "Case bootstrap".to_owned(), estimate: pair.all, p: None, all: true });
        }
        let title = format!("Share that chose {} over {}", letter(a), letter(b));
        let under = format!("{}, {}; 95 % interval, Holm p, {} choices", analysis.arms[a], analysis.arms[b], pair.choices);
        forest::shares(ui, &title, &under, &lines, 0.5);
        ui.add_space(10.0);
    }
    if found.strengths.len() > 2 {
        head(ui, &STRENGTH);
        for (arm, strength) in found.strengths.iter().enumerate() {
            let name = format!("{}  {}", letter(arm), analysis.arms[arm]);
            let (value, limits) = strength.map_or(("–".to_owned(), "–".to_owned()), |s| {
                let limits = s.interval.map_or_else(|| "–".to_owned(), |i| study::analysis::words::range(i, 2));
                (number(s.value, 2), limits)
            });
            row(ui, &STRENGTH, &[name, value, limits], false);
        }
        caption(ui, "Bradley–Terry, against the first arm.");
    }
    let left: Vec<String> = found
        .left
        .iter()
        .enumerate()
        .filter_map(|(r, left)| Some(format!("{} {}", reader(analysis, Some(r)), percent(left.as_ref()?.value, 0))))
        .collect();
    caption(ui, format!("Left image chosen, whatever its arm: {}.", left.join(", ")));
    if let Some(fleiss) = found.fleiss {
        fact(ui, "Fleiss κ of the chosen arm", &number(fleiss.value, 2));
    }
    ui.add_space(12.0);
}

fn quartet(ui: &mut Ui, analysis: &Analysis) {
    let Some(found) = &analysis.quartet else { return };
    let mut lines: Vec<Line> = found
        .rows
        .iter()
        .map(|row| Line {
            name: reader(analysis, Some(row.reader)),
            estimate: of_share(&row.right),
            p: row.test.map(|t| t.holm),
            all: false,
        })
        .collect();
    if analysis.readers.len() > 1 {
        lines.push(Line { name: "Case bootstrap".to_owned(), estimate: found.all, p: None, all: true });
    }
    let under = format!("share, 95 % interval, Holm p against guessing ({})", percent(found.chance, 0));
    forest::shares(ui, "Real radiograph found", &under, &lines, found.chance);
    ui.add_space(8.0);
    section(ui, "Taken for the real one");
    for (arm, taken) in found.taken.iter().enumerate() {
        fact(ui, &format!("{}  {}", letter(arm), analysis.arms[arm]), &taken.to_string());
    }
    let places: Vec<String> = Template::Quartet
        .choices()
        .iter()
        .zip(&found.places)
        .map(|(choice, n)| format!("{} {n}", choice.words.to_lowercase()))
        .collect();
    caption(ui, format!("By place: {}.", places.join(", ")));
    if let Some(fleiss) = found.fleiss {
        fact(ui, "Fleiss κ of the chosen arm", &number(fleiss.value, 2));
    }
    ui.add_space(12.0);
}

fn assisted(ui: &mut Ui, analysis: &Analysis) {
    let Some(found) = &analysis.assisted else { return };
    let line = |row: &study::analysis::AssistedRow| Line {
        name: reader(analysis, row.reader),
        estimate: row.difference,
        p: row.test.map(|test| test.holm),
        all: row.reader.is_none(),
    };
    let lines: Vec<Line> = found.rows.iter().map(line).collect();
    forest::show(ui, "Right with help − without", "share, 95 % interval by case, Holm p (McNemar)", &lines, 0.0, 2);
    ui.add_space(8.0);
    let area = |row: &study::analysis::AssistedRow| Line { estimate: row.auc_difference, p: None, ..line(row) };
    let lines: Vec<Line> = found.rows.iter().map(area).collect();
    forest::show(ui, "Area under the ROC curve, with − without", "95 % interval", &lines, 0.0, 2);
    ui.add_space(8.0);
    head(ui, &ASSISTED);
    for of_row in &found.rows {
        let values = [
            reader(analysis, of_row.reader),
            share(&of_row.without),
            share(&of_row.with),
            of_row.gained.to_string(),
            of_row.lost.to_string(),
        ];
        row(ui, &ASSISTED, &values, of_row.reader.is_none()).on_hover_text(format!("{} pairs", of_row.pairs));
    }
    for (columns, present) in [(&SENSITIVITY, true), (&SPECIFICITY, false)] {
        ui.add_space(8.0);
        head(ui, columns);
        for of_row in &found.rows {
            let (without, with) = if present { of_row.sensitivity } else { of_row.specificity };
            // Those by case stand in one list, sensitivity first.
            let at = if present { 0 } else { 2 };
            let around = |share: Option<ShareOf>, at: usize| {
                let interval = match of_row.kinds_by_case {
                    Some(by_case) => by_case[at].and_then(|e| e.interval),
                    None => share.map(|s| s.interval),
                };
                interval.map_or_else(|| "–".to_owned(), |i| percents(i, 0))
            };
            let name = reader(analysis, of_row.reader);
            let values = [name, share(&without), around(without, at), share(&with), around(with, at + 1)];
            row(ui, columns, &values, of_row.reader.is_none());
        }
    }
    caption(ui, "Of the cases with and without the finding. Exact intervals for a reader, intervals by case for all.");
    let order = &found.order;
    secondary(ui, format!("Without help first in {} pairs, with help first in {}.", order.without_first, order.with_first));
    ui.add_space(12.0);
}

fn grading(ui: &mut Ui, analysis: &Analysis) {
    let mut lines = Vec::new();
    for scale in &analysis.scales {
        for area in &scale.grading {
            let pair = if analysis.pairs.len() > 1 {
                format!(", {}–{}", letter(area.pair.0), letter(area.pair.1))
            } else {
                String::new()
            };
            lines.push(Line { name: format!("{}{pair}", scale.criterion), estimate: area.area, p: None, all: false });
        }
    }
    if lines.is_empty() {
        return;
    }
    let under = "area between arms, 95 % interval by case; above 0.5 the first arm has the higher grades";
    forest::shares(ui, "Visual grading", under, &lines, 0.5);
    ui.add_space(12.0);
}
