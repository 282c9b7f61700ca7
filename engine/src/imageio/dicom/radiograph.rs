//! A radiograph from a DICOM file.

use std::fmt;
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::display::{Window, display};
use super::field::Fields as _;
use super::file::open;
use super::frame::{Frame, first_frame};
use super::guard::keyword;
use super::layout::Layout;
use crate::domain::GrayImage;
use crate::imageio::fault::{Fault, FormatError, read_file};

/// A radiograph as a viewer shows it. Nothing here says whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Radiograph {
    /// Shown values: 0 is black, 65535 is white.
    pub image: GrayImage,
    /// Distance of pixel centres in millimetres, down and across, as DICOM orders them.
    pub spacing_mm: Option<(f64, f64)>,
    /// Bits of a stored value.
    pub bits: u32,
    /// How the beam went, where the file says so with a standard code.
    pub view: Option<View>,
    /// `L`, `R`, `B` (both) or `U` (unpaired), where the file says so.
    pub laterality: Option<char>,
    /// What a person should know about how the file was read.
    pub notes: Vec<Note>,
    /// The stored values, where there is more than one way to show them.
    pub stored: Option<Stored>,
}

/// Stored values of a grey image and the ways to show them; the radiograph's image is the first.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    width: u32,
    height: u32,
    words: Vec<u16>,
    windows: Vec<Window>,
}

impl Stored {
    /// The ways, in the order of the file; the full range comes last.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The image as one of the ways shows it; `None` beyond the list.
    pub fn image(&self, window: usize) -> Option<GrayImage> {
        let shown = self.windows.get(window)?.shown(&self.words);
        GrayImage::new(self.width, self.height, shown).ok()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({}×{}, {} windows)", self.width, self.height, self.windows.len())
    }
}

impl Window {
    fn shown(&self, words: &[u16]) -> Vec<u16> {
        // Words of 8 allocated bits never pass 255.
        let top = self.levels.len().saturating_sub(1);
        words.iter().map(|word| self.levels[usize::from(*word).min(top)]).collect()
    }
}

/// `ViewPosition` of a chest radiograph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Front to back.
    AnteroPosterior,
    /// Back to front.
    PosteroAnterior,
    /// The left side at the detector.
    LeftLateral,
    /// The right side at the detector.
    RightLateral,
    /// Lying on the left side.
    LeftDecubitus,
    /// Lying on the right side.
    RightDecubitus,
    /// Turned, left part at the detector.
    LeftOblique,
    /// Turned, right part at the detector.
    RightOblique,
}

/// Something that reading decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Only the first frame was read.
    FirstFrame {
        /// Frames in the file.
        of: u32,
    },
    /// Colour became grey by the luma of ITU-R BT.601.
    FromColour,
    /// The first of several windows was taken.
    FirstWindow {
        /// Windows in the file.
        of: usize,
    },
    /// The first of several look-up tables was taken.
    FirstTable {
        /// Tables in the file.
        of: usize,
    },
    /// The spacing is that of the detector; in the patient it is smaller.
    SpacingAtDetector,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstFrame { of } => write!(f, "the file has {of} frames; the first is shown"),
            Self::FromColour => write!(f, "the image is in colour; it is shown in grey"),
            Self::FirstWindow { of } => write!(f, "the file has {of} windows; the first is used"),
            Self::FirstTable { of } => write!(f, "the file has {of} look-up tables; the first is used"),
            Self::SpacingAtDetector => write!(f, "the pixel spacing is that of the detector, not of the patient"),
        }
    }
}

/// Reads a radiograph.
///
/// # Errors
/// When the file cannot be read, is no DICOM file, is cut off, damaged or too large, or of a kind that is not read.
pub fn open_radiograph(path: &Path) -> Result<Radiograph, FormatError> {
    decode_radiograph(&read_file(path)?, &path.display().to_string())
}

/// As [`open_radiograph`], from bytes; `name` is used in errors.
///
/// # Errors
/// As [`open_radiograph`], without those of the file system.
pub fn decode_radiograph(bytes: &[u8], name: &str) -> Result<Radiograph, FormatError> {
    decode(bytes).map_err(|fault| fault.of(name))
}

fn decode(bytes: &[u8]) -> Result<Radiograph, Fault> {
    let opened = open(bytes)?;
    let set = &opened.set;
    let layout = Layout::read(set)?;
    let mut notes = Vec::new();
    if layout.frames > 1 {
        notes.push(Note::FirstFrame { of: layout.frames });
    }
    let mut stored = None;
    let pixels = match first_frame(set, opened.syntax, &layout)? {
        Frame::Luma(pixels) => {
            notes.push(Note::FromColour);
            pixels
        }
        Frame::Grey(words) => {
            let mut display = display(set, &layout)?;
            notes.append(&mut display.notes);
            let pixels = display.windows[0].shown(&words);
            // Those that look the same say nothing.
            let mut windows: Vec<Window> = Vec::new();
            for window in display.windows {
                if windows.iter().all(|known| known.levels != window.levels) {
                    windows.push(window);
                }
            }
            if windows.len() > 1 {
                stored = Some(Stored { width: layout.width, height: layout.height, words, windows });
            }
            pixels
        }
    };
    let spacing_mm = match spacing(set, tags::PIXEL_SPACING)? {
        Some(spacing) => Some(spacing),
        None => {
            let spacing = spacing(set, tags::IMAGER_PIXEL_SPACING)?;
            if spacing.is_some() {
                notes.push(Note::SpacingAtDetector);
            }
            spacing
        }
    };
    let image = GrayImage::new(layout.width, layout.height, pixels)
        .map_err(|_| Fault::damaged("PixelData", "does not fit Rows and Columns"))?;
    let laterality = match set.text(tags::IMAGE_LATERALITY)? {
        Some(text) => Some(text),
        None => set.text(tags::LATERALITY)?,
    };
    let laterality = laterality.and_then(|text| ['L', 'R', 'B', 'U'].into_iter().find(|side| text == side.to_string()));
    Ok(Radiograph { image, spacing_mm, bits: layout.stored, view: view(set)?, laterality, notes, stored })
}

/// Two positive distances, or nothing.
fn spacing(set: &InMemDicomObject, tag: Tag) -> Result<Option<(f64, f64)>, Fault> {
    match set.numbers(tag)?[..] {
        [] => Ok(None),
        [down, across, ..] if down > 0.0 && across > 0.0 => Ok(Some((down, across))),
        _ => Err(Fault::damaged(keyword(tag), "does not have two positive numbers")),
    }
}

/// A standard code; free text is not passed on, it could say anything.
fn view(set: &InMemDicomObject) -> Result<Option<View>, Fault> {
    Ok(match set.text(tags::VIEW_POSITION)?.as_deref() {
        Some("AP") => Some(View::AnteroPosterior),
        Some("PA") => Some(View::PosteroAnterior),
        Some("LL") => Some(View::LeftLateral),
        Some("RL") => Some(View::RightLateral),
        Some("LLD") => Some(View::LeftDecubitus),
        Some("RLD") => Some(View::RightDecubitus),
        Some("LLO") => Some(View::LeftOblique),
        Some("RLO") => Some(View::RightOblique),
        _ => None,
    })
}
