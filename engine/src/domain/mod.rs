//! Plain values that everything else speaks of.
//!
//! Nothing here knows tensors, files, clocks, random sources or windows.
//! Image space: x grows to the right of the picture, which is the *patient's left*; y grows down;
//! a pixel's centre lies at +0.5.

mod annotation;
mod difference;
mod distance;
mod finding;
mod flood;
mod geometry;
mod image;
mod mask;
mod morphology;
mod outline;
mod packed_mask;
mod paint;
mod request;
mod seed;
mod source;
mod step_range;
mod warp;

pub use annotation::{Annotation, Shape};
pub use difference::Difference;
pub use finding::{Finding, Side, UnknownFinding};
pub use geometry::{PixelBlock, RectPx, patient_side};
pub use image::{GrayImage, ImageError};
pub use mask::Mask;
pub use outline::outline;
pub use packed_mask::{PackedMask, PackedMaskError};
pub use paint::{GreyLimit, GreyRange};
pub use request::{GenerateRequest, Preset, RequestError, SamplerKind};
pub use seed::{Seed, Stream};
pub use source::{KeptStep, LatentValues, Source};
pub use step_range::StepRange;
pub use warp::Affine;
