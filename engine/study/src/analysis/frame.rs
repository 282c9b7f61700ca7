//! Readings with reader, arm and case as numbers, checked against the study and in a fixed order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{AnalysisError, Context};
use crate::reading::{Purpose, Reading};

/// One reading with its numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// Place of the reader in the context.
    pub(crate) reader: usize,
    /// Place of the arm.
    pub(crate) arm: usize,
    /// Place of the case among all cases.
    pub(crate) case: usize,
    /// The reading itself.
    pub(crate) reading: &'a Reading,
}

/// All readings of a study.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    /// Case ids, in natural order.
    pub(crate) cases: Vec<String>,
    /// What counts; each reader, case, arm and criterion once, by reader and order.
    pub(crate) scored: Vec<Row<'a>>,
    /// Hidden repeats.
    pub(crate) repeats: Vec<Row<'a>>,
    /// Catch trials.
    pub(crate) catches: Vec<Row<'a>>,
    /// Answers left out because the same question had been answered before.
    pub(crate) doubles: usize,
}

impl<'a> Frame<'a> {
    /// Checks and numbers the readings.
    ///
    /// # Errors
    /// A reading that does not belong to the study, or none that counts.
    pub(crate) fn of(readings: &'a [Reading], context: &Context) -> Result<Self, AnalysisError> {
        let mut sorted: Vec<&Reading> = readings.iter().collect();
        let at = |r: &Reading| context.readers.iter().position(|facts| facts.code == r.reader);
        sorted.sort_by(|a, b| {
            (at(a), a.order, &a.criterion, a.round)
                .cmp(&(at(b), b.order, &b.criterion, b.round))
                .then_with(|| a.case.cmp(&b.case))
        });
        let mut cases: Vec<String> = readings.iter().filter(|r| r.purpose != Purpose::Catch).map(|r| r.case.clone()).collect();
        cases.sort_by(|a, b| natural(a, b));
        cases.dedup();
        let places: BTreeMap<&str, usize> = cases.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect();
        let mut seen = BTreeMap::new();
        let mut frame = Self { cases: Vec::new(), scored: Vec::new(), repeats: Vec::new(), catches: Vec::new(), doubles: 0 };
        for reading in sorted {
            check(reading, context)?;
            let unknown = |what: &'static str, name: &str| AnalysisError::Unknown {
                what,
                name: name.to_owned(),
                reader: reading.reader.clone(),
                case: reading.case.clone(),
            };
            let reader = at(reading).ok_or_else(|| unknown("reader", &reading.reader))?;
            let arm = context.arms.iter().position(|a| *a == reading.arm);
            if reading.purpose == Purpose::Catch {
                // A catch trial may show an image of no arm, and a case of its own.
                let (arm, case) = (arm.unwrap_or(usize::MAX), usize::MAX);
                frame.catches.push(Row { reader, arm, case, reading });
                continue;
            }
            let arm = arm.ok_or_else(|| unknown("arm", &reading.arm))?;
            if let Some(other) = reading.against.iter().find(|a| !context.arms.contains(a)) {
                return Err(unknown("arm", other));
            }
            let row = Row { reader, arm, case: places[reading.case.as_str()], reading };
            match reading.purpose {
                Purpose::Repeat => frame.repeats.push(row),
                _ => {
                    let mut shown: Vec<&str> = reading.against.iter().map(String::as_str).collect();
                    shown.push(&reading.arm);
                    shown.sort_unstable();
                    let question = (reader, row.case, shown, reading.criterion.as_str());
                    if seen.insert(question, ()).is_some() {
                        frame.doubles += 1;
                    } else {
                        frame.scored.push(row);
                    }
                }
            }
        }
        if frame.scored.is_empty() {
            return Err(AnalysisError::Nothing);
        }
        drop(places);
        frame.cases = cases;
        Ok(frame)
    }

    /// The rows of one criterion.
    pub(crate) fn of_criterion(rows: &[Row<'a>], criterion: &str) -> Vec<Row<'a>> {
        rows.iter().filter(|row| row.reading.criterion == criterion).copied().collect()
    }
}

fn check(reading: &Reading, context: &Context) -> Result<(), AnalysisError> {
    let choices = context.template.choices();
    if !choices.iter().any(|c| c.value == reading.score) {
        return Err(AnalysisError::Score {
            score: reading.score,
            reader: reading.reader.clone(),
            case: reading.case.clone(),
            template: context.template.name(),
        });
    }
    let known =
        if context.criteria.is_empty() { reading.criterion.is_empty() } else { context.criteria.contains(&reading.criterion) };
    if !known {
        return Err(AnalysisError::Unknown {
            what: "criterion",
            name: reading.criterion.clone(),
            reader: reading.reader.clone(),
            case: reading.case.clone(),
        });
    }
    if !(reading.seconds.is_finite() && reading.seconds >= 0.0) {
        return Err(AnalysisError::Time { reader: reading.reader.clone(), case: reading.case.clone() });
    }
    Ok(())
}

/// Order of ids in which figures count as numbers: "case 9" before "case 10".
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let mut out: Vec<(bool, String)> = Vec::new();
        for c in text.chars() {
            match out.last_mut() {
                Some((figures, run)) if *figures == c.is_ascii_digit() => run.push(c),
                _ => out.push((c.is_ascii_digit(), c.to_string())),
            }
        }
        out
    };
    for ((figures, x), (other, y)) in parts(a).iter().zip(&parts(b)) {
        let (x0, y0) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
        let order = if *figures && *other { x0.len().cmp(&y0.len()).then_with(|| x0.cmp(y0)) } else { x.cmp(y) };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Scores by arm, reader and case; gaps where nothing was scored.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    cells: Vec<Option<i32>>,
    /// How many arms.
    pub(crate) arms: usize,
    /// How many readers.
    pub(crate) readers: usize,
    /// How many cases.
    pub(crate) cases: usize,
}

impl Grid {
    pub(crate) fn of(rows: &[Row<'_>], arms: usize, readers: usize, cases: usize) -> Self {
        let mut grid = Self { cells: vec![None; arms * readers * cases], arms, readers, cases };
        for row in rows {
            let at = grid.place(row.arm, row.reader, row.case);
            grid.cells[at] = Some(row.reading.score);
        }
        grid
    }

    fn place(&self, arm: usize, reader: usize, case: usize) -> usize {
        (arm * self.readers + reader) * self.cases + case
    }

    pub(crate) fn get(&self, arm: usize, reader: usize, case: usize) -> Option<i32> {
        self.cells[self.place(arm, reader, case)]
    }

    /// All scores of an arm by a reader, by case.
    pub(crate) fn scores(&self, arm: usize, reader: usize) -> Vec<f64> {
        (0..self.cases).filter_map(|case| self.get(arm, reader, case)).map(f64::from).collect()
    }

    /// Mean over the readers who scored this image.
    pub(crate) fn mean_of_readers(&self, arm: usize, case: usize) -> Option<f64> {
        let scores: Vec<f64> = (0..self.readers).filter_map(|r| self.get(arm, r, case)).map(f64::from).collect();
        engine::statistics::mean(&scores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_as_people_count() {
        let mut ids = ["case 10", "case 9", "case 09", "b", "case 9b", "100000000000000000000000", "2"];
        ids.sort_by(|a, b| natural(a, b));
        assert_eq!(ids, ["2", "100000000000000000000000", "b", "case 9", "case 09", "case 9b", "case 10"]);
    }
}
