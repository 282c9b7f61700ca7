//! How well a reader repeats: hidden repeats against the first answer, and catch trials.

use engine::statistics::agreement::{Weights, cohen_kappa, cohen_kappa_of_groups};
use serde::Serialize;

use super::Context;
use super::frame::{Frame, Row};
use super::values::{Bootstrap, Estimate, ShareOf};
use crate::template::Template;

/// Fewer repeats than these have no kappa: of a few answers it jumps from 0 to 1, and its interval claims what nobody knows.
const LEAST_PAIRS: usize = 6;

/// One reader's repeats.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Repeat {
    /// Place of the reader.
    pub reader: usize,
    /// Repeats whose first answer is there.
    pub pairs: usize,
    /// Kappa of both answers, quadratic weights (without weights where answers have no order); n in cases.
    /// `None` of fewer than six repeats.
    pub kappa: Option<Estimate>,
    /// Share answered the same.
    pub exact: Option<ShareOf>,
    /// Mean of second less first answer, in points; `None` where answers have no order.
    pub shift: Option<f64>,
}

/// One reader's catch trials.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Catch {
    /// Place of the reader.
    pub reader: usize,
    /// Passed: at most one step from the right answer, or the right place where answers have no order.
    pub passed: usize,
    /// Catch trials with a known answer.
    pub n: usize,
}

/// What was answered, comparable between two showings whose images may stand in another order.
fn answer(row: &Row<'_>, template: Template) -> Option<usize> {
    if template.is_ordinal() { template.choices().iter().position(|c| c.value == row.reading.score) } else { Some(row.arm) }
}

pub(super) fn repeats(frame: &Frame<'_>, context: &Context, boot: Bootstrap) -> Vec<Repeat> {
    let ordinal = context.template.is_ordinal();
    let kinds = if ordinal { context.template.choices().len() } else { context.arms.len() };
    let weights = if ordinal { Weights::Quadratic } else { Weights::Identity };
    let of_reader = |reader: usize| {
        // First and second answer, by case.
        let mut cases: Vec<(usize, Vec<(usize, usize)>)> = Vec::new();
        for second in frame.repeats.iter().filter(|row| row.reader == reader) {
            let Some(first) = frame.scored.iter().find(|row| is_first(row, second, ordinal)) else { continue };
            let (Some(a), Some(b)) = (answer(first, context.template), answer(second, context.template)) else { continue };
            match cases.iter_mut().find(|(case, _)| *case == second.case) {
                Some((_, pairs)) => pairs.push((a, b)),
                None => cases.push((second.case, vec![(a, b)])),
            }
        }
        let all: Vec<(usize, usize)> = cases.iter().flat_map(|(_, pairs)| pairs.iter().copied()).collect();
        let same = all.iter().filter(|(a, b)| a == b).count();
        let shift: f64 = all.iter().map(|&(a, b)| b as f64 - a as f64).sum::<f64>() / all.len().max(1) as f64;
        Repeat {
            reader,
            pairs: all.len(),
            kappa: kappa(&cases, kinds, weights, boot),
            exact: ShareOf::of(same, all.len()),
            shift: (ordinal && !all.is_empty()).then_some(shift),
        }
    };
    if frame.repeats.is_empty() { Vec::new() } else { (0..context.readers.len()).map(of_reader).collect() }
}

/// Kappa of first and second answers. A tenth of the images is repeated: of so few, percentiles of the bootstrap are too
/// near, and the bootstrap-t takes their place.
fn kappa(cases: &[(usize, Vec<(usize, usize)>)], kinds: usize, weights: Weights, boot: Bootstrap) -> Option<Estimate> {
    let (x, y): (Vec<usize>, Vec<usize>) = cases.iter().flat_map(|(_, pairs)| pairs.iter().copied()).unzip();
    if x.len() < LEAST_PAIRS {
        return None;
    }
    let value = cohen_kappa(&x, &y, kinds, weights)?.value;
    let interval = boot.studentised(cases.len(), (-1.0, 1.0), |units| {
        let groups: Vec<&[(usize, usize)]> = units.iter().map(|&u| cases[u].1.as_slice()).collect();
        cohen_kappa_of_groups(&groups, kinds, weights)
    });
    Some(Estimate { value, interval, n: cases.len() })
}

fn is_first(first: &Row<'_>, second: &Row<'_>, ordinal: bool) -> bool {
    let (a, b) = (first.reading, second.reading);
    let shown = |r: &crate::reading::Reading| {
        let mut arms: Vec<String> = r.against.clone();
        arms.push(r.arm.clone());
        arms.sort();
        arms
    };
    first.reader == second.reader
        && first.case == second.case
        && a.criterion == b.criterion
        && (if ordinal { first.arm == second.arm } else { shown(a) == shown(b) })
}

pub(super) fn catches(frame: &Frame<'_>, context: &Context) -> Vec<Catch> {
    let passed = |row: &&Row<'_>| {
        let near = if context.template.is_ordinal() { 1 } else { 0 };
        row.reading.truth.is_some_and(|truth| (row.reading.score - truth).abs() <= near)
    };
    (0..context.readers.len())
        .map(|reader| {
            let known: Vec<&Row<'_>> =
                frame.catches.iter().filter(|row| row.reader == reader && row.reading.truth.is_some()).collect();
            Catch { reader, passed: known.iter().copied().filter(passed).count(), n: known.len() }
        })
        .filter(|catch| catch.n > 0)
        .collect()
}
