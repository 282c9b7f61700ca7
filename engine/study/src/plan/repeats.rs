//! Hidden repeats: images that come a second time, equally many of each arm.

use std::collections::{BTreeMap, BTreeSet};

use crate::draw::{Draw, Use};
use crate::reading::Purpose;

use super::{Assignment, Shown};

/// Puts `each` repeats of every stimulus into the order, each later than what it repeats and far from all of its case; `None`
/// where there is no room.
pub(super) fn insert(
    rounds: &mut [Vec<Assignment>],
    stimuli: &[Vec<usize>],
    each: usize,
    separation: usize,
    key: u64,
    reader: usize,
) -> Option<()> {
    let mut draw = Draw::new(key, Use::Repeats, reader as u32);
    let mut repeated: BTreeSet<Vec<Shown>> = BTreeSet::new();
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for turn in 0..each * stimuli.len() {
        let stimulus = &stimuli[turn % stimuli.len()];
        let all = rounds.iter().enumerate().flat_map(|(round, trials)| (0..trials.len()).map(move |place| (round, place)));
        // The same image never comes a third time, and a case that nothing was repeated of goes first.
        let mut candidates: Vec<(usize, usize)> = all
            .filter(|(round, place)| {
                let trial = &rounds[*round][*place];
                trial.purpose == Purpose::Scored && same_stimulus(trial, stimulus) && !repeated.contains(&trial.shown)
            })
            .collect();
        draw.shuffle(&mut candidates);
        candidates.sort_by_key(|(round, place)| times.get(&rounds[*round][*place].case).copied().unwrap_or(0));
        let (round, original, place) = candidates.into_iter().find_map(|(round, original)| {
            let case = rounds[round][original].case;
            let mut allowed = free_places(rounds, round, case, separation);
            allowed.retain(|place| *place > original);
            Some((round, original, *allowed.get(draw.below(allowed.len()))?))
        })?;
        let trial = Assignment { purpose: Purpose::Repeat, ..rounds[round][original].clone() };
        *times.entry(trial.case).or_default() += 1;
        repeated.insert(trial.shown.clone());
        rounds[round].insert(place, trial);
    }
    Some(())
}

/// Whether the trial shows just these arms, in whatever order.
fn same_stimulus(trial: &Assignment, stimulus: &[usize]) -> bool {
    trial.shown.len() == stimulus.len() && trial.shown.iter().all(|shown| stimulus.contains(&shown.arm))
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
