//! One trial in progress: what is shown, chosen, locked and marked.

use std::sync::Arc;

use engine::domain::GrayImage;
use study::answers::Looked;
use study::reading::{ErrorKind, MarkedError};

use super::{Clock, Look};
use crate::reader::sheet::{Sheet, Trial};

/// How far a trial has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// A choice can be made and changed.
    #[default]
    Score,
    /// The answer is on its way to the disk.
    Locking,
    /// What is wrong is being told; the answer is locked.
    Errors,
    /// What is wrong is on its way to the disk.
    Closing,
}

/// A trial in progress.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// What is asked.
    pub trial: Trial,
    /// Whether nothing of it is kept.
    pub practice: bool,
    /// In practice, the choice that is asked for.
    pub asked: Option<usize>,
    /// The images, then the examples; `None` while one is decoded.
    pub images: Vec<Option<Arc<GrayImage>>>,
    /// Why an image cannot be shown.
    pub unreadable: Option<String>,
    /// What is chosen for each question, as places among the choices.
    pub chosen: Vec<Option<usize>>,
    /// Which question the keys answer.
    pub question: usize,
    /// How far it is.
    pub step: Step,
    /// What is wrong, as far as it was told.
    pub marks: Vec<MarkedError>,
    /// The kind of error that the next click on the image is for.
    pub kind: Option<ErrorKind>,
    /// A cross that arrow keys move, as shares of the image.
    pub cross: Option<(f32, f32)>,
    /// Words of the reader.
    pub comment: String,
    /// Time that counts.
    pub clock: Clock,
    /// Whether the image has been on the screen.
    pub was_shown: bool,
    /// How it is looked at.
    pub look: Look,
    /// How much was looked around.
    pub looked: Looked,
}

impl Turn {
    /// A trial that waits for its images.
    pub fn new(sheet: &Sheet, trial: &Trial, practice: bool) -> Self {
        Self {
            trial: trial.clone(),
            practice,
            asked: sheet.asked(trial).filter(|_| practice),
            images: vec![None; trial.images.len() + trial.examples.len()],
            chosen: vec![None; sheet.questions()],
            ..Self::default()
        }
    }

    /// Whether all that is scored can be seen.
    pub fn is_ready(&self) -> bool {
        !self.images.is_empty() && self.images.iter().all(Option::is_some)
    }

    /// The choice of the question in hand.
    pub fn choice(&self) -> Option<usize> {
        self.chosen.get(self.question).copied().flatten()
    }

    /// The first question without an answer.
    pub fn open_question(&self) -> Option<usize> {
        self.chosen.iter().position(Option::is_none)
    }

    /// Whether the chosen answer asks what is wrong.
    pub fn asks_error(&self, sheet: &Sheet) -> bool {
        self.chosen.iter().flatten().any(|&c| sheet.choices.get(c).is_some_and(|c| c.asks_error))
    }

    /// All names of pictures, in the order of `images`.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.trial.images.iter().chain(&self.trial.examples)
    }

    /// Marks that have a place.
    pub fn placed(&self) -> impl Iterator<Item = (usize, &MarkedError, (f64, f64))> {
        self.marks.iter().enumerate().filter_map(|(i, m)| Some((i, m, m.place?)))
    }
}

/// Where a place lies, in words: the picture's left is the patient's right.
pub fn place_words((x, y): (f64, f64)) -> String {
    let side = match x {
        x if x < 0.46 => "patient’s right",
        x if x > 0.54 => "patient’s left",
        _ => "middle",
    };
    let zone = match y {
        y if y < 0.34 => "upper zone",
        y if y > 0.66 => "lower zone",
        _ => "middle zone",
    };
    format!("{side}, {zone}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pictures_left_is_the_patients_right() {
        assert_eq!(place_words((0.28, 0.5)), "patient’s right, middle zone");
        assert_eq!(place_words((0.8, 0.1)), "patient’s left, upper zone");
        assert_eq!(place_words((0.5, 0.9)), "middle, lower zone");
    }
}
