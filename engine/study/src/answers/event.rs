//! What happens while a reader reads, as the log of answers keeps it.

use serde::{Deserialize, Serialize};

use crate::reading::MarkedError;

/// When something happened, by two clocks that the caller reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Date and time, milliseconds since 1970 in UTC. A person can set this clock back.
    pub wall_ms: i64,
    /// Seconds since the window was opened. This clock only goes forward.
    pub mono_secs: f64,
}

/// What the screen is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Screen {
    /// Size of the window in device pixels.
    pub window_px: (u32, u32),
    /// Device pixels of a point.
    pub pixels_per_point: f64,
    /// Device pixels and the image pixels that they show: (2, 1) is twice the size.
    pub scale: (u32, u32),
}

/// How much a reader looked around in one trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Looked {
    /// Changes of zoom.
    pub zooms: u32,
    /// The largest zoom, in device pixels per image pixel.
    pub largest_zoom: f64,
    /// Changes of window and level.
    pub windows: u32,
    /// Whether black and white were swapped.
    pub inverted: bool,
}

/// One thing that happened. Trials are named by their index in the reader's plan, from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A window was opened on the answers.
    Opened {
        /// Program and version, such as "chexgen-studio 0.1.0".
        program: String,
        /// The screen.
        screen: Screen,
        /// Whether the answers come from a program and not from a person.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        simulated: bool,
    },
    /// The reader agreed to the study's text.
    Consent,
    /// Experience, in the reader's words or those of a form.
    Experience {
        /// Years in the field, such as "5 to 10 years".
        years: String,
        /// Special training.
        training: String,
    },
    /// The display check.
    Display {
        /// The screen.
        screen: Screen,
        /// Whether all grey steps could be told apart.
        steps: bool,
        /// Rings seen right, and all.
        rings: (u32, u32),
        /// How light the room was.
        ambient: String,
        /// The reader's words.
        words: String,
    },
    /// A practice trial is over. Its answer is not kept.
    Practice {
        /// Which one, from 1.
        trial: u32,
        /// Whether the value was given that was asked for; `None` where none was.
        as_asked: Option<bool>,
    },
    /// A round was begun.
    Round {
        /// Number, from 1.
        round: u32,
        /// Why it was begun before its time; empty where it was not.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// The images of a trial are on the screen.
    Shown {
        /// Which one.
        trial: u32,
        /// The screen.
        screen: Screen,
    },
    /// A key or a tile was pressed before the lock.
    Chosen {
        /// Which trial.
        trial: u32,
        /// Which criterion, from 0.
        criterion: u32,
        /// The value.
        value: i32,
        /// Active seconds since the images were shown.
        seconds: f64,
    },
    /// The answer of a trial is final.
    Locked {
        /// Which one.
        trial: u32,
        /// One value a criterion.
        values: Vec<i32>,
        /// Active seconds since the images were shown, pauses left out.
        seconds: f64,
        /// How much was looked around.
        looked: Looked,
    },
    /// All errors that are marked, as they stand; replaces what was said before.
    Marks {
        /// Which trial.
        trial: u32,
        /// The marks.
        marks: Vec<MarkedError>,
    },
    /// The reader's words, as they stand; replace what was said before.
    Comment {
        /// Which trial.
        trial: u32,
        /// The words.
        text: String,
    },
    /// What is wrong with the image has been told; the trial is over.
    Finished {
        /// Which trial.
        trial: u32,
        /// Active seconds since the lock.
        seconds: f64,
    },
    /// The images were hidden and the clock stopped.
    Paused {
        /// The trial in progress, if any.
        trial: Option<u32>,
        /// Its active seconds.
        seconds: f64,
    },
    /// The images are back.
    Resumed {
        /// The trial in progress, if any.
        trial: Option<u32>,
    },
    /// A block is over and a break begins.
    Break {
        /// Which block.
        block: u32,
    },
    /// A locked answer is another one from now on; the old one stays in the log.
    Changed {
        /// Which trial.
        trial: u32,
        /// One value a criterion.
        values: Vec<i32>,
        /// Why.
        reason: String,
    },
    /// A slip is told; the answer stays.
    Slip {
        /// Which trial.
        trial: u32,
        /// What went wrong.
        reason: String,
    },
    /// The window was closed.
    Closed,
}

impl Event {
    /// The trial that it is about.
    pub fn trial(&self) -> Option<u32> {
        match self {
            Self::Shown { trial, .. }
            | Self::Chosen { trial, .. }
            | Self::Locked { trial, .. }
            | Self::Marks { trial, .. }
            | Self::Comment { trial, .. }
            | Self::Finished { trial, .. }
            | Self::Changed { trial, .. }
            | Self::Slip { trial, .. } => Some(*trial),
            Self::Paused { trial, .. } | Self::Resumed { trial } => *trial,
            _ => None,
        }
    }
}

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Place in the log, from 1.
    pub seq: u64,
    /// Milliseconds since 1970 in UTC.
    pub wall_ms: i64,
    /// Seconds since the window was opened.
    pub mono_secs: f64,
    /// What happened.
    pub event: Event,
}

/// The hash before the first event: it binds the log to a study and a reader.
pub(super) fn first_hash(study: &str, reader: &str) -> String {
    blake3::hash(format!("chexgen-answers 1\n{study}\n{reader}\n").as_bytes()).to_hex().to_string()
}

/// The hash of an event: over the hash before it and its text.
pub(super) fn next_hash(before: &str, body: &str) -> String {
    blake3::hash(format!("{before}\n{body}").as_bytes()).to_hex().to_string()
}
