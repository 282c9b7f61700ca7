//! Building blocks of the KL autoencoder: convolution, norm, residual block, attention, middle.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::model::error::Result;
use crate::model::linear::Linear;
use crate::ops;

use super::{KlConfig, Observer};

/// Epsilon of every group norm.
const NORM_EPS: f64 = 1e-6;

/// A convolution of stride 1 that keeps the size.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    weight: Tensor,
    bias: Tensor,
    padding: usize,
}

impl Conv {
    pub(super) fn new(vb: VarBuilder<'_>, inputs: usize, outputs: usize, kernel: usize) -> Result<Self> {
        Ok(Self {
            weight: vb.get((outputs, inputs, kernel, kernel), "weight")?,
            bias: vb.get(outputs, "bias")?,
            padding: kernel / 2,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::conv2d(x, &self.weight, Some(&self.bias), 1, self.padding)?)
    }

    /// Halves the sides: stride 2 after one row and column of zeros at the bottom and the right.
    pub(super) fn forward_halving(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?;
        Ok(ops::conv2d(&x, &self.weight, Some(&self.bias), 2, 0)?)
    }
}

/// Group norm with weights.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
}

impl Norm {
    pub(super) fn new(vb: VarBuilder<'_>, channels: usize, cfg: &KlConfig) -> Result<Self> {
        Ok(Self { weight: vb.get(channels, "weight")?, bias: vb.get(channels, "bias")?, groups: cfg.norm_num_groups })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::group_norm(x, self.groups, &self.weight, &self.bias, NORM_EPS, false)?)
    }

    /// The norm followed by SiLU.
    pub(super) fn forward_silu(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::group_norm(x, self.groups, &self.weight, &self.bias, NORM_EPS, true)?)
    }

    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// As [`Norm::forward_silu`], with mean and variance of each group from elsewhere.
    pub(super) fn forward_silu_with(&self, x: &Tensor, moments: &[(f64, f64)]) -> Result<Tensor> {
        let channels = self.weight.dim(0)?;
        let of_group = |value: &dyn Fn(&(f64, f64)) -> f64| -> candle_core::Result<Tensor> {
            let each = channels / moments.len().max(1);
            let values: Vec<f32> = moments.iter().flat_map(|moments| vec![value(moments) as f32; each]).collect();
            Tensor::from_vec(values, channels, x.device())
        };
        let mean = of_group(&|(mean, _)| *mean)?;
        let gain = (of_group(&|(_, variance)| 1.0 / (variance + NORM_EPS).sqrt())? * &self.weight)?;
        let channel = |t: &Tensor| t.reshape((1, channels, 1, 1));
        let centred = x.broadcast_sub(&channel(&mean)?)?;
        Ok(ops::silu(&centred.broadcast_mul(&channel(&gain)?)?.broadcast_add(&channel(&self.bias)?)?)?)
    }
}

/// Two norm–SiLU–convolution steps around a shortcut.
#[derive(Clone, Debug)]
pub(super) struct Residual {
    norm1: Norm,
    conv1: Conv,
    norm2: Norm,
    conv2: Conv,
    conv_shortcut: Option<Conv>,
}

impl Residual {
    pub(super) fn new(vb: VarBuilder<'_>, inputs: usize, outputs: usize, cfg: &KlConfig) -> Result<Self> {
        Ok(Self {
            norm1: Norm::new(vb.pp("norm1"), inputs, cfg)?,
            conv1: Conv::new(vb.pp("conv1"), inputs, outputs, 3)?,
            norm2: Norm::new(vb.pp("norm2"), outputs, cfg)?,
            conv2: Conv::new(vb.pp("conv2"), outputs, outputs, 3)?,
            conv_shortcut: (inputs != outputs).then(|| Conv::new(vb.pp("conv_shortcut"), inputs, outputs, 1)).transpose()?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let h = self.first_half(&self.norm1.forward_silu(x)?)?;
        self.second_half(x, &self.norm2.forward_silu(&h)?)
    }

    /// The norms, in their order.
    pub(super) fn norms(&self) -> (&Norm, &Norm) {
        (&self.norm1, &self.norm2)
    }

    /// From behind the first norm to before the second.
    pub(super) fn first_half(&self, h: &Tensor) -> Result<Tensor> {
        self.conv1.forward(h)
    }

    /// From behind the second norm to the result for the block's input `x`.
    pub(super) fn second_half(&self, x: &Tensor, h: &Tensor) -> Result<Tensor> {
        let h = self.conv2.forward(h)?;
        match &self.conv_shortcut {
            Some(shortcut) => Ok((shortcut.forward(x)? + h)?),
            None => Ok((x + h)?),
        }
    }
}

/// Single-head attention over all positions, added to its input.
#[derive(Clone, Debug)]
pub(super) struct SpatialAttention {
    group_norm: Norm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

impl SpatialAttention {
    pub(super) fn new(vb: VarBuilder<'_>, channels: usize, cfg: &KlConfig) -> Result<Self> {
        Ok(Self {
            group_norm: Norm::new(vb.pp("group_norm"), channels, cfg)?,
            query: Linear::new(vb.pp("to_q"), channels, channels)?,
            key: Linear::new(vb.pp("to_k"), channels, channels)?,
            value: Linear::new(vb.pp("to_v"), channels, channels)?,
            out: Linear::new(vb.pp("to_out").pp("0"), channels, channels)?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (b, c, h, w) = x.dims4()?;
        let tokens = self.group_norm.forward(x)?.reshape((b, c, h * w))?.transpose(1, 2)?.contiguous()?; // (B, HW, C)
        let head = |layer: &Linear| -> Result<Tensor> { Ok(layer.forward(&tokens)?.unsqueeze(1)?) }; // (B, 1, HW, C)
        let (q, k, v) = (head(&self.query)?, head(&self.key)?, head(&self.value)?);
        let out = ops::attention(&q, &k, &v, None, None, 1.0 / (c as f64).sqrt())?.squeeze(1)?;
        let out = self.out.forward(&out.contiguous()?)?.transpose(1, 2)?.contiguous()?.reshape((b, c, h, w))?;
        Ok((x + out)?)
    }
}

/// Residual block, attention, residual block at the lowest resolution.
#[derive(Clone, Debug)]
pub(super) struct Middle {
    attention: SpatialAttention,
    first: Residual,
    second: Residual,
}

impl Middle {
    pub(super) fn new(vb: VarBuilder<'_>, channels: usize, cfg: &KlConfig) -> Result<Self> {
        Ok(Self {
            attention: SpatialAttention::new(vb.pp("attentions").pp("0"), channels, cfg)?,
            first: Residual::new(vb.pp("resnets").pp("0"), channels, channels, cfg)?,
            second: Residual::new(vb.pp("resnets").pp("1"), channels, channels, cfg)?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor, observe: &mut Observer<'_>) -> Result<Tensor> {
        let x = self.attention.forward(&self.first.forward(x)?)?;
        observe("mid_attention", &x);
        let x = self.second.forward(&x)?;
        observe("mid", &x);
        Ok(x)
    }
}
