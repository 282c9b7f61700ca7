//! ChexGen engine: everything that turns an annotation and an impression into a radiograph.
//!
//! Data flows one way: annotation → conditioning → sampler → preview → store.
//! The engine knows no window, no command line and no global state.

pub mod adherence;
pub mod allocator;
pub mod cancel;
pub mod condition;
pub mod denoise;
pub mod device;
pub mod diffusion;
pub mod domain;
pub mod imageio;
pub mod import;
pub mod masks;
pub mod model;
pub mod noise;
pub mod ops;
pub mod phantom;
pub mod pipeline;
pub mod statistics;
pub mod store;
pub mod text;
