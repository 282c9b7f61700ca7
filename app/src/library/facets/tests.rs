use engine::domain::{Finding, Side};

use super::super::index::Index;
use super::super::query::{Filter, Order, find};
use super::super::testing::{Sample, library};
use super::*;

const DAY_MS: i64 = 86_400_000;
const NOW: i64 = 100 * DAY_MS;

fn facets(filter: &Filter) -> (Vec<i64>, Facets, Index) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = library(dir.path());
    let right = [(Finding::Pneumothorax, Side::Right, false)];
    let left_and_effusion = [(Finding::Pneumothorax, Side::Left, false), (Finding::PleuralEffusion, Side::Right, true)];
    let s = Sample { created_ms: NOW, ..Sample::default() };
    Sample { layers: &right, adherence: Some(0.62), mark: "star", ..s }.insert(&db);
    Sample { layers: &left_and_effusion, adherence: Some(0.4), conflict: true, model: "Other", ..s }.insert(&db);
    Sample { created_ms: NOW - 3 * DAY_MS, recipe: "grid", edited: true, ..s }.insert(&db);
    Sample { layers: &right, adherence: Some(1.0), mark: "reject", created_ms: NOW - 400 * DAY_MS, ..s }.insert(&db);
    let index = Index::load(&db.connection).expect("the library reads");
    let found = find(&db.connection, &index, filter, Order::Oldest, NOW, 0).expect("an answer");
    (found.ids, found.facets, index)
}

#[test]
fn everything_is_counted_once() {
    let (ids, f, index) = facets(&Filter::default());
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(f.all, 4);
    assert_eq!((f.findings[0], f.findings[1], f.findings[NOTHING_DRAWN]), (3, 1, 1));
    assert_eq!(f.sides, [3, 1, 0]);
    assert_eq!(f.adherence.iter().sum::<usize>() + f.not_measured, 4);
    assert_eq!((f.adherence[12], f.adherence[8], f.adherence[BARS - 1], f.not_measured), (1, 1, 1, 1));
    assert_eq!(f.states, [1, 1, 1, 1, 0]);
    assert_eq!(f.models, [3, 1]);
    assert_eq!(index.models()[1].name, "Other");
    assert_eq!(f.recipes, [3, 1]);
    assert_eq!(f.ages, [2, 0, 1, 0, 1]);
}

#[test]
fn class_and_side_speak_of_one_layer() {
    let filter = |findings, sides| Filter { findings, sides, ..Filter::default() };
    let (ptx, eff) = (1u16 << Finding::Pneumothorax.index(), 1u16 << Finding::PleuralEffusion.index());
    let (right, left) = (1u8 << Side::Right as u8, 1u8 << Side::Left as u8);
    assert_eq!(facets(&filter(ptx, left)).0, [2]);
    assert_eq!(facets(&filter(ptx, right)).0, [1, 4], "run 2 has an effusion on the right, no pneumothorax");
    assert_eq!(facets(&filter(eff, left)).0, [] as [i64; 0]);
    assert_eq!(facets(&filter(0, right)).0, [1, 2, 4]);
    assert_eq!(facets(&filter(1 << NOTHING_DRAWN, 0)).0, [3]);
    assert_eq!(facets(&filter(1 << NOTHING_DRAWN, right)).0, [] as [i64; 0]);
    assert_eq!(facets(&filter(ptx | eff, 0)).0, [1, 2, 4], "inside a group any choice is enough");
    let (_, f, _) = facets(&filter(eff, 0));
    assert_eq!((f.findings[0], f.findings[1]), (3, 1), "a group's counts leave its own choices out");
    assert_eq!(f.sides, [1, 0, 0], "sides count where the chosen class lies");
    let (_, f, _) = facets(&filter(0, left));
    assert_eq!((f.findings[0], f.findings[1], f.findings[NOTHING_DRAWN]), (1, 0, 0));
}

#[test]
fn groups_narrow_each_other() {
    let hash = std::iter::once("hash of Fake".to_owned()).collect();
    let (ids, f, _) = facets(&Filter { models: hash, adherence: Some((0.5, 1.0)), ..Filter::default() });
    assert_eq!(ids, [1, 4]);
    assert_eq!(f.models, [2, 0], "the other model has none above the bound");
    assert_eq!((f.adherence[8], f.not_measured), (0, 1), "the histogram leaves its own bounds out");
    let (ids, f, _) = facets(&Filter { states: 0b11, ..Filter::default() });
    assert_eq!(ids, [1, 4], "starred or rejected");
    assert_eq!(f.states, [1, 1, 1, 1, 0]);
    let (ids, ..) = facets(&Filter { ages: 1 << Age::Older as u8, ..Filter::default() });
    assert_eq!(ids, [4]);
    let by_hand = std::iter::once(String::new()).collect();
    assert_eq!(facets(&Filter { recipes: by_hand, ..Filter::default() }).0, [1, 2, 4]);
}

#[test]
fn bars_hold_their_lower_bound() {
    assert_eq!([0.0, 0.049, 0.05, 0.6, 0.95, 1.0, 2.0, -1.0].map(bar_of), [0, 0, 1, 12, 19, 19, 19, 0]);
}
