//! Noise tables of a process, in `f64`.

use super::betas::{self, BetaCurve};
use super::{DiffusionError, Result, space_timesteps};

/// All tables of a forward process and its posterior; index 0 is the least noisy step.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSchedule {
    betas: Vec<f64>,
    alphas_cumprod: Vec<f64>,
    timesteps: Vec<usize>,
}

impl NoiseSchedule {
    /// The published process: `steps` linear betas from 1e-4 to 2e-2, scaled by `1000 / steps`.
    ///
    /// # Errors
    /// When `steps` is zero, or so small that a beta passes 1.
    pub fn linear(steps: usize) -> Result<Self> {
        let scale = 1000.0 / steps.max(1) as f64;
        Self::from_betas(betas::betas(BetaCurve::Linear { start: scale * 1e-4, end: scale * 2e-2 }, steps)?)
    }

    /// A process with the given betas, each in (0, 1].
    ///
    /// # Errors
    /// When there is none or one is out of range.
    pub fn from_betas(betas: Vec<f64>) -> Result<Self> {
        betas::check(&betas)?;
        let alphas_cumprod = betas::cumulative(&betas).collect();
        let timesteps = (0..betas.len()).collect();
        Ok(Self { betas, alphas_cumprod, timesteps })
    }

    /// The process seen only at some of its steps (ascending indices); betas become
    /// `1 - alpha_bar / alpha_bar_previous` of the kept steps.
    ///
    /// # Errors
    /// When nothing is kept, an index is outside or they do not ascend.
    pub fn keep(&self, kept: &[usize]) -> Result<Self> {
        let mut previous = 1.0;
        let mut betas = Vec::with_capacity(kept.len());
        for (i, &index) in kept.iter().enumerate() {
            if index >= self.len() || (i > 0 && kept[i - 1] >= index) {
                return Err(DiffusionError::Timestep { index, len: self.len() });
            }
            let bar = self.alphas_cumprod[index];
            betas.push(1.0 - bar / previous);
            previous = bar;
        }
        let timesteps = kept.iter().map(|&index| self.timesteps[index]).collect();
        Ok(Self { timesteps, ..Self::from_betas(betas)? })
    }

    /// The process respaced by a text such as `"100"`, `"10,15,20"` or `"ddim25"`.
    ///
    /// # Errors
    /// As [`space_timesteps`].
    pub fn respaced(&self, spec: &str) -> Result<Self> {
        self.keep(&space_timesteps(self.len(), spec)?)
    }

    /// Count of steps.
    pub fn len(&self) -> usize {
        self.betas.len()
    }

    /// Never true: a schedule has at least one step.
    pub fn is_empty(&self) -> bool {
        self.betas.is_empty()
    }

    /// Original timestep of each step: what the network is told.
    pub fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    /// Variance added at each step.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }

    /// `alpha_bar`: share of the clean signal's variance left after each step.
    pub fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    /// `alpha_bar` of the step before; 1 before the first.
    pub fn alphas_cumprod_prev(&self) -> Vec<f64> {
        (0..self.len()).map(|i| self.alpha_bar_before(i)).collect()
    }

    /// `alpha_bar` of the step after; 0 after the last.
    pub fn alphas_cumprod_next(&self) -> Vec<f64> {
        let after = self.alphas_cumprod.iter().skip(1).copied();
        after.chain(std::iter::once(0.0)).collect()
    }

    /// Variance of `q(x_{t-1} | x_t, x_0)`.
    pub fn posterior_variance(&self) -> Vec<f64> {
        let before = |i| 1.0 - self.alpha_bar_before(i);
        (0..self.len()).map(|i| self.betas[i] * before(i) / (1.0 - self.alphas_cumprod[i])).collect()
    }

    /// Logarithm of the posterior variance, the first (which is minus infinity) replaced by the second.
    ///
    /// A process of one step has no second; it takes the logarithm of its beta.
    pub fn posterior_log_variance_clipped(&self) -> Vec<f64> {
        let mut variance = self.posterior_variance();
        variance[0] = variance.get(1).copied().unwrap_or(self.betas[0]);
        variance.into_iter().map(f64::ln).collect()
    }

    /// Weight of `x_0` in the posterior mean.
    pub fn posterior_mean_coef1(&self) -> Vec<f64> {
        (0..self.len()).map(|i| self.betas[i] * self.alpha_bar_before(i).sqrt() / (1.0 - self.alphas_cumprod[i])).collect()
    }

    /// Weight of `x_t` in the posterior mean.
    pub fn posterior_mean_coef2(&self) -> Vec<f64> {
        (0..self.len())
            .map(|i| (1.0 - self.alpha_bar_before(i)) * (1.0 - self.betas[i]).sqrt() / (1.0 - self.alphas_cumprod[i]))
            .collect()
    }

    /// `sqrt(1 / alpha_bar)`.
    pub fn sqrt_recip_alphas_cumprod(&self) -> Vec<f64> {
        self.alphas_cumprod.iter().map(|bar| (1.0 / bar).sqrt()).collect()
    }

    /// `sqrt(1 / alpha_bar - 1)`.
    pub fn sqrt_recipm1_alphas_cumprod(&self) -> Vec<f64> {
        self.alphas_cumprod.iter().map(|bar| (1.0 / bar - 1.0).sqrt()).collect()
    }

    fn alpha_bar_before(&self, index: usize) -> f64 {
        if index == 0 { 1.0 } else { self.alphas_cumprod[index - 1] }
    }
}
