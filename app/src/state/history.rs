//! Undo and redo: one entry per gesture.
//!
//! An entry is the document as it was. Masks are shared behind `Arc`, so an entry costs what the
//! gesture changed and no more.

use super::{Document, LayerId};

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
    /// Anything done by one click.
    Click,
}

/// Entries kept at most.
const MAX_ENTRIES: usize = 200;

/// The journal of a document.
#[derive(Debug, Default)]
pub struct History {
    undo: Vec<Document>,
    redo: Vec<Document>,
    open: Option<Gesture>,
}

impl History {
    /// Notes the document before an edit, unless the edit continues an unfinished gesture.
    pub fn before(&mut self, gesture: Gesture, document: &Document) {
        if gesture != Gesture::Click && self.open == Some(gesture) {
            return;
        }
        self.open = Some(gesture);
        self.undo.push(document.clone());
        if self.undo.len() > MAX_ENTRIES {
            self.undo.remove(0);
        }
        self.redo.clear();
    }

    /// Ends the gesture in progress: the next edit gets an entry of its own.
    ///
    /// An entry that changed nothing is dropped.
    pub fn settle(&mut self, document: &Document) {
        if self.open.take().is_some() && self.undo.last() == Some(document) {
            self.undo.pop();
        }
    }

    /// The gesture in progress.
    pub fn open(&self) -> Option<Gesture> {
        self.open
    }

    /// The document before the last gesture.
    pub fn undo(&mut self, current: &Document) -> Option<Document> {
        self.settle(current);
        let before = self.undo.pop()?;
        self.redo.push(current.clone());
        Some(before)
    }

    /// The document after the gesture that was undone last.
    pub fn redo(&mut self, current: &Document) -> Option<Document> {
        let after = self.redo.pop()?;
        self.undo.push(current.clone());
        Some(after)
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Forgets everything, for another case.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
