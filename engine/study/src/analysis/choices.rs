//! Choice between two images of a case: shares, and strengths of three or more arms.

use engine::statistics::agreement::fleiss_kappa;
use engine::statistics::bradley_terry::strengths;
use engine::statistics::proportion::binomial_two_sided;
use serde::Serialize;

use super::effects::Test;
use super::exchange::Taken;
use super::frame::{Frame, Row};
use super::values::{Bootstrap, Estimate, ShareOf, holm_over};
use super::{Context, Pairs};
use crate::template::Template;

/// Outcome of a study of choices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choices {
    /// One for each pair of arms that was shown.
    pub pairs: Vec<PairShare>,
    /// Bradley–Terry strengths against the first arm in logits, of three or more arms; n in cases, interval by case.
    /// An entry is `None` where an arm was always or never chosen, so that its strength has no bound.
    pub strengths: Vec<Option<Estimate>>,
    /// Share of each reader's choices that took the left image, whatever its arm.
    pub left: Vec<Option<ShareOf>>,
    /// Fleiss' kappa of the chosen arm; n in cases. `None` of one reader or with gaps.
    pub fleiss: Option<Estimate>,
}

/// One pair of arms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairShare {
    /// Places of the arms.
    pub pair: (usize, usize),
    /// Each reader's choices.
    pub rows: Vec<PairShareRow>,
    /// Share of all choices that took the first arm; n in cases, interval by case.
    pub all: Option<Estimate>,
    /// Choices of all readers.
    pub choices: usize,
}

/// One reader's choices between one pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairShareRow {
    /// Place of the reader.
    pub reader: usize,
    /// Share that took the first arm.
    pub share: Option<ShareOf>,
    /// Exact test against one half, Holm's correction over readers and pairs.
    pub test: Option<Test>,
}

fn other(row: &Row<'_>, context: &Context) -> Option<usize> {
    let beside = row.reading.against.iter().find(|a| **a != row.reading.arm)?;
    context.arms.iter().position(|a| a == beside)
}

/// `None` for other templates.
pub(super) fn choices(frame: &Frame<'_>, context: &Context, boot: Bootstrap) -> Option<Choices> {
    if context.template != Template::PairwiseChoice {
        return None;
    }
    let (arms, cases) = (context.arms.len(), frame.cases.len());
    let mut pairs: Vec<PairShare> = Pairs::Each
        .of(arms)
        .into_iter()
        .filter_map(|pair| {
            let shown: Vec<&Row<'_>> = frame.scored.iter().filter(|row| is_pair(row, pair, context)).collect();
            (!shown.is_empty()).then(|| pair_share(&shown, pair, context.readers.len(), cases, boot))
        })
        .collect();
    holm_over(pairs.iter_mut().flat_map(|p| &mut p.rows).filter_map(|r| r.test.as_mut()));
    let left = |reader: usize| {
        let mine: Vec<&Row<'_>> = frame.scored.iter().filter(|row| row.reader == reader).collect();
        ShareOf::of(mine.iter().filter(|row| row.reading.score == 0).count(), mine.len())
    };
    let strengths = if arms > 2 { (0..arms).map(|arm| strength(frame, context, arm, boot)).collect() } else { Vec::new() };
    Some(Choices { left: (0..context.readers.len()).map(left).collect(), fleiss: fleiss(frame, context, boot), strengths, pairs })
}

/// For each pair of arms that was shown, how often each was taken.
pub(super) fn taken(frame: &Frame<'_>, context: &Context) -> Vec<Taken> {
    let of_pair = |pair: (usize, usize)| {
        let mut by_case = vec![vec![0; 2]; frame.cases.len()];
        for row in frame.scored.iter().filter(|row| is_pair(row, pair, context)) {
            by_case[row.case][usize::from(row.arm != pair.0)] += 1;
        }
        let shown = by_case.iter().flatten().any(|n| *n > 0);
        shown.then_some(Taken { pair: Some(pair), by_case })
    };
    Pairs::Each.of(context.arms.len()).into_iter().filter_map(of_pair).collect()
}

fn is_pair(row: &Row<'_>, (a, b): (usize, usize), context: &Context) -> bool {
    other(row, context).is_some_and(|o| (row.arm, o) == (a, b) || (row.arm, o) == (b, a))
}

fn pair_share(shown: &[&Row<'_>], pair: (usize, usize), readers: usize, cases: usize, boot: Bootstrap) -> PairShare {
    let first = |row: &&&Row<'_>| row.arm == pair.0;
    let rows = (0..readers).map(|reader| {
        let mine: Vec<&Row<'_>> = shown.iter().filter(|row| row.reader == reader).copied().collect();
        let share = ShareOf::of(mine.iter().filter(first).count(), mine.len());
        let test = share.and_then(|s| binomial_two_sided(s.hits, s.n, 0.5)).map(Test::alone);
        PairShareRow { reader, share, test }
    });
    let by_case: Vec<(usize, usize)> = (0..cases)
        .map(|case| {
            let here: Vec<&Row<'_>> = shown.iter().filter(|row| row.case == case).copied().collect();
            (here.iter().filter(first).count(), here.len())
        })
        .filter(|(_, n)| *n > 0)
        .collect();
    PairShare {
        pair,
        rows: rows.collect(),
        all: boot.estimate(by_case.len(), |units| {
            let (hits, n) = units.iter().fold((0, 0), |(h, n), &u| (h + by_case[u].0, n + by_case[u].1));
            (n > 0).then(|| hits as f64 / n as f64)
        }),
        choices: shown.len(),
    }
}

fn strength(frame: &Frame<'_>, context: &Context, arm: usize, boot: Bootstrap) -> Option<Estimate> {
    let arms = context.arms.len();
    let by_case: Vec<Vec<(usize, usize)>> = (0..frame.cases.len())
        .map(|case| {
            let here = frame.scored.iter().filter(|row| row.case == case);
            here.filter_map(|row| Some((row.arm, other(row, context)?))).collect::<Vec<_>>()
        })
        .filter(|choices| !choices.is_empty())
        .collect();
    boot.estimate(by_case.len(), |units| {
        let mut wins = vec![vec![0.0; arms]; arms];
        for &(won, lost) in units.iter().flat_map(|&u| &by_case[u]) {
            wins[won][lost] += 1.0;
        }
        strengths(&wins).map(|s| s[arm])
    })
}

/// Kappa of the chosen arm over images shown together, each case with its pairs.
fn fleiss(frame: &Frame<'_>, context: &Context, boot: Bootstrap) -> Option<Estimate> {
    let readers = context.readers.len();
    let by_case: Vec<Vec<Vec<Option<usize>>>> = (0..frame.cases.len())
        .map(|case| {
            let of_pair = |pair: (usize, usize)| {
                let chosen = |reader: usize| {
                    let mut mine = frame.scored.iter().filter(|row| row.case == case && row.reader == reader);
                    mine.find(|row| is_pair(row, pair, context)).map(|row| row.arm)
                };
                (0..readers).map(chosen).collect::<Vec<_>>()
            };
            let shown = Pairs::Each.of(context.arms.len()).into_iter().map(of_pair);
            shown.filter(|chosen| chosen.iter().all(Option::is_some)).collect::<Vec<_>>()
        })
        .filter(|shown| !shown.is_empty())
        .collect();
    if readers < 2 {
        return None;
    }
    boot.estimate(by_case.len(), |units| {
        let drawn: Vec<Vec<Option<usize>>> = units.iter().flat_map(|&u| by_case[u].iter().cloned()).collect();
        fleiss_kappa(&drawn, context.arms.len()).map(|k| k.value)
    })
}
