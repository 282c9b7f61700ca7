//! Convolution, norm, and the residual block that hears the timestep.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::model::error::Result;
use crate::model::linear::Linear;
use crate::ops;

use super::UnetConfig;

/// A convolution with zeros around the picture.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
}

impl Conv {
    pub(super) fn new(vb: VarBuilder<'_>, inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Result<Self> {
        Ok(Self { weight: vb.get((outputs, inputs, kernel, kernel), "weight")?, bias: vb.get(outputs, "bias")?, stride })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let padding = self.weight.dim(2)? / 2;
        Ok(ops::conv2d(x, &self.weight, Some(&self.bias), self.stride, padding)?)
    }
}

/// Group norm with weights.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
}

impl Norm {
    pub(super) fn new(vb: VarBuilder<'_>, channels: usize, groups: usize, eps: f64) -> Result<Self> {
        Ok(Self { weight: vb.get(channels, "weight")?, bias: vb.get(channels, "bias")?, groups, eps })
    }

    /// The norm, followed by SiLU if wanted.
    pub(super) fn forward(&self, x: &Tensor, silu: bool) -> Result<Tensor> {
        Ok(ops::group_norm(x, self.groups, &self.weight, &self.bias, self.eps, silu)?)
    }
}

/// Two norm–SiLU–convolution steps around a shortcut, the timestep added between them.
#[derive(Clone, Debug)]
pub(super) struct Residual {
    norm1: Norm,
    conv1: Conv,
    time_emb_proj: Linear,
    norm2: Norm,
    conv2: Conv,
    conv_shortcut: Option<Conv>,
}

impl Residual {
    pub(super) fn new(vb: VarBuilder<'_>, inputs: usize, outputs: usize, cfg: &UnetConfig) -> Result<Self> {
        let norm = |name: &str, channels| Norm::new(vb.pp(name), channels, cfg.norm_num_groups, cfg.norm_eps);
        let time_width = 4 * cfg.block_out_channels.first().copied().unwrap_or(0);
        Ok(Self {
            norm1: norm("norm1", inputs)?,
            conv1: Conv::new(vb.pp("conv1"), inputs, outputs, 3, 1)?,
            time_emb_proj: Linear::new(vb.pp("time_emb_proj"), time_width, outputs)?,
            norm2: norm("norm2", outputs)?,
            conv2: Conv::new(vb.pp("conv2"), outputs, outputs, 3, 1)?,
            conv_shortcut: (inputs != outputs).then(|| Conv::new(vb.pp("conv_shortcut"), inputs, outputs, 1, 1)).transpose()?,
        })
    }

    /// Maps `x (B, inputs, h, w)` with the activated embedding of each row's timestep `(B, 4·width)`.
    pub(super) fn forward(&self, x: &Tensor, time: &Tensor) -> Result<Tensor> {
        let h = self.conv1.forward(&self.norm1.forward(x, true)?)?;
        let time = self.time_emb_proj.forward(time)?.unsqueeze(2)?.unsqueeze(3)?; // (B, outputs, 1, 1)
        let h = h.broadcast_add(&time)?;
        let h = self.conv2.forward(&self.norm2.forward(&h, true)?)?;
        match &self.conv_shortcut {
            Some(shortcut) => Ok((shortcut.forward(x)? + h)?),
            None => Ok((x + h)?),
        }
    }
}
