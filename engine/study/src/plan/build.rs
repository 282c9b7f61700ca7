//! A whole plan: passes, repeats, catch trials, rounds and blocks of every reader.

use crate::cases::CaseTable;
use crate::design::Design;
use crate::error::StudyError;

use super::catches::{self, NoCatch};
use super::passes::{passes, stimuli};
use super::{Assignment, MAX_TRIALS, Plan, Scheme, repeats};

/// Why a plan cannot be built.
enum Fault {
    /// The separation leaves no order.
    Separation,
    /// Something else, as a sentence.
    Other(String),
}

pub(super) fn plan(design: &Design, table: &CaseTable) -> Result<Plan, StudyError> {
    let each = repeats_each(design, table);
    let trials = table.cases.len() * design.showings() + each * stimuli(design).len() + design.plan.catch as usize;
    if trials > MAX_TRIALS {
        return Err(StudyError::plan(format!(
            "{trials} trials for one reader, and at most {MAX_TRIALS} are planned; take fewer cases"
        )));
    }
    let key = key(design, table);
    let wanted = design.plan.separation as usize;
    match all_readers(design, table, key, wanted) {
        Ok(readers) => Ok(Plan { readers, key }),
        Err(Fault::Other(what)) => Err(StudyError::plan(what)),
        Err(Fault::Separation) => {
            let largest = largest_separation(design, table, key, wanted);
            Err(StudyError::plan(match largest {
                0 => format!(
                    "no separation leaves room for {} repeats and {} catch trials; lower plan.repeats or plan.catch, or take more cases",
                    each * stimuli(design).len(),
                    design.plan.catch
                ),
                largest => format!(
                    "showings of one case cannot all be {wanted} trials apart; the largest separation that works here is {largest}: set plan.separation to {largest} or less, or take more cases"
                ),
            }))
        }
    }
}

/// Repeats of each arm, or of each pair.
fn repeats_each(design: &Design, table: &CaseTable) -> usize {
    let of = if design.paired { table.cases.len() } else { table.cases.len() / design.arms.len().max(1) };
    (of as f64 * design.plan.repeats).round() as usize
}

fn all_readers(design: &Design, table: &CaseTable, key: u64, separation: usize) -> Result<Vec<Scheme>, Fault> {
    let schemes =
        design.readers.iter().enumerate().map(|(reader, code)| {
            Ok(Scheme { reader: code.clone(), trials: one_reader(design, table, key, reader, separation)? })
        });
    schemes.collect()
}

fn one_reader(design: &Design, table: &CaseTable, key: u64, reader: usize, separation: usize) -> Result<Vec<Assignment>, Fault> {
    let passes = passes(design, table, key, reader, separation).ok_or(Fault::Separation)?;
    let count = design.plan.rounds as usize;
    let mut rounds: Vec<Vec<Assignment>> = vec![Vec::new(); count];
    let showings = passes.len();
    for (pass, trials) in passes.into_iter().enumerate() {
        rounds[pass * count / showings].extend(trials);
    }
    let each = repeats_each(design, table);
    repeats::insert(&mut rounds, &stimuli(design), each, separation, key, reader).ok_or(Fault::Separation)?;
    catches::insert(&mut rounds, design, table, separation, key, reader).map_err(|fault| match fault {
        NoCatch::NoRoom => Fault::Separation,
        NoCatch::NoMismatch => Fault::Other(
            "a catch trial shows an image with the impression of a case that has other findings, and no two cases differ; fill the column `findings` or set plan.catch to 0".to_owned(),
        ),
    })?;
    Ok(in_blocks(rounds, design.plan.block_size as usize))
}

/// Numbers rounds and blocks; the blocks of a round are equally long, give or take one trial.
fn in_blocks(rounds: Vec<Vec<Assignment>>, size: usize) -> Vec<Assignment> {
    let mut out = Vec::new();
    let mut before = 0;
    for (number, trials) in (1u32..).zip(rounds) {
        let length = trials.len();
        let blocks = length.div_ceil(size.max(1)).max(1);
        for (place, trial) in trials.into_iter().enumerate() {
            out.push(Assignment { round: number, block: before + (place * blocks / length) as u32 + 1, ..trial });
        }
        before += blocks as u32;
    }
    out
}

/// The largest separation below the wanted one for which a plan is found; 0 where there is none.
fn largest_separation(design: &Design, table: &CaseTable, key: u64, wanted: usize) -> usize {
    let longest = table.cases.len() * design.showings() * 2;
    let (mut works, mut fails) = (0, wanted.min(longest + 1));
    while works + 1 < fails {
        let middle = usize::midpoint(works, fails);
        if all_readers(design, table, key, middle).is_ok() {
            works = middle;
        } else {
            fails = middle;
        }
    }
    works
}

/// The key of all random choices. It depends on everything that only the investigator knows, because a seed alone, such as 1,
/// could be guessed, and whoever guesses it could compute which arm is shown when.
fn key(design: &Design, table: &CaseTable) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("chexgen study 2026 random choices");
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(&design.seed.to_string());
    add(&format!("{:?}", design.template));
    design.readers.iter().chain(&design.arms).for_each(|code| add(code));
    for case in table.cases.iter().chain(&table.practice) {
        add(&case.id);
        add(&case.impression);
    }
    let hash = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}
