//! Assisted reading: the same reader and case without and with help.
//!
//! An answer of 4 or 5 calls the finding present, of 1 or 2 absent; "cannot tell" (3) is not right. Only cases that a
//! reader read both ways count.

use engine::statistics::mean;
use engine::statistics::proportion::mcnemar;
use engine::statistics::roc::{area, compare};
use serde::Serialize;

use super::effects::Test;
use super::frame::{Frame, Row};
use super::values::{Bootstrap, Estimate, ShareOf, holm_over, wide};
use super::{AnalysisError, Context};
use crate::template::Template;

/// Outcome of a study of assisted reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assisted {
    /// Each reader, then the mean of all.
    pub rows: Vec<AssistedRow>,
    /// What came first.
    pub order: OrderBalance,
    /// Answers without a known truth or without the other condition.
    pub unpaired: usize,
}

/// One reader, or the mean of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssistedRow {
    /// Place of the reader; `None` of all.
    pub reader: Option<usize>,
    /// Answers read both ways.
    pub pairs: usize,
    /// Share right without help.
    pub without: Option<ShareOf>,
    /// Share right with help.
    pub with: Option<ShareOf>,
    /// With less without; of a reader and of all with an interval by case; n in cases.
    pub difference: Option<Estimate>,
    /// Wrong without, right with help.
    pub gained: usize,
    /// Right without, wrong with help.
    pub lost: usize,
    /// McNemar's exact test, Holm's correction over readers; `None` of all.
    pub test: Option<Test>,
    /// Area without help; n in answers.
    pub auc_without: Option<Estimate>,
    /// Area with help.
    pub auc_with: Option<Estimate>,
    /// Area with less without; of a reader by DeLong, of all the mean of the readers with an interval by case.
    pub auc_difference: Option<Estimate>,
    /// Present findings called present, without and with help.
    pub sensitivity: (Option<ShareOf>, Option<ShareOf>),
    /// Absent findings called absent, without and with help.
    pub specificity: (Option<ShareOf>, Option<ShareOf>),
    /// Both of all readers with intervals by case, sensitivity first; `None` of a reader, whose shares have exact ones.
    pub kinds_by_case: Option<[Option<Estimate>; 4]>,
}

/// Pairs in which a condition came first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OrderBalance {
    /// Without help first.
    pub without_first: usize,
    /// With help first.
    pub with_first: usize,
}

/// One case read both ways by one reader.
#[derive(Clone, Copy)]
struct Both {
    reader: usize,
    case: usize,
    present: bool,
    without: i32,
    with: i32,
    without_first: bool,
}

fn right(present: bool, score: i32) -> bool {
    if present { score >= 4 } else { score <= 2 }
}

/// `None` for other templates.
///
/// # Errors
/// When there are not two conditions, or no answer has a known truth.
pub(super) fn assisted(frame: &Frame<'_>, context: &Context, boot: Bootstrap) -> Result<Option<Assisted>, AnalysisError> {
    if context.template != Template::AssistedReading {
        return Ok(None);
    }
    if context.arms.len() != 2 {
        let found = context.arms.len();
        let text = format!("assisted reading has two conditions, without and with help, as its arms; this study has {found}");
        return Err(AnalysisError::Design(text));
    }
    if frame.scored.iter().all(|row| row.reading.truth.is_none()) {
        return Err(AnalysisError::Design(
            "no case of this assisted reading has a known truth; add it to the case table".to_owned(),
        ));
    }
    let second = |first: &Row<'_>| {
        let same = |row: &&Row<'_>| {
            row.arm == 1
                && row.reader == first.reader
                && row.case == first.case
                && row.reading.criterion == first.reading.criterion
        };
        frame.scored.iter().find(same).copied()
    };
    let pairs: Vec<Both> = frame
        .scored
        .iter()
        .filter(|row| row.arm == 0)
        .filter_map(|row| {
            let with = second(row)?;
            Some(Both {
                reader: row.reader,
                case: row.case,
                present: row.reading.truth? >= 4,
                without: row.reading.score,
                with: with.reading.score,
                without_first: (row.reading.round, row.reading.order) < (with.reading.round, with.reading.order),
            })
        })
        .collect();
    let cases = frame.cases.len();
    let of_reader = |reader: usize| pairs.iter().filter(|p| p.reader == reader).copied().collect::<Vec<_>>();
    let mut rows: Vec<AssistedRow> =
        (0..context.readers.len()).map(|reader| row(Some(reader), &of_reader(reader), cases, boot)).collect();
    holm_over(rows.iter_mut().filter_map(|r| r.test.as_mut()));
    rows.push(row(None, &pairs, cases, boot));
    let without_first = pairs.iter().filter(|p| p.without_first).count();
    Ok(Some(Assisted {
        rows,
        order: OrderBalance { without_first, with_first: pairs.len() - without_first },
        unpaired: frame.scored.len() - 2 * pairs.len(),
    }))
}

fn row(reader: Option<usize>, pairs: &[Both], cases: usize, boot: Bootstrap) -> AssistedRow {
    let count = |keep: &dyn Fn(&Both) -> bool| pairs.iter().filter(|p| keep(p)).count();
    let (was, is) = (|p: &Both| right(p.present, p.without), |p: &Both| right(p.present, p.with));
    let (gained, lost) = (count(&|p| !was(p) && is(p)), count(&|p| was(p) && !is(p)));
    let present = count(&|p| p.present);
    let by_case: Vec<Vec<Both>> = (0..cases)
        .map(|case| pairs.iter().filter(|p| p.case == case).copied().collect::<Vec<_>>())
        .filter(|here| !here.is_empty())
        .collect();
    let drawn = |units: &[usize]| -> Vec<Both> { units.iter().flat_map(|&u| by_case[u].iter().copied()).collect() };
    let mut readers: Vec<usize> = pairs.iter().map(|p| p.reader).collect();
    readers.sort_unstable();
    readers.dedup();
    let over_readers = |units: &[usize], of: &dyn Fn(&[Both]) -> Option<f64>| {
        let drawn = drawn(units);
        let each = readers.iter().filter_map(|&r| of(&drawn.iter().filter(|p| p.reader == r).copied().collect::<Vec<_>>()));
        mean(&each.collect::<Vec<_>>())
    };
    let areas = |with: bool| {
        if reader.is_some() {
            area_of(pairs, with).map(|a| Estimate { value: a.value, interval: wide(a.ci95), n: pairs.len() })
        } else {
            boot.estimate(by_case.len(), |units| over_readers(units, &|p| area_of(p, with).map(|a| a.value)))
                .map(|e| Estimate { n: pairs.len(), ..e })
        }
    };
    let auc_difference = if reader.is_some() {
        let scores = |of: bool| pairs.iter().filter(move |p| p.present == of).map(|p| (f64::from(p.with), f64::from(p.without)));
        compare(&scores(true).collect::<Vec<_>>(), &scores(false).collect::<Vec<_>>()).map(|d| Estimate {
            value: d.value,
            interval: wide(d.ci95),
            n: pairs.len(),
        })
    } else {
        let less = |p: &[Both]| Some(area_of(p, true)?.value - area_of(p, false)?.value);
        boot.estimate(by_case.len(), |units| over_readers(units, &less)).map(|e| Estimate { n: pairs.len(), ..e })
    };
    // Share right of cases with or without the finding, over resampled cases.
    let kind = |present: bool, of: &dyn Fn(&Both) -> bool| {
        boot.estimate(by_case.len(), |units| {
            let drawn = drawn(units);
            let kept = drawn.iter().filter(|p| p.present == present);
            mean(&kept.map(|p| f64::from(u8::from(of(p)))).collect::<Vec<_>>())
        })
    };
    AssistedRow {
        reader,
        pairs: pairs.len(),
        without: ShareOf::of(count(&was), pairs.len()),
        with: ShareOf::of(count(&is), pairs.len()),
        difference: boot.estimate(by_case.len(), |units| {
            let drawn = drawn(units);
            mean(&drawn.iter().map(|p| f64::from(u8::from(is(p))) - f64::from(u8::from(was(p)))).collect::<Vec<_>>())
        }),
        gained,
        lost,
        test: reader.filter(|_| !pairs.is_empty()).map(|_| Test::alone(mcnemar(gained, lost))),
        auc_without: areas(false),
        auc_with: areas(true),
        auc_difference,
        sensitivity: (
            ShareOf::of(count(&|p| p.present && was(p)), present),
            ShareOf::of(count(&|p| p.present && is(p)), present),
        ),
        specificity: (
            ShareOf::of(count(&|p| !p.present && was(p)), pairs.len() - present),
            ShareOf::of(count(&|p| !p.present && is(p)), pairs.len() - present),
        ),
        kinds_by_case: reader.is_none().then(|| [kind(true, &was), kind(true, &is), kind(false, &was), kind(false, &is)]),
    }
}

fn area_of(pairs: &[Both], with: bool) -> Option<engine::statistics::roc::Area> {
    let score = |p: &Both| f64::from(if with { p.with } else { p.without });
    let of = |present: bool| pairs.iter().filter(|p| p.present == present).map(score).collect::<Vec<_>>();
    area(&of(true), &of(false))
}
