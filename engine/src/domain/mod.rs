//! Plain values that everything else speaks of.
//!
//! Nothing here knows tensors, files, clocks, random sources or windows.
//! Image space: x grows to the right of the picture, which is the *patient's left*; y grows down;
//! a pixel's centre lies at +0.5.

mod annotation;
mod difference;
mod distance;
mod finding;
mod geometry;
mod image;
mod mask;
mod packed_mask;
mod request;
mod seed;
mod source;
mod step_range;

pub use annotation::{Annotation, Shape};
pub use difference::Difference;
pub use finding::{Finding, Side, UnknownFinding};
pub use geometry::{RectPx, patient_side};
pub use image::{GrayImage, ImageError};
pub use mask::Mask;
pub use packed_mask::{PackedMask, PackedMaskError};
pub use request::{GenerateRequest, Preset, RequestError, SamplerKind};
pub use seed::{Seed, Stream};
pub use source::{LatentValues, Source};
pub use step_range::StepRange;
