//! Measures of images, one a file.

pub mod auroc;
pub mod blur;
pub mod spectrum;
pub mod ssim;
