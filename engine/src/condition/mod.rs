//! From annotations to the picture a control model sees.
//!
//! A condition is one square grey picture of the model's size, black where nothing is drawn. Each
//! finding has its own grey ([`Palette`]). What is to act with another strength, in other steps or in another
//! area is a condition of its own ([`conditions`]). The picture goes through the autoencoder like a radiograph.

mod conditions;
mod fit;
mod palette;
mod raster;
mod survival;

pub use conditions::{Condition, conditions};
pub use fit::Fit;
pub use palette::{BoxStyle, Palette, PaletteError};
pub use raster::{compile, compile_fitted};
pub use survival::{Survival, survival};
