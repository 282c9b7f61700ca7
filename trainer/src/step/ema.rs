//! Exponential moving average of weights.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use super::flat::{Elementwise, FlatLayout};

/// Averages of a set of variables, flat `f32`.
#[derive(Debug)]
pub struct Ema {
    layout: FlatLayout,
    decay: f64,
    ramp: bool,
    shadow: Tensor,
}

impl Ema {
    /// Starts as a copy of the variables.
    ///
    /// # Errors
    /// When there is no variable, a name occurs twice or devices differ.
    pub fn new(params: &[(String, Var)], decay: f64) -> anyhow::Result<Self> {
        let layout = FlatLayout::new(params.to_vec())?;
        let shadow = layout.values()?;
        Ok(Self { layout, decay, ramp: false, shadow })
    }

    /// Uses `min(decay, (1 + n) / (10 + n))` at step n, so that short runs forget their start.
    #[must_use]
    pub fn with_ramp(mut self) -> Self {
        self.ramp = true;
        self
    }

    /// The decay used at a step.
    pub fn decay_at(&self, step: u64) -> f64 {
        let n = step as f64;
        if self.ramp { self.decay.min((1.0 + n) / (10.0 + n)) } else { self.decay }
    }

    /// `shadow = decay * shadow + (1 - decay) * variables`; `step` counts from 0.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn update(&mut self, step: u64) -> anyhow::Result<()> {
        let values = self.layout.values()?;
        self.update_from(&values, step)
    }

    /// As [`Ema::update`], with the variables' values already flat.
    ///
    /// # Errors
    /// When the length is another or a tensor operation fails.
    pub fn update_from(&mut self, values: &Tensor, step: u64) -> anyhow::Result<()> {
        let decay = self.decay_at(step);
        if matches!(self.layout.device(), Device::Cpu) {
            let (keep, take) = (decay as f32, (1.0 - decay) as f32);
            self.shadow.inplace_op2(values, &Elementwise(move |s: f32, w: f32| s * keep + take * w))?;
        } else {
            self.shadow = (self.shadow.affine(decay, 0.0)? + values.affine(1.0 - decay, 0.0)?)?;
        }
        Ok(())
    }

    /// The averages, flat.
    pub fn values(&self) -> &Tensor {
        &self.shadow
    }

    /// The averages under the variables' names, `f32`.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn tensors(&self) -> anyhow::Result<BTreeMap<String, Tensor>> {
        self.layout.split(&self.shadow, "")
    }

    /// Restores averages saved from [`Ema::tensors`].
    ///
    /// # Errors
    /// Names a missing or misshapen tensor.
    pub fn load(&mut self, tensors: &BTreeMap<String, Tensor>) -> anyhow::Result<()> {
        self.shadow = self.layout.join(tensors, "")?;
        Ok(())
    }
}
