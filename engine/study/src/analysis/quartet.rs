//! Four images, one of them real: how often is it found?

use engine::statistics::agreement::fleiss_kappa;
use engine::statistics::proportion::binomial_two_sided;
use serde::Serialize;

use super::effects::Test;
use super::exchange::Taken;
use super::frame::{Frame, Row};
use super::values::{Bootstrap, Estimate, ShareOf, holm_over};
use super::{AnalysisError, Context};
use crate::template::Template;

/// Outcome of a study of quartets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quartet {
    /// The share that guessing finds.
    pub chance: f64,
    /// Each reader.
    pub rows: Vec<QuartetRow>,
    /// Share found by all readers; n in cases, interval by case.
    pub all: Option<Estimate>,
    /// How often each arm was taken for the real one, by arm.
    pub taken: Vec<usize>,
    /// How often each place was chosen, by choice of the template.
    pub places: Vec<usize>,
    /// Fleiss' kappa of the chosen arm; n in cases. `None` of one reader or with gaps.
    pub fleiss: Option<Estimate>,
}

/// One reader.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuartetRow {
    /// Place of the reader.
    pub reader: usize,
    /// Share in which the real image was found.
    pub right: Option<ShareOf>,
    /// Exact test against chance, Holm's correction over readers.
    pub test: Option<Test>,
}

/// Whether the real image was found; `None` where nothing tells which it is.
fn found(row: &Row<'_>, context: &Context) -> Option<bool> {
    let by_arm = || context.real_arm.as_ref().map(|real| *real == row.reading.arm);
    row.reading.truth.map(|place| place == row.reading.score).or_else(by_arm)
}

/// How often the real image and each other one was taken.
pub(super) fn taken(frame: &Frame<'_>, context: &Context) -> Taken {
    let of_case = |case: usize| {
        let mut real = 0;
        let mut others = vec![0; context.arms.len()];
        for row in frame.scored.iter().filter(|row| row.case == case) {
            if found(row, context) == Some(true) {
                real += 1;
            } else {
                others[row.arm] += 1;
            }
        }
        // The real image's own arm stands in the first place; images that nobody took count too.
        others.sort_unstable_by(|a, b| b.cmp(a));
        others.truncate(context.template.images() - 1);
        [vec![real], others].concat()
    };
    Taken { pair: None, by_case: (0..frame.cases.len()).map(of_case).collect() }
}

/// `None` for other templates.
///
/// # Errors
/// When nothing tells which image is real.
pub(super) fn quartet(frame: &Frame<'_>, context: &Context, boot: Bootstrap) -> Result<Option<Quartet>, AnalysisError> {
    if context.template != Template::Quartet {
        return Ok(None);
    }
    if frame.scored.iter().any(|row| found(row, context).is_none()) {
        return Err(AnalysisError::Design(
            "nothing tells which image of a quartet is real; name the arm of real images".to_owned(),
        ));
    }
    let right = |row: &&Row<'_>| found(row, context) == Some(true);
    let chance = 1.0 / context.template.images() as f64;
    let mut rows: Vec<QuartetRow> = (0..context.readers.len())
        .map(|reader| {
            let mine: Vec<&Row<'_>> = frame.scored.iter().filter(|row| row.reader == reader).collect();
            let share = ShareOf::of(mine.iter().copied().filter(right).count(), mine.len());
            let test = share.and_then(|s| binomial_two_sided(s.hits, s.n, chance)).map(Test::alone);
            QuartetRow { reader, right: share, test }
        })
        .collect();
    holm_over(rows.iter_mut().filter_map(|r| r.test.as_mut()));
    let by_case: Vec<(usize, usize)> = (0..frame.cases.len())
        .map(|case| {
            let here: Vec<&Row<'_>> = frame.scored.iter().filter(|row| row.case == case).collect();
            (here.iter().copied().filter(right).count(), here.len())
        })
        .filter(|(_, n)| *n > 0)
        .collect();
    let readers = context.readers.len();
    let chosen: Vec<Vec<Option<usize>>> = (0..frame.cases.len())
        .map(|case| {
            let of_reader =
                |reader: usize| frame.scored.iter().find(|row| row.case == case && row.reader == reader).map(|row| row.arm);
            (0..readers).map(of_reader).collect::<Vec<_>>()
        })
        .filter(|chosen| chosen.iter().all(Option::is_some))
        .collect();
    let fleiss = if readers > 1 {
        boot.estimate(chosen.len(), |units| {
            let drawn: Vec<Vec<Option<usize>>> = units.iter().map(|&u| chosen[u].clone()).collect();
            fleiss_kappa(&drawn, context.arms.len()).map(|k| k.value)
        })
    } else {
        None
    };
    let count = |keep: &dyn Fn(&Row<'_>) -> bool| frame.scored.iter().filter(|row| keep(row)).count();
    Ok(Some(Quartet {
        chance,
        rows,
        all: boot.estimate(by_case.len(), |units| {
            let (hits, n) = units.iter().fold((0, 0), |(h, n), &u| (h + by_case[u].0, n + by_case[u].1));
            (n > 0).then(|| hits as f64 / n as f64)
        }),
        taken: (0..context.arms.len()).map(|arm| count(&|row| row.arm == arm)).collect(),
        places: context.template.choices().iter().map(|c| count(&|row| row.reading.score == c.value)).collect(),
        fleiss,
    }))
}
