//! Latent to image.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::model::error::Result;
use crate::ops;

use super::block::{Conv, Middle, Norm, Residual};

use super::{BANDED_LEVELS, KlConfig, Observer, bands};

#[derive(Clone, Debug)]
struct Level {
    resnets: Vec<Residual>,
    upsampler: Option<Conv>,
}

/// The decoder of a KL autoencoder.
#[derive(Clone, Debug)]
pub struct Decoder {
    conv_in: Conv,
    middle: Middle,
    levels: Vec<Level>,
    conv_norm_out: Norm,
    conv_out: Conv,
}

impl Decoder {
    /// Takes `conv_in`, `up_blocks`, `mid_block`, `conv_norm_out` and `conv_out`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &KlConfig) -> Result<Self> {
        let widths = &cfg.block_out_channels;
        let deepest = widths.last().copied().unwrap_or(0);
        let conv_in = Conv::new(vb.pp("conv_in"), cfg.latent_channels, deepest, 3)?;
        let middle = Middle::new(vb.pp("mid_block"), deepest, cfg)?;
        let mut inputs = deepest;
        let mut levels = Vec::with_capacity(widths.len());
        for (i, &outputs) in widths.iter().rev().enumerate() {
            let vb = vb.pp("up_blocks").pp(i);
            let mut resnets = Vec::with_capacity(cfg.layers_per_block + 1);
            for j in 0..=cfg.layers_per_block {
                resnets.push(Residual::new(vb.pp("resnets").pp(j), inputs, outputs, cfg)?);
                inputs = outputs;
            }
            let upsampler = (i + 1 < widths.len())
                .then(|| Conv::new(vb.pp("upsamplers").pp("0").pp("conv"), outputs, outputs, 3))
                .transpose()?;
            levels.push(Level { resnets, upsampler });
        }
        Ok(Self {
            conv_in,
            middle,
            levels,
            conv_norm_out: Norm::new(vb.pp("conv_norm_out"), inputs, cfg)?,
            conv_out: Conv::new(vb.pp("conv_out"), inputs, cfg.out_channels, 3)?,
        })
    }

    /// Maps `(B, latent, h, w)`, after the post-quant convolution, to `(B, C, h·f, w·f)`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, observe: &mut Observer<'_>) -> Result<Tensor> {
        let x = self.conv_in.forward(x)?;
        observe("conv_in", &x);
        let mut x = self.middle.forward(&x, observe)?;
        for (i, level) in self.levels.iter().enumerate() {
            for resnet in &level.resnets {
                x = resnet.forward(&x)?;
            }
            if let Some(upsampler) = &level.upsampler {
                x = upsampler.forward(&ops::upsample2x(&x)?)?;
            }
            observe(&format!("up{i}"), &x);
        }
        let x = self.conv_out.forward(&self.conv_norm_out.forward_silu(&x)?)?;
        observe("out", &x);
        Ok(x)
    }

    /// As [`Decoder::forward`] up to rounding, with the largest maps in bands of `rows` rows.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward_in_bands(&self, x: &Tensor, rows: usize) -> Result<Tensor> {
        let mut x = self.middle.forward(&self.conv_in.forward(x)?, &mut |_, _| {})?;
        let whole = self.levels.len().saturating_sub(BANDED_LEVELS);
        let mut enlargement: Option<&Conv> = None;
        for (i, level) in self.levels.iter().enumerate() {
            for resnet in &level.resnets {
                x = match enlargement.take() {
                    Some(conv) if i < whole => resnet.forward(&conv.forward(&ops::upsample2x(&x)?)?)?,
                    None if i < whole => resnet.forward(&x)?,
                    conv => bands::residual(resnet, conv, x, rows)?,
                };
            }
            enlargement = level.upsampler.as_ref();
        }
        bands::output(&self.conv_norm_out, &self.conv_out, &x, rows)
    }
}
