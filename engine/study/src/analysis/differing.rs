//! Cases where readers differ most.

use std::cmp::Reverse;

use serde::Serialize;

use super::frame::{Frame, Grid, Row};
use super::{Analysis, Context};

/// One case with all its scores; of a choice between images, one set of images that was shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differing {
    /// The case's id.
    pub case: String,
    /// The criterion; empty where the study asks one question.
    pub criterion: String,
    /// Scores by arm, then reader. Of a choice between images 1 where the reader took this arm and 0 where not; `None` where the
    /// arm was not shown or not scored.
    pub scores: Vec<Vec<Option<i32>>>,
    /// Largest distance between two readers on one image, in points; of a choice 1.
    pub range: i32,
    /// Sum of these distances over arms; of a choice, readers who did not take what most took.
    pub sum: i32,
}

impl Differing {
    /// The scores of one arm in the order of the readers; of a choice, the readers who took it. Empty where it was not shown.
    pub fn said(&self, analysis: &Analysis, arm: usize) -> String {
        let scores = self.scores.get(arm).map_or(&[][..], Vec::as_slice);
        if analysis.template.is_ordinal() {
            let choices = analysis.template.choices();
            let figure =
                |score: &Option<i32>| score.and_then(|s| choices.iter().find(|c| c.value == s)).map_or("–", |c| c.figure);
            return scores.iter().map(figure).collect::<Vec<_>>().join(", ");
        }
        if scores.iter().all(Option::is_none) {
            return String::new();
        }
        let took = analysis.readers.iter().zip(scores).filter(|(_, score)| **score == Some(1));
        let names: Vec<&str> = took.map(|(reader, _)| reader.as_str()).collect();
        if names.is_empty() { "–".to_owned() } else { names.join(", ") }
    }
}

/// The first `most` cases by range, then by sum; and how many images two or more readers scored differently.
pub(super) fn list(frame: &Frame<'_>, grid: &Grid, criterion: &str, most: usize) -> (Vec<Differing>, usize) {
    let mut images = 0;
    let mut cases: Vec<Differing> = Vec::new();
    for (case, id) in frame.cases.iter().enumerate() {
        let scores: Vec<Vec<Option<i32>>> =
            (0..grid.arms).map(|arm| (0..grid.readers).map(|reader| grid.get(arm, reader, case)).collect()).collect();
        let ranges: Vec<i32> = scores.iter().map(|of_arm| range(of_arm)).collect();
        images += ranges.iter().filter(|r| **r > 0).count();
        let largest = ranges.iter().copied().max().unwrap_or(0);
        if largest > 0 {
            let (case, criterion) = (id.clone(), criterion.to_owned());
            cases.push(Differing { case, criterion, scores, range: largest, sum: ranges.iter().sum() });
        }
    }
    (first(cases, most), images)
}

/// The first `most` sets of images of which readers took different ones, the most divided first; and how many there are.
pub(super) fn choices(frame: &Frame<'_>, context: &Context, most: usize) -> (Vec<Differing>, usize) {
    let arm_of = |name: &String| context.arms.iter().position(|arm| arm == name);
    let shown = |row: &Row<'_>| -> Vec<usize> {
        let mut arms: Vec<usize> = row.reading.against.iter().filter_map(arm_of).chain([row.arm]).collect();
        arms.sort_unstable();
        arms.dedup();
        arms
    };
    let mut found = Vec::new();
    for (case, id) in frame.cases.iter().enumerate() {
        let here: Vec<&Row<'_>> = frame.scored.iter().filter(|row| row.case == case).collect();
        let mut sets: Vec<Vec<usize>> = here.iter().map(|row| shown(row)).collect();
        sets.sort();
        sets.dedup();
        for set in sets {
            let rows: Vec<&&Row<'_>> = here.iter().filter(|row| shown(row) == set).collect();
            let took = |arm: usize| rows.iter().filter(|row| row.arm == arm).count();
            let others = rows.len() - set.iter().map(|arm| took(*arm)).max().unwrap_or(0);
            if others == 0 {
                continue;
            }
            let of_arm = |arm: usize| -> Vec<Option<i32>> {
                let by = |reader: usize| {
                    let row = rows.iter().find(|row| row.reader == reader).filter(|_| set.contains(&arm))?;
                    Some(i32::from(row.arm == arm))
                };
                (0..context.readers.len()).map(by).collect()
            };
            found.push(Differing {
                case: id.clone(),
                criterion: String::new(),
                scores: (0..context.arms.len()).map(of_arm).collect(),
                range: 1,
                sum: others as i32,
            });
        }
    }
    let all = found.len();
    (first(found, most), all)
}

/// The sort is stable: equal cases stay in the order of their ids.
fn first(mut cases: Vec<Differing>, most: usize) -> Vec<Differing> {
    cases.sort_by_key(|c| Reverse((c.range, c.sum)));
    cases.truncate(most);
    cases
}

fn range(scores: &[Option<i32>]) -> i32 {
    let seen = scores.iter().flatten();
    seen.clone().max().zip(seen.min()).map_or(0, |(high, low)| high - low)
}
