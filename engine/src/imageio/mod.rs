//! Pictures in and out.

pub mod dicom;
pub mod edited;
pub mod fault;
pub mod kind;
pub mod letterbox;
pub mod normalize;
pub mod photo;
pub mod png;
pub mod resize;
pub mod xray_input;
