//! AdamW (Loshchilov and Hutter 2019), with the arithmetic of `torch.optim.AdamW`, on one variable at a time.
//!
//! The variable is the `f32` master weight. A variable is small enough for the processor's cache, so the passes of
//! its update after the first one cost little.

use anyhow::Result;
use candle_core::{Device, Tensor, Var};

use super::elementwise::{Elementwise, Elementwise2};

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

/// Running means of a variable's gradient and of its square.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    pub(super) exp_avg: Tensor,
    pub(super) exp_avg_sq: Tensor,
}

impl Moments {
    pub(super) fn zeros(var: &Var) -> Result<Self> {
        let zeros = || var.as_detached_tensor().zeros_like();
        Ok(Self { exp_avg: zeros()?, exp_avg_sq: zeros()? })
    }

    /// Update number `step` (from 1) of a variable; the gradient is multiplied by `scale` first.
    pub(super) fn update(
        &mut self,
        var: &Var,
        gradient: &Tensor,
        config: &AdamWConfig,
        lr: f64,
        scale: f64,
        step: u64,
    ) -> Result<()> {
        let AdamWConfig { beta1, beta2, eps, weight_decay } = *config;
        let power = step.min(i32::MAX as u64) as i32;
        let (correction1, correction2) = (1.0 - beta1.powi(power), 1.0 - beta2.powi(power));
        let (step_size, root2) = (lr / correction1, correction2.sqrt());
        let decay = 1.0 - lr * weight_decay;
        if matches!(var.device(), Device::Cpu) {
            let (one_minus1, one_minus2, b2, s) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32, beta2 as f32, scale as f32);
            self.exp_avg.inplace_op2(gradient, &Elementwise(move |m: f32, g: f32| m + one_minus1 * (g * s - m)))?;
            self.exp_avg_sq
                .inplace_op2(gradient, &Elementwise(move |v: f32, g: f32| v * b2 + one_minus2 * ((g * s) * (g * s))))?;
            let (decay, step_size, root2, eps) = (decay as f32, step_size as f32, root2 as f32, eps as f32);
            let update = move |w: f32, m: f32, v: f32| w * decay - step_size * (m / (v.sqrt() / root2 + eps));
            var.as_tensor().inplace_op3(&self.exp_avg, &self.exp_avg_sq, &Elementwise2(update))?;
        } else {
            let g = gradient.affine(scale, 0.0)?;
            self.exp_avg = (self.exp_avg.affine(beta1, 0.0)? + g.affine(1.0 - beta1, 0.0)?)?;
            self.exp_avg_sq = (self.exp_avg_sq.affine(beta2, 0.0)? + g.sqr()?.affine(1.0 - beta2, 0.0)?)?;
            let denominator = self.exp_avg_sq.sqrt()?.affine(1.0 / root2, eps)?;
            let change = self.exp_avg.div(&denominator)?.affine(step_size, 0.0)?;
            var.set(&(var.as_detached_tensor().affine(decay, 0.0)? - change)?)?;
        }
        Ok(())
    }
}
