//! The optimiser, its clipping and its weight average as one thing with one state.

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

use super::{AdamW, AdamWConfig, Ema, clip};

/// Constants of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerConfig {
    /// AdamW's own.
    pub adamw: AdamWConfig,
    /// Largest global gradient norm; `None` never clips.
    pub clip_norm: Option<f64>,
    /// Decay of the weight average; it ramps up from the start.
    pub ema_decay: f64,
}

/// Parameters, moments and average of one training run.
pub struct Optimizer {
    adamw: AdamW,
    ema: Ema,
    clip_norm: Option<f64>,
}

/// What a step did.
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// Global gradient norm before clipping.
    pub grad_norm: f64,
    /// Whether the update was applied; it is not when the norm is not finite.
    pub applied: bool,
}

impl Optimizer {
    /// Takes over the given variables; moments start at zero, the average as a copy.
    ///
    /// # Errors
    /// When the list is empty or the device fails.
    pub fn new(vars: Vec<(String, Var)>, config: OptimizerConfig) -> Result<Self> {
        let ema = Ema::new(&vars, config.ema_decay)?.with_ramp();
        Ok(Self { adamw: AdamW::new(vars, config.adamw)?, ema, clip_norm: config.clip_norm })
    }

    /// One update at the given rate. A non-finite gradient norm leaves everything as it was.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, grads: &GradStore, lr: f64) -> Result<StepReport> {
        let gradient = self.adamw.layout().gradients(grads)?;
        let grad_norm = clip::global_norm(&gradient)?;
        if !grad_norm.is_finite() {
            return Ok(StepReport { grad_norm, applied: false });
        }
        self.adamw.step_flat(&gradient, lr, clip::factor(grad_norm, self.clip_norm))?;
        self.ema.update_from(self.adamw.weights(), self.adamw.steps_taken())?;
        Ok(StepReport { grad_norm, applied: true })
    }

    /// Puts the averaged weights into the variables, for sampling.
    ///
    /// # Errors
    /// When the device fails.
    pub fn show_average(&self) -> Result<()> {
        self.adamw.layout().write(self.ema.values())
    }

    /// Puts the trained weights back into the variables.
    ///
    /// # Errors
    /// When the device fails.
    pub fn show_weights(&self) -> Result<()> {
        self.adamw.layout().write(self.adamw.weights())
    }

    /// The averaged weights by parameter name.
    ///
    /// # Errors
    /// When the device fails.
    pub fn average_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        self.ema.tensors()
    }

    /// Everything a resumed run needs, by name, on the CPU.
    ///
    /// # Errors
    /// When the device fails.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut state = self.adamw.state()?;
        for (name, tensor) in self.ema.tensors()? {
            state.insert(format!("average.{name}"), tensor);
        }
        state.into_iter().map(|(n, t)| Ok((n, t.to_device(&Device::Cpu)?))).collect()
    }

    /// Restores [`Optimizer::state`] and fills the variables.
    ///
    /// # Errors
    /// Names a missing or misshapen part.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let average = state.iter().filter_map(|(n, t)| Some((n.strip_prefix("average.")?.to_owned(), t.clone()))).collect();
        self.adamw.load_state(state)?;
        self.ema.load(&average)
    }
}
