//! Embedders: image patches, positions, timesteps and captions.
//!
//! # Source
//! The tables and orders follow the released PixArt-alpha style code; see each item.

use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;

use crate::ops;

use super::config::DitConfig;
use super::error::{ModelError, Result};
use super::linear::Linear;

/// Number of sinusoidal features of a timestep.
pub const TIME_FEATURES: usize = 256;

/// The one frequency that the reference rounds the other way: its exact value lies 0.48 of a unit in the
/// last place above the nearest `f32`. One unit moves the features of timestep 999 by 3e-5.
const ROUNDED_UP: usize = 12;

/// Cuts a latent into square patches and maps each to a token.
#[derive(Clone, Debug)]
pub struct PatchEmbed {
    weight: Tensor, // (D, C, p, p)
    bias: Tensor,   // (D)
}

impl PatchEmbed {
    /// Takes `proj.weight (D, C, p, p)` and `proj.bias (D)`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        let p = cfg.patch_size;
        let vb = vb.pp("proj");
        Ok(Self { weight: vb.get((cfg.hidden_size, cfg.in_channels, p, p), "weight")?, bias: vb.get(cfg.hidden_size, "bias")? })
    }

    /// Maps a latent `(B, C, H, W)` to tokens `(B, H/p · W/p, D)`, row by row.
    ///
    /// The p×p convolution of stride p is one linear layer on flattened patches.
    ///
    /// # Errors
    /// When the channels differ or the sides are no multiples of the patch.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (width, channels, p, _) = self.weight.dims4()?;
        let (b, c, h, w) = x.dims4()?;
        if c != channels || h % p != 0 || w % p != 0 {
            return Err(ModelError::Shape {
                what: "latent",
                got: x.dims().to_vec(),
                expected: format!("(batch, {channels}, height, width) with sides that are multiples of {p}"),
            });
        }
        let patches = x.reshape(&[b, c, h / p, p, w / p, p][..])?.permute(vec![0, 2, 4, 1, 3, 5])?.contiguous()?.reshape((
            b,
            (h / p) * (w / p),
            c * p * p,
        ))?;
        let weight = self.weight.reshape((width, c * p * p))?;
        Ok(ops::linear(&patches, &weight, Some(&self.bias))?)
    }
}

/// The fixed two-dimensional sine/cosine table `(1, grid², width)`, `f32`.
///
/// Angles are `f64`. The first half of a row encodes the column, the second half the row of the token;
/// each half holds the sines, then the cosines, of `width/4` frequencies `10000^(-i/(width/4))`.
/// Coordinates are divided by `scale`.
///
/// # Errors
/// When the tensor cannot be made.
pub fn position_table(width: usize, grid: usize, scale: f64, device: &Device) -> Result<Tensor> {
    let quarter = width / 4;
    let frequencies: Vec<f64> = (0..quarter).map(|i| 1.0 / 10_000f64.powf(i as f64 / quarter as f64)).collect();
    let mut table = Vec::with_capacity(grid * grid * width);
    for row in 0..grid {
        for column in 0..grid {
            for coordinate in [column, row] {
                let position = coordinate as f64 / scale;
                table.extend(frequencies.iter().map(|f| (position * f).sin() as f32));
                table.extend(frequencies.iter().map(|f| (position * f).cos() as f32));
            }
        }
    }
    Ok(Tensor::from_vec(table, (1, grid * grid, 4 * quarter), device)?)
}

/// Sinusoidal features of timesteps: `(B)` to `(B, 256)`, `f32`; cosines first, then sines.
///
/// Frequencies and angles are `f32`, as in the reference: in `f64` the features of large timesteps
/// would differ from the reference by more than rounding.
///
/// # Errors
/// When the input is not a vector.
pub fn timestep_features(t: &Tensor) -> Result<Tensor> {
    let half = TIME_FEATURES / 2;
    let log_period = 10_000f64.ln() as f32;
    let mut frequencies: Vec<f32> = (0..half).map(|i| f64::from(-log_period * i as f32 / half as f32).exp() as f32).collect();
    if let Some(frequency) = frequencies.get_mut(ROUNDED_UP) {
        *frequency = frequency.next_up();
    }
    let frequencies = Tensor::from_vec(frequencies, (1, half), t.device())?;
    let angles = t.to_dtype(DType::F32)?.unsqueeze(1)?.broadcast_mul(&frequencies)?; // (B, 128)
    Ok(Tensor::cat(&[angles.cos()?, angles.sin()?], D::Minus1)?)
}

/// Timesteps to vectors: sinusoidal features, linear, SiLU, linear.
#[derive(Clone, Debug)]
pub struct TimestepEmbed {
    first: Linear,
    second: Linear,
    dtype: DType,
}

impl TimestepEmbed {
    /// Takes `mlp.0` and `mlp.2`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, width: usize) -> Result<Self> {
        let dtype = vb.dtype();
        let vb = vb.pp("mlp");
        Ok(Self { first: Linear::new(vb.pp("0"), TIME_FEATURES, width)?, second: Linear::new(vb.pp("2"), width, width)?, dtype })
    }

    /// Maps timesteps `(B)` in 0..999 to `(B, D)`. Features are `f32` whatever the dtype of the weights.
    ///
    /// # Errors
    /// When the input is not a vector.
    pub fn forward(&self, t: &Tensor) -> Result<Tensor> {
        let features = timestep_features(t)?.to_dtype(self.dtype)?;
        self.second.forward(&ops::silu(&self.first.forward(&features)?)?)
    }
}

/// Captions to tokens of the network's width, and the learned null caption.
#[derive(Clone, Debug)]
pub struct CaptionEmbed {
    null: Tensor, // (L, De)
    fc1: Linear,
    fc2: Linear,
}

impl CaptionEmbed {
    /// Takes `y_embedding (L, De)`, `y_proj.fc1` and `y_proj.fc2`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        Ok(Self {
            null: vb.get((cfg.token_num, cfg.text_embed_dims), "y_embedding")?,
            fc1: Linear::new(vb.pp("y_proj").pp("fc1"), cfg.text_embed_dims, cfg.hidden_size)?,
            fc2: Linear::new(vb.pp("y_proj").pp("fc2"), cfg.hidden_size, cfg.hidden_size)?,
        })
    }

    /// Maps caption rows `(B, L, De)` to `(B, L, D)`.
    ///
    /// # Errors
    /// When the last axis differs.
    pub fn forward(&self, y: &Tensor) -> Result<Tensor> {
        self.fc2.forward(&ops::gelu_tanh(&self.fc1.forward(y)?)?)
    }

    /// The null caption for `rows` samples, cut to `length` tokens: `(rows, length, De)`.
    ///
    /// # Errors
    /// When `length` exceeds the number of learned rows.
    pub fn null_caption(&self, rows: usize, length: usize) -> Result<Tensor> {
        let (tokens, width) = self.null.dims2()?;
        if length > tokens {
            return Err(ModelError::Shape {
                what: "caption",
                got: vec![rows, length, width],
                expected: format!("(batch, at most {tokens}, {width})"),
            });
        }
        Ok(self.null.narrow(0, 0, length)?.unsqueeze(0)?.expand((rows, length, width))?.contiguous()?)
    }

    /// Replaces the caption of every row with `drop[row]` by the null caption; `y (B, L, De)`.
    ///
    /// # Errors
    /// When `drop` has another length than the batch, or the caption is longer than the null caption.
    pub fn drop_captions(&self, y: &Tensor, drop: &[bool]) -> Result<Tensor> {
        let (b, length, width) = y.dims3()?;
        if drop.len() != b {
            return Err(ModelError::Shape { what: "caption drop list", got: vec![drop.len()], expected: format!("({b})") });
        }
        if drop.iter().all(|dropped| !dropped) {
            return Ok(y.clone());
        }
        let chosen: Vec<u8> = drop.iter().map(|&dropped| u8::from(dropped)).collect();
        let chosen = Tensor::from_vec(chosen, (b, 1, 1), y.device())?.broadcast_as((b, length, width))?;
        Ok(chosen.contiguous()?.where_cond(&self.null_caption(b, length)?.to_dtype(y.dtype())?, &y.contiguous()?)?)
    }
}
