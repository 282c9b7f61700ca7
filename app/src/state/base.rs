//! The image under the layers: an opened radiograph or an earlier result, and how it may be changed.

use std::sync::Arc;

use engine::domain::GrayImage;

/// Where an image under the layers came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseOrigin {
    /// A file of the person's: PNG, JPEG or DICOM.
    File,
    /// An image of this studio: the number of its run, zero when it was opened from a file.
    Run(i64),
}

/// An image under the layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// What it is called: a file's name without folder, or a run's.
    pub title: String,
    /// Where it came from.
    pub origin: BaseOrigin,
    /// The image on the square of the document, letterboxed.
    pub image: Arc<GrayImage>,
    /// The image as it was opened.
    pub original: Arc<GrayImage>,
    /// Millimetres per pixel of the square, across and down, where the file tells.
    pub spacing_mm: Option<(f32, f32)>,
    /// Whether a run changes this image; otherwise it is only looked at.
    pub edit: bool,
    /// Share of the steps that run in an edit, 0 to 1.
    pub strength: f32,
    /// Width of the seam over which old fades into new, in pixels of the square.
    pub feather_px: u32,
}

/// Natural share of the steps of an edit.
pub const EDIT_STRENGTH: f32 = 0.9;
/// Natural width of the seam of an edit in pixels.
pub const EDIT_FEATHER_PX: u32 = 6;

impl Base {
    /// An image that already has the size of the document's square.
    pub fn square(title: impl Into<String>, origin: BaseOrigin, image: Arc<GrayImage>) -> Self {
        Self {
            title: title.into(),
            origin,
            original: Arc::clone(&image),
            image,
            spacing_mm: None,
            edit: false,
            strength: EDIT_STRENGTH,
            feather_px: EDIT_FEATHER_PX,
        }
    }
}
