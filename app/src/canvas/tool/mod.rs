//! What a drag on the canvas does to a layer, one tool a file; all in image pixels.
//!
//! A tool changes masks and boxes only; the canvas turns the pointer into image pixels before.

pub mod boxed;
pub mod brush;
pub mod eraser;
pub mod lasso;
pub mod shift;

#[cfg(test)]
mod tests;
