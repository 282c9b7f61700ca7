//! The one journal of a case: text, layers, strokes and sampler, one entry a gesture.
//!
//! An entry is the case as it was, its masks packed into run lengths, so a thousand entries take megabytes. Whatever
//! differs when a gesture ends is its entry; a gesture that changed nothing leaves none. What happened is also told to
//! the file on disk ([`crate::journal`]) as [`Record`]s.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::domain::{Mask, PackedMask};

use super::{Document, LayerId, Sampling};

/// What kind of gesture an edit belongs to; edits of one unfinished gesture share an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// Typing in the impression.
    Typing,
    /// A stroke, a box or a move on a layer.
    Draw(LayerId),
    /// A slider of a layer being dragged.
    Strength(LayerId),
    /// The opacity of a layer being dragged.
    Opacity(LayerId),
    /// The step range of a layer being dragged.
    Steps(LayerId),
    /// The area of effect of a layer being dragged.
    Area(LayerId),
    /// The age being dragged.
    Age,
    /// A setting of the sampler.
    Sampling,
    /// A number of the edit of the image under the layers being dragged.
    Underlay,
    /// Anything done by one click.
    Click,
}

/// Entries kept at most.
pub const MAX_ENTRIES: usize = 1000;
/// Bytes of packed masks kept at most; the oldest entries go first.
const MAX_BYTES: usize = 256 << 20;

/// A case and its sampler at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The case; its masks are blank here.
    pub document: Document,
    /// The mask of each layer that has one.
    pub masks: Vec<Option<Arc<PackedMask>>>,
    /// Settings of the sampler.
    pub sampling: Sampling,
}

impl Snapshot {
    /// The case with its masks.
    pub fn unpacked(&self) -> Document {
        self.unpack(&[]).0
    }

    fn unpack(&self, known: &[Pair]) -> (Document, Vec<Pair>) {
        let mut document = self.document.clone();
        let mut pairs = Vec::new();
        for (layer, packed) in document.layers.iter_mut().zip(&self.masks) {
            if let Some(packed) = packed {
                let mask = match known.iter().find(|(_, p)| Arc::ptr_eq(p, packed)) {
                    Some((mask, _)) => Arc::clone(mask),
                    None => Arc::new(packed.unpack()),
                };
                layer.region = layer.region.with_mask(Arc::clone(&mask));
                pairs.push((mask, Arc::clone(packed)));
            }
        }
        (document, pairs)
    }

    fn num_bytes(&self) -> usize {
        self.masks.iter().flatten().map(|m| m.num_bytes()).sum()
    }
}

/// A mask and its packed form.
type Pair = (Arc<Mask>, Arc<PackedMask>);

/// What happened to the journal, for the file on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A case begins.
    Begin(Arc<Snapshot>),
    /// A gesture ended with this case.
    Push(Arc<Snapshot>),
    /// The case changed without an entry: another canvas size, a seed that counted up.
    Amend(Arc<Snapshot>),
    /// One entry back.
    Undo,
    /// One entry forward.
    Redo,
}

/// The journal of a case.
#[derive(Debug, Default)]
pub struct History {
    undo: VecDeque<Arc<Snapshot>>,
    redo: Vec<Arc<Snapshot>>,
    /// The case when the last gesture ended.
    now: Option<Arc<Snapshot>>,
    /// The masks of `now`, packed and not.
    pairs: Vec<Pair>,
    open: Option<Gesture>,
    sampling: Sampling,
    news: Vec<Record>,
    bytes: usize,
}

impl History {
    /// A journal that was read from disk: entries before, the case, entries that were undone, the nearest last.
    pub fn restored(undo: Vec<Arc<Snapshot>>, now: Arc<Snapshot>, redo: Vec<Arc<Snapshot>>) -> Self {
        let bytes = undo.iter().map(|s| s.num_bytes()).sum();
        let sampling = now.sampling;
        Self { undo: undo.into(), redo, now: Some(now), sampling, bytes, ..Self::default() }
    }

    /// Meets the case before anything happens to it.
    pub fn meet(&mut self, document: &Document, sampling: Sampling) {
        if self.now.is_none() {
            self.sampling = sampling;
            let now = self.snapshot(document);
            self.news.push(Record::Begin(Arc::clone(&now)));
            self.now = Some(now);
        }
    }

    /// Notes the sampler's settings after an action: a change is a gesture.
    pub fn note(&mut self, sampling: Sampling) {
        if sampling != self.sampling {
            self.sampling = sampling;
            self.open.get_or_insert(Gesture::Sampling);
        }
    }

    /// Begins a gesture, unless the edit continues an unfinished one; `document` is the case before the edit.
    pub fn before(&mut self, gesture: Gesture, document: &Document) {
        if gesture != Gesture::Click && self.open == Some(gesture) {
            return;
        }
        self.settle(document);
        self.meet(document, self.sampling);
        self.open = Some(gesture);
    }

    /// Ends the gesture in progress; if the case differs, there is an entry.
    pub fn settle(&mut self, document: &Document) {
        if self.open.take().is_none() {
            return;
        }
        let next = self.snapshot(document);
        match self.now.replace(Arc::clone(&next)) {
            Some(now) if now == next => self.now = Some(now),
            Some(now) => {
                self.bytes += now.num_bytes();
                self.undo.push_back(now);
                self.redo.clear();
                self.news.push(Record::Push(next));
                while self.undo.len() > MAX_ENTRIES || (self.bytes > MAX_BYTES && self.undo.len() > 1) {
                    self.bytes -= self.undo.pop_front().map_or(0, |s| s.num_bytes());
                }
            }
            None => self.news.push(Record::Begin(next)),
        }
    }

    /// Takes a change that is none of the person's: it is no entry, and undo does not take it back alone.
    pub fn amend(&mut self, document: &Document, sampling: Sampling) {
        self.settle(document);
        self.sampling = sampling;
        let now = self.snapshot(document);
        if self.now.as_ref() != Some(&now) {
            self.news.push(Record::Amend(Arc::clone(&now)));
            self.now = Some(now);
        }
    }

    /// Forgets the gesture in progress and gives back the case and the sampler before it.
    pub fn drop_open(&mut self) -> Option<(Document, Sampling)> {
        self.open.take()?;
        let now = Arc::clone(self.now.as_ref()?);
        Some(self.turn_to(now))
    }

    /// The gesture in progress.
    pub fn open(&self) -> Option<Gesture> {
        self.open
    }

    /// The case and the sampler before the last gesture.
    pub fn undo(&mut self, current: &Document) -> Option<(Document, Sampling)> {
        self.settle(current);
        let before = self.undo.pop_back()?;
        self.bytes -= before.num_bytes();
        self.redo.extend(self.now.take());
        self.news.push(Record::Undo);
        Some(self.turn_to(before))
    }

    /// The case and the sampler after the gesture that was undone last.
    pub fn redo(&mut self, current: &Document) -> Option<(Document, Sampling)> {
        self.settle(current);
        let after = self.redo.pop()?;
        if let Some(now) = self.now.take() {
            self.bytes += now.num_bytes();
            self.undo.push_back(now);
        }
        self.news.push(Record::Redo);
        Some(self.turn_to(after))
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty() || self.open.is_some()
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty() && self.open.is_none()
    }

    /// How many gestures can be undone.
    pub fn len(&self) -> usize {
        self.undo.len()
    }

    /// Whether nothing can be undone.
    pub fn is_empty(&self) -> bool {
        self.undo.is_empty()
    }

    /// Forgets everything, for another case.
    pub fn clear(&mut self) {
        let news = std::mem::take(&mut self.news);
        *self = Self { news, ..Self::default() };
    }

    /// What the file on disk was not told yet.
    pub fn take_news(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.news)
    }

    fn turn_to(&mut self, snapshot: Arc<Snapshot>) -> (Document, Sampling) {
        let (document, pairs) = snapshot.unpack(&self.pairs);
        (self.pairs, self.sampling) = (pairs, snapshot.sampling);
        self.now = Some(snapshot);
        (document, self.sampling)
    }

    /// The case as it is; masks that did not change keep their packed form.
    fn snapshot(&mut self, document: &Document) -> Arc<Snapshot> {
        let mut blank = document.clone();
        let nothing = Arc::new(Mask::empty(1, 1));
        let mut pairs: Vec<Pair> = Vec::new();
        let mut masks = Vec::with_capacity(blank.layers.len());
        for layer in &mut blank.layers {
            let Some(mask) = layer.region.mask().map(Arc::clone) else {
                masks.push(None);
                continue;
            };
            let known = self.pairs.iter().chain(&pairs).find(|(m, _)| Arc::ptr_eq(m, &mask)).map(|(_, p)| Arc::clone(p));
            let packed = known.unwrap_or_else(|| {
                let packed = PackedMask::pack(&mask);
                // A stroke that painted what was painted.
                let same = self.pairs.iter().find(|(_, p)| **p == packed).map(|(_, p)| Arc::clone(p));
                same.unwrap_or_else(|| Arc::new(packed))
            });
            layer.region = layer.region.with_mask(Arc::clone(&nothing));
            masks.push(Some(Arc::clone(&packed)));
            pairs.push((mask, packed));
        }
        self.pairs = pairs;
        Arc::new(Snapshot { document: blank, masks, sampling: self.sampling })
    }
}

#[cfg(test)]
mod tests;
