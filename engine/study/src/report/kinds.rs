//! What only some templates have: detection, choices, quartets, visual grading, assisted reading.

use super::page::Figures;
use super::table::{Table, caption};
use super::{cells, pair_name, reader_name, share_cells};
use crate::analysis::words::{count, counted, number, p, percent, percents, range, signed};
use crate::analysis::{Analysis, Assisted, Choices, Context, Detection, Estimate, Quartet, ShareOf, Test, letter};
use crate::template::Template;

/// Heading of the section; `None` of templates whose outcome is the scores themselves.
pub(super) fn heading(analysis: &Analysis) -> Option<&'static str> {
    match analysis.template {
        Template::ReportAlignment | Template::Realism => None,
        Template::RealOrSynthetic => Some("Real or synthetic"),
        Template::PairwiseChoice => Some("Choices"),
        Template::Quartet => Some("Finding the real image"),
        Template::VisualGrading => Some("Visual grading"),
        Template::AssistedReading => Some("With and without help"),
    }
}

/// The section; empty for templates without one.
pub(super) fn outcome(analysis: &Analysis, context: &Context, figures: &Figures<'_>) -> String {
    if let Some(found) = &analysis.detection {
        figures.html("detection") + &detection(analysis, found)
    } else if let Some(found) = &analysis.choices {
        figures.html("choices") + &choices(analysis, found) + &figures.html("strengths") + &strengths(context, found)
    } else if let Some(found) = &analysis.quartet {
        figures.html("quartets") + &quartet(analysis, found)
    } else if let Some(found) = &analysis.assisted {
        figures.html("assisted") + &assisted(analysis, found)
    } else {
        figures.html("grading") + &grading(analysis)
    }
}

fn test_cells(test: Option<Test>) -> [String; 2] {
    test.map_or_else(|| [String::new(), String::new()], |t| [p(t.p), p(t.holm)])
}

fn detection(analysis: &Analysis, found: &Detection) -> String {
    let several = analysis.readers.len() > 1;
    let rows = || found.rows.iter().filter(|r| several || r.reader.is_some() || r.arm.is_some());
    let name = |row: &crate::analysis::DetectionRow| match row.arm {
        Some(arm) => format!("All readers, {} only", letter(arm)),
        None => reader_name(analysis, row.reader),
    };
    let mut main = Table::new("Decided answers that are right", &["Reader", "Right", "95 %", "Exact p", "Holm p", "Cannot tell"]);
    let mut measures = Table::new("Area under the ROC curve and d′", &["Reader", "Area", "95 %", "d′", "95 % by case"]);
    let mut calls = Table::new("Called real", &["Reader", "Real images", "95 %", "Synthetic images", "95 %"]);
    for row in rows() {
        let [right, exact] = share_cells(row.right);
        let around = around_or(row.right_by_case, exact);
        let [raw, holm] = test_cells(row.test);
        let [d, d_around] = cells(row.d_prime, 2);
        let [auc, auc_around] = cells(row.auc, 2);
        let line = [name(row), right, around, raw, holm, count(row.undecided)];
        let measured = [name(row), auc, auc_around, d, d_around];
        let [real, real_around] = share_cells(row.real_called_real);
        let [fake, fake_around] = share_cells(row.synthetic_called_real);
        let (of_real, of_fake) = row.called_by_case;
        let (real_around, fake_around) = (around_or(of_real, real_around), around_or(of_fake, fake_around));
        let called = [name(row), real, real_around, fake, fake_around];
        if row.reader.is_none() {
            main.sum(&line);
            measures.sum(&measured);
            calls.sum(&called);
        } else {
            main.row(&line);
            measures.row(&measured);
            calls.row(&called);
        }
    }
    measures.html()
        + &caption(
            "Area: DeLong’s interval for a reader; for all the mean of the readers with an interval by case. d′: real images are \
             the signal, half an answer is added to each count.",
        )
        + &main.html()
        + &caption(
            "Exact intervals and tests against one half for a reader, intervals by case for all. “Cannot tell” counts in the area \
             and not elsewhere.",
        )
        + &calls.html()
        + &caption("Of the decided answers. Exact intervals for a reader, intervals by case for all.")
}

/// The interval by case where an estimate has one; a dash where it has none, and the exact one of a reader.
fn around_or(by_case: Option<Estimate>, exact: String) -> String {
    by_case.map_or(exact, |e| e.interval.map_or_else(|| "–".to_owned(), |i| percents(i, 1)))
}

fn choices(analysis: &Analysis, found: &Choices) -> String {
    let several = analysis.readers.len() > 1;
    let mut table = Table::new("Choices", &["Reader", "Took the first arm", "95 %", "Exact p", "Holm p"]);
    for pair in &found.pairs {
        let (a, b) = pair.pair;
        table.group(&format!("{}, {}, over {}, {}", letter(a), analysis.arms[a], letter(b), analysis.arms[b]));
        for row in &pair.rows {
            let [share, around] = share_cells(row.share);
            let [raw, holm] = test_cells(row.test);
            table.row(&[reader_name(analysis, Some(row.reader)), share, around, raw, holm]);
        }
        if let Some(all) = pair.all.filter(|_| several) {
            let share = format!("{} of {}", percent(all.value, 1), counted(pair.choices, "choice", "choices"));
            let around = all.interval.map_or_else(|| "–".to_owned(), |i| percents(i, 1));
            table.sum(&["All readers".to_owned(), share, around, String::new(), String::new()]);
        }
    }
    let mut left = Table::new("Left image taken, whatever its arm", &["Reader", "Share", "95 % exact"]);
    for (reader, share) in found.left.iter().enumerate() {
        let [value, around] = share_cells(*share);
        left.row(&[reader_name(analysis, Some(reader)), value, around]);
    }
    table.html() + &caption("Exact intervals and tests against one half for a reader, interval by case for all.") + &left.html()
}

fn strengths(context: &Context, found: &Choices) -> String {
    if found.strengths.is_empty() {
        return String::new();
    }
    let mut table = Table::new("Bradley–Terry strengths, logits", &["Arm", "Strength", "95 % by case", "n"]);
    for (arm, strength) in found.strengths.iter().enumerate() {
        let name = format!("{}, {}", letter(arm), context.arms[arm]);
        if arm == 0 {
            table.row(&[name, "0, reference".to_owned(), String::new(), String::new()]);
            continue;
        }
        let [value, around] = cells(*strength, 2);
        let n = strength.map_or_else(String::new, |e| counted(e.n, "case", "cases"));
        table.row(&[name, value, around, n]);
    }
    let unbound = if found.strengths.iter().any(Option::is_none) {
        " A dash: an arm was always or never chosen, so its strength has no bound."
    } else {
        ""
    };
    table.html() + &caption(&format!("An arm is chosen over another with the odds exp(difference of their strengths).{unbound}"))
}

fn quartet(analysis: &Analysis, found: &Quartet) -> String {
    let mut table = Table::new("Real image found", &["Reader", "Found", "95 %", "Exact p", "Holm p"]);
    for row in &found.rows {
        let [share, around] = share_cells(row.right);
        let [raw, holm] = test_cells(row.test);
        table.row(&[reader_name(analysis, Some(row.reader)), share, around, raw, holm]);
    }
    if let Some(all) = found.all.filter(|_| analysis.readers.len() > 1) {
        let around = all.interval.map_or_else(|| "–".to_owned(), |i| percents(i, 1));
        table.sum(&["All readers".to_owned(), percent(all.value, 1), around, String::new(), String::new()]);
    }
    let mut taken = Table::new("Taken for the real one", &["Arm", "Times", "Share"]);
    let all: usize = found.taken.iter().sum();
    let share = |n: usize| if all > 0 { percent(n as f64 / all as f64, 1) } else { "–".to_owned() };
    for (arm, &n) in found.taken.iter().enumerate() {
        taken.row(&[format!("{}, {}", letter(arm), analysis.arms[arm]), count(n), share(n)]);
    }
    let mut places = Table::new("Place chosen", &["Place", "Times", "Share"]);
    for (choice, &n) in analysis.template.choices().iter().zip(&found.places) {
        places.row(&[choice.words.to_owned(), count(n), share(n)]);
    }
    table.html()
        + &caption(&format!(
            "Exact intervals and tests against the {} of guessing for a reader, interval by case for all.",
            percent(found.chance, 0)
        ))
        + &taken.html()
        + &places.html()
}

fn assisted(analysis: &Analysis, found: &Assisted) -> String {
    let several = analysis.readers.len() > 1;
    let rows = || found.rows.iter().filter(|r| several || r.reader.is_some());
    let mut right = Table::new(
        "Share right",
        &["Reader", "Without help", "With help", "Change", "95 % by case", "Gained", "Lost", "McNemar p", "Holm p"],
    );
    let mut areas =
        Table::new("Area under the ROC curve", &["Reader", "Without", "95 %", "With", "95 %", "Difference", "95 %", "n"]);
    let heads = ["Reader", "Without help", "95 %", "With help", "95 %"];
    let (mut found_table, mut absent_table) = (Table::new("Sensitivity", &heads), Table::new("Specificity", &heads));
    for row in rows() {
        let name = reader_name(analysis, row.reader);
        let [without, _] = share_cells(row.without);
        let [with, _] = share_cells(row.with);
        let points = |e: Estimate| signed(100.0 * e.value, 1);
        let difference = row.difference.map_or_else(|| "–".to_owned(), points);
        let around = row.difference.and_then(|e| e.interval);
        let around = around.map_or_else(|| "–".to_owned(), |(low, high)| range((100.0 * low, 100.0 * high), 1));
        let [raw, holm] = test_cells(row.test);
        let first = [name.clone(), without, with, difference, around, count(row.gained), count(row.lost), raw, holm];
        let [a, a_around] = cells(row.auc_without, 2);
        let [b, b_around] = cells(row.auc_with, 2);
        let [d, d_around] = cells(row.auc_difference, 2);
        let second = [name.clone(), a, a_around, b, b_around, d, d_around, counted(row.pairs, "pair", "pairs")];
        let by_case = |i: usize| row.kinds_by_case.and_then(|all| all[i]);
        let line = |(without, with): (Option<ShareOf>, Option<ShareOf>), at: usize| {
            let ([a, a_around], [b, b_around]) = (share_cells(without), share_cells(with));
            [name.clone(), a, around_or(by_case(at), a_around), b, around_or(by_case(at + 1), b_around)]
        };
        let (sensitivity, specificity) = (line(row.sensitivity, 0), line(row.specificity, 2));
        if row.reader.is_none() {
            right.sum(&first);
            areas.sum(&second);
            found_table.sum(&sensitivity);
            absent_table.sum(&specificity);
        } else {
            right.row(&first);
            areas.row(&second);
            found_table.row(&sensitivity);
            absent_table.row(&specificity);
        }
    }
    let order = found.order;
    right.html()
        + &caption(&format!(
            "Change in percentage points. Reading without help came first in {}, with help first in {}. “Cannot tell” is not right.",
            counted(order.without_first, "pair", "pairs"),
            counted(order.with_first, "pair", "pairs")
        ))
        + &areas.html()
        + &caption("DeLong’s intervals for a reader; for all the mean of the readers with an interval by case.")
        + &found_table.html()
        + &absent_table.html()
        + &caption(
            "Of the cases with and without the finding. An answer of 4 or 5 calls it present, 1 or 2 absent; “cannot tell” is never \
             right. Exact intervals for a reader, intervals by case for all.",
        )
}

fn grading(analysis: &Analysis) -> String {
    let mut table =
        Table::new("Area between the grades of two arms", &["Criterion", "Pair", "Area", "95 % by case", "Readers", "n"]);
    for scale in &analysis.scales {
        for area in &scale.grading {
            let [value, around] = cells(area.area, 2);
            let readers: Vec<String> = area.readers.iter().map(|r| r.map_or_else(|| "–".to_owned(), |a| number(a, 2))).collect();
            let n = area.area.map_or_else(String::new, |e| counted(e.n, "case", "cases"));
            table.row(&[scale.criterion.clone(), pair_name(area.pair), value, around, readers.join(", "), n]);
        }
    }
    if table.is_empty() {
        return String::new();
    }
    table.html()
        + &caption("0.5: no difference; above it the first arm has the higher grades. Mean of the readers, ties count half.")
}
