//! The order in which one reader sees each case once per pass: balanced over arms, and each case far from itself.

use crate::cases::CaseTable;
use crate::design::{ArmOrder, Design};
use crate::draw::{Draw, Use};
use crate::reading::Purpose;
use crate::template::Template;

use super::square::williams;
use super::{Assignment, Shown};

/// What one showing can show, as arms in a set order: one arm, a pair, or all four.
pub(super) fn stimuli(design: &Design) -> Vec<Vec<usize>> {
    let arms = design.arms.len();
    match design.template {
        Template::PairwiseChoice => (0..arms).flat_map(|a| (a + 1..arms).map(move |b| vec![a, b])).collect(),
        Template::Quartet => vec![(0..arms).collect()],
        _ => (0..arms).map(|arm| vec![arm]).collect(),
    }
}

/// All passes of a reader, without repeats and catch trials; `None` where no order keeps the separation.
pub(super) fn passes(
    design: &Design,
    table: &CaseTable,
    key: u64,
    reader: usize,
    separation: usize,
) -> Option<Vec<Vec<Assignment>>> {
    let cases = table.cases.len();
    let showings = design.showings();
    let rows = Rows::of(design, table, key, reader);
    let mut draw = Draw::new(key, Use::Order, reader as u32);
    let mut sets = rows.sets((0..cases).collect(), &mut draw);
    draw.shuffle_whole_sets(&mut sets, rows.sequences.len());
    if showings > 1 && separation > cases {
        return None;
    }
    // A case moves within its chunk from pass to pass, so it stays at least `cases - chunk + 1` trials apart.
    let free = (cases + 1).saturating_sub(separation) / rows.sequences.len().max(1);
    let mut passes = Vec::with_capacity(showings);
    for pass in 0..showings {
        if pass > 0 && free > 0 {
            sets = reordered(&sets, free, &rows, &mut draw);
        }
        let order = sets.iter().flatten().copied();
        passes.push(order.map(|case| rows.assignment(design, table, case, pass)).collect());
    }
    Some(passes)
}

/// Which row of the balanced square each case follows.
struct Rows {
    /// Treatments by pass, one a row.
    sequences: Vec<Vec<usize>>,
    /// What each treatment shows.
    stimuli: Vec<Vec<usize>>,
    /// Place of each case in the shared random order of cases.
    base: Vec<usize>,
    /// The row of each case.
    row: Vec<usize>,
    reader: usize,
}

impl Rows {
    fn of(design: &Design, table: &CaseTable, key: u64, reader: usize) -> Self {
        let cases = table.cases.len();
        let mut shuffled: Vec<usize> = (0..cases).collect();
        Draw::new(key, Use::Rows, 0).shuffle(&mut shuffled);
        let mut base = vec![0; cases];
        for (place, case) in shuffled.into_iter().enumerate() {
            base[case] = place;
        }
        let stimuli = stimuli(design);
        let n = stimuli.len();
        let (sequences, row): (Vec<Vec<usize>>, Vec<usize>) = if !design.paired {
            let arm = |case: usize| {
                let images = &table.cases[case].images;
                design.arms.iter().position(|arm| images.contains_key(arm)).unwrap_or(0)
            };
            ((0..n).map(|arm| vec![arm]).collect(), (0..cases).map(arm).collect())
        } else if design.plan.order == ArmOrder::Fixed {
            (vec![(0..n).collect()], vec![0; cases])
        } else {
            let sequences = williams(n);
            let row = base.iter().map(|place| (place + reader) % sequences.len()).collect();
            (sequences, row)
        };
        Self { sequences, stimuli, base, row, reader }
    }

    /// Cases in sets that hold each row once, so that every set shows all arms equally often; the last one may be smaller.
    fn sets(&self, cases: Vec<usize>, draw: &mut Draw) -> Vec<Vec<usize>> {
        let mut by_row: Vec<Vec<usize>> = vec![Vec::new(); self.sequences.len()];
        for case in cases {
            by_row[self.row[case]].push(case);
        }
        for list in &mut by_row {
            draw.shuffle(list);
        }
        let most = by_row.iter().map(Vec::len).max().unwrap_or(0);
        let set = |place: usize, draw: &mut Draw| {
            let mut set: Vec<usize> = by_row.iter().filter_map(|list| list.get(place)).copied().collect();
            draw.shuffle(&mut set);
            set
        };
        (0..most).map(|place| set(place, draw)).collect()
    }

    fn assignment(&self, design: &Design, table: &CaseTable, case: usize, pass: usize) -> Assignment {
        let treatment = self.sequences[self.row[case]][pass];
        let mut arms = self.stimuli[treatment].clone();
        match design.template {
            // Left and right change from case to case and from reader to reader.
            Template::PairwiseChoice if (self.base[case] + self.reader + treatment) % 2 == 1 => arms.reverse(),
            Template::Quartet => {
                let places = &williams(arms.len())[(self.base[case] + self.reader) % arms.len()];
                arms = places.iter().map(|place| arms[*place]).collect();
            }
            _ => {}
        }
        let shown: Vec<Shown> = arms.into_iter().map(|arm| Shown { case, arm, scrambled: false }).collect();
        let truth = truth(design, table, case, &shown);
        Assignment { case, shown, purpose: Purpose::Scored, truth, pass, round: 0, block: 0 }
    }
}

/// The right answer of a trial that counts, where there is one.
fn truth(design: &Design, table: &CaseTable, case: usize, shown: &[Shown]) -> Option<i32> {
    let real = design.real.as_ref().and_then(|real| design.arms.iter().position(|arm| arm == real));
    match design.template {
        Template::RealOrSynthetic => Some(if shown.first().map(|shown| shown.arm) == real { 5 } else { 1 }),
        Template::Quartet => shown.iter().position(|shown| Some(shown.arm) == real).and_then(|place| i32::try_from(place).ok()),
        Template::AssistedReading => table.cases[case].shows_asked().map(|present| if present { 5 } else { 1 }),
        _ => None,
    }
}

/// The sets in another order, each case within its chunk of at most `free` sets.
fn reordered(sets: &[Vec<usize>], free: usize, rows: &Rows, draw: &mut Draw) -> Vec<Vec<usize>> {
    let chunks = sets.len().div_ceil(free).max(1);
    let mut out = Vec::with_capacity(sets.len());
    for chunk in 0..chunks {
        let span = chunk * sets.len() / chunks..(chunk + 1) * sets.len() / chunks;
        let mut mixed = rows.sets(sets[span].concat(), draw);
        draw.shuffle_whole_sets(&mut mixed, rows.sequences.len());
        out.extend(mixed);
    }
    out
}

impl Draw {
    /// Shuffles sets and leaves those at the end that are not whole.
    fn shuffle_whole_sets(&mut self, sets: &mut [Vec<usize>], size: usize) {
        let whole = sets.iter().take_while(|set| set.len() == size).count();
        self.shuffle(&mut sets[..whole]);
    }
}
