//! Effects within the cases of each finding. Exploratory: groups are small and overlap.

use std::collections::{BTreeMap, BTreeSet};

use engine::domain::Finding;
use engine::statistics::mean;
use serde::Serialize;

use super::effects::{Effect, effect, of_cases};
use super::exchange::{Taken, p_of};
use super::frame::{Frame, Grid};
use super::values::{Bootstrap, Estimate, holm_over};
use super::{Context, Test, choices, quartet};
use crate::template::Template;

/// Fewest cases that are tested.
const LEAST: usize = 6;

/// Cases with one finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingRow {
    /// The class code, "PTX"; empty of cases without finding.
    pub code: String,
    /// In words.
    pub name: String,
    /// Cases.
    pub cases: usize,
    /// Mean score by arm, each case with the mean of its readers; empty of choices.
    pub means: Vec<Option<f64>>,
    /// One for each pair of arms; empty of choices.
    pub effects: Vec<FindingEffect>,
    /// Of choices one for each pair of arms that was shown, of quartets one of the real image; empty of scores.
    pub shares: Vec<FindingShare>,
}

/// Difference between two arms within a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingEffect {
    /// Places of the arms.
    pub pair: (usize, usize),
    /// Mean difference in points; n in cases with both. No interval below six cases.
    pub difference: Option<Estimate>,
    /// Signed-rank test over cases, Holm's correction over findings and pairs; `None` below six cases.
    pub test: Option<Test>,
}

/// How often an image was taken within a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingShare {
    /// Places of the arms, of which the first is counted; `None` of quartets, where it is the real image.
    pub pair: Option<(usize, usize)>,
    /// Share of the choices that took it; n in cases, interval by case. No interval below six cases.
    pub share: Option<Estimate>,
    /// Choices of all readers.
    pub choices: usize,
    /// Exact test over cases against guessing, Holm's correction over findings and pairs; `None` below six cases.
    pub test: Option<Test>,
}

/// Effects on scores.
pub(super) fn rows(frame: &Frame<'_>, grid: &Grid, pairs: &[(usize, usize)], boot: Bootstrap) -> Vec<FindingRow> {
    let effects = |(code, cases): &(&str, BTreeSet<usize>)| row(code, cases, grid, pairs, boot);
    let mut rows: Vec<FindingRow> = groups(frame).iter().map(effects).collect();
    holm_over(rows.iter_mut().flat_map(|r| &mut r.effects).filter_map(|e| e.test.as_mut()));
    rows
}

/// Shares of choices; empty for templates of scores.
pub(super) fn shares(frame: &Frame<'_>, context: &Context, boot: Bootstrap) -> Vec<FindingRow> {
    let taken = match context.template {
        Template::PairwiseChoice => choices::taken(frame, context),
        Template::Quartet => vec![quartet::taken(frame, context)],
        _ => return Vec::new(),
    };
    let of_group = |(code, cases): (&str, BTreeSet<usize>)| FindingRow {
        code: code.to_owned(),
        name: name(code),
        cases: cases.len(),
        means: Vec::new(),
        effects: Vec::new(),
        shares: taken.iter().map(|taken| share(taken, &cases, boot)).collect(),
    };
    let mut rows: Vec<FindingRow> = groups(frame).into_iter().map(of_group).collect();
    holm_over(rows.iter_mut().flat_map(|r| &mut r.shares).filter_map(|s| s.test.as_mut()));
    rows
}

/// Cases of each finding in the order of the classes' keys, then of other codes, then those without any; empty where no case
/// has a finding.
fn groups<'a>(frame: &Frame<'a>) -> Vec<(&'a str, BTreeSet<usize>)> {
    let mut of_case: BTreeMap<usize, BTreeSet<&'a str>> = BTreeMap::new();
    for row in &frame.scored {
        let codes = of_case.entry(row.case).or_default();
        codes.extend(row.reading.findings.iter().map(String::as_str));
    }
    let codes: BTreeSet<&str> = of_case.values().flatten().copied().collect();
    if codes.is_empty() {
        return Vec::new();
    }
    let key = |code: &str| Finding::ALL.iter().position(|f| f.code() == code).unwrap_or(Finding::ALL.len());
    let mut ordered: Vec<&str> = codes.into_iter().collect();
    ordered.sort_by_key(|code| (key(code), *code));
    ordered.push("");
    let has = |code: &str, codes: &BTreeSet<&str>| if code.is_empty() { codes.is_empty() } else { codes.contains(code) };
    let cases = |code: &str| of_case.iter().filter(|(_, codes)| has(code, codes)).map(|(case, _)| *case).collect();
    let groups = ordered.into_iter().map(|code| (code, cases(code)));
    groups.filter(|(_, cases): &(&str, BTreeSet<usize>)| !cases.is_empty()).collect()
}

fn name(code: &str) -> String {
    let title = Finding::ALL.iter().find(|f| f.code() == code).map(|f| f.title());
    if code.is_empty() { "No finding" } else { title.unwrap_or(code) }.to_owned()
}

fn row(code: &str, cases: &BTreeSet<usize>, grid: &Grid, pairs: &[(usize, usize)], boot: Bootstrap) -> FindingRow {
    let means = |arm: usize| {
        let of_cases: Vec<f64> = cases.iter().filter_map(|&c| grid.mean_of_readers(arm, c)).collect();
        mean(&of_cases)
    };
    let effects = pairs.iter().map(|&pair| {
        let differences = of_cases(grid, pair, |case| cases.contains(&case));
        let Effect { difference, test, .. } = effect(pair, None, &differences, boot);
        let enough = differences.len() >= LEAST;
        FindingEffect {
            pair,
            difference: difference.map(|d| Estimate { interval: d.interval.filter(|_| enough), ..d }),
            test: test.filter(|_| enough),
        }
    });
    FindingRow {
        code: code.to_owned(),
        name: name(code),
        cases: cases.len(),
        means: (0..grid.arms).map(means).collect(),
        effects: effects.collect(),
        shares: Vec::new(),
    }
}

fn share(taken: &Taken, cases: &BTreeSet<usize>, boot: Bootstrap) -> FindingShare {
    let here: Vec<&[usize]> =
        cases.iter().map(|&case| taken.by_case[case].as_slice()).filter(|counts| counts.iter().any(|n| *n > 0)).collect();
    let enough = here.len() >= LEAST;
    let share = boot.estimate(here.len(), |units| {
        let (hits, n) = units.iter().fold((0, 0), |(h, n), &u| (h + here[u][0], n + here[u].iter().sum::<usize>()));
        (n > 0).then(|| hits as f64 / n as f64)
    });
    FindingShare {
        pair: taken.pair,
        share: share.map(|s| Estimate { interval: s.interval.filter(|_| enough), ..s }),
        choices: here.iter().copied().flatten().sum(),
        test: enough.then(|| Test::alone(p_of(&here))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::analysis::testing::{quick, reading};
    use crate::reading::Reading;

    fn chosen(reader: &str, case: usize, code: &str, arm: &str, against: &[&str]) -> Reading {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let findings = owned(if code.is_empty() { &[] } else { std::slice::from_ref(&code) });
        Reading { against: owned(against), findings, ..reading(reader, &case.to_string(), arm, 0) }
    }

    #[test]
    fn choices_within_findings_by_hand() {
        let context = Context::plain("t", Template::PairwiseChoice, &["a", "b"], &["r1", "r2"]);
        let mut readings = Vec::new();
        for case in 0..17 {
            // Both take a in 7 of 8 cases with effusion; they never agree on pneumothorax; three cases have no finding.
            let (code, first, second) = match case {
                0..7 => ("EFF", "a", "a"),
                7 => ("EFF", "b", "b"),
                8..14 => ("PTX", "a", "b"),
                _ => ("", "a", "a"),
            };
            for (reader, arm) in [("r1", first), ("r2", second)] {
                readings.push(chosen(reader, case, code, arm, &[if arm == "a" { "b" } else { "a" }]));
            }
        }
        let rows = analyse(&readings, &context, &quick()).expect("a study").findings;
        let of = |code: &str| rows.iter().find(|row| row.code == code).expect("the finding");
        assert_eq!([of("EFF").cases, of("PTX").cases, of("").cases], [8, 6, 3]);
        assert!(rows.iter().all(|row| row.shares.len() == 1 && row.effects.is_empty() && row.means.is_empty()));
        let effusion = &of("EFF").shares[0];
        let (share, test) = (effusion.share.expect("choices"), effusion.test.expect("eight cases"));
        assert_eq!((effusion.pair, effusion.choices, share.value, share.n), (Some((0, 1)), 16, 14.0 / 16.0, 8));
        assert!(share.interval.is_some_and(|(low, high)| low < share.value && share.value < high));
        // Readers who agree are one piece of evidence: 0, 1, 7 or 8 of 8, not 14 of 16.
        assert!((test.p - 18.0 / 256.0).abs() < 1e-12 && (test.holm - 36.0 / 256.0).abs() < 1e-12, "{test:?}");
        assert_eq!(test.family, 2);
        let torn = &of("PTX").shares[0];
        assert_eq!((torn.share.expect("choices").value, torn.test.expect("six cases").holm), (0.5, 1.0));
        let none = &of("").shares[0];
        assert_eq!((none.share.expect("choices").interval, none.test, none.choices), (None, None, 6));
    }

    #[test]
    fn quartets_within_findings_by_hand() {
        let mut context = Context::plain("t", Template::Quartet, &["m1", "real", "m2", "m3"], &["r"]);
        context.real_arm = Some("real".to_owned());
        let of = |case: usize| {
            let arm = if case < 6 { "real" } else { "m2" };
            let against: Vec<&str> = ["m1", "real", "m2", "m3"].into_iter().filter(|other| *other != arm).collect();
            chosen("r", case, "EFF", arm, &against)
        };
        let readings: Vec<Reading> = (0..8).map(of).collect();
        let rows = analyse(&readings, &context, &quick()).expect("a study").findings;
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["Pleural effusion"]);
        let found = &rows[0].shares[0];
        assert_eq!((found.pair, found.share.expect("choices").value), (None, 0.75));
        // Six or more of eight where each is found by chance once in four.
        let p = found.test.expect("eight cases").p;
        assert!((p - (28.0 * 9.0 + 8.0 * 3.0 + 1.0) / 65_536.0).abs() < 1e-12, "{p}");
    }
}
