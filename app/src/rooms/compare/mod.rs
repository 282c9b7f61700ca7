//! Compare: up to nine pictures with one zoom and one window, and grids of two parameters.

pub mod grid;
mod lettering;
mod list;
mod reduce;
mod sheet;
mod show;
mod tiles;
pub mod work;

use std::path::PathBuf;
use std::sync::Arc;

use engine::domain::Mask;

use crate::canvas::look::Look;
use crate::canvas::picture::Window;
use crate::state::Shown;
use crate::state::sight::Picture;

pub use reduce::{arrived, reduce};
pub use show::{show, status};
pub use work::{Effect, News, Work};

/// Pictures that are compared at most.
pub const MOST: usize = 9;

/// How the pictures are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// All beside each other.
    #[default]
    All,
    /// The reference and the chosen one, parted by a line.
    Swipe,
    /// The reference and the chosen one in turn.
    Blink,
    /// What differs from the reference, for each.
    Difference,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::All, Self::Swipe, Self::Blink, Self::Difference];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::All => "Side by side",
            Self::Swipe => "Swipe",
            Self::Blink => "Blink",
            Self::Difference => "Difference",
        }
    }

    /// One line what it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::All => "Every picture, with one zoom and one window",
            Self::Swipe => "The reference left and the chosen picture right of a line that you drag",
            Self::Blink => "The reference and the chosen picture in turn, twice a second at most",
            Self::Difference => "What differs from the reference, for every other picture",
        }
    }
}

/// What the room shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Pictures.
    #[default]
    Views,
    /// A grid of two parameters.
    Grid,
}

/// One picture of the room.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Names it while it is here.
    pub id: u64,
    /// The picture.
    pub picture: Picture,
    /// Whether the layers of its run are drawn on it.
    pub overlays: bool,
    /// The masks of its layers, shared with what draws them.
    pub masks: Vec<Option<Arc<Mask>>>,
}

/// How one looks at all pictures.
#[derive(Clone, Copy, Debug)]
pub struct Linked {
    /// Screen points per pixel of the largest picture; `None` fits it.
    pub zoom: Option<f32>,
    /// Point in the middle of every view, in pixels of the largest picture.
    pub center: (f32, f32),
    /// How grey becomes light.
    pub window: Window,
}

impl Default for Linked {
    fn default() -> Self {
        Self { zoom: None, center: (0.0, 0.0), window: Window { width: 1.0, level: 0.5, inverted: false } }
    }
}

/// What the room knows.
#[derive(Debug)]
pub struct State {
    /// Pictures or grid.
    pub part: Part,
    /// The pictures in order.
    pub entries: Vec<Entry>,
    /// The picture that swipe and blink show.
    pub chosen: usize,
    /// The picture that the others are compared with.
    pub reference: usize,
    /// How they are shown.
    pub mode: Mode,
    /// How one looks at all of them.
    pub linked: Linked,
    /// The swipe line, as a share of the picture's width.
    pub swipe: f32,
    /// Without motion: whether the reference of a blink is seen.
    pub flipped: bool,
    /// The grid.
    pub grid: grid::State,
    last_id: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            part: Part::Views,
            entries: Vec::new(),
            chosen: 0,
            reference: 0,
            mode: Mode::All,
            linked: Linked::default(),
            swipe: 0.5,
            flipped: false,
            grid: grid::State::default(),
            last_id: 0,
        }
    }
}

impl State {
    /// The reference and the chosen picture; the second is another one wherever there is one.
    pub fn pair(&self) -> Option<(&Entry, &Entry)> {
        let a = self.entries.get(self.reference)?;
        let other = if self.chosen == self.reference { usize::from(self.reference == 0) } else { self.chosen };
        Some((a, self.entries.get(other).unwrap_or(a)))
    }

    /// Side of the largest picture in pixels: the common measure of all views.
    pub fn size_px(&self) -> u32 {
        self.entries.iter().map(|e| e.picture.image.width().max(e.picture.image.height())).max().unwrap_or(256)
    }
}

/// What a person can do in the room.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Pictures or grid.
    SetPart(Part),
    /// Adds a picture of the canvas.
    Add(Shown),
    /// Adds the two pictures that the canvas compares.
    AddPair,
    /// Adds radiographs and saved images from files, or runs by their files.
    AddFiles(Vec<PathBuf>),
    /// Asks for files in a dialog.
    PickFiles,
    /// Takes a picture away.
    Remove(usize),
    /// Takes all pictures away.
    Clear,
    /// Moves a picture to another place.
    Move(usize, usize),
    /// Chooses the picture of swipe and blink.
    Choose(usize),
    /// Makes a picture the one that others are compared with.
    SetReference(usize),
    /// Chooses how pictures are shown.
    SetMode(Mode),
    /// Zoom, pan, window or level of all views.
    Look(Look),
    /// A named window: width and level.
    SetWindow(f32, f32),
    /// Swaps black and white in all views.
    ToggleInvert,
    /// Moves the swipe line.
    SwipeTo(f32),
    /// Without motion: shows the other picture of a blink.
    Flip,
    /// Shows or hides the layers on a picture.
    ToggleOverlays(usize),
    /// Saves all pictures as one contact sheet.
    SaveSheet,
    /// Something with the grid.
    Grid(grid::Action),
}
