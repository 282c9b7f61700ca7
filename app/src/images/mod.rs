//! Images in and out: opening files, the image under the layers, importing masks, saving and exporting.
//!
//! Files are read and written on threads ([`open`], [`write`]); what they find comes back as [`News`].

pub mod export_panel;
pub mod facts;
pub mod offer;
pub mod open;
pub mod originals;
pub mod panel;
pub mod photo;
mod reduce;
mod work;
pub mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::domain::GrayImage;
use engine::imageio::dicom::Stored;
use engine::imageio::edited::Detail;
use engine::masks::export::MaskFormat;
use engine::store::record::Tier;

use crate::state::Base;
use crate::state::tabs::CaseId;
pub use facts::{Cache, Facts};
pub use offer::Offer;
pub use open::{Found, Hints, Picture, Restored};
pub(crate) use reduce::remember;
pub use reduce::{news, order_for_save, original_of, reduce};

/// What a person can do with images and files.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Shows the image under the layers.
    ShowBase,
    /// Takes the image under the layers away.
    RemoveBase,
    /// Puts the shown picture under the layers.
    UseShown,
    /// Whether runs change the image under the layers.
    SetEdit(bool),
    /// Whether all of it may change.
    SetWhole(bool),
    /// Share of the steps that run in an edit, 0 to 1.
    SetStrength(f32),
    /// Width of the seam in pixels.
    SetFeather(u32),
    /// Margin around findings that may change, in pixels.
    SetMargin(u32),
    /// Whether fine structure comes from the opened image when an edit is saved at its size.
    SetDetail(Detail),
    /// Shows a DICOM file by another of its windows.
    SetFileWindow(usize),
    /// Imports the offered masks as layers.
    Accept,
    /// Puts the offered picture under the layers instead.
    AcceptAsImage,
    /// Leaves the offer.
    Dismiss,
    /// Opens or closes the export fields.
    ToggleExport,
    /// Sets what is exported.
    SetExport(ExportChoice),
    /// Writes the chosen files.
    Export,
}

/// What the app must do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Write files on a thread.
    Write(Box<write::Order>),
    /// Show stored values by another window: which one, and the square's side.
    Rewindow(Arc<Stored>, usize, u32),
    /// Keep the opened image of an edit on disk.
    Keep(Box<Original>),
    /// Make the full-size edit of a result and put it under the layers.
    Compose(Box<write::Order>, String),
}

/// What a thread has to say.
#[derive(Debug)]
pub enum News {
    /// A file was opened, or one sentence why not.
    Opened(Result<Found, String>),
    /// Files were written, or one sentence why not.
    Written(Result<write::Written, String>),
    /// The opened image of an edit could not be kept, one sentence.
    NotKept(String),
    /// The image under the layers by another window: the image as opened, and on the square.
    Rewindowed(Arc<Stored>, usize, Arc<GrayImage>, Arc<GrayImage>),
    /// An image to put under the layers of the case that asked, or one sentence why not.
    Composed(CaseId, Result<Box<Base>, String>),
}

/// What the window knows of opening and saving.
#[derive(Debug, Default)]
pub struct State {
    /// Masks that were opened and wait for a decision.
    pub offer: Option<Offer>,
    /// Files being read now.
    pub opening: usize,
    /// What is exported.
    pub export: ExportChoice,
    /// Whether the export fields are open.
    pub export_open: bool,
    /// Opened images that runs of this session changed, newest last; see [`original_of`].
    pub originals: Vec<Original>,
}

/// An opened image, and the square that a run began with.
#[derive(Clone, Debug)]
pub struct Original {
    /// The square.
    pub square: Arc<GrayImage>,
    /// The image as it was opened.
    pub image: Arc<GrayImage>,
    /// Millimetres per pixel of it, down and across.
    pub spacing_mm: Option<(f64, f64)>,
    /// Where fine structure in the region comes from.
    pub detail: Detail,
}

impl Original {
    /// The opened image of a case.
    fn of(base: &Base) -> Self {
        Self {
            square: Arc::clone(&base.image),
            image: Arc::clone(&base.original),
            spacing_mm: base.original_spacing_mm,
            detail: base.detail,
        }
    }
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportChoice {
    /// A 16-bit PNG.
    pub png: bool,
    /// A DICOM Secondary Capture.
    pub dicom: bool,
    /// Formats of the masks.
    pub masks: BTreeSet<MaskFormat>,
    /// How much the image tells.
    pub tier: Tier,
    /// Whether an edit is written at the opened image's size.
    pub own_size: bool,
}

impl Default for ExportChoice {
    fn default() -> Self {
        Self { png: true, dicom: false, masks: BTreeSet::new(), tier: Tier::Full, own_size: true }
    }
}

impl ExportChoice {
    /// Whether nothing at all is chosen.
    pub fn is_empty(&self) -> bool {
        !self.png && !self.dicom && self.masks.is_empty()
    }
}

#[cfg(test)]
mod tests;
