//! The outcome of a study in a few sentences, which stand at the top of its report.

use super::methods::{capital, readers};
use crate::analysis::words::{counted, number, p_said, percent, percents, range, ratio, signed};
use crate::analysis::{Analysis, Context, Estimate, Scale, letter};

/// The outcome in one to a few sentences; empty where there is nothing to compare.
pub(super) fn main_result(analysis: &Analysis, context: &Context) -> Vec<String> {
    let mut out = Vec::new();
    for scale in &analysis.scales {
        out.extend(of_scale(analysis, scale));
    }
    // More than these belong into a table.
    if out.len() > 6 {
        out.clear();
    }
    let said = |e: Estimate, places: usize| {
        let ends = e.interval.map_or_else(String::new, |i| format!(" (95\u{202f}% interval {})", range(i, places)));
        format!("{}{ends}", number(e.value, places))
    };
    let said_share = |e: Estimate| {
        let ends = e.interval.map_or_else(String::new, |i| format!(" (95\u{202f}% interval {})", percents(i, 1)));
        format!("{}{ends}", percent(e.value, 1))
    };
    if let Some(found) = &analysis.detection {
        out.clear();
        let row = found.rows.iter().find(|r| r.reader.is_none() && r.arm.is_none());
        if let Some((area, row)) = row.and_then(|r| Some((r.auc?, r))) {
            out.push(format!("The area under the ROC curve for telling real from synthetic images is {}.", said(area, 2)));
            if let Some(right) = row.right_by_case {
                out.push(format!("Of the decided answers {} are right.", said_share(right)));
            }
        }
    }
    if let Some(found) = &analysis.choices {
        for pair in found.pairs.iter().take(6) {
            if let Some(all) = pair.all {
                let (a, b) = pair.pair;
                let choices = counted(pair.choices, "choice", "choices");
                out.push(format!("{} was chosen over {} in {} of {choices}.", letter(a), letter(b), said_share(all)));
            }
        }
    }
    if let Some(all) = analysis.quartet.as_ref().and_then(|q| q.all) {
        let chance = analysis.quartet.as_ref().map_or(0.25, |q| q.chance);
        out.push(format!(
            "The real image was found in {} of the quartets; guessing finds {}.",
            said_share(all),
            percent(chance, 0)
        ));
    }
    if let Some(row) = analysis.assisted.as_ref().and_then(|a| a.rows.iter().find(|r| r.reader.is_none())) {
        out.clear();
        if let (Some(without), Some(with), Some(difference)) = (row.without, row.with, row.difference) {
            let points = difference.interval.map_or_else(String::new, |i| {
                format!(" (95\u{202f}% interval {} percentage points)", range((100.0 * i.0, 100.0 * i.1), 1))
            });
            out.push(format!(
                "{} of the answers were right without help and {} with help: a change of {} percentage points{points}.",
                percent(without.value, 1),
                percent(with.value, 1),
                signed(100.0 * difference.value, 1)
            ));
        }
    }
    if !out.is_empty() {
        out.push(format!(
            "n: {} to {} by {}.",
            counted(analysis.counts.scored, "answer", "answers"),
            counted(analysis.counts.cases, "case", "cases"),
            readers(context)
        ));
    }
    out
}

fn of_scale(analysis: &Analysis, scale: &Scale) -> Vec<String> {
    let of = if scale.criterion.is_empty() { String::new() } else { format!("{}: ", scale.criterion) };
    analysis
        .pairs
        .iter()
        .filter_map(|&pair| {
            let (a, b) = (letter(pair.0), letter(pair.1));
            let mean = scale.effects.iter().find(|e| e.pair == pair && e.reader.is_none())?.difference?;
            let points = format!(
                "the mean difference {a} − {b} is {} points{}",
                number(mean.value, 2),
                mean.interval.map_or_else(String::new, |i| format!(" (95\u{202f}% interval {})", range(i, 2)))
            );
            let effect = scale.model.as_ref().and_then(|m| m.effects.iter().find(|e| e.pair == pair));
            Some(match effect {
                Some(e) => format!(
                    "{of}the odds ratio for a higher score, {a} over {b}, is {}{}; {points}.",
                    ratio(e.odds_ratio.value),
                    e.odds_ratio.interval.map_or_else(String::new, |(l, h)| format!(
                        " (95\u{202f}% interval {}–{}, {}{})",
                        ratio(l),
                        ratio(h),
                        if e.test.family > 1 { "Holm " } else { "" },
                        p_said(e.test.holm)
                    ))
                ),
                None => format!("{of}{points}."),
            })
        })
        .map(|sentence| capital(&sentence))
        .collect()
}
