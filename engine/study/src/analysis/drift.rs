//! Learning and fatigue: how scores and times change with the order of reading.

use engine::statistics::trend::common_slope;
use engine::statistics::{mean, median};
use serde::Serialize;

use super::Context;
use super::frame::{Frame, Row};
use super::times::trials;
use crate::template::Template;

/// Trials for which a slope is given: ten of a short order, where a hundred would tell of what nobody read.
fn per(frame: &Frame<'_>) -> u32 {
    let last = frame.scored.iter().map(|row| row.reading.order).max().unwrap_or(0);
    if last >= 50 { 100 } else { 10 }
}

/// A change with the order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// Change for each [`Drift::per`] trials.
    pub value: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
    /// Two-sided p, uncorrected.
    pub p: f64,
    /// Answers.
    pub n: usize,
}

/// One reader's change with the order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// Place of the reader.
    pub reader: usize,
    /// Trials for which the changes stand: 100, or 10 where no reader had half as many.
    pub per: u32,
    /// Score points for each `per` trials, each arm and criterion with its own mean; `None` of choices and of assisted reading.
    pub score: Option<Trend>,
    /// Share right for each `per` trials: of quartets the real image found, of real or synthetic the decided answers, of assisted
    /// reading each condition with its own share; `None` where no answer is right or wrong.
    pub right: Option<Trend>,
    /// Time for each `per` trials as a share: −0.2 is a fifth faster. From the slope of its logarithm.
    pub time: Option<Trend>,
}

/// Mean score and time over the order, all readers together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curve {
    /// From early to late.
    pub points: Vec<CurvePoint>,
}

/// One stretch of the order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// First and last place in the order.
    pub order: (u32, u32),
    /// Mean score by arm; `None` where the arm was not scored here, or answers have no order.
    pub scores: Vec<Option<f64>>,
    /// Answers by arm.
    pub n: Vec<usize>,
    /// Share of answers that were right, where answers are right or wrong.
    pub right: Option<f64>,
    /// Median time in seconds.
    pub seconds: Option<f64>,
}

/// Whether the mean answer says something: not where images are chosen, nor where its right end depends on the case.
fn has_level(template: Template) -> bool {
    template.is_ordinal() && template != Template::AssistedReading
}

/// Whether an answer was right; `None` where it is not known, not decided, or no answer is right.
fn right(row: &Row<'_>, context: &Context) -> Option<bool> {
    let (reading, real) = (row.reading, context.real_arm.as_ref());
    match context.template {
        Template::Quartet => reading.truth.map(|place| place == reading.score).or_else(|| real.map(|real| *real == reading.arm)),
        Template::RealOrSynthetic if reading.score == 3 => None,
        Template::RealOrSynthetic => {
            let is_real = reading.truth.map(|truth| truth >= 4).or_else(|| real.map(|real| *real == reading.arm))?;
            Some(is_real == (reading.score >= 4))
        }
        // "Cannot tell" is not right, as in the shares.
        Template::AssistedReading => reading.truth.map(|truth| if truth >= 4 { reading.score >= 4 } else { reading.score <= 2 }),
        _ => None,
    }
}

pub(super) fn drift(frame: &Frame<'_>, context: &Context) -> Vec<Drift> {
    let per = per(frame);
    let times = f64::from(per);
    (0..context.readers.len())
        .map(|reader| {
            let rows: Vec<&Row<'_>> = frame.scored.iter().filter(|row| row.reader == reader).collect();
            let order: Vec<f64> = rows.iter().map(|row| f64::from(row.reading.order)).collect();
            let score: Vec<f64> = rows.iter().map(|row| f64::from(row.reading.score)).collect();
            let criterion = |row: &Row<'_>| context.criteria.iter().position(|c| *c == row.reading.criterion).unwrap_or(0);
            let group: Vec<usize> = rows.iter().map(|row| criterion(row) * context.arms.len() + row.arm).collect();
            let trend = |slope: engine::statistics::trend::Slope| Trend {
                value: times * slope.value,
                interval: (times * slope.ci95.0, times * slope.ci95.1),
                p: slope.p,
                n: slope.n,
            };
            let known: Vec<(&Row<'_>, bool)> = rows.iter().filter_map(|row| Some((*row, right(row, context)?))).collect();
            let when_known: Vec<f64> = known.iter().map(|(row, _)| f64::from(row.reading.order)).collect();
            let was_right: Vec<f64> = known.iter().map(|(_, right)| f64::from(u8::from(*right))).collect();
            // Of images beside each other the arm is the answer, not what was asked.
            let asked: Vec<usize> =
                known.iter().map(|(row, _)| if context.template.is_ordinal() { row.arm } else { 0 }).collect();
            // A time of zero has no logarithm.
            let timed: Vec<_> = trials(frame, |row| row.reader == reader).into_iter().filter(|t| t.seconds > 0.0).collect();
            let when: Vec<f64> = timed.iter().map(|t| f64::from(t.order)).collect();
            let log: Vec<f64> = timed.iter().map(|t| t.seconds.ln()).collect();
            let arm: Vec<usize> = timed.iter().map(|t| t.arm).collect();
            let share =
                |t: Trend| Trend { value: t.value.exp_m1(), interval: (t.interval.0.exp_m1(), t.interval.1.exp_m1()), ..t };
            Drift {
                reader,
                per,
                score: if has_level(context.template) { common_slope(&order, &score, &group).map(trend) } else { None },
                right: common_slope(&when_known, &was_right, &asked).map(trend),
                time: common_slope(&when, &log, &arm).map(trend).map(share),
            }
        })
        .collect()
}

pub(super) fn curve(frame: &Frame<'_>, context: &Context, most: usize) -> Curve {
    let last = frame.scored.iter().map(|row| row.reading.order).max().unwrap_or(0);
    let first = frame.scored.iter().map(|row| row.reading.order).min().unwrap_or(0);
    let span = last - first + 1;
    // Stretches of fewer than five trials would show noise.
    let count = u32::try_from(most).unwrap_or(u32::MAX).min(span / 5).max(1);
    let edge = |i: u32| first + (u64::from(span) * u64::from(i) / u64::from(count)) as u32;
    let level = has_level(context.template);
    let points = (0..count)
        .map(|i| {
            let (low, high) = (edge(i), edge(i + 1) - 1);
            let inside = |row: &Row<'_>| (low..=high).contains(&row.reading.order);
            let of_arm = |arm: usize| -> Vec<f64> {
                let rows = frame.scored.iter().filter(|row| row.arm == arm && inside(row));
                rows.map(|row| f64::from(row.reading.score)).collect()
            };
            let scores: Vec<Vec<f64>> = (0..context.arms.len()).map(of_arm).collect();
            let of_all = frame.scored.iter().filter(|row| inside(row)).filter_map(|row| right(row, context));
            let of_all: Vec<f64> = of_all.map(|right| f64::from(u8::from(right))).collect();
            let seconds: Vec<f64> = trials(frame, inside).iter().map(|t| t.seconds).collect();
            CurvePoint {
                order: (low, high),
                scores: scores.iter().map(|s| if level { mean(s) } else { None }).collect(),
                n: scores.iter().map(Vec::len).collect(),
                right: mean(&of_all),
                seconds: median(&seconds),
            }
        })
        .collect();
    Curve { points }
}
