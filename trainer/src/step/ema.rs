//! Exponential moving averages of weights, several at once, each with its own half-life.

use anyhow::Result;
use candle_core::{Tensor, Var};

/// One average.
#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    /// Its name in checkpoints: the half-life in updates.
    pub name: String,
    /// What is left of the old average after an update.
    pub decay: f64,
    /// Whether it uses `min(decay, (1 + n) / (10 + n))` at update n, so that short runs forget their start.
    pub ramp: bool,
}

impl Average {
    /// The average in which an update counts half after `updates` more.
    pub fn with_half_life(updates: u64, ramp: bool) -> Self {
        Self { name: updates.to_string(), decay: 0.5f64.powf(1.0 / updates.max(1) as f64), ramp }
    }

    /// The decay used after update `step`, counted from 1.
    pub fn decay_at(&self, step: u64) -> f64 {
        let n = step as f64;
        if self.ramp { self.decay.min((1.0 + n) / (10.0 + n)) } else { self.decay }
    }

    /// `shadow = decay * shadow + (1 - decay) * variable`, after update `step`, on a graphics card; on a processor the
    /// optimiser does that in the pass that changes the variable.
    pub(super) fn update(&self, shadow: &mut Tensor, var: &Var, step: u64) -> Result<()> {
        let decay = self.decay_at(step);
        *shadow = (shadow.affine(decay, 0.0)? + var.as_detached_tensor().affine(1.0 - decay, 0.0)?)?;
        Ok(())
    }
}
