//! Pictures in and out.

pub mod png;
