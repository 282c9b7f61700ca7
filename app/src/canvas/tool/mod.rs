//! What the tools of the canvas do to a layer, one tool a file; all in image pixels.
//!
//! A tool changes masks and boxes only; the canvas turns the pointer into image pixels before.

pub mod boxed;
pub mod brush;
pub mod earlier;
pub mod ellipse;
pub mod eraser;
pub mod lasso;
pub mod margin;
pub mod polygon;
pub mod repair;
pub mod shift;
pub mod transform;
pub mod wand;

#[cfg(test)]
mod tests;
