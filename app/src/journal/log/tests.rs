use engine::domain::{Finding, Mask};

use super::*;
use crate::state::{Base, BaseOrigin, Document, Gesture, LayerId, Region, Sampling};

fn none(_: &str) -> Option<Arc<GrayImage>> {
    None
}

struct Work {
    document: Document,
    history: History,
    id: LayerId,
}

impl Work {
    fn new() -> Self {
        let mut document = Document::empty(48);
        let id = document.push(Finding::Nodule, Region::Mask(Arc::new(Mask::empty(48, 48))));
        document.push(Finding::Device, Region::Box(Some(engine::domain::RectPx::from_corners(1.5, 2.0, 9.0, 12.25))));
        let mut history = History::default();
        history.meet(&document, Sampling::default());
        Self { document, history, id }
    }

    fn stroke(&mut self, i: u32) {
        self.history.before(Gesture::Draw(self.id), &self.document);
        let mask = Mask::from_fn(48, 48, |x, y| (x + i) % 48 < 9 && y > 5 + i % 30);
        self.document.layer_mut(self.id).expect("the layer").region = Region::Mask(Arc::new(mask));
        self.history.settle(&self.document);
    }

    fn news(&mut self) -> Vec<Record> {
        self.history.take_news()
    }
}

#[test]
fn a_journal_is_read_back_with_undo_and_redo() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.journal");
    let mut work = Work::new();
    let (mut log, _) = Log::open(&path, &mut none).expect("a new file");
    for i in 0..30 {
        work.stroke(i);
        log.append(&work.news()).expect("written");
    }
    work.history.note(Sampling { karras: true, eta: 0.25, ..Sampling::default() });
    work.history.settle(&work.document);
    work.document = work.history.undo(&work.document).expect("an entry").0;
    work.document = work.history.undo(&work.document).expect("an entry").0;
    log.append(&work.news()).expect("written");
    drop(log);

    let (log, found) = Log::open(&path, &mut none).expect("it opens again");
    assert_eq!((found.dropped_bytes, found.copy), (0, None));
    let mut history = log.chain.history().expect("a case");
    let mut document = log.chain.now().expect("a case").unpacked();
    assert_eq!(document, work.document);
    assert_eq!(history.len(), 29);
    document = history.redo(&document).expect("the stroke").0;
    let (document, sampling) = history.redo(&document).expect("the sampler");
    assert!(sampling.karras && sampling.eta == 0.25);
    let mut back = document;
    while let Some((before, _)) = history.undo(&back) {
        back = before;
    }
    assert!(back.layer(work.id).expect("the layer").is_empty(), "all the way back");
}

#[test]
fn any_torn_tail_leaves_the_steps_before_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.journal");
    let mut work = Work::new();
    let (mut log, _) = Log::open(&path, &mut none).expect("a new file");
    for i in 0..6 {
        work.stroke(i);
        log.append(&work.news()).expect("written");
    }
    drop(log);
    let whole = std::fs::read(&path).expect("readable");
    let mut most = 0;
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).expect("writable");
        let (mut log, found) = Log::open(&path, &mut none).expect("a torn file opens");
        assert_eq!(found.copy, None, "a torn file is not damaged, cut at {cut}");
        let steps = log.chain.history().map_or(0, |h| h.len());
        assert!(steps >= most, "a longer file never has fewer steps");
        most = steps;
        // And it goes on from there.
        if cut % 97 == 0 {
            let mut more = Work::new();
            more.stroke(3);
            log.append(&more.news()).expect("written");
            drop(log);
            let (log, found) = Log::open(&path, &mut none).expect("it opens");
            assert_eq!((found.dropped_bytes, log.chain.history().map_or(0, |h| h.len())), (0, 1));
        }
    }
    assert_eq!(most, 5);
}

#[test]
fn any_flipped_byte_is_noticed_and_nothing_wrong_is_read() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.journal");
    let mut work = Work::new();
    let (mut log, _) = Log::open(&path, &mut none).expect("a new file");
    let mut states = vec![work.document.clone()];
    for i in 0..4 {
        work.stroke(i);
        states.push(work.document.clone());
        log.append(&work.news()).expect("written");
    }
    drop(log);
    let whole = std::fs::read(&path).expect("readable");
    for at in HEADER.len()..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        std::fs::write(&path, &bytes).expect("writable");
        let (log, found) = Log::open(&path, &mut none).expect("a damaged file opens");
        assert!(found.dropped_bytes > 0, "byte {at} was not noticed");
        if let Some(now) = log.chain.now() {
            assert!(states.contains(&now.unpacked()), "byte {at}: a case that never was");
        }
    }
    // In the middle the rest is copied aside first.
    let mut bytes = whole.clone();
    bytes[HEADER.len() + HEAD + 3] ^= 1;
    std::fs::write(&path, &bytes).expect("writable");
    let (_, found) = Log::open(&path, &mut none).expect("a damaged file opens");
    assert_eq!(std::fs::read(found.copy.expect("a copy")).expect("readable"), bytes);
    std::fs::write(&path, b"a letter to my aunt").expect("writable");
    assert!(Log::open(&path, &mut none).is_err(), "a foreign file is left alone");
}

#[test]
fn writing_anew_keeps_every_step_and_loses_what_nobody_needs() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.journal");
    let mut work = Work::new();
    let (mut log, _) = Log::open(&path, &mut none).expect("a new file");
    for i in 0..200 {
        work.stroke(i);
        work.document = work.history.undo(&work.document).expect("an entry").0;
    }
    work.stroke(3);
    work.stroke(9);
    work.document = work.history.undo(&work.document).expect("an entry").0;
    log.append(&work.news()).expect("written");
    let before = log.num_bytes();
    log.compact().expect("written anew");
    assert!(log.num_bytes() * 20 < before, "{} of {before} bytes", log.num_bytes());
    work.stroke(20);
    log.append(&work.news()).expect("written after that");
    drop(log);
    let (log, found) = Log::open(&path, &mut none).expect("it opens");
    assert_eq!(found.dropped_bytes, 0);
    assert_eq!(log.chain.now().expect("a case").unpacked(), work.document);
    assert_eq!(log.chain.history().expect("a case").len(), work.history.len());
}

#[test]
fn the_image_under_the_layers_is_named_and_found_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.journal");
    let image = Arc::new(GrayImage::from_unit(2, 2, &[0.1, 0.2, 0.7, 1.0]).expect("four pixels"));
    let mut work = Work::new();
    work.history.before(Gesture::Click, &work.document);
    let base = Base::square("chest", BaseOrigin::Run(7), Arc::clone(&image));
    let detail = engine::imageio::edited::Detail::Model;
    let original_spacing_mm = Some((0.25, 0.5));
    let spacing_mm = Some((0.5, 0.25));
    work.document.base = Some(Base { spacing_mm, original_spacing_mm, edit: true, margin_px: 9, whole: true, detail, ..base });
    work.history.settle(&work.document);
    let (mut log, _) = Log::open(&path, &mut none).expect("a new file");
    log.append(&work.news()).expect("written");
    drop(log);
    let hash = engine::store::hash::hash_image(&image);
    let (log, _) = Log::open(&path, &mut |h| (h == hash).then(|| Arc::clone(&image))).expect("it opens");
    assert_eq!(log.chain.now().expect("a case").unpacked(), work.document);
    let (log, _) = Log::open(&path, &mut none).expect("it opens without the image too");
    assert_eq!(log.chain.now().expect("a case").unpacked().base, None);
}
