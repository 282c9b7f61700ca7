//! Makes the images of all arms equal in form: size, field, levels, borders and, where asked, grey scale and grain.
//!
//! Form is what a reader could learn to tell the arms by without looking at the chest. Two passes over the images:
//! [`Survey::of`] each of them, one [`Plan::new`] from all, [`Plan::apply`] to each. The same images and settings give
//! the same result on every machine; what was done stands in [`Plan::done`], in words, for the study and its report.
//! The result carries no metadata: it is a plain picture, written by the study itself as a 16-bit grey PNG.

mod apply;
pub(crate) mod dct;
mod grey;
mod plan;
pub(crate) mod resample;
pub(crate) mod survey;
#[cfg(test)]
mod tests;

use engine::domain::{GrayImage, ImageError};
use engine::imageio::png::{PngError, encode_gray16};
use serde::{Deserialize, Serialize};

pub use plan::{Done, Plan};
pub use survey::Survey;

/// What is made equal, and how; part of the design of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Side of every image of the study in pixels; left out, the largest side to which no image is enlarged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side_px: Option<u32>,
    /// Which part of an image is kept.
    pub field: Field,
    /// Whether lines of one grey along the edges are cut off, and as much from the other images.
    pub trim_borders: bool,
    /// How many grey levels are kept.
    pub depth: Depth,
    /// Whether the grey scales are matched.
    pub grey: Grey,
    /// Whether noise and traces of compression are replaced by equal grain.
    pub clean: Clean,
    /// Whether the four corners are covered, for marks that stand there.
    pub cover_corners: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            side_px: None,
            field: Field::Square,
            trim_borders: true,
            depth: Depth::Lowest,
            grey: Grey::Keep,
            clean: Clean::Off,
            cover_corners: false,
        }
    }
}

/// Which part of an image is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The square in the middle.
    #[default]
    Square,
    /// The field that all images of the case have, its proportions kept, with black bars to a square.
    Letterbox,
}

/// How many grey levels are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// As many as the arm with the fewest has.
    #[default]
    Lowest,
    /// As many as each file has.
    Keep,
}

/// Whether the grey scales are matched. Matching changes contrast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grey {
    /// Greys stay as they are.
    #[default]
    Keep,
    /// One curve an arm brings the arm's mean percentiles to those of all arms; differences between cases stay.
    MatchArms,
    /// One curve an image brings each image's percentiles to those of all; brightness says nothing any more.
    MatchImages,
}

/// Whether noise and traces of compression are replaced by equal grain. Cleaning takes fine detail away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clean {
    /// Images stay as they are.
    #[default]
    Off,
    /// What is below 4.5 times the strongest arm's noise.
    Noise,
    /// More, so that the blocks of JPEG go too.
    Blocks,
}

/// Why images cannot be made equal.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EqualiseError {
    /// Nothing was given.
    #[error("no image was given to make equal; name at least one image in the case table")]
    Empty,
    /// An image would have to be enlarged, which shows.
    #[error(
        "images.side_px is {asked}, but {case} of arm {arm} has only {has} pixels a side after cropping, and enlarging shows; ask for at most {has}, or leave side_px out"
    )]
    Enlarges {
        /// Side asked for.
        asked: u32,
        /// Side of the image.
        has: u32,
        /// Its case.
        case: String,
        /// Its arm.
        arm: String,
    },
    /// What is left of an image is too small to read.
    #[error("{case} of arm {arm} has only {has} pixels a side after cropping; an image of a study needs at least {least}", least = plan::LEAST_SIDE_PX)]
    TooSmall {
        /// Side of the image.
        has: u32,
        /// Its case.
        case: String,
        /// Its arm.
        arm: String,
    },
    /// An image that was not surveyed.
    #[error("{case} of arm {arm} was not among the images that were surveyed; survey all images before any is made equal")]
    Unknown {
        /// Its case.
        case: String,
        /// Its arm.
        arm: String,
    },
    /// The result has no pixels.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// The file of an equal image: 16-bit grey PNG without any text.
///
/// # Errors
/// When the PNG cannot be made.
pub fn encode(image: &GrayImage) -> Result<Vec<u8>, PngError> {
    encode_gray16(image, &[])
}
