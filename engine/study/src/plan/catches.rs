//! Catch trials: images whose right answer is known, spread over the whole order.

use std::collections::BTreeSet;

use engine::text::findings::mentions;

use crate::cases::{Case, CaseTable};
use crate::design::Design;
use crate::draw::{Draw, Use};
use crate::reading::Purpose;
use crate::template::Template;

use super::repeats::free_places;
use super::{Assignment, Shown};

/// How many pairs of cases are tried for one catch trial before its stretch of the order is given up.
const TRIES: usize = 400;

/// Why catch trials cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoCatch {
    /// No two cases differ in their findings.
    NoMismatch,
    /// The separation leaves no room.
    NoRoom,
}

/// Puts the catch trials of a design into the order, one in each of as many stretches.
pub(super) fn insert(
    rounds: &mut [Vec<Assignment>],
    design: &Design,
    table: &CaseTable,
    separation: usize,
    key: u64,
    reader: usize,
) -> Result<(), NoCatch> {
    let wanted = design.plan.catch as usize;
    if wanted == 0 {
        return Ok(());
    }
    let findings: Vec<BTreeSet<String>> = table.cases.iter().map(findings).collect();
    let shows_text = design.template.shows_impression();
    if shows_text && !findings.iter().any(|a| findings.iter().any(|b| mismatch(a, b))) {
        return Err(NoCatch::NoMismatch);
    }
    let mut draw = Draw::new(key, Use::Catch, reader as u32);
    let total: usize = rounds.iter().map(Vec::len).sum();
    // From the last stretch to the first, so that places before stay where they are.
    for turn in (0..wanted).rev() {
        let stretch = turn * total / wanted..((turn + 1) * total / wanted).max(turn * total / wanted + 1);
        let placed = (0..TRIES).find_map(|attempt| {
            let place = stretch.start + draw.below(stretch.len());
            let (image, text) = (draw.below(table.cases.len()), draw.below(table.cases.len()));
            if shows_text && !mismatch(&findings[image], &findings[text]) {
                return None;
            }
            let trial = catch(design, table, (image, text), turn + attempt, &mut draw)?;
            let (round, inside) = locate(rounds, place)?;
            let mut touched: BTreeSet<usize> = trial.shown.iter().map(|shown| shown.case).collect();
            touched.insert(trial.case);
            let fits = touched.iter().all(|case| free_places(rounds, round, *case, separation).contains(&inside));
            fits.then_some((round, inside, trial))
        });
        let (round, inside, trial) = placed.ok_or(NoCatch::NoRoom)?;
        rounds[round].insert(inside, trial);
    }
    Ok(())
}

/// A trial with a known answer, of an image and an impression that do not fit.
fn catch(design: &Design, table: &CaseTable, (image, text): (usize, usize), turn: usize, draw: &mut Draw) -> Option<Assignment> {
    let arms: Vec<usize> =
        (0..design.arms.len()).filter(|arm| table.cases[image].images.contains_key(&design.arms[*arm])).collect();
    let arm = *arms.get(turn % arms.len().max(1))?;
    let plain = |case| Shown { case, arm, scrambled: false };
    let made = |case, shown, truth| Assignment { case, shown, purpose: Purpose::Catch, truth, pass: 0, round: 0, block: 0 };
    Some(match design.template {
        Template::ReportAlignment => made(text, vec![plain(image)], Some(-2)),
        Template::PairwiseChoice => {
            let right = draw.below(2);
            let mut shown = vec![plain(image); 2];
            shown[right] = plain(text);
            made(text, shown, i32::try_from(right).ok())
        }
        Template::Realism | Template::RealOrSynthetic | Template::VisualGrading => {
            made(image, vec![Shown { case: image, arm, scrambled: true }], Some(1))
        }
        Template::Quartet | Template::AssistedReading => return None,
    })
}

/// The round and the place in it of a place in the whole order.
fn locate(rounds: &[Vec<Assignment>], mut place: usize) -> Option<(usize, usize)> {
    for (round, trials) in rounds.iter().enumerate() {
        if place < trials.len() {
            return Some((round, place));
        }
        place -= trials.len();
    }
    None
}

/// Findings that are present: those of the table, or else those that the impression names.
fn findings(case: &Case) -> BTreeSet<String> {
    if !case.findings.is_empty() {
        return case.findings.iter().cloned().collect();
    }
    let named = mentions(&case.impression);
    named.iter().filter(|mention| !mention.negated()).map(|mention| mention.finding.code().to_owned()).collect()
}

/// Whether an image of one case clearly contradicts the text of the other.
fn mismatch(image: &BTreeSet<String>, text: &BTreeSet<String>) -> bool {
    !text.is_empty() && image.is_disjoint(text)
}
