//! Parts of a training step: gradients made flat, clipping, the optimiser, weight averages.

pub mod adamw;
pub mod clip;
pub mod ema;
pub mod flat;

pub use adamw::{AdamW, AdamWConfig};
pub use ema::Ema;
pub use flat::FlatLayout;

#[cfg(test)]
mod tests;
