//! Cases where readers differ most.

use serde::Serialize;

use super::frame::{Frame, Grid};

/// One case with all its scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differing {
    /// The case's id.
    pub case: String,
    /// Scores by arm, then reader.
    pub scores: Vec<Vec<Option<i32>>>,
    /// Largest distance between two readers on one image, in points.
    pub range: i32,
    /// Sum of these distances over arms.
    pub sum: i32,
}

/// The first `most` cases by range, then by sum; and how many images two or more readers scored differently.
pub(super) fn list(frame: &Frame<'_>, grid: &Grid, most: usize) -> (Vec<Differing>, usize) {
    let mut images = 0;
    let mut cases: Vec<Differing> = Vec::new();
    for (case, id) in frame.cases.iter().enumerate() {
        let scores: Vec<Vec<Option<i32>>> =
            (0..grid.arms).map(|arm| (0..grid.readers).map(|reader| grid.get(arm, reader, case)).collect()).collect();
        let ranges: Vec<i32> = scores.iter().map(|of_arm| range(of_arm)).collect();
        images += ranges.iter().filter(|r| **r > 0).count();
        let largest = ranges.iter().copied().max().unwrap_or(0);
        if largest > 0 {
            cases.push(Differing { case: id.clone(), scores, range: largest, sum: ranges.iter().sum() });
        }
    }
    // The sort is stable: equal cases stay in the order of their ids.
    cases.sort_by_key(|c| std::cmp::Reverse((c.range, c.sum)));
    cases.truncate(most);
    (cases, images)
}

fn range(scores: &[Option<i32>]) -> i32 {
    let seen = scores.iter().flatten();
    seen.clone().max().zip(seen.min()).map_or(0, |(high, low)| high - low)
}
