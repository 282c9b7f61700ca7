//! Sentences on gaps and on estimates that could not be made.

use super::words::{counted, list};
use super::{Analysis, Context};

/// Fewer cases than these make intervals by case too narrow.
const FEW_CASES: usize = 20;

pub(super) fn notes(analysis: &Analysis, context: &Context) -> Vec<String> {
    let mut notes = Vec::new();
    let short: Vec<String> = context
        .readers
        .iter()
        .zip(&analysis.completeness)
        .filter(|(_, c)| c.scored < c.planned)
        .map(|(reader, c)| format!("{} answered {} of {}", reader.code, c.scored, c.planned))
        .collect();
    if !short.is_empty() {
        notes.push(format!(
            "Not everything was answered: {}. Missing answers are not filled in; paired tests use cases with both \
             answers, the mixed model and Krippendorff’s α use all answers, and ICC and Fleiss’ κ use what all readers answered.",
            list(&short)
        ));
    }
    if analysis.counts.doubles > 0 {
        notes.push(format!(
            "{} left out because the same reader had answered the same question before.",
            was(analysis.counts.doubles, "answer", "answers")
        ));
    }
    if analysis.counts.cases < FEW_CASES {
        notes.push(format!(
            "With {} the intervals that resample cases{} are too narrow; take them as a rough guide.",
            counted(analysis.counts.cases, "case", "cases"),
            if analysis.scales.iter().any(|s| s.model.is_some()) { ", and those of the mixed model," } else { "" }
        ));
    }
    for scale in &analysis.scales {
        let of = if scale.criterion.is_empty() { String::new() } else { format!(" for {:?}", scale.criterion) };
        if let Some(reason) = &scale.no_model {
            notes.push(format!("The ordinal mixed model could not be fitted{of}: {reason}."));
        }
        let equal: Vec<String> = scale
            .effects
            .iter()
            .filter(|e| e.test.is_none() && e.difference.is_some())
            .filter_map(|e| e.reader.map(|r| analysis.readers[r].clone()))
            .collect();
        if !equal.is_empty() {
            notes.push(format!("No signed-rank test{of} for {}: no case has different scores in both arms.", list(&equal)));
        }
    }
    if let Some(detection) = &analysis.detection
        && detection.unknown > 0
    {
        notes.push(format!(
            "{} left out of the detection: it is not known whether the image is real.",
            was(detection.unknown, "answer", "answers")
        ));
    }
    if let Some(assisted) = &analysis.assisted {
        if assisted.unpaired > 0 {
            notes.push(format!(
                "{} left out: the truth or the answer in the other condition is missing.",
                was(assisted.unpaired, "answer", "answers")
            ));
        }
        let order = assisted.order;
        if order.with_first == 0 || order.without_first == 0 {
            let first = if order.with_first == 0 { "without" } else { "with" };
            notes.push(format!(
                "Reading {first} help always came first, so the effect of help cannot be told apart from practice or memory."
            ));
        }
    }
    notes
}

/// "1 answer was", "3 answers were".
fn was(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", counted(n, one, many), if n == 1 { "was" } else { "were" })
}
