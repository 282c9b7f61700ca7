//! Autoencoders between images and latents.
//!
//! [`Autoencoder`] is what the pipeline knows; [`AutoencoderKl`] is the Stable Diffusion architecture.
//!
//! # Source
//! Rombach et al. 2022, "High-resolution image synthesis with latent diffusion models"; tensor names and
//! details as in diffusers' `AutoencoderKL`.

mod bands;
mod block;
mod decoder;
mod encoder;

use candle_core::Tensor;
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

pub use decoder::Decoder;
pub use encoder::Encoder;

use super::error::{ModelError, Result};
use block::Conv;

/// Levels that are worked on in bands, counted from the finest: their maps are the largest.
const BANDED_LEVELS: usize = 2;

/// Sees the name and the value of each stage of a forward pass, to compare with another implementation.
///
/// Stages: `conv_in`; of the encoder `down0`, `down1`, …; of the decoder `up0`, `up1`, …; of both
/// `mid_attention`, `mid` and `out`.
pub type Observer<'a> = dyn FnMut(&str, &Tensor) + 'a;

/// A network that turns images into latents and back.
pub trait Autoencoder: Send + Sync {
    /// The latent distribution of images `(B, image channels, H, W)` in [-1, 1].
    ///
    /// # Errors
    /// When the channels differ or the sides are no multiples of [`Autoencoder::factor`].
    fn encode(&self, image: &Tensor) -> Result<Posterior>;

    /// Images `(B, image channels, H, W)`, about [-1, 1] and not clamped, of unscaled latents.
    ///
    /// # Errors
    /// When the channels differ.
    fn decode(&self, latent: &Tensor) -> Result<Tensor>;

    /// As [`Autoencoder::decode`] up to rounding, with the largest maps in bands of `rows` rows of pixels, so that it
    /// takes less memory and more time; `None` where there is no such way.
    ///
    /// # Errors
    /// As [`Autoencoder::decode`].
    fn decode_in_bands(&self, _latent: &Tensor, _rows: usize) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// As [`Autoencoder::encode`], in the same way.
    ///
    /// # Errors
    /// As [`Autoencoder::encode`].
    fn encode_in_bands(&self, _image: &Tensor, _rows: usize) -> Result<Option<Posterior>> {
        Ok(None)
    }

    /// Channels of the latent.
    fn latent_channels(&self) -> usize;

    /// Image pixels per latent pixel along a side.
    fn factor(&self) -> usize;

    /// Channels of the image; a grey picture is repeated.
    fn image_channels(&self) -> usize {
        1
    }

    /// What a latent is multiplied by before the diffusion network sees it, and divided by after.
    fn latent_scale(&self) -> f64 {
        1.0
    }
}

/// A diagonal Gaussian over latents `(B, C, h, w)`.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The mean.
    pub mean: Tensor,
    /// The logarithm of the variance, within [-30, 20].
    pub log_var: Tensor,
}

impl Posterior {
    /// Splits moments `(B, 2C, h, w)`: mean, then log variance, which is clamped to [-30, 20].
    ///
    /// # Errors
    /// When the channels are odd.
    pub fn from_moments(moments: &Tensor) -> Result<Self> {
        let channels = moments.dim(1)? / 2;
        let log_var = moments.narrow(1, channels, channels)?.contiguous()?.clamp(-30f32, 20f32)?;
        Ok(Self { mean: moments.narrow(1, 0, channels)?.contiguous()?, log_var })
    }

    /// The standard deviation.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn deviation(&self) -> Result<Tensor> {
        Ok((&self.log_var * 0.5)?.exp()?)
    }

    /// `mean + deviation · noise`, with standard normal noise of the mean's shape.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        Ok((&self.mean + (self.deviation()? * noise)?)?)
    }
}

/// Sizes of a KL autoencoder, as in diffusers' `config.json`. The default is Stable Diffusion's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KlConfig {
    /// Channels of the picture that is encoded.
    pub in_channels: usize,
    /// Channels of the decoded picture.
    pub out_channels: usize,
    /// Channels of the latent.
    pub latent_channels: usize,
    /// Width of each level; each level but the last halves the sides.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of an encoder level; the decoder has one more.
    pub layers_per_block: usize,
    /// Groups of every group norm.
    pub norm_num_groups: usize,
    /// Activation; only `silu` exists.
    pub act_fn: String,
    /// What latents are multiplied by before the diffusion network sees them.
    pub scaling_factor: f64,
}

impl Default for KlConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            latent_channels: 4,
            block_out_channels: vec![128, 256, 512, 512],
            layers_per_block: 2,
            norm_num_groups: 32,
            act_fn: "silu".to_owned(),
            scaling_factor: 0.18215,
        }
    }
}

impl KlConfig {
    /// Checks that the sizes describe a network.
    ///
    /// # Errors
    /// Names the first field that does not fit, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse =
            |field, value: String, expected: &str| Err(ModelError::Config { field, value, expected: expected.to_owned() });
        let sizes = [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("latent_channels", self.latent_channels),
            ("layers_per_block", self.layers_per_block),
            ("norm_num_groups", self.norm_num_groups),
        ];
        for (field, value) in sizes {
            if value == 0 || value > 1 << 16 {
                return refuse(field, value.to_string(), "choose a whole number from 1 to 65536");
            }
        }
        let widths = &self.block_out_channels;
        let fits = |width: &usize| *width > 0 && *width <= 1 << 16 && width.is_multiple_of(self.norm_num_groups);
        if widths.is_empty() || widths.len() > 8 || !widths.iter().all(fits) {
            let expected = "choose 1 to 8 widths that are multiples of norm_num_groups";
            return refuse("block_out_channels", format!("{widths:?}"), expected);
        }
        if self.act_fn != "silu" {
            return refuse("act_fn", format!("{:?}", self.act_fn), "only \"silu\" is known");
        }
        if !(self.scaling_factor.is_finite() && self.scaling_factor > 0.0) {
            return refuse("scaling_factor", self.scaling_factor.to_string(), "choose a positive number");
        }
        Ok(())
    }

    /// Image pixels per latent pixel along a side.
    pub fn factor(&self) -> usize {
        1 << self.block_out_channels.len().saturating_sub(1)
    }
}

/// The KL-regularised autoencoder of Stable Diffusion.
#[derive(Clone, Debug)]
pub struct AutoencoderKl {
    config: KlConfig,
    encoder: Encoder,
    decoder: Decoder,
    quant_conv: Conv,
    post_quant_conv: Conv,
}

impl AutoencoderKl {
    /// Builds the network from tensors under diffusers' names.
    ///
    /// # Errors
    /// When the configuration describes no network, or a tensor is missing or misshapen.
    pub fn new(vb: VarBuilder<'_>, cfg: &KlConfig) -> Result<Self> {
        cfg.check()?;
        let z = cfg.latent_channels;
        Ok(Self {
            config: cfg.clone(),
            encoder: Encoder::new(vb.pp("encoder"), cfg)?,
            decoder: Decoder::new(vb.pp("decoder"), cfg)?,
            quant_conv: Conv::new(vb.pp("quant_conv"), 2 * z, 2 * z, 1)?,
            post_quant_conv: Conv::new(vb.pp("post_quant_conv"), z, z, 1)?,
        })
    }

    /// The sizes the network was built with.
    pub fn config(&self) -> &KlConfig {
        &self.config
    }

    /// [`Autoencoder::encode`] with an observer of the encoder.
    ///
    /// # Errors
    /// As [`Autoencoder::encode`].
    pub fn encode_observed(&self, image: &Tensor, observe: &mut Observer<'_>) -> Result<Posterior> {
        self.check_image(image)?;
        Posterior::from_moments(&self.quant_conv.forward(&self.encoder.forward(image, observe)?)?)
    }

    fn check_image(&self, image: &Tensor) -> Result<()> {
        let (_, c, h, w) = image.dims4()?;
        let factor = self.factor();
        if c != self.config.in_channels || h == 0 || w == 0 || h % factor != 0 || w % factor != 0 {
            return Err(ModelError::Shape {
                what: "image",
                got: image.dims().to_vec(),
                expected: format!(
                    "(batch, {}, height, width) with sides that are multiples of {factor}",
                    self.config.in_channels
                ),
            });
        }
        Ok(())
    }

    /// [`Autoencoder::decode`] with an observer of the decoder.
    ///
    /// # Errors
    /// As [`Autoencoder::decode`].
    pub fn decode_observed(&self, latent: &Tensor, observe: &mut Observer<'_>) -> Result<Tensor> {
        self.check_latent(latent)?;
        self.decoder.forward(&self.post_quant_conv.forward(latent)?, observe)
    }

    fn check_latent(&self, latent: &Tensor) -> Result<()> {
        let (_, c, h, w) = latent.dims4()?;
        if c != self.config.latent_channels || h == 0 || w == 0 {
            return Err(ModelError::Shape {
                what: "latent",
                got: latent.dims().to_vec(),
                expected: format!("(batch, {}, height, width)", self.config.latent_channels),
            });
        }
        Ok(())
    }
}

impl Autoencoder for AutoencoderKl {
    fn encode(&self, image: &Tensor) -> Result<Posterior> {
        self.encode_observed(image, &mut |_, _| {})
    }

    fn decode(&self, latent: &Tensor) -> Result<Tensor> {
        self.decode_observed(latent, &mut |_, _| {})
    }

    fn decode_in_bands(&self, latent: &Tensor, rows: usize) -> Result<Option<Tensor>> {
        self.check_latent(latent)?;
        // Statistics are those of one picture; the same holds for encoding.
        let pictures = (0..latent.dim(0)?).map(|row| {
            let latent = self.post_quant_conv.forward(&latent.narrow(0, row, 1)?)?;
            self.decoder.forward_in_bands(&latent, rows)
        });
        Ok(Some(Tensor::cat(&pictures.collect::<Result<Vec<_>>>()?, 0)?))
    }

    fn encode_in_bands(&self, image: &Tensor, rows: usize) -> Result<Option<Posterior>> {
        self.check_image(image)?;
        let moments = (0..image.dim(0)?).map(|row| self.encoder.forward_in_bands(&image.narrow(0, row, 1)?, rows));
        let moments = Tensor::cat(&moments.collect::<Result<Vec<_>>>()?, 0)?;
        Ok(Some(Posterior::from_moments(&self.quant_conv.forward(&moments)?)?))
    }

    fn latent_channels(&self) -> usize {
        self.config.latent_channels
    }

    fn factor(&self) -> usize {
        self.config.factor()
    }

    fn image_channels(&self) -> usize {
        self.config.in_channels
    }

    fn latent_scale(&self) -> f64 {
        self.config.scaling_factor
    }
}

#[cfg(test)]
mod tests;
