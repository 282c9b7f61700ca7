//! Real or synthetic: can a reader tell them apart?
//!
//! The signal is a real image. Answers 4 and 5 call it real, 1 and 2 synthetic; 3 ("cannot tell") counts in the area
//! under the curve and is left out of d′ and of the share called right.

use engine::statistics::mean;
use engine::statistics::proportion::binomial_two_sided;
use engine::statistics::roc::{area, d_prime};
use serde::Serialize;

use super::Context;
use super::effects::Test;
use super::frame::{Frame, Row};
use super::values::{Bootstrap, Estimate, ShareOf, holm_over, wide};
use crate::template::Template;

/// Outcome of a study of real and synthetic images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Each reader, then all together, then all together for each synthetic arm where there are several.
    pub rows: Vec<DetectionRow>,
    /// Fleiss' kappa of calling an image real stands with the agreement; this counts answers without a known truth.
    pub unknown: usize,
}

/// One reader, or all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DetectionRow {
    /// Place of the reader; `None` of all.
    pub reader: Option<usize>,
    /// Only images of this synthetic arm, beside the real ones; `None` of all.
    pub arm: Option<usize>,
    /// Answers on real images.
    pub real: usize,
    /// Answers on synthetic images.
    pub synthetic: usize,
    /// Answers "cannot tell".
    pub undecided: usize,
    /// Area under the ROC curve of the answers; of a reader with DeLong's interval, of all the mean of the readers
    /// with an interval by case. n in answers.
    pub auc: Option<Estimate>,
    /// d′ with an interval by case; of all the mean of the readers. n in cases.
    pub d_prime: Option<Estimate>,
    /// Decided answers that are right.
    pub right: Option<ShareOf>,
    /// Share of right answers of all readers with an interval by case; `None` of one reader.
    pub right_by_case: Option<Estimate>,
    /// Exact test of the share against one half, Holm's correction over readers; `None` of all.
    pub test: Option<Test>,
    /// Real images called real.
    pub real_called_real: Option<ShareOf>,
    /// Synthetic images called real.
    pub synthetic_called_real: Option<ShareOf>,
    /// Both shares of all readers with intervals by case: real images, then synthetic ones; `None` of a reader.
    pub called_by_case: (Option<Estimate>, Option<Estimate>),
}

/// One answer: reader, case, whether real, score.
#[derive(Clone, Copy)]
struct Answer {
    reader: usize,
    case: usize,
    arm: usize,
    real: bool,
    score: i32,
}

fn real(row: &Row<'_>, context: &Context) -> Option<bool> {
    let by_arm = || context.real_arm.as_ref().map(|real| *real == row.reading.arm);
    row.reading.truth.map(|truth| truth >= 4).or_else(by_arm)
}

/// `None` for other templates.
pub(super) fn detection(frame: &Frame<'_>, context: &Context, boot: Bootstrap) -> Option<Detection> {
    if context.template != Template::RealOrSynthetic {
        return None;
    }
    let known = |row: &Row<'_>| {
        let real = real(row, context)?;
        Some(Answer { reader: row.reader, case: row.case, arm: row.arm, real, score: row.reading.score })
    };
    let answers: Vec<Answer> = frame.scored.iter().filter_map(known).collect();
    let cases = frame.cases.len();
    let mut rows: Vec<DetectionRow> = (0..context.readers.len())
        .map(|reader| {
            let mine: Vec<Answer> = answers.iter().filter(|a| a.reader == reader).copied().collect();
            row(Some(reader), None, &mine, cases, boot)
        })
        .collect();
    rows.push(row(None, None, &answers, cases, boot));
    let fakes: Vec<usize> = (0..context.arms.len()).filter(|&arm| answers.iter().any(|a| a.arm == arm && !a.real)).collect();
    if fakes.len() > 1 {
        for &arm in &fakes {
            let some: Vec<Answer> = answers.iter().filter(|a| a.real || a.arm == arm).copied().collect();
            rows.push(row(None, Some(arm), &some, cases, boot));
        }
    }
    holm_over(rows.iter_mut().filter_map(|r| r.test.as_mut()));
    Some(Detection { unknown: frame.scored.len() - answers.len(), rows })
}

fn row(reader: Option<usize>, arm: Option<usize>, answers: &[Answer], cases: usize, boot: Bootstrap) -> DetectionRow {
    let called = |real: bool, yes: bool| {
        answers.iter().filter(|a| a.real == real && (if yes { a.score >= 4 } else { a.score <= 2 })).count()
    };
    let (hits, misses, alarms, rejections) = (called(true, true), called(true, false), called(false, true), called(false, false));
    let right = ShareOf::of(hits + rejections, hits + misses + alarms + rejections);
    let by_case: Vec<Vec<Answer>> = (0..cases).map(|case| answers.iter().filter(|a| a.case == case).copied().collect()).collect();
    let drawn = |units: &[usize]| -> Vec<Answer> { units.iter().flat_map(|&u| by_case[u].iter().copied()).collect() };
    let mut readers: Vec<usize> = answers.iter().map(|a| a.reader).collect();
    readers.sort_unstable();
    readers.dedup();
    let over_readers = |units: &[usize], of: fn(&[Answer]) -> Option<f64>| {
        let drawn = drawn(units);
        let each = readers.iter().filter_map(|&r| of(&drawn.iter().filter(|a| a.reader == r).copied().collect::<Vec<_>>()));
        mean(&each.collect::<Vec<_>>())
    };
    // Readers answer to the same cases, so their answers are not as many as they seem: cases are resampled.
    let called_real = |real: bool| {
        boot.estimate(cases, |units| {
            let drawn = drawn(units);
            let decided = drawn.iter().filter(|a| a.real == real && a.score != 3);
            mean(&decided.map(|a| f64::from(u8::from(a.score >= 4))).collect::<Vec<_>>())
        })
    };
    let auc = if reader.is_some() {
        area(&scores(answers, true), &scores(answers, false)).map(|a| Estimate {
            value: a.value,
            interval: wide(a.ci95),
            n: answers.len(),
        })
    } else {
        boot.estimate(cases, |units| over_readers(units, auc_of)).map(|e| Estimate { n: answers.len(), ..e })
    };
    DetectionRow {
        reader,
        arm,
        real: answers.iter().filter(|a| a.real).count(),
        synthetic: answers.iter().filter(|a| !a.real).count(),
        undecided: answers.iter().filter(|a| a.score == 3).count(),
        auc,
        d_prime: boot.estimate(cases, |units| over_readers(units, d_prime_of)),
        right,
        right_by_case: if reader.is_some() {
            None
        } else {
            boot.estimate(cases, |units| {
                let drawn = drawn(units);
                let decided: Vec<f64> =
                    drawn.iter().filter(|a| a.score != 3).map(|a| f64::from(u8::from(a.real == (a.score >= 4)))).collect();
                mean(&decided)
            })
        },
        test: reader.and(right).and_then(|s| binomial_two_sided(s.hits, s.n, 0.5)).map(Test::alone),
        real_called_real: ShareOf::of(hits, hits + misses),
        synthetic_called_real: ShareOf::of(alarms, alarms + rejections),
        called_by_case: if reader.is_some() { (None, None) } else { (called_real(true), called_real(false)) },
    }
}

fn scores(answers: &[Answer], real: bool) -> Vec<f64> {
    answers.iter().filter(|a| a.real == real).map(|a| f64::from(a.score)).collect()
}

fn auc_of(answers: &[Answer]) -> Option<f64> {
    area(&scores(answers, true), &scores(answers, false)).map(|a| a.value)
}

fn d_prime_of(answers: &[Answer]) -> Option<f64> {
    let count = |real: bool, yes: bool| {
        answers.iter().filter(|a| a.real == real && (if yes { a.score >= 4 } else { a.score <= 2 })).count()
    };
    d_prime(count(true, true), count(true, false), count(false, true), count(false, false)).map(|d| d.0)
}
