//! The map between an autoencoder's latents and what a network sees.

use anyhow::Result;
use candle_core::Tensor;

/// Per-channel affine map from autoencoder latents to about unit variance.
#[derive(Clone, Debug, PartialEq)]
pub struct Normaliser {
    /// Subtracted.
    pub shift: Vec<f32>,
    /// Factor.
    pub scale: Vec<f32>,
}

impl Normaliser {
    /// Mean and inverse deviation of each channel of `[N, C, h, w]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn fit(latents: &Tensor) -> Result<Self> {
        let mean = latents.mean_keepdim((0, 2, 3))?;
        let variance = latents.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
        let sd = variance.flatten_all()?.to_vec1::<f32>()?;
        Ok(Self { shift: mean.flatten_all()?.to_vec1()?, scale: sd.into_iter().map(|v| 1.0 / v.sqrt().max(1e-4)).collect() })
    }

    /// `(z - shift) * scale`.
    ///
    /// # Errors
    /// When the channels differ.
    pub fn apply(&self, latents: &Tensor) -> Result<Tensor> {
        let d = latents.device();
        let c = self.shift.len();
        let shift = Tensor::from_slice(&self.shift, (1, c, 1, 1), d)?;
        let scale = Tensor::from_slice(&self.scale, (1, c, 1, 1), d)?;
        Ok(latents.broadcast_sub(&shift)?.broadcast_mul(&scale)?)
    }

    /// Deviations under the same map: `s * |scale|`.
    ///
    /// # Errors
    /// When the channels differ.
    pub fn scaled(&self, deviations: &Tensor) -> Result<Tensor> {
        let scale: Vec<f32> = self.scale.iter().map(|scale| scale.abs()).collect();
        let scale = Tensor::from_vec(scale, (1, self.scale.len(), 1, 1), deviations.device())?;
        Ok(deviations.broadcast_mul(&scale)?)
    }

    /// Inverse of [`Normaliser::apply`].
    ///
    /// # Errors
    /// When the channels differ.
    pub fn invert(&self, latents: &Tensor) -> Result<Tensor> {
        let d = latents.device();
        let c = self.shift.len();
        let shift = Tensor::from_slice(&self.shift, (1, c, 1, 1), d)?;
        let scale = Tensor::from_slice(&self.scale, (1, c, 1, 1), d)?;
        Ok(latents.broadcast_div(&scale)?.broadcast_add(&shift)?)
    }
}
