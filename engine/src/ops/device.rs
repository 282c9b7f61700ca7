//! The operations as few large tensor operations, each with a gradient of its own, for devices
//! without fused forms of ours.
//!
//! Gradients of plain compositions sum over leading axes slowly and make many passes; here such sums
//! are matrix products, and forward passes use candle's fused kernels although those cut the graph.

mod activation;
mod attach;
mod attention;
mod conv;
mod gated_residual;
mod group_norm;
mod heads;
mod linear;
mod norm;
mod sums;

pub(super) use activation::{gelu_tanh, silu};
pub(super) use attention::attention;
pub(super) use conv::conv2d;
pub(super) use gated_residual::gated_residual;
pub(super) use group_norm::group_norm;
pub(super) use heads::{join_heads, split_heads};
pub(super) use linear::linear;
pub(super) use norm::{layer_norm, rms_norm};

#[cfg(test)]
mod tests;
