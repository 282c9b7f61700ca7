//! The image under the layers: an opened radiograph or an earlier result, and how it may be changed.

use std::sync::Arc;

use engine::domain::GrayImage;
use engine::imageio::dicom::Stored;
use engine::imageio::edited::Detail;
use engine::imageio::letterbox::{Letterbox, fit_image};

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
    /// Millimetres per pixel of the opened image, down and across, where the file tells.
    pub original_spacing_mm: Option<(f64, f64)>,
    /// Whether a run changes this image; otherwise it is only looked at.
    pub edit: bool,
    /// Share of the steps that run in an edit, 0 to 1.
    pub strength: f32,
    /// Width of the seam over which old fades into new, in pixels of the square.
    pub feather_px: u32,
    /// How far around drawn findings may change where no region is painted, in pixels of the square.
    pub margin_px: u32,
    /// Whether everything may change, besides what must not.
    pub whole: bool,
    /// Where fine structure in the region comes from when the edit is saved at the opened image's size.
    pub detail: Detail,
    /// Stored values of a DICOM file, where there is more than one way to show them.
    pub stored: Option<Arc<Stored>>,
    /// Which of these ways is shown.
    pub window: usize,
}

/// Natural share of the steps of an edit.
pub const EDIT_STRENGTH: f32 = 0.9;
/// Natural width of the seam of an edit in pixels.
pub const EDIT_FEATHER_PX: u32 = 6;
/// Natural margin around drawn findings, as a share of the square's side.
const MARGIN_SHARE: f32 = 0.03;

impl Base {
    /// An image that already has the size of the document's square.
    pub fn square(title: impl Into<String>, origin: BaseOrigin, image: Arc<GrayImage>) -> Self {
        Self {
            title: title.into(),
            origin,
            original: Arc::clone(&image),
            margin_px: natural_margin(image.width()),
            image,
            spacing_mm: None,
            original_spacing_mm: None,
            edit: false,
            strength: EDIT_STRENGTH,
            feather_px: EDIT_FEATHER_PX,
            whole: false,
            detail: Detail::Opened,
            stored: None,
            window: 0,
        }
    }

    /// An opened image of any size with its place on a square; `square` is the image there.
    pub fn placed(
        title: impl Into<String>,
        origin: BaseOrigin,
        original: Arc<GrayImage>,
        square: Arc<GrayImage>,
        spacing_mm: Option<(f64, f64)>,
    ) -> Self {
        let mut base = Self { original, ..Self::square(title, origin, square) };
        base.original_spacing_mm = spacing_mm;
        base.spacing_mm = base.square_spacing();
        base
    }

    /// Where the opened image lies on the square.
    pub fn place(&self) -> Letterbox {
        Letterbox::new(self.original.width(), self.original.height(), self.image.width())
    }

    /// Millimetres per pixel of the square, across and down.
    fn square_spacing(&self) -> Option<(f32, f32)> {
        let (down, across) = self.original_spacing_mm?;
        let place = self.place();
        let across = across * f64::from(self.original.width()) / place.width as f64;
        let down = down * f64::from(self.original.height()) / place.height as f64;
        Some((across as f32, down as f32))
    }

    /// The same image on a square of another size.
    #[must_use]
    pub fn resized(&self, size_px: u32) -> Self {
        let scale = size_px as f32 / self.image.width() as f32;
        let mut base = self.clone();
        base.image = fit_image(&self.original, size_px).map_or_else(|_| Arc::clone(&self.image), Arc::new);
        base.spacing_mm = base.square_spacing();
        base.margin_px = if self.margin_px == natural_margin(self.image.width()) {
            natural_margin(size_px)
        } else {
            (self.margin_px as f32 * scale).round() as u32
        };
        base
    }
}

/// Natural margin around findings on a square of that side, in pixels.
fn natural_margin(size_px: u32) -> u32 {
    (size_px as f32 * MARGIN_SHARE).round().max(2.0) as u32
}
