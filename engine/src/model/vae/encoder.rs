//! Image to latent moments.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::model::error::Result;

use super::block::{Conv, Middle, Norm, Residual};
use super::{BANDED_LEVELS, KlConfig, Observer, bands};

#[derive(Clone, Debug)]
struct Level {
    resnets: Vec<Residual>,
    downsampler: Option<Conv>,
}

/// The encoder of a KL autoencoder.
#[derive(Clone, Debug)]
pub struct Encoder {
    conv_in: Conv,
    levels: Vec<Level>,
    middle: Middle,
    conv_norm_out: Norm,
    conv_out: Conv,
}

impl Encoder {
    /// Takes `conv_in`, `down_blocks`, `mid_block`, `conv_norm_out` and `conv_out`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &KlConfig) -> Result<Self> {
        let widths = &cfg.block_out_channels;
        let first = widths.first().copied().unwrap_or(0);
        let conv_in = Conv::new(vb.pp("conv_in"), cfg.in_channels, first, 3)?;
        let mut inputs = first;
        let mut levels = Vec::with_capacity(widths.len());
        for (i, &outputs) in widths.iter().enumerate() {
            let vb = vb.pp("down_blocks").pp(i);
            let mut resnets = Vec::with_capacity(cfg.layers_per_block);
            for j in 0..cfg.layers_per_block {
                resnets.push(Residual::new(vb.pp("resnets").pp(j), inputs, outputs, cfg)?);
                inputs = outputs;
            }
            let downsampler = (i + 1 < widths.len())
                .then(|| Conv::new(vb.pp("downsamplers").pp("0").pp("conv"), outputs, outputs, 3))
                .transpose()?;
            levels.push(Level { resnets, downsampler });
        }
        Ok(Self {
            conv_in,
            levels,
            middle: Middle::new(vb.pp("mid_block"), inputs, cfg)?,
            conv_norm_out: Norm::new(vb.pp("conv_norm_out"), inputs, cfg)?,
            conv_out: Conv::new(vb.pp("conv_out"), inputs, 2 * cfg.latent_channels, 3)?,
        })
    }

    /// Maps `(B, C, H, W)` to moments `(B, 2·latent, H/f, W/f)` before the quant convolution.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, observe: &mut Observer<'_>) -> Result<Tensor> {
        let mut x = self.conv_in.forward(x)?;
        observe("conv_in", &x);
        for (i, level) in self.levels.iter().enumerate() {
            for resnet in &level.resnets {
                x = resnet.forward(&x)?;
            }
            if let Some(downsampler) = &level.downsampler {
                x = downsampler.forward_halving(&x)?;
            }
            observe(&format!("down{i}"), &x);
        }
        let x = self.middle.forward(&x, observe)?;
        let x = self.conv_out.forward(&self.conv_norm_out.forward_silu(&x)?)?;
        observe("out", &x);
        Ok(x)
    }

    /// As [`Encoder::forward`] up to rounding, with the largest maps in bands of `rows` rows.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward_in_bands(&self, x: &Tensor, rows: usize) -> Result<Tensor> {
        let mut x = self.conv_in.forward(x)?;
        for (i, level) in self.levels.iter().enumerate() {
            let banded = i < BANDED_LEVELS;
            for resnet in &level.resnets {
                x = if banded { bands::residual(resnet, None, x, rows)? } else { resnet.forward(&x)? };
            }
            if let Some(downsampler) = &level.downsampler {
                x = if banded { bands::halved(downsampler, x, rows)? } else { downsampler.forward_halving(&x)? };
            }
        }
        let x = self.middle.forward(&x, &mut |_, _| {})?;
        self.conv_out.forward(&self.conv_norm_out.forward_silu(&x)?)
    }
}
