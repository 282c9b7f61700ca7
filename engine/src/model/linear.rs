//! A linear layer over `crate::ops`, with PyTorch's storage order.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::ops;

use super::error::Result;

/// `y = x Wᵀ + b`; the weight is stored `(out, in)`.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Takes `weight (out, in)` and `bias (out)` from the builder.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Self { weight: ops::arranged(&vb.get((outputs, inputs), "weight")?)?, bias: vb.get(outputs, "bias")? })
    }

    /// Maps `(…, in)` to `(…, out)`; on the CPU a row's bits do not depend on the number of rows.
    ///
    /// # Errors
    /// When the last axis is not `in`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::linear(x, &self.weight, Some(&self.bias))?)
    }

    /// The `index`-th of `parts` equal groups of output rows, as a layer of its own.
    ///
    /// Views on the same storage: gradients reach the whole weight, and the backward pass pads a small
    /// weight gradient instead of a large activation gradient.
    ///
    /// # Errors
    /// When the rows do not divide.
    pub fn part(&self, index: usize, parts: usize) -> Result<Self> {
        let rows = self.bias.dim(0)? / parts.max(1);
        Ok(Self { weight: self.weight.narrow(0, index * rows, rows)?, bias: self.bias.narrow(0, index * rows, rows)? })
    }
}
