use std::time::Instant;

use engine::domain::Finding;

use super::*;
use crate::state::Region;

fn drawn(size: u32, x1: u32) -> Arc<Mask> {
    Arc::new(Mask::from_fn(size, size, |x, y| x < x1 && y > size / 3 && y < size / 2))
}

fn case(size: u32) -> (Document, LayerId) {
    let mut document = Document::empty(size);
    let id = document.push(Finding::Nodule, Region::Mask(drawn(size, size / 4)));
    (document, id)
}

fn paint(history: &mut History, document: &mut Document, id: LayerId, to: u32) {
    history.before(Gesture::Draw(id), document);
    let size = document.size_px;
    document.layer_mut(id).expect("the layer").region = Region::Mask(drawn(size, to));
    history.settle(document);
}

#[test]
fn five_hundred_gestures_and_more_come_back_one_by_one() {
    let (mut document, id) = case(64);
    let mut history = History::default();
    let mut seen = Vec::new();
    for i in 0..600u32 {
        seen.push(document.clone());
        if i % 2 == 0 {
            paint(&mut history, &mut document, id, 1 + i % 63);
        } else {
            history.before(Gesture::Typing, &document);
            document.impression = format!("case {i}");
            history.settle(&document);
        }
    }
    assert_eq!(history.len(), 600);
    let last = document.clone();
    for before in seen.iter().rev() {
        document = history.undo(&document).expect("an entry").0;
        assert_eq!(&document, before);
    }
    assert!(history.undo(&document).is_none());
    while let Some((next, _)) = history.redo(&document) {
        document = next;
    }
    assert_eq!(document, last);
}

#[test]
fn the_oldest_entries_go_first() {
    let (mut document, id) = case(32);
    let mut history = History::default();
    for i in 0..(MAX_ENTRIES as u32 + 40) {
        paint(&mut history, &mut document, id, 1 + i % 31);
    }
    assert_eq!(history.len(), MAX_ENTRIES);
}

#[test]
fn gestures_that_change_nothing_leave_no_entry() {
    let (mut document, id) = case(64);
    let mut history = History::default();
    history.before(Gesture::Typing, &document);
    document.impression = "a".into();
    document.impression.clear();
    history.settle(&document);
    paint(&mut history, &mut document, id, 16);
    assert_eq!(history.len(), 0, "the same pixels in another mask");
    assert_eq!(history.take_news().len(), 1, "only the beginning");
}

#[test]
fn the_sampler_is_in_the_same_journal() {
    let (mut document, id) = case(64);
    let mut history = History::default();
    let start = Sampling::default();
    history.meet(&document, start);
    let more = Sampling { steps: 40, eta: 0.5, ..start };
    history.note(Sampling { steps: 39, ..start });
    history.note(more);
    assert_eq!(history.open(), Some(Gesture::Sampling));
    paint(&mut history, &mut document, id, 40);
    assert_eq!(history.len(), 2, "the slider and the stroke");
    let (painted_back, sampling) = history.undo(&document).expect("the stroke");
    assert_eq!(sampling, more);
    let (_, sampling) = history.undo(&painted_back).expect("the slider");
    assert_eq!(sampling, start);
    let (_, sampling) = history.redo(&painted_back).expect("the slider again");
    assert_eq!(sampling, more);
}

#[test]
fn what_the_person_did_not_do_is_no_entry() {
    let (document, _) = case(64);
    let mut history = History::default();
    let start = Sampling::default();
    history.meet(&document, start);
    history.amend(&document, Sampling { seed: 9, ..start });
    history.note(Sampling { seed: 9, ..start });
    assert!(!history.can_undo());
    assert!(matches!(history.take_news().last(), Some(Record::Amend(s)) if s.sampling.seed == 9));
}

#[test]
fn a_change_after_undo_drops_what_was_undone() {
    let (mut document, id) = case(64);
    let mut history = History::default();
    paint(&mut history, &mut document, id, 20);
    paint(&mut history, &mut document, id, 40);
    document = history.undo(&document).expect("an entry").0;
    paint(&mut history, &mut document, id, 50);
    assert!(!history.can_redo());
    assert_eq!(history.len(), 2);
}

/// Undo at 2048 pixels stays well below 30 ms; optimised builds take a tenth of the bound.
#[test]
fn undo_is_quick_at_2048() {
    let (mut document, id) = case(2048);
    document.push(Finding::Device, Region::Mask(drawn(2048, 700)));
    let mut history = History::default();
    for i in 1..20 {
        paint(&mut history, &mut document, id, i * 97);
    }
    let mut slowest = 0.0f64;
    for _ in 1..20 {
        let began = Instant::now();
        document = history.undo(&document).expect("an entry").0;
        slowest = slowest.max(began.elapsed().as_secs_f64() * 1000.0);
    }
    assert!(slowest < 300.0, "undo took {slowest:.1} ms");
}
