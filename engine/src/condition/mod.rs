//! From annotations to the picture a control model sees.
//!
//! A condition is one square grey picture of the model's size, black where nothing is drawn. Each
//! finding has its own grey ([`Palette`]). The picture goes through the autoencoder like a radiograph.

mod palette;
mod raster;

pub use palette::{BoxStyle, Palette, PaletteError};
pub use raster::{compile, control_strength};
