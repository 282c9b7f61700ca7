use engine::domain::{Finding, Side};

use super::super::testing::{Sample, library};
use super::super::{Database, index::Index};
use super::*;

const NOW: i64 = 100 * DAY_MS + DAY_MS / 2;

fn ask(db: &Database, filter: &Filter, order: Order) -> Vec<i64> {
    let index = Index::load(&db.connection).expect("the library reads");
    find(&db.connection, &index, filter, order, NOW, 0).expect("the question is answered").ids
}

fn typed(text: &str) -> Filter {
    Filter { text: text.to_owned(), ..Filter::default() }
}

fn filled(dir: &std::path::Path) -> Database {
    let db = library(dir);
    let ptx = [(Finding::Pneumothorax, Side::Right, false)];
    let both = [(Finding::Pneumothorax, Side::Left, false), (Finding::PleuralEffusion, Side::Right, true)];
    let sample = Sample::default();
    Sample { impression: "Moderate right apical pneumothorax.", seed: 1476, layers: &ptx, adherence: Some(0.74), ..sample }
        .insert(&db);
    Sample { impression: "Left pneumothorax. Small right effusion.", seed: 4, layers: &both, adherence: Some(0.6), ..sample }
        .insert(&db);
    Sample {
        impression: "No acute findings.",
        note: "for the talk; 50% off",
        mark: "star",
        seed: 3,
        model: "ChexGen 512",
        ..sample
    }
    .insert(&db);
    Sample {
        name: "Übung",
        impression: "Large effusion.",
        mark: "reject",
        recipe: "nodule-size-grid",
        adherence: Some(0.9),
        ..sample
    }
    .insert(&db);
    db
}

#[test]
fn words_numbers_and_names_are_found() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = filled(dir.path());
    let found = |text: &str| ask(&db, &typed(text), Order::Oldest);
    assert_eq!(found("pneumo"), [1, 2], "the start of a word is enough");
    assert_eq!(found("PNEUMO right"), [1, 2], "all words, in any case and order");
    assert_eq!(found("\"right apical\""), [1]);
    assert_eq!(found("\"apical right\""), [] as [i64; 0], "a phrase keeps its order");
    assert_eq!(found("talk"), [3], "notes are searched");
    assert_eq!(found("1476"), [1], "a seed");
    assert_eq!(found("#3"), [3], "a number of a run, and the seed 3 is the same run");
    assert_eq!(found("4"), [2, 4], "the run 4 and the seed 4");
    assert_eq!(found("chexgen 512"), [3], "a model");
    assert_eq!(found("size-grid"), [4], "a recipe");
    assert_eq!(found("ubung"), [4], "accents do not matter");
    assert_eq!(found("effusion nodule"), [4], "words may be found in different places");
    assert_eq!(found("kidney"), [] as [i64; 0]);
}

#[test]
fn no_text_is_read_as_syntax() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = filled(dir.path());
    let index = Index::load(&db.connection).expect("the library reads");
    let hostile = [
        "\"",
        "\"\"",
        "\"\"\"",
        "*",
        "AND",
        "OR NOT",
        "NEAR(a b)",
        "name:x",
        "(",
        ")",
        "a\" OR \"b",
        "'; DROP TABLE runs; --",
        "^a",
        "-a",
        "+",
        "{name}: a",
        "\u{0}",
        "a\u{0}b",
        "\u{202e}effusion",
        "50%",
        "_",
        "\\",
        "😀",
        "%s %n",
        "\"unclosed phrase",
    ];
    for text in hostile {
        assert!(search(&db.connection, &index, text).is_ok(), "{text:?}");
    }
    let long = "pneumothorax ".repeat(5000);
    assert_eq!(ask(&db, &typed(&long), Order::Oldest), [1, 2]);
    // What says nothing narrows nothing; what says something is looked for as it stands.
    assert_eq!(ask(&db, &typed(" * \" ( "), Order::Oldest), [1, 2, 3, 4]);
    assert_eq!(ask(&db, &typed("a\" OR \"pneumo"), Order::Oldest), [] as [i64; 0]);
    assert_eq!(ask(&db, &typed("50%"), Order::Oldest), [3]);
    let rows: i64 = db.connection.query_row("SELECT count(*) FROM runs", [], |r| r.get(0)).expect("the table stands");
    assert_eq!(rows, 4);
}

#[test]
fn orders_are_kept() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = filled(dir.path());
    let order = |order| ask(&db, &Filter::default(), order);
    assert_eq!(order(Order::Newest), [4, 3, 2, 1]);
    assert_eq!(order(Order::Oldest), [1, 2, 3, 4]);
    assert_eq!(order(Order::Best), [4, 1, 2, 3], "not measured comes last");
    assert_eq!(order(Order::Worst), [2, 1, 4, 3], "not measured comes last");
    assert_eq!(order(Order::Seed), [4, 3, 2, 1]);
}

#[test]
fn ages_are_days_of_the_persons_clock() {
    let hour = DAY_MS / 24;
    let midnight = 100 * DAY_MS;
    assert_eq!(Age::of(midnight + hour, midnight + 2 * hour, 0), Age::Today);
    assert_eq!(Age::of(midnight - hour, midnight + 2 * hour, 0), Age::Yesterday);
    // Two hours east it is the same day already.
    assert_eq!(Age::of(midnight - hour, midnight + 2 * hour, 2 * hour), Age::Today);
    assert_eq!(Age::of(midnight - 6 * DAY_MS, midnight, 0), Age::Week);
    assert_eq!(Age::of(midnight - 29 * DAY_MS, midnight, 0), Age::Month);
    assert_eq!(Age::of(i64::MIN, midnight, 0), Age::Older);
    assert_eq!(Age::of(midnight + DAY_MS, midnight, 0), Age::Today, "a clock that was set back");
}
