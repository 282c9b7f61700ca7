//! What became of each image of a plan: missing, waiting, made, accepted or set aside, with the reason.

use std::collections::{BTreeMap, HashMap};

use crate::dataset::Case;
use crate::dataset::recipe::Recipe;
use crate::library::{JobRow, JobState, Mark, RunRow};

/// Where an image stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was not asked for yet.
    Missing,
    /// It waits in the queue.
    Waiting,
    /// It is being made.
    Running,
    /// It could not be made, one sentence.
    Failed(String),
    /// It belongs to the data set.
    Accepted,
    /// It does not, one sentence why.
    Quarantined(String),
}

impl Verdict {
    /// The word for lists.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Missing => "Missing",
            Self::Waiting => "Waiting",
            Self::Running => "Running",
            Self::Failed(_) => "Failed",
            Self::Accepted => "Accepted",
            Self::Quarantined(_) => "Quarantined",
        }
    }
}

/// An image of the plan.
#[derive(Clone, Debug)]
pub struct Item {
    /// Which case.
    pub case: Case,
    /// The run that stands for it.
    pub run: Option<RunRow>,
    /// How often it was made.
    pub tries: u32,
    /// Where it stands.
    pub verdict: Verdict,
}

/// Judges every case of a recipe by the library's runs and jobs of it.
///
/// A star is a person's yes, a rejection a person's or a rule's no; else the recipe's rules decide.
pub fn judge(recipe: &Recipe, cases: &[Case], runs: &[RunRow], jobs: &[JobRow]) -> Vec<Item> {
    let mut by_cell: HashMap<&str, Vec<&RunRow>> = HashMap::new();
    for run in runs {
        by_cell.entry(run.cell.as_str()).or_default().push(run);
    }
    let mut open: HashMap<&str, &JobRow> = HashMap::new();
    for job in jobs {
        // The newest job of a cell tells where it stands.
        if open.get(job.task.cell.as_str()).is_none_or(|known| known.id < job.id) {
            open.insert(job.task.cell.as_str(), job);
        }
    }
    let mut items: Vec<Item> = cases
        .iter()
        .map(|case| {
            let cell = case.cell();
            let made = by_cell.get(cell.as_str()).map_or(&[][..], Vec::as_slice);
            item(recipe, *case, made, open.get(cell.as_str()).copied())
        })
        .collect();
    if recipe.how.keep_best {
        keep_best(&mut items);
    }
    items
}

fn item(recipe: &Recipe, case: Case, made: &[&RunRow], job: Option<&JobRow>) -> Item {
    let tries = u32::try_from(made.len()).unwrap_or(u32::MAX);
    let pending = match job.map(|job| (job.state, &job.reason)) {
        Some((JobState::Waiting | JobState::Paused, _)) => Some(Verdict::Waiting),
        Some((JobState::Running, _)) => Some(Verdict::Running),
        Some((JobState::Failed, reason)) if made.is_empty() => Some(Verdict::Failed(reason.clone())),
        _ => None,
    };
    let wanted = made.iter().filter(|run| run.mark != Mark::Reject);
    let best = wanted.copied().max_by(|a, b| {
        let key = |run: &RunRow| (run.mark == Mark::Star, run.adherence.unwrap_or(-1.0), run.id);
        let ((sa, aa, ia), (sb, ab, ib)) = (key(a), key(b));
        sa.cmp(&sb).then(aa.total_cmp(&ab)).then(ia.cmp(&ib))
    });
    let run = best.or_else(|| made.last().copied()).cloned();
    let verdict = match (pending, &run) {
        (Some(pending), _) => pending,
        (None, None) => Verdict::Missing,
        (None, Some(run)) => of_run(recipe, run),
    };
    Item { case, run, tries, verdict }
}

fn of_run(recipe: &Recipe, run: &RunRow) -> Verdict {
    match (run.mark, recipe.how.below, run.adherence) {
        (Mark::Reject, _, _) if !run.note.trim().is_empty() => Verdict::Quarantined(run.note.trim().to_owned()),
        (Mark::Star, _, _) => Verdict::Accepted,
        (_, Some(below), Some(adherence)) if adherence < below => {
            Verdict::Quarantined(format!("Its adherence is {adherence:.2} of {below:.2} wanted."))
        }
        (Mark::Reject, _, _) => Verdict::Quarantined("It was set aside by hand.".to_owned()),
        _ if recipe.how.check_sides && run.conflict => Verdict::Quarantined("Text and region name different sides.".to_owned()),
        _ => Verdict::Accepted,
    }
}

/// Of the accepted images of a row, only the one with the highest adherence stays; its twin follows it.
fn keep_best(items: &mut [Item]) {
    let mut best: BTreeMap<u32, (f32, Case)> = BTreeMap::new();
    for item in items.iter().filter(|item| item.verdict == Verdict::Accepted && !item.case.twin) {
        let Some(adherence) = item.run.as_ref().and_then(|run| run.adherence) else { continue };
        let known = best.entry(item.case.row).or_insert((adherence, item.case));
        if adherence > known.0 {
            *known = (adherence, item.case);
        }
    }
    for item in items.iter_mut().filter(|item| item.verdict == Verdict::Accepted) {
        let by_hand = item.run.as_ref().is_some_and(|run| run.mark == Mark::Star);
        if let Some((adherence, kept)) = best.get(&item.case.row)
            && item.case.copy != kept.copy
            && !by_hand
        {
            item.verdict =
                Verdict::Quarantined(format!("Image {} of its row has the highest adherence, {adherence:.2}.", kept.copy));
        }
    }
}

/// How many images stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// In the data set.
    pub accepted: usize,
    /// Set aside.
    pub quarantined: usize,
    /// Waiting or running.
    pub open: usize,
    /// Failed.
    pub failed: usize,
    /// Not asked for.
    pub missing: usize,
}

impl Tally {
    /// Counts items.
    pub fn of(items: &[Item]) -> Self {
        let mut tally = Self::default();
        for item in items {
            match item.verdict {
                Verdict::Missing => tally.missing += 1,
                Verdict::Waiting | Verdict::Running => tally.open += 1,
                Verdict::Failed(_) => tally.failed += 1,
                Verdict::Accepted => tally.accepted += 1,
                Verdict::Quarantined(_) => tally.quarantined += 1,
            }
        }
        tally
    }

    /// Images that are to be asked for.
    pub fn to_ask(&self) -> usize {
        self.missing + self.failed
    }
}

/// Reasons for which images were set aside and how often, the most frequent first.
pub fn reasons(items: &[Item]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        if let Verdict::Quarantined(why) | Verdict::Failed(why) = &item.verdict {
            *counts.entry(why).or_default() += 1;
        }
    }
    let mut sorted: Vec<(String, usize)> = counts.into_iter().map(|(why, n)| (why.to_owned(), n)).collect();
    sorted.sort_by_key(|(why, n)| (std::cmp::Reverse(*n), why.clone()));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Task;

    fn run(id: i64, cell: &str, adherence: Option<f32>, mark: Mark) -> RunRow {
        RunRow { id, cell: cell.to_owned(), adherence, mark, ..RunRow::default() }
    }

    #[test]
    fn rules_and_people_decide() {
        let mut recipe = Recipe::default();
        recipe.how.below = Some(0.6);
        let cases: Vec<Case> = (1..=7).map(|row| Case { row, copy: 1, twin: false }).collect();
        let mut noted = run(5, "5.1", Some(0.9), Mark::Reject);
        noted.note = "The heart is cut off.".to_owned();
        let runs = [
            run(1, "1.1", Some(0.8), Mark::None),
            run(2, "2.1", Some(0.4), Mark::None),
            run(3, "3.1", Some(0.4), Mark::Reject),
            run(4, "3.1", Some(0.7), Mark::None),
            noted,
            run(6, "6.1", Some(0.1), Mark::Star),
        ];
        let jobs = [JobRow {
            id: 1,
            task: Task { cell: "4.1".to_owned(), ..Task::default() },
            state: JobState::Failed,
            reason: "No room.".to_owned(),
            ..JobRow::default()
        }];
        let items = judge(&recipe, &cases, &runs, &jobs);
        let verdicts: Vec<&Verdict> = items.iter().map(|item| &item.verdict).collect();
        assert_eq!(verdicts[0], &Verdict::Accepted);
        assert_eq!(verdicts[1], &Verdict::Quarantined("Its adherence is 0.40 of 0.60 wanted.".to_owned()));
        assert_eq!((verdicts[2], items[2].tries, items[2].run.as_ref().map(|r| r.id)), (&Verdict::Accepted, 2, Some(4)));
        assert_eq!(verdicts[3], &Verdict::Failed("No room.".to_owned()));
        assert_eq!(verdicts[4], &Verdict::Quarantined("The heart is cut off.".to_owned()));
        assert_eq!((verdicts[5], verdicts[6]), (&Verdict::Accepted, &Verdict::Missing));
        let tally = Tally::of(&items);
        assert_eq!((tally.accepted, tally.quarantined, tally.failed, tally.missing, tally.to_ask()), (3, 2, 1, 1, 2));
        assert_eq!(reasons(&items).len(), 3);
    }

    #[test]
    fn the_best_of_a_row_stays_with_its_twin() {
        let mut recipe = Recipe::default();
        recipe.how.keep_best = true;
        let cases: Vec<Case> =
            [(1, false), (1, true), (2, false), (2, true)].map(|(copy, twin)| Case { row: 1, copy, twin }).to_vec();
        let runs = [
            run(1, "1.1", Some(0.5), Mark::None),
            run(2, "1.1t", None, Mark::None),
            run(3, "1.2", Some(0.9), Mark::None),
            run(4, "1.2t", None, Mark::None),
        ];
        let accepted = |runs: &[RunRow]| -> Vec<bool> {
            judge(&recipe, &cases, runs, &[]).iter().map(|item| item.verdict == Verdict::Accepted).collect()
        };
        assert_eq!(accepted(&runs), [false, false, true, true]);
        // Nothing was measured: the rule does nothing.
        let unmeasured = runs.map(|r| RunRow { adherence: None, ..r });
        assert_eq!(accepted(&unmeasured), [true; 4]);
    }
}
