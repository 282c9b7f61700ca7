//! Masks in the formats that other programs and data sets use.
//!
//! | format | read | written |
//! |---|---|---|
//! | run lengths: SIIM-ACR, and the two usual absolute ones ([`run_length`]) | yes | yes |
//! | COCO JSON: polygons, run lengths, boxes ([`coco`]) | yes | run lengths and boxes |
//! | YOLO boxes ([`yolo`]) | yes | yes |
//! | NIfTI-1, `.nii` and `.nii.gz` ([`nifti`]) | yes | yes |
//! | DICOM segmentation, binary ([`dicom_seg`]) | yes | yes |
//! | PNG (`imageio::png`) | yes | yes |
//!
//! [`export`] writes the masks of an image in any of them, [`recognise`] reads any of them by its content.
//! What is written comes back bit for bit. All readers work on bytes in memory and say what is wrong in
//! one sentence; their limits are those of [`crate::imageio::fault`].

pub mod coco;
pub mod dicom_seg;
pub mod export;
pub mod nifti;
mod polygon;
pub mod recognise;
pub mod run_length;
pub mod yolo;

use crate::domain::Mask;

/// A mask and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledMask {
    /// Name of the class.
    pub label: String,
    /// Its pixels.
    pub mask: Mask,
}

#[cfg(test)]
mod tests;
