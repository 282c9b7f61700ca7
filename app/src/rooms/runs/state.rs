//! What the Runs room knows: the question, the answer, what is chosen.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::cancel::Cancel;

use crate::library::RunId;
use crate::library::query::{Filter, Order};
use crate::library::reader::{Inspected, Wall};

/// Narrowest and widest column of the wall, in points; two stand beside each other where text is at 200 % (1600 wide).
pub const COLUMN: (f32, f32) = (140.0, 320.0);

/// Everything the room shows.
#[derive(Debug)]
pub struct State {
    /// What the wall is narrowed to.
    pub filter: Filter,
    /// Its order.
    pub order: Order,
    /// Least width of a column, in points.
    pub column: f32,
    /// In a narrow window: whether the facets stand in the queue's place.
    pub facets_open: bool,
    /// The wall as it was answered last; `None` before the first answer.
    pub wall: Option<Arc<Wall>>,
    /// Whether the wall was asked for.
    pub asked: bool,
    /// Why the library cannot be read, when it cannot.
    pub failed: Option<String>,
    /// What is chosen.
    pub chosen: Chosen,
    /// The run in the inspector.
    pub inspected: Option<Arc<Inspected>>,
    /// The note as it is being typed, with the run it belongs to.
    pub note: Option<(i64, String)>,
    /// Whether fields that are the same are listed too.
    pub show_same: bool,
    /// The replay in progress.
    pub verifying: Option<Verifying>,
    /// The row that the wall must scroll to, by its place.
    pub scroll_to: Option<usize>,
}

/// A run that is being made again.
#[derive(Clone, Debug)]
pub struct Verifying {
    /// Which.
    pub id: RunId,
    /// Steps done.
    pub step: usize,
    /// Steps in all; zero before the first.
    pub of: usize,
    /// Stops it.
    pub cancel: Cancel,
}

impl Default for State {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            order: Order::default(),
            column: COLUMN.0,
            facets_open: false,
            wall: None,
            asked: false,
            failed: None,
            chosen: Chosen::default(),
            inspected: None,
            note: None,
            show_same: false,
            verifying: None,
            scroll_to: None,
        }
    }
}

impl State {
    /// The runs on the wall, in its order.
    pub fn ids(&self) -> &[i64] {
        self.wall.as_ref().map_or(&[], |w| &w.found.ids)
    }

    /// The run in the inspector, when it is the one under the cursor.
    pub fn inspected(&self) -> Option<&Arc<Inspected>> {
        self.inspected.as_ref().filter(|i| Some(i.details.row.id) == self.chosen.cursor)
    }

    /// The two runs that are compared: A, the other chosen one or what the second came from, and B, the one under the
    /// cursor.
    pub fn pair(&self) -> (Option<i64>, Option<i64>) {
        let b = self.chosen.cursor;
        let a = match self.chosen.other() {
            Some(other) => Some(other),
            None => self.inspected().and_then(|i| i.diff.as_ref().map(|(a, _)| *a)),
        };
        (a, b)
    }
}

/// What is chosen on the wall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The runs.
    pub ids: BTreeSet<i64>,
    /// The one that keys move from and the inspector shows.
    pub cursor: Option<i64>,
    /// Where a range begins.
    pub anchor: Option<i64>,
}

/// How a click or a key chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This run alone.
    Only,
    /// This run too, or no longer.
    Toggle,
    /// All from where the last one was chosen.
    Range,
}

impl Chosen {
    /// Chooses a run; `order` is the wall's.
    pub fn pick(&mut self, id: i64, pick: Pick, order: &[i64]) {
        match pick {
            Pick::Only => self.ids = std::iter::once(id).collect(),
            Pick::Toggle => {
                if !self.ids.remove(&id) {
                    self.ids.insert(id);
                }
            }
            Pick::Range => {
                let place = |wanted: Option<i64>| wanted.and_then(|w| order.iter().position(|o| *o == w));
                let to = place(Some(id));
                let from = place(self.anchor).or(to);
                if let (Some(from), Some(to)) = (from, to) {
                    self.ids = order[from.min(to)..=from.max(to)].iter().copied().collect();
                }
            }
        }
        self.cursor = Some(id);
        if pick != Pick::Range || self.anchor.is_none() {
            self.anchor = Some(id);
        }
    }

    /// The other one of exactly two.
    pub fn other(&self) -> Option<i64> {
        let cursor = self.cursor?;
        match self.ids.len() {
            2 if self.ids.contains(&cursor) => self.ids.iter().copied().find(|id| *id != cursor),
            _ => None,
        }
    }

    /// What batch actions are about: the chosen runs, or the one under the cursor.
    pub fn targets(&self) -> Vec<i64> {
        if self.ids.is_empty() { self.cursor.into_iter().collect() } else { self.ids.iter().copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_choose_as_in_every_list() {
        let order = [9, 7, 5, 3, 1];
        let mut chosen = Chosen::default();
        chosen.pick(7, Pick::Only, &order);
        chosen.pick(3, Pick::Range, &order);
        assert_eq!((chosen.ids.clone(), chosen.cursor), ([3, 5, 7].into(), Some(3)));
        chosen.pick(9, Pick::Range, &order);
        assert_eq!(chosen.ids, [7, 9].into(), "a range begins where it began");
        assert_eq!(chosen.other(), Some(7));
        chosen.pick(9, Pick::Toggle, &order);
        assert_eq!(chosen.ids, [7].into());
        assert_eq!(chosen.targets(), [7]);
        chosen.pick(7, Pick::Toggle, &order);
        assert_eq!(chosen.targets(), [7], "the cursor counts when nothing is chosen");
        chosen.pick(44, Pick::Range, &order);
        assert!(chosen.ids.is_empty(), "a run that is not on the wall chooses nothing");
    }
}
