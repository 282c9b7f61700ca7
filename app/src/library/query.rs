//! Which runs are asked for, in which order, and the search for words, numbers and names.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::index::{Index, Row};
use super::{LibraryError, Mark, Verified, facets};

/// Bit of "nothing drawn" among the classes of a [`Filter`], after the classes themselves.
pub const NOTHING_DRAWN: usize = engine::domain::Finding::ALL.len();
/// Most words of a search that are looked up.
const MAX_WORDS: usize = 16;

/// What is true of a run, for the facet of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A star.
    Starred,
    /// Rejected, kept.
    Rejected,
    /// A region of a real image was changed.
    Edited,
    /// Text and mask disagree.
    Conflict,
    /// Replayed with the same pixels.
    Replayed,
}

impl Condition {
    /// All of them in the order of the list.
    pub const ALL: [Self; 5] = [Self::Starred, Self::Rejected, Self::Edited, Self::Conflict, Self::Replayed];

    /// The word in the list.
    pub fn title(self) -> &'static str {
        match self {
            Self::Starred => "Starred",
            Self::Rejected => "Rejected, kept",
            Self::Edited => "Edited real image",
            Self::Conflict => "Text conflict",
            Self::Replayed => "Replayed equal",
        }
    }

    /// Whether it holds.
    pub fn holds(self, row: &Row) -> bool {
        match self {
            Self::Starred => row.mark == Mark::Star,
            Self::Rejected => row.mark == Mark::Reject,
            Self::Edited => row.edited,
            Self::Conflict => row.conflict,
            Self::Replayed => row.verified == Verified::Equal,
        }
    }
}

/// How long ago a run was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// On this day.
    Today,
    /// On the day before.
    Yesterday,
    /// Two to six days ago.
    Week,
    /// Seven to 29 days ago.
    Month,
    /// Before that.
    Older,
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

impl Age {
    /// All of them, newest first.
    pub const ALL: [Self; 5] = [Self::Today, Self::Yesterday, Self::Week, Self::Month, Self::Older];

    /// The word in the list.
    pub fn title(self) -> &'static str {
        match self {
            Self::Today => "Today",
            Self::Yesterday => "Yesterday",
            Self::Week => "2–6 days ago",
            Self::Month => "7–29 days ago",
            Self::Older => "Older",
        }
    }

    /// The age of a moment; `now_ms` and `created_ms` in milliseconds of the same clock, `zone_ms` east of UTC.
    pub fn of(created_ms: i64, now_ms: i64, zone_ms: i64) -> Self {
        let day = |ms: i64| (ms.saturating_add(zone_ms)).div_euclid(DAY_MS);
        match day(now_ms) - day(created_ms) {
            ..=0 => Self::Today,
            1 => Self::Yesterday,
            2..=6 => Self::Week,
            7..=29 => Self::Month,
            _ => Self::Older,
        }
    }
}

/// What the wall is narrowed to. Inside a group any choice is enough; every group must agree. An empty group agrees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Words, numbers and names as typed.
    pub text: String,
    /// Classes, a bit each in key order, and [`NOTHING_DRAWN`].
    pub findings: u16,
    /// Patient's sides, a bit each in the order of `Side`; the class must lie on one of them.
    pub sides: u8,
    /// Least and greatest adherence; runs without one are left out.
    pub adherence: Option<(f32, f32)>,
    /// [`Condition`]s, a bit each.
    pub states: u8,
    /// Hashes of models.
    pub models: BTreeSet<String>,
    /// Recipes; the empty one is "by hand".
    pub recipes: BTreeSet<String>,
    /// [`Age`]s, a bit each.
    pub ages: u8,
}

impl Filter {
    /// Whether it narrows nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The order of the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Highest adherence first; not measured comes last.
    Best,
    /// Lowest adherence first; not measured comes last.
    Worst,
    /// By seed, so that twins and variants stand together.
    Seed,
}

impl Order {
    /// All of them in menu order.
    pub const ALL: [Self; 5] = [Self::Newest, Self::Oldest, Self::Best, Self::Worst, Self::Seed];

    /// The words in the menu.
    pub fn title(self) -> &'static str {
        match self {
            Self::Newest => "Newest first",
            Self::Oldest => "Oldest first",
            Self::Best => "Highest adherence",
            Self::Worst => "Lowest adherence",
            Self::Seed => "By seed",
        }
    }

    /// Sorts rows that come by rising number.
    fn sort(self, found: &mut [i64], index: &Index) {
        let row = |id: &i64| index.row(*id);
        let adherence = |id: &i64| row(id).and_then(|r| r.adherence);
        match self {
            Self::Newest => found.reverse(),
            Self::Oldest => {}
            // Stable sorts of the newest first: equals stay in the order of the plain wall.
            Self::Best => {
                found.reverse();
                found.sort_by_cached_key(|id| adherence(id).map_or(i32::MAX, |v| -thousandths(v)));
            }
            Self::Worst => {
                found.reverse();
                found.sort_by_cached_key(|id| adherence(id).map_or(i32::MAX, thousandths));
            }
            Self::Seed => found.sort_by_cached_key(|id| row(id).map_or(u64::MAX, |r| r.seed)),
        }
    }
}

fn thousandths(value: f32) -> i32 {
    (value * 100_000.0) as i32
}

/// What a question gives.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The runs in the order of the wall.
    pub ids: Vec<i64>,
    /// Counts beside the facets.
    pub facets: facets::Facets,
}

/// Answers a question; times as in [`Age::of`].
///
/// # Errors
/// When SQLite refuses.
pub fn find(
    connection: &Connection,
    index: &Index,
    filter: &Filter,
    order: Order,
    now_ms: i64,
    zone_ms: i64,
) -> Result<Found, LibraryError> {
    let words = search(connection, index, &filter.text)?;
    let (mut ids, facets) = facets::count(index, filter, words.as_deref(), now_ms, zone_ms);
    order.sort(&mut ids, index);
    Ok(Found { ids, facets })
}

/// The runs that a search names, a flag for each row of the index; `None` when nothing is searched for.
///
/// Every word must be found: at the start of a word of the name, the text or the note, in the name of the model or the
/// recipe, or as the number or the seed of the run. Words inside quotation marks must stand together.
///
/// # Errors
/// When SQLite refuses.
pub fn search(connection: &Connection, index: &Index, typed: &str) -> Result<Option<Vec<bool>>, LibraryError> {
    let words = words(typed);
    if words.is_empty() {
        return Ok(None);
    }
    let mut all: Option<Vec<bool>> = None;
    for word in &words {
        let mut found = vec![false; index.rows().len()];
        let searching = || LibraryError::sql("cannot be searched");
        let mut statement =
            connection.prepare_cached("SELECT rowid FROM run_words WHERE run_words MATCH ?1").map_err(searching())?;
        let mut rows = statement.query([pattern(word)]).map_err(searching())?;
        while let Some(row) = rows.next().map_err(searching())? {
            if let Some(place) = index.place(row.get(0).map_err(searching())?) {
                found[place] = true;
            }
        }
        let lower = word.to_lowercase();
        let models: Vec<bool> = index.models().iter().map(|m| m.name.to_lowercase().contains(&lower)).collect();
        let recipes: Vec<bool> = index.recipes().iter().map(|r| r.to_lowercase().contains(&lower)).collect();
        let number = lower.trim_start_matches('#').parse::<u64>().ok();
        for (place, row) in index.rows().iter().enumerate() {
            let named = models.get(usize::from(row.model)).is_some_and(|m| *m)
                || recipes.get(usize::from(row.recipe)).is_some_and(|r| *r)
                || number.is_some_and(|n| row.seed == n || row.id.cast_unsigned() == n);
            found[place] |= named;
        }
        all = Some(match all {
            Some(before) => before.iter().zip(&found).map(|(a, b)| *a && *b).collect(),
            None => found,
        });
    }
    Ok(all)
}

/// The words of a search: whole phrases inside quotation marks, else what stands between blanks. Words without a letter
/// or a figure say nothing and are left out.
fn words(typed: &str) -> Vec<String> {
    let plain: String = typed.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut words = Vec::new();
    for (i, part) in plain.split('"').enumerate() {
        // Every second part stands inside quotation marks; an open one reaches to the end.
        if i % 2 == 1 {
            words.push(part.trim().to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words.retain(|w| w.chars().any(char::is_alphanumeric));
    words.truncate(MAX_WORDS);
    words
}

/// A word as FTS5 reads it: a quoted string, in which nothing is an operator, that may go on.
fn pattern(word: &str) -> String {
    format!("\"{}\"*", word.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
