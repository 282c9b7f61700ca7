//! The practice model's autoencoder: 8×8 blocks to a few numbers, and back.
//!
//! A linear 8×8 path carries most of the picture; a small convolutional branch beside it adds what
//! a linear map cannot. All heavy layers run at an eighth or a quarter of the picture's side, so a
//! 256 px picture decodes in about a tenth of a second on two cores.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::error::Result as ModelResult;
use super::vae::{Autoencoder, Posterior};
use crate::ops;

/// Side of the pixel block that one latent position describes.
pub const FACTOR: usize = 8;

/// Sizes of the practice autoencoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PracticeAeConfig {
    /// Channels of the latent.
    pub latent_channels: usize,
    /// Encoder widths at 1/2, 1/4 and 1/8 of the side.
    pub encoder_widths: [usize; 3],
    /// Decoder widths at 1/8, 1/4 and 1/2 of the side.
    pub decoder_widths: [usize; 3],
    /// Decoder residual blocks at 1/8, 1/4 and 1/2 of the side.
    pub decoder_blocks: [usize; 3],
}

impl Default for PracticeAeConfig {
    fn default() -> Self {
        Self { latent_channels: 16, encoder_widths: [32, 64, 128], decoder_widths: [192, 96, 40], decoder_blocks: [3, 2, 1] }
    }
}

struct Conv {
    weight: Tensor,
    bias: Tensor,
}

impl Conv {
    fn new(vb: &VarBuilder<'_>, name: &str, input: usize, output: usize, kernel: usize) -> Result<Self> {
        let vb = vb.pp(name);
        Ok(Self { weight: vb.get((output, input, kernel, kernel), "weight")?, bias: vb.get(output, "bias")? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let padding = self.weight.dim(2)? / 2;
        ops::conv2d(x, &self.weight, Some(&self.bias), 1, padding)
    }
}

struct ResBlock {
    norm1: (Tensor, Tensor),
    conv1: Conv,
    norm2: (Tensor, Tensor),
    conv2: Conv,
    groups: usize,
}

impl ResBlock {
    fn new(vb: &VarBuilder<'_>, name: &str, width: usize) -> Result<Self> {
        let vb = vb.pp(name);
        let norm = |name: &str| -> Result<(Tensor, Tensor)> {
            let vb = vb.pp(name);
            Ok((vb.get(width, "weight")?, vb.get(width, "bias")?))
        };
        Ok(Self {
            norm1: norm("norm1")?,
            conv1: Conv::new(&vb, "conv1", width, width, 3)?,
            norm2: norm("norm2")?,
            conv2: Conv::new(&vb, "conv2", width, width, 3)?,
            groups: width / 8,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let h = ops::group_norm(x, self.groups, &self.norm1.0, &self.norm1.1, 1e-6, true)?;
        let h = self.conv1.forward(&h)?;
        let h = ops::group_norm(&h, self.groups, &self.norm2.0, &self.norm2.1, 1e-6, true)?;
        x + self.conv2.forward(&h)?
    }
}

/// `[B, C, H·p, W·p]` to `[B, C·p·p, H, W]`: each p×p block becomes channels, row by row.
pub fn space_to_depth(x: &Tensor, p: usize) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    x.reshape((b, c, h / p, p, w / p, p))?.permute((0, 1, 3, 5, 2, 4))?.reshape((b, c * p * p, h / p, w / p))
}

/// Inverse of [`space_to_depth`].
pub fn depth_to_space(x: &Tensor, p: usize) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    x.reshape((b, c / (p * p), p, p, h, w))?.permute((0, 1, 4, 2, 5, 3))?.reshape((b, c / (p * p), h * p, w * p))
}

/// The autoencoder. Images are `[B, 1, H, W]` in `-1..=1`; latents `[B, C, H/8, W/8]`.
pub struct PracticeAe {
    config: PracticeAeConfig,
    enc_linear: Conv,
    enc_in: [Conv; 3],
    enc_blocks: Vec<ResBlock>,
    enc_out: Conv,
    dec_linear: Conv,
    dec_in: Conv,
    dec_blocks: [Vec<ResBlock>; 3],
    dec_up: [Conv; 2],
    dec_out: Conv,
}

impl PracticeAe {
    /// Builds the network from named tensors.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, config: &PracticeAeConfig) -> Result<Self> {
        let [e0, e1, e2] = config.encoder_widths;
        let [d0, d1, d2] = config.decoder_widths;
        let c = config.latent_channels;
        let block = FACTOR * FACTOR;
        let enc = vb.pp("encoder");
        let dec = vb.pp("decoder");
        let blocks = |vb: &VarBuilder<'_>, level: usize, count: usize, width: usize| -> Result<Vec<ResBlock>> {
            (0..count).map(|i| ResBlock::new(vb, &format!("blocks{level}.{i}"), width)).collect()
        };
        let counts = config.decoder_blocks;
        Ok(Self {
            config: config.clone(),
            enc_linear: Conv::new(&enc, "linear", block, c, 1)?,
            enc_in: [
                Conv::new(&enc, "in0", 4, e0, 3)?,
                Conv::new(&enc, "in1", 4 * e0, e1, 3)?,
                Conv::new(&enc, "in2", 4 * e1, e2, 1)?,
            ],
            enc_blocks: blocks(&enc, 0, 2, e2)?,
            enc_out: Conv::new(&enc, "out", e2, 2 * c, 1)?,
            dec_linear: Conv::new(&dec, "linear", c, block, 1)?,
            dec_in: Conv::new(&dec, "in", c, d0, 3)?,
            dec_blocks: [blocks(&dec, 0, counts[0], d0)?, blocks(&dec, 1, counts[1], d1)?, blocks(&dec, 2, counts[2], d2)?],
            dec_up: [Conv::new(&dec, "up0", d0, 4 * d1, 1)?, Conv::new(&dec, "up1", d1, 4 * d2, 1)?],
            dec_out: Conv::new(&dec, "out", d2, 4, 3)?,
        })
    }

    /// Sizes of the network.
    pub fn config(&self) -> &PracticeAeConfig {
        &self.config
    }

    /// Image `[B, 1, H, W]` to the posterior's mean and log-variance, each `[B, C, H/8, W/8]`.
    ///
    /// # Errors
    /// When the sides are not multiples of eight.
    pub fn encode(&self, image: &Tensor) -> Result<(Tensor, Tensor)> {
        let linear = self.enc_linear.forward(&space_to_depth(image, FACTOR)?)?;
        let mut h = image.clone();
        for (level, conv) in self.enc_in.iter().enumerate() {
            h = conv.forward(&space_to_depth(&h, 2)?)?;
            if level < 2 {
                h = ops::silu(&h)?;
            }
        }
        for block in &self.enc_blocks {
            h = block.forward(&h)?;
        }
        let h = self.enc_out.forward(&ops::silu(&h)?)?;
        let c = self.config.latent_channels;
        let mean = (linear + h.narrow(1, 0, c)?)?;
        let log_var = h.narrow(1, c, c)?.affine(1.0, -6.0)?.clamp(-12.0, 2.0)?;
        Ok((mean, log_var))
    }

    /// Latent `[B, C, h, w]` to the image `[B, 1, 8h, 8w]`, about `-1..=1`, not clamped.
    ///
    /// # Errors
    /// When the latent has other channels.
    pub fn decode(&self, latent: &Tensor) -> Result<Tensor> {
        let linear = depth_to_space(&self.dec_linear.forward(latent)?, FACTOR)?;
        let mut h = self.dec_in.forward(latent)?;
        for (level, blocks) in self.dec_blocks.iter().enumerate() {
            for block in blocks {
                h = block.forward(&h)?;
            }
            if let Some(up) = self.dec_up.get(level) {
                h = depth_to_space(&up.forward(&h)?, 2)?;
            }
        }
        let fine = depth_to_space(&self.dec_out.forward(&ops::silu(&h)?)?, 2)?;
        linear + fine
    }
}

impl Autoencoder for PracticeAe {
    fn encode(&self, image: &Tensor) -> ModelResult<Posterior> {
        let (mean, log_var) = Self::encode(self, image)?;
        Ok(Posterior { mean, log_var })
    }

    fn decode(&self, latent: &Tensor) -> ModelResult<Tensor> {
        Ok(Self::decode(self, latent)?)
    }

    fn latent_channels(&self) -> usize {
        self.config.latent_channels
    }

    fn factor(&self) -> usize {
        FACTOR
    }
}
