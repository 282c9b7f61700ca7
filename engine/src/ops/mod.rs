//! The network operations the models are built from, each with a gradient for every input.
//!
//! Candle's own fused norms and softmax cut the graph without a word, and its plain compositions are
//! slow on a CPU; models therefore call these functions and nothing else for the operations below.
//! Every function works on any device and on `f32`, `f16` and `bf16`.
//! Norms and softmax are always computed in `f32`.
//!
//! A row's result never depends on the other rows of a batch, nor on the number of threads.

mod attention;
mod conv2d;
mod cpu;
mod device;
mod elementwise;
mod gated_residual;
mod gelu;
mod gemm;
mod group_norm;
mod heads;
mod layer_norm;
mod linear;
mod rms_norm;
mod silu;
mod upsample;

pub use attention::{attention, attention_weights};
pub use conv2d::conv2d;
pub use gated_residual::gated_residual;
pub use gelu::{gelu, gelu_tanh};
pub use group_norm::{group_moments, group_norm};
pub use heads::{join_heads, split_heads};
pub use layer_norm::{layer_norm, layer_norm_modulate};
pub use linear::{arranged, linear};
pub use rms_norm::rms_norm;
pub use silu::silu;
pub use upsample::upsample2x;

#[cfg(test)]
mod tests;
