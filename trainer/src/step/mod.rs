//! Parts of a training step: parameters by name, the backward pass block by block, gradients, the optimiser, weight
//! averages, the learning rate.

pub mod adamw;
pub mod ema;
pub mod gradients;
mod in_place;
pub mod lr_schedule;
pub mod objective;
pub mod optimizer;
pub mod params;
pub mod pass;

pub use adamw::AdamWConfig;
pub use ema::Average;
pub use gradients::Gradients;
pub use optimizer::{Group, Optimizer, OptimizerConfig, StepReport};

#[cfg(test)]
mod tests;
