//! Comparison of hidden tokens with features of another network.
//!
//! # Source
//! Yu et al., "Representation alignment for generation: training diffusion transformers is easier than you think" (REPA),
//! 2024: a projection of the tokens after an early block, cosine similarity token by token.

use anyhow::{Result, ensure};
use candle_core::{D, DType, Tensor};
use engine::ops;

use super::source::TRAINING_ONLY;
use crate::config::stage::AlignmentSettings;
use crate::step::params::ParamStore;
use crate::step::pass::HiddenLoss;

/// The comparison.
pub struct Alignment {
    layers: Vec<(Tensor, Tensor)>,
    block: usize,
    weight: f64,
}

impl Alignment {
    /// With the projection among the parameters.
    ///
    /// # Errors
    /// When a layer is missing or misshapen.
    pub fn new(params: &ParamStore, hidden_size: usize, settings: &AlignmentSettings) -> Result<Self> {
        let vb = params.builder();
        let widths = [hidden_size, settings.hidden, settings.hidden, settings.width];
        let layer = |(i, pair): (usize, &[usize])| -> candle_core::Result<(Tensor, Tensor)> {
            let vb = vb.pp(TRAINING_ONLY.trim_end_matches('.')).pp(i);
            Ok((vb.get((pair[1], pair[0]), "weight")?, vb.get(pair[1], "bias")?))
        };
        let layers = widths.windows(2).enumerate().map(layer).collect::<candle_core::Result<_>>()?;
        Ok(Self { layers, block: settings.block - 1, weight: settings.weight })
    }
}

impl HiddenLoss for Alignment {
    fn after_block(&self) -> usize {
        self.block
    }

    fn losses(&self, tokens: &Tensor, features: &Tensor) -> Result<Tensor> {
        let mut x = tokens.to_dtype(DType::F32)?;
        ensure!(
            features.dims()[..2] == x.dims()[..2],
            "features are {:?}, and hidden tokens {:?}: the two need as many tokens",
            features.dims(),
            x.dims()
        );
        for (i, (weight, bias)) in self.layers.iter().enumerate() {
            x = ops::linear(&x, weight, Some(bias))?;
            if i + 1 < self.layers.len() {
                x = ops::silu(&x)?;
            }
        }
        let length = |x: &Tensor| (x.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt();
        let cosine = (x.mul(features)?.sum_keepdim(D::Minus1)? / (length(&x)? * length(features)?)?)?; // (B, N, 1)
        Ok(cosine.flatten_from(1)?.mean(1)?.affine(-self.weight, self.weight)?)
    }
}
