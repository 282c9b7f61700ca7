//! Hidden repeats: images that come a second time, equally many of each arm.

use crate::draw::{Draw, Use};
use crate::reading::Purpose;

use super::Assignment;

/// Where one round begins and ends in the order of trials, and which order that is.
pub(super) fn insert(
    rounds: &mut [Vec<Assignment>],
    stimuli: &[Vec<usize>],
    each: usize,
    separation: usize,
    key: u64,
    reader: usize,
) -> Option<()> {
    let mut draw = Draw::new(key, Use::Repeats, reader as u32);
    let mut repeated: Vec<usize> = Vec::new();
    for turn in 0..each * stimuli.len() {
        let stimulus = &stimuli[turn % stimuli.len()];
        let mut candidates: Vec<Assignment> = rounds
            .iter()
            .flatten()
            .filter(|trial| trial.purpose == Purpose::Scored && same_stimulus(trial, stimulus))
            .cloned()
            .collect();
        draw.shuffle(&mut candidates);
        // A case that nothing was repeated of goes first; the same image never comes a third time.
        let times = |trial: &Assignment| repeated.iter().filter(|case| **case == trial.case).count();
        candidates.retain(|trial| !already(rounds, trial));
        candidates.sort_by_key(times);
        let placed = candidates.into_iter().find_map(|trial| {
            let round = rounds.iter().position(|round| round.contains(&trial))?;
            let original = rounds[round].iter().position(|other| *other == trial)?;
            let allowed: Vec<usize> =
                free_places(rounds, round, trial.case, separation).into_iter().filter(|place| *place > original).collect();
            let place = *allowed.get(draw.below(allowed.len()))?;
            Some((round, place, trial))
        });
        let (round, place, trial) = placed?;
        repeated.push(trial.case);
        rounds[round].insert(place, Assignment { purpose: Purpose::Repeat, ..trial });
    }
    Some(())
}

/// Whether the trial shows just these arms, in whatever order.
fn same_stimulus(trial: &Assignment, stimulus: &[usize]) -> bool {
    trial.shown.len() == stimulus.len() && trial.shown.iter().all(|shown| stimulus.contains(&shown.arm))
}

fn already(rounds: &[Vec<Assignment>], trial: &Assignment) -> bool {
    rounds.iter().flatten().any(|other| other.purpose == Purpose::Repeat && other.shown == trial.shown)
}

/// Places of a round, as insertion points, at which a trial of the case keeps its distance from all others of it.
pub(super) fn free_places(rounds: &[Vec<Assignment>], round: usize, case: usize, separation: usize) -> Vec<usize> {
    let start: usize = rounds[..round].iter().map(Vec::len).sum();
    let taken: Vec<usize> =
        rounds.iter().flatten().enumerate().filter(|(_, trial)| trial.touches(case)).map(|(place, _)| place).collect();
    let far = |place: usize| {
        // What stands at or after the place moves one on.
        taken.iter().all(|&other| if other < place { place - other >= separation } else { other + 1 - place >= separation })
    };
    (0..=rounds[round].len()).filter(|place| far(start + place)).collect()
}
