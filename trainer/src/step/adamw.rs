//! AdamW (Loshchilov and Hutter 2019), with the arithmetic of `torch.optim.AdamW`.
//!
//! Master weights and moments are flat `f32` vectors. All variables form one group: tables and biases
//! are decayed too, as in the published training. A variable without a gradient is treated as having
//! a zero gradient, so it is still decayed.

use std::collections::BTreeMap;

use anyhow::bail;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

use super::flat::{Elementwise, Elementwise2, FlatLayout};

/// Settings that stay the same during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay: each step first multiplies weights by `1 - lr * weight_decay`.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 }
    }
}

/// The optimiser and its state.
#[derive(Debug)]
pub struct AdamW {
    layout: FlatLayout,
    config: AdamWConfig,
    step: u64,
    weights: Tensor,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
}

impl AdamW {
    /// Starts from the variables' present values and zero moments.
    ///
    /// Whoever changes the variables by other means afterwards calls [`AdamW::reread_weights`].
    ///
    /// # Errors
    /// When there is no variable, a name occurs twice or devices differ.
    pub fn new(params: Vec<(String, Var)>, config: AdamWConfig) -> anyhow::Result<Self> {
        let layout = FlatLayout::new(params)?;
        let weights = layout.values()?;
        let zeros = || Tensor::zeros(layout.len(), DType::F32, layout.device());
        let (exp_avg, exp_avg_sq) = (zeros()?, zeros()?);
        Ok(Self { layout, config, step: 0, weights, exp_avg, exp_avg_sq })
    }

    /// The variables and their places, for [`FlatLayout::gradients`] and averages.
    pub fn layout(&self) -> &FlatLayout {
        &self.layout
    }

    /// The master weights, flat.
    pub fn weights(&self) -> &Tensor {
        &self.weights
    }

    /// Steps taken so far.
    pub fn steps_taken(&self) -> u64 {
        self.step
    }

    /// Takes the variables' values as the new master weights; moments stay.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn reread_weights(&mut self) -> anyhow::Result<()> {
        self.weights = self.layout.values()?;
        Ok(())
    }

    /// One update; gradients are multiplied by `scale` (the clipping factor) first.
    ///
    /// # Errors
    /// When a gradient does not fit or a tensor operation fails.
    pub fn step(&mut self, grads: &GradStore, lr: f64, scale: f64) -> anyhow::Result<()> {
        self.step_flat(&self.layout.gradients(grads)?, lr, scale)
    }

    /// As [`AdamW::step`], with the gradients already flat `[len]`.
    ///
    /// # Errors
    /// When the length is another or a tensor operation fails.
    pub fn step_flat(&mut self, gradient: &Tensor, lr: f64, scale: f64) -> anyhow::Result<()> {
        if gradient.dims() != [self.layout.len()] {
            bail!("the flat gradient has shape {:?}, expected [{}]", gradient.dims(), self.layout.len());
        }
        self.step += 1;
        let AdamWConfig { beta1, beta2, eps, weight_decay } = self.config;
        let power = self.step.min(i32::MAX as u64) as i32;
        let (correction1, correction2) = (1.0 - beta1.powi(power), 1.0 - beta2.powi(power));
        let (step_size, root2) = (lr / correction1, correction2.sqrt());
        let decay = 1.0 - lr * weight_decay;
        if matches!(self.layout.device(), Device::Cpu) {
            let (one_minus1, one_minus2, b2, s) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32, beta2 as f32, scale as f32);
            self.exp_avg.inplace_op2(gradient, &Elementwise(move |m: f32, g: f32| m + one_minus1 * (g * s - m)))?;
            self.exp_avg_sq
                .inplace_op2(gradient, &Elementwise(move |v: f32, g: f32| v * b2 + one_minus2 * ((g * s) * (g * s))))?;
            let (decay, step_size, root2, eps) = (decay as f32, step_size as f32, root2 as f32, eps as f32);
            let update = move |w: f32, m: f32, v: f32| w * decay - step_size * (m / (v.sqrt() / root2 + eps));
            self.weights.inplace_op3(&self.exp_avg, &self.exp_avg_sq, &Elementwise2(update))?;
        } else {
            let g = gradient.affine(scale, 0.0)?;
            self.exp_avg = (self.exp_avg.affine(beta1, 0.0)? + g.affine(1.0 - beta1, 0.0)?)?;
            self.exp_avg_sq = (self.exp_avg_sq.affine(beta2, 0.0)? + g.sqr()?.affine(1.0 - beta2, 0.0)?)?;
            let denominator = self.exp_avg_sq.sqrt()?.affine(1.0 / root2, eps)?;
            let change = self.exp_avg.div(&denominator)?.affine(step_size, 0.0)?;
            self.weights = (self.weights.affine(decay, 0.0)? - change)?;
        }
        self.layout.write(&self.weights)
    }

    /// The whole state as named tensors: `step`, `exp_avg.NAME`, `exp_avg_sq.NAME` and `master.NAME`.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn state(&self) -> anyhow::Result<BTreeMap<String, Tensor>> {
        let mut state = self.layout.split(&self.exp_avg, "exp_avg.")?;
        state.append(&mut self.layout.split(&self.exp_avg_sq, "exp_avg_sq.")?);
        state.append(&mut self.layout.split(&self.weights, "master.")?);
        state.insert("step".to_owned(), Tensor::new(&[self.step as i64], &Device::Cpu)?);
        Ok(state)
    }

    /// Restores a state saved by [`AdamW::state`] and writes the master weights into the variables.
    ///
    /// # Errors
    /// Names a missing or misshapen tensor; then nothing has changed.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> anyhow::Result<()> {
        let Some(step) = state.get("step") else { bail!("the saved state has no tensor step") };
        let step = step.to_dtype(DType::I64)?.flatten_all()?.to_vec1::<i64>()?;
        let [step] = step[..] else { bail!("the saved tensor step must hold one number") };
        let step = u64::try_from(step)?;
        let exp_avg = self.layout.join(state, "exp_avg.")?;
        let exp_avg_sq = self.layout.join(state, "exp_avg_sq.")?;
        let weights = self.layout.join(state, "master.")?;
        self.layout.write(&weights)?;
        (self.step, self.exp_avg, self.exp_avg_sq, self.weights) = (step, exp_avg, exp_avg_sq, weights);
        Ok(())
    }
}
