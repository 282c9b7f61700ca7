//! Counts beside the facets: how many runs each further choice would leave.

use engine::domain::Finding;

use super::index::Index;
use super::query::{Age, Condition, Filter, NOTHING_DRAWN};

/// Bars of the adherence histogram; each is a twentieth wide.
pub const BARS: usize = 20;

/// How many runs each choice would give. A group's counts leave the group's own choices out, so that a second choice in
/// it shows what it adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facets {
    /// All runs of the library.
    pub all: usize,
    /// By class, in key order; the last is "nothing drawn".
    pub findings: [usize; NOTHING_DRAWN + 1],
    /// By patient's side, in the order of `Side`.
    pub sides: [usize; 3],
    /// By adherence, from 0 to 1.
    pub adherence: [usize; BARS],
    /// Without a measured adherence.
    pub not_measured: usize,
    /// By condition, in their order.
    pub states: [usize; Condition::ALL.len()],
    /// By model, in the index's order.
    pub models: Vec<usize>,
    /// By recipe, in the index's order.
    pub recipes: Vec<usize>,
    /// By age, in their order.
    pub ages: [usize; Age::ALL.len()],
}

/// The bar of a value of adherence.
pub fn bar_of(adherence: f32) -> usize {
    ((adherence.clamp(0.0, 1.0) * BARS as f32 + 1e-4) as usize).min(BARS - 1)
}

const LAYER: u8 = 1;
const ADHERENCE: u8 = 2;
const STATE: u8 = 4;
const MODEL: u8 = 8;
const RECIPE: u8 = 16;
const AGE: u8 = 32;

/// Goes once over all rows: the runs that pass, by rising number, and the counts.
///
/// `words` has a flag for each row that a search found; times as in [`Age::of`].
pub fn count(index: &Index, filter: &Filter, words: Option<&[bool]>, now_ms: i64, zone_ms: i64) -> (Vec<i64>, Facets) {
    let mut facets = Facets {
        all: index.rows().len(),
        models: vec![0; index.models().len()],
        recipes: vec![0; index.recipes().len()],
        ..Facets::default()
    };
    let models: Vec<bool> = index.models().iter().map(|m| filter.models.is_empty() || filter.models.contains(&m.hash)).collect();
    let recipes: Vec<bool> = index.recipes().iter().map(|r| filter.recipes.is_empty() || filter.recipes.contains(r)).collect();
    let every_class = (1u16 << Finding::ALL.len()) - 1;
    let nothing = 1u16 << NOTHING_DRAWN;
    let wanted_sides = if filter.sides == 0 { 7 } else { filter.sides };
    let wanted_classes = if filter.findings == 0 { every_class } else { filter.findings & every_class };
    let mut ids = Vec::new();
    for (place, row) in index.rows().iter().enumerate() {
        if words.is_some_and(|w| !w.get(place).copied().unwrap_or(false)) {
            continue;
        }
        let age = Age::of(row.created_ms, now_ms, zone_ms);
        let conditions = Condition::ALL.iter().enumerate().filter(|(_, c)| c.holds(row)).fold(0u8, |bits, (i, _)| bits | 1 << i);
        // Class and side are one group, for both at once describe one layer: a class counts on the wanted sides, a side
        // with the wanted classes.
        let mut classes = row.drawn.classes_on(wanted_sides);
        if row.drawn.is_empty() && filter.sides == 0 {
            classes |= nothing;
        }
        let sides = row.drawn.sides_of(wanted_classes);
        let in_bounds = |(low, high): (f32, f32)| row.adherence.is_some_and(|v| v >= low - 1e-5 && v <= high + 1e-5);
        let mut fails = 0u8;
        let mut fail = |group: u8, passes: bool| fails |= if passes { 0 } else { group };
        let layer = match (filter.findings, filter.sides) {
            (0, 0) => true,
            (0, _) => classes != 0,
            (wanted, _) => classes & wanted != 0,
        };
        fail(LAYER, layer);
        fail(ADHERENCE, filter.adherence.is_none_or(in_bounds));
        fail(STATE, filter.states == 0 || conditions & filter.states != 0);
        fail(MODEL, models.get(usize::from(row.model)).copied().unwrap_or(true));
        fail(RECIPE, recipes.get(usize::from(row.recipe)).copied().unwrap_or(true));
        fail(AGE, filter.ages == 0 || filter.ages & (1 << age as u8) != 0);
        if fails == 0 {
            ids.push(row.id);
        }
        let counts = |group: u8| fails & !group == 0;
        if counts(LAYER) {
            add_bits(&mut facets.findings, u32::from(classes));
            add_bits(&mut facets.sides, u32::from(sides));
        }
        if counts(ADHERENCE) {
            match row.adherence {
                Some(value) => facets.adherence[bar_of(value)] += 1,
                None => facets.not_measured += 1,
            }
        }
        if counts(STATE) {
            add_bits(&mut facets.states, u32::from(conditions));
        }
        if counts(MODEL) {
            add(&mut facets.models, usize::from(row.model));
        }
        if counts(RECIPE) {
            add(&mut facets.recipes, usize::from(row.recipe));
        }
        if counts(AGE) {
            facets.ages[age as usize] += 1;
        }
    }
    (ids, facets)
}

fn add(counts: &mut [usize], place: usize) {
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}

fn add_bits(counts: &mut [usize], bits: u32) {
    for (i, count) in counts.iter_mut().enumerate() {
        *count += (bits >> i) as usize & 1;
    }
}

#[cfg(test)]
mod tests;
