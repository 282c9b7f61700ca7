//! Pictures in and out.

pub mod normalize;
pub mod png;
pub mod resize;
pub mod xray_input;
