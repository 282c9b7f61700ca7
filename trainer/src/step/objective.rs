//! What a diffusion stage minimises: noised latents, their losses row by row, and weights by noise level.

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use engine::diffusion::{Loss, LossConfig, NoiseSchedule, Prediction, training_loss};

/// The loss of a network's output.
#[derive(Clone, Debug)]
pub struct Objective {
    schedule: NoiseSchedule,
    config: LossConfig,
    min_snr_gamma: Option<f64>,
}

impl Objective {
    /// A loss on a noise process; `min_snr_gamma` bounds the weight of little noise (Hang et al. 2023, "Efficient
    /// diffusion training via min-SNR weighting strategy").
    ///
    /// # Errors
    /// When the bound is no positive number.
    pub fn new(schedule: NoiseSchedule, config: LossConfig, min_snr_gamma: Option<f64>) -> Result<Self> {
        if let Some(gamma) = min_snr_gamma {
            ensure!(gamma.is_finite() && gamma > 0.0, "min_snr_gamma is {gamma}; choose a positive number, such as 5");
        }
        Ok(Self { schedule, config, min_snr_gamma })
    }

    /// What the network predicts.
    pub fn prediction(&self) -> Prediction {
        self.config.prediction
    }

    /// Latents `(B, C, h, w)` at the noise of indices `t`.
    ///
    /// # Errors
    /// When an index is outside or shapes differ.
    pub fn noised(&self, x_start: &Tensor, noise: &Tensor, t: &[usize]) -> Result<Tensor> {
        Ok(self.schedule.add_noise(x_start, noise, t)?)
    }

    /// What the network is told at indices `t`, `(B)`, `f32`.
    ///
    /// # Errors
    /// When an index is outside.
    pub fn timesteps(&self, t: &[usize], device: &Device) -> Result<Tensor> {
        let told = self.schedule.timesteps();
        ensure!(t.iter().all(|&t| t < told.len()), "a timestep is outside of the {} of the process", told.len());
        let values: Vec<f32> = t.iter().map(|&t| told[t] as f32).collect();
        Ok(Tensor::from_vec(values, t.len(), device)?)
    }

    /// Losses of each row `(B)`, in `f32`.
    ///
    /// # Errors
    /// When channels or shapes do not fit.
    pub fn losses(&self, output: &Tensor, x_start: &Tensor, x_t: &Tensor, t: &[usize], noise: &Tensor) -> Result<Loss> {
        let output = output.to_dtype(DType::F32)?;
        let mut loss = training_loss(&self.schedule, &self.config, &output, x_start, x_t, t, noise)?;
        if let (Some(gamma), Some(mse)) = (self.min_snr_gamma, &loss.mse) {
            let weights: Vec<f32> = t.iter().map(|&t| self.weight(t, gamma) as f32).collect();
            let weighted = mse.mul(&Tensor::from_vec(weights, t.len(), mse.device())?)?;
            loss.loss = match &loss.vb {
                Some(vb) => (&weighted + vb)?,
                None => weighted.clone(),
            };
            loss.mse = Some(weighted);
        }
        Ok(loss)
    }

    /// `min(SNR, gamma)` over what the prediction's plain squared error weighs the clean latent with.
    fn weight(&self, t: usize, gamma: f64) -> f64 {
        let bar = self.schedule.alphas_cumprod().get(t).copied().unwrap_or(0.0);
        let snr = bar / (1.0 - bar).max(f64::MIN_POSITIVE);
        let bounded = snr.min(gamma);
        match self.config.prediction {
            Prediction::Epsilon => bounded / snr.max(f64::MIN_POSITIVE),
            Prediction::Velocity => bounded / (snr + 1.0),
            Prediction::Denoised => bounded,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::diffusion::{LossKind, Variance};

    use super::*;

    #[test]
    fn little_noise_weighs_at_most_gamma() {
        let objective = |prediction, gamma| {
            let config = LossConfig { prediction, variance: Variance::FixedLarge, kind: LossKind::Mse };
            Objective::new(NoiseSchedule::linear(1000).expect("a process"), config, gamma).expect("a loss")
        };
        let epsilon = objective(Prediction::Epsilon, Some(5.0));
        assert!(epsilon.weight(0, 5.0) < 1e-3 && epsilon.weight(999, 5.0) == 1.0);
        let velocity = objective(Prediction::Velocity, Some(5.0));
        assert!(velocity.weight(0, 5.0) < 1e-3 && velocity.weight(999, 5.0) < 1e-3, "no signal, nothing to learn of it");
        assert!(velocity.weight(300, 5.0) > 0.3);

        let row = |value: f32| Tensor::full(value, (2, 1, 2, 2), &Device::Cpu).expect("a tensor");
        let (x, noise, t) = (row(0.5), row(1.0), [10, 900]);
        let values = |objective: &Objective| {
            let x_t = objective.noised(&x, &noise, &t).expect("noised");
            let loss = objective.losses(&row(0.0), &x, &x_t, &t, &noise).expect("losses").loss;
            loss.to_vec1::<f32>().expect("values")
        };
        let (plain, bounded) = (values(&objective(Prediction::Epsilon, None)), values(&epsilon));
        assert_eq!(plain, [1.0, 1.0]);
        assert!(bounded[0] < 0.2 && bounded[1] == 1.0, "{bounded:?}");
        let config = LossConfig { prediction: Prediction::Epsilon, variance: Variance::FixedLarge, kind: LossKind::Mse };
        assert!(Objective::new(NoiseSchedule::linear(1000).expect("a process"), config, Some(0.0)).is_err());
    }
}
