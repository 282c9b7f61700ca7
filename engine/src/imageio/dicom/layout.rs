//! How the pixels of an image lie in its pixel data.
//!
//! # Source
//! DICOM PS3.3, C.7.6.3 (Image Pixel Module); PS3.5, section 8.1.

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::field::Fields as _;
use crate::imageio::fault::{Fault, check_size};

/// What the samples of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Photometric {
    /// Grey, the lowest value is white.
    Monochrome1,
    /// Grey, the lowest value is black.
    Monochrome2,
    /// Red, green, blue.
    Rgb,
    /// Luma and two colour differences.
    Ybr,
}

impl Photometric {
    /// Samples of a pixel.
    pub(super) fn samples(self) -> usize {
        if matches!(self, Self::Monochrome1 | Self::Monochrome2) { 1 } else { 3 }
    }
}

/// The image pixel module, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: u32,
    pub(super) photometric: Photometric,
    /// Colour planes follow each other.
    pub(super) planar: bool,
    /// Chroma is sampled at half the columns in data that is not packed.
    pub(super) halved: bool,
    /// Bits that a sample takes: 8 or 16.
    pub(super) allocated: u32,
    /// Bits that hold the value.
    pub(super) stored: u32,
    /// The lowest bit of the value.
    pub(super) shift: u32,
    /// Values are in two's complement.
    pub(super) signed: bool,
}

impl Layout {
    /// Reads and checks the module.
    ///
    /// # Errors
    /// When a field is missing, contradicts another, or asks for more than is read.
    pub(super) fn read(set: &InMemDicomObject) -> Result<Self, Fault> {
        let (width, height) = check_size(set.needed(tags::COLUMNS)?.into(), set.needed(tags::ROWS)?.into())?;
        let text = set.text(tags::PHOTOMETRIC_INTERPRETATION)?.ok_or_else(|| Fault::missing("PhotometricInterpretation"))?;
        let photometric = match text.as_str() {
            "MONOCHROME1" => Photometric::Monochrome1,
            "MONOCHROME2" => Photometric::Monochrome2,
            // The transforms of JPEG 2000 are undone by its decoder.
            "RGB" | "YBR_RCT" | "YBR_ICT" => Photometric::Rgb,
            "YBR_FULL" | "YBR_FULL_422" => Photometric::Ybr,
            "PALETTE COLOR" => {
                return Err(Fault::unsupported("a picture with a colour palette", "export it as MONOCHROME2 first"));
            }
            _ => return Err(Fault::unsupported("this PhotometricInterpretation", "export the image as MONOCHROME2 first")),
        };
        let samples = set.count(tags::SAMPLES_PER_PIXEL)?.unwrap_or(1) as usize;
        if samples != photometric.samples() {
            return Err(Fault::damaged("SamplesPerPixel", format!("is {samples}, which contradicts PhotometricInterpretation")));
        }
        let allocated = set.needed(tags::BITS_ALLOCATED)?;
        if !matches!(allocated, 8 | 16) || (photometric.samples() == 3 && allocated != 8) {
            return Err(Fault::unsupported(
                format!("an image with {allocated} bits for each of {samples} samples"),
                "export it with 8 or 16 bits, in colour with 8",
            ));
        }
        let stored = set.count(tags::BITS_STORED)?.unwrap_or(allocated);
        let high = set.count(tags::HIGH_BIT)?.unwrap_or(stored.saturating_sub(1));
        if stored == 0 || stored > allocated || high >= allocated || high + 1 < stored {
            return Err(Fault::damaged("BitsStored", format!("is {stored} with HighBit {high} and BitsAllocated {allocated}")));
        }
        let frames = set.count(tags::NUMBER_OF_FRAMES)?.unwrap_or(1).max(1);
        let planar = set.count(tags::PLANAR_CONFIGURATION)?.unwrap_or(0) == 1;
        let signed = set.count(tags::PIXEL_REPRESENTATION)?.unwrap_or(0) == 1;
        let halved = text == "YBR_FULL_422";
        Ok(Self { width, height, frames, photometric, planar, halved, allocated, stored, shift: high + 1 - stored, signed })
    }

    /// Pixels of a frame.
    pub(super) fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// The value of a stored word.
    pub(super) fn value(&self, word: u16) -> i32 {
        let mask = (1u32 << self.stored) - 1;
        let value = (u32::from(word) >> self.shift) & mask;
        let negative = self.signed && value >> (self.stored - 1) != 0;
        if negative { value as i32 - (1i32 << self.stored) } else { value as i32 }
    }

    /// The least and the greatest value.
    pub(super) fn range(&self) -> (i32, i32) {
        if self.signed {
            (-(1i32 << (self.stored - 1)), (1i32 << (self.stored - 1)) - 1)
        } else {
            (0, ((1u32 << self.stored) - 1) as i32)
        }
    }
}
