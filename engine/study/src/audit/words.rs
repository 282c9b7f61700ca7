//! What the audit says.

use engine::statistics::{mean, median, sample_sd};

use super::file_probes::Table;
use super::trial::{Labels, Trial};
use super::{Audit, Kind, Verdict};
use crate::analysis::words::list;

/// What no audit rules out; to be shown beside its result.
pub const LIMITS: [&str; 4] = [
    "The probes look for form: size, levels, borders, marks, compression, noise and sharpness. That models draw chests, vessels or text differently is what the study compares; it is not looked for.",
    "“Not found” means that these probes guessed no better than chance on these cases, not that nothing can be seen. Readers see other things, and learn.",
    "A weak trace needs many cases to be found. The interval of chance shows how large an area could have hidden.",
    "The audit looks at the images, not at what readers know: which models took part, their usual mistakes, or earlier publications.",
];

/// What a probe saw, as one sentence.
pub(super) fn saw(table: &Table, labels: &Labels, trial: &Trial, verdict: Verdict) -> String {
    if trial.constant {
        return "It is the same in all images.".to_owned();
    }
    match verdict {
        Verdict::NotFound => "It guesses no better than chance.".to_owned(),
        Verdict::TooFewCases => format!("{} cases are too few to tell a trace from chance.", labels.case_count()),
        Verdict::Leaks => {
            let own = &labels.arms[trial.arm];
            let others = match labels.arms.len() {
                2 => labels.arms[1 - trial.arm].clone(),
                _ => "the other arms".to_owned(),
            };
            strongest(table, labels, trial.arm, own, &others)
        }
    }
}

/// The figure in which an arm differs most, with its values.
fn strongest(table: &Table, labels: &Labels, arm: usize, own: &str, others: &str) -> String {
    let column = |c: usize, of_arm: bool| -> Vec<f64> {
        let rows = table.rows.iter().zip(&labels.arm);
        rows.filter(|(_, a)| (**a == arm) == of_arm).map(|(row, _)| row[c]).collect()
    };
    let distance = |c: usize| {
        let (a, b) = (column(c, true), column(c, false));
        let spread = sample_sd(&a).unwrap_or(0.0).hypot(sample_sd(&b).unwrap_or(0.0)) + 1e-9;
        (mean(&a).unwrap_or(0.0) - mean(&b).unwrap_or(0.0)).abs() / spread
    };
    let best = (0..table.names.len()).fold(0, |best, c| if distance(c) > distance(best) { c } else { best });
    let Some(name) = table.names.get(best) else { return String::new() };
    let (a, b) = (column(best, true), column(best, false));
    let shown = |values: &[f64]| {
        if name.yes_or_no {
            format!("{:.0} %", 100.0 * mean(values).unwrap_or(0.0))
        } else {
            figure(median(values).unwrap_or(0.0))
        }
    };
    format!("{}: {} in {own}, {} in {others}.", capital(&name.words), shown(&a), shown(&b))
}

/// A figure with three digits or so, and a true minus.
fn figure(value: f64) -> String {
    let words = match value.abs() {
        size if size >= 1000.0 || (value - value.round()).abs() < 1e-9 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    words.replace('-', "−")
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The audit in one sentence.
pub(super) fn summary(audit: &Audit) -> String {
    let names = |kind: &dyn Fn(Kind) -> bool| {
        let found: Vec<&str> =
            audit.findings.iter().filter(|f| f.verdict == Verdict::Leaks && kind(f.kind)).map(|f| f.probe.name()).collect();
        found.join(", ").to_lowercase().replace("jpeg", "JPEG")
    };
    let form = names(&|k| k == Kind::Form);
    let content = names(&|k| k == Kind::Content);
    let file = names(&|k| k == Kind::File);
    let head = format!(
        "Leak audit of {} images of {} cases and {} arms by {} probes",
        audit.images.len(),
        audit.cases,
        audit.arms.len(),
        audit.findings.len()
    );
    let undecided = audit.findings.iter().any(|f| f.verdict == Verdict::TooFewCases);
    let mut differ = Vec::new();
    if !form.is_empty() {
        differ.push(format!("in form ({form})"));
    }
    if !content.is_empty() {
        differ.push(format!("in what may be content ({content})"));
    }
    if !file.is_empty() {
        differ.push(format!("in their files ({file}), which sealing leaves out"));
    }
    match (differ.is_empty(), form.is_empty()) {
        (true, _) if undecided => format!("{head}: too few cases to tell a trace from chance."),
        (true, _) => format!("{head}: no probe told the arms apart better than chance."),
        (false, true) => format!("{head}: the form is equal; the arms differ {}.", list(&differ)),
        (false, false) => format!("{head}: the arms differ {}.", list(&differ)),
    }
}
