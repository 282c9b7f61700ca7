//! The U-Net: down through the levels, a middle, and up again with everything that was seen on the way down.

use candle_core::{D, DType, Tensor};
use candle_nn::VarBuilder;

use crate::model::error::{ModelError, Result};
use crate::model::linear::Linear;
use crate::model::params::{Param, record};
use crate::ops;

use super::block::{Conv, Norm, Residual};
use super::transformer::SpatialTransformer;
use super::{DownBlock, UnetConfig, UpBlock};

/// The tensors of [`Unet`], in building order.
///
/// # Errors
/// When the configuration describes no network.
pub fn unet_params(cfg: &UnetConfig) -> Result<Vec<Param>> {
    record(|vb| Unet::new(vb, cfg))
}

/// Residual blocks, attention behind each where the level has it, and a change of size where there is one.
#[derive(Clone, Debug)]
struct Level {
    resnets: Vec<Residual>,
    attentions: Vec<SpatialTransformer>,
    resize: Option<Conv>,
}

impl Level {
    fn layer(&self, index: usize, x: &Tensor, time: &Tensor, words: &Tensor) -> Result<Tensor> {
        let x = self.resnets[index].forward(x, time)?;
        match self.attentions.get(index) {
            Some(attention) => attention.forward(&x, words),
            None => Ok(x),
        }
    }
}

/// The middle: residual block, attention, residual block.
#[derive(Clone, Debug)]
struct Middle {
    first: Residual,
    attention: SpatialTransformer,
    second: Residual,
}

/// A U-Net that predicts noise or velocity from noisy latents, timesteps and words.
#[derive(Clone, Debug)]
pub struct Unet {
    config: UnetConfig,
    time: [Linear; 2],
    conv_in: Conv,
    down: Vec<Level>,
    middle: Middle,
    up: Vec<Level>,
    conv_norm_out: Norm,
    conv_out: Conv,
}

impl Unet {
    /// Builds the network from tensors under diffusers' names.
    ///
    /// # Errors
    /// When the configuration describes no network, or a tensor is missing or misshapen.
    pub fn new(vb: VarBuilder<'_>, cfg: &UnetConfig) -> Result<Self> {
        cfg.check()?;
        let widths = &cfg.block_out_channels;
        let (finest, last) = (widths[0], widths.len() - 1);
        let time = vb.pp("time_embedding");
        let mut down = Vec::with_capacity(widths.len());
        let mut inputs = finest;
        for (level, (&outputs, kind)) in widths.iter().zip(&cfg.down_block_types).enumerate() {
            let vb = vb.pp("down_blocks").pp(level);
            let layers = (0..cfg.layers_per_block).map(|layer| if layer == 0 { (inputs, outputs) } else { (outputs, outputs) });
            let attends = *kind == DownBlock::CrossAttnDownBlock2D;
            let resize = (level < last).then(|| Conv::new(vb.pp("downsamplers.0.conv"), outputs, outputs, 3, 2)).transpose()?;
            down.push(Level { resize, ..layers_of(&vb, layers, attends.then_some(level), cfg)? });
            inputs = outputs;
        }
        let deepest = widths[last];
        let mid = vb.pp("mid_block");
        let middle = Middle {
            first: Residual::new(mid.pp("resnets.0"), deepest, deepest, cfg)?,
            attention: SpatialTransformer::new(mid.pp("attentions.0"), deepest, last, cfg)?,
            second: Residual::new(mid.pp("resnets.1"), deepest, deepest, cfg)?,
        };
        let mut up = Vec::with_capacity(widths.len());
        let mut below = deepest;
        for (place, kind) in cfg.up_block_types.iter().enumerate() {
            let vb = vb.pp("up_blocks").pp(place);
            let level = last - place;
            let outputs = widths[level];
            // The last layer meets what came into this level on the way down.
            let came_in = widths[level.saturating_sub(1)];
            let layers = (0..=cfg.layers_per_block).map(|layer| {
                let seen = if layer == cfg.layers_per_block { came_in } else { outputs };
                let inputs = if layer == 0 { below } else { outputs };
                (inputs + seen, outputs)
            });
            let attends = *kind == UpBlock::CrossAttnUpBlock2D;
            let resize = (level > 0).then(|| Conv::new(vb.pp("upsamplers.0.conv"), outputs, outputs, 3, 1)).transpose()?;
            up.push(Level { resize, ..layers_of(&vb, layers, attends.then_some(level), cfg)? });
            below = outputs;
        }
        Ok(Self {
            config: cfg.clone(),
            time: [
                Linear::new(time.pp("linear_1"), finest, 4 * finest)?,
                Linear::new(time.pp("linear_2"), 4 * finest, 4 * finest)?,
            ],
            conv_in: Conv::new(vb.pp("conv_in"), cfg.in_channels, finest, 3, 1)?,
            down,
            middle,
            up,
            conv_norm_out: Norm::new(vb.pp("conv_norm_out"), finest, cfg.norm_num_groups, cfg.norm_eps)?,
            conv_out: Conv::new(vb.pp("conv_out"), finest, cfg.out_channels, 3, 1)?,
        })
    }

    /// The sizes the network was built with.
    pub fn config(&self) -> &UnetConfig {
        &self.config
    }

    /// The answer `(B, out_channels, h, w)` about latents `x (B, in_channels, h, w)` at timesteps `t (B)` with
    /// `words (B, L, cross_attention_dim)`; on a processor a row's bits do not depend on the others.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, t: &Tensor, words: &Tensor) -> Result<Tensor> {
        let smallest = 1 << (self.down.len() - 1);
        let (b, c, h, w) = x.dims4()?;
        if c != self.config.in_channels || h % smallest != 0 || w % smallest != 0 || h * w == 0 {
            let expected =
                format!("(batch, {}, height, width) with sides that are multiples of {smallest}", self.config.in_channels);
            return Err(ModelError::Shape { what: "latent", got: x.dims().to_vec(), expected });
        }
        let (rows, _, width) = words.dims3()?;
        if rows != b || width != self.config.cross_attention_dim {
            let expected = format!("({b}, length, {})", self.config.cross_attention_dim);
            return Err(ModelError::Shape { what: "words", got: words.dims().to_vec(), expected });
        }
        let time = ops::silu(&self.time[1].forward(&ops::silu(&self.time[0].forward(&self.features(t)?)?)?)?)?;
        let mut x = self.conv_in.forward(x)?;
        let mut seen = vec![x.clone()];
        for level in &self.down {
            for layer in 0..level.resnets.len() {
                x = level.layer(layer, &x, &time, words)?;
                seen.push(x.clone());
            }
            if let Some(halve) = &level.resize {
                x = halve.forward(&x)?;
                seen.push(x.clone());
            }
        }
        x = self.middle.first.forward(&x, &time)?;
        x = self.middle.attention.forward(&x, words)?;
        x = self.middle.second.forward(&x, &time)?;
        for level in &self.up {
            for layer in 0..level.resnets.len() {
                let joined = match seen.pop() {
                    Some(seen) => Tensor::cat(&[&x, &seen], 1)?,
                    None => x,
                };
                x = level.layer(layer, &joined, &time, words)?;
            }
            if let Some(conv) = &level.resize {
                x = conv.forward(&ops::upsample2x(&x)?)?;
            }
        }
        self.conv_out.forward(&self.conv_norm_out.forward(&x, true)?)
    }

    /// Sinusoidal features of timesteps: `(B)` to `(B, width)`; frequencies and angles are `f32` as in the reference.
    fn features(&self, t: &Tensor) -> Result<Tensor> {
        let half = self.config.block_out_channels[0] / 2;
        let log_period = 10_000f64.ln() as f32;
        let count = (half - self.config.freq_shift) as f32;
        let frequencies: Vec<f32> = (0..half).map(|i| f64::from(-log_period * i as f32 / count).exp() as f32).collect();
        let frequencies = Tensor::from_vec(frequencies, (1, half), t.device())?;
        let angles = t.to_dtype(DType::F32)?.unsqueeze(1)?.broadcast_mul(&frequencies)?; // (B, half)
        let (sin, cos) = (angles.sin()?, angles.cos()?);
        let pair = if self.config.flip_sin_to_cos { [cos, sin] } else { [sin, cos] };
        Ok(Tensor::cat(&pair, D::Minus1)?)
    }
}

/// The layers of a level by their inputs and outputs, with attention if it belongs to a level that attends.
fn layers_of(
    vb: &VarBuilder<'_>,
    sizes: impl Iterator<Item = (usize, usize)>,
    attends: Option<usize>,
    cfg: &UnetConfig,
) -> Result<Level> {
    let (mut resnets, mut attentions) = (Vec::new(), Vec::new());
    for (layer, (inputs, outputs)) in sizes.enumerate() {
        resnets.push(Residual::new(vb.pp("resnets").pp(layer), inputs, outputs, cfg)?);
        if let Some(level) = attends {
            attentions.push(SpatialTransformer::new(vb.pp("attentions").pp(layer), outputs, level, cfg)?);
        }
    }
    Ok(Level { resnets, attentions, resize: None })
}
