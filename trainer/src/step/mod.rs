//! Parts of a training step: parameters by name, gradients made flat, clipping, the optimiser, weight
//! averages, the learning rate.

pub mod adamw;
pub mod clip;
pub mod ema;
pub mod flat;
pub mod lr_schedule;
pub mod optimizer;
pub mod params;

pub use adamw::{AdamW, AdamWConfig};
pub use ema::Ema;
pub use flat::FlatLayout;

#[cfg(test)]
mod tests;
