//! The networks: diffusion transformer, spatial control, autoencoders, text encoder; U-Net and CLIP of baselines.
//!
//! They take plain tensors and know no sampler, file or window. All arithmetic goes through `ops`, so
//! gradients reach every trainable tensor, and on the CPU a row's result does not depend on its batch.

pub mod attention;
pub mod block;
pub mod caption;
pub mod checker;
pub mod config;
pub mod control;
pub mod detect;
pub mod dit;
pub mod embed;
pub mod error;
pub mod final_layer;
pub mod guidance;
pub mod init;
pub mod linear;
pub mod names;
pub mod params;
pub mod practice_ae;
pub mod preview;
pub mod sd;
pub mod t5;
pub mod vae;

pub use attention::AttentionWatch;
pub use caption::CaptionContext;
pub use config::DitConfig;
pub use control::{ControlDit, ControlInput};
pub use dit::Dit;
pub use error::{ModelError, Result};
pub use params::{Base, Param, control_params, dit_params, vae_params};
pub use t5::{StreamedT5, T5Config, T5Encoder};
pub use vae::{Autoencoder, AutoencoderKl, KlConfig, Posterior};

#[cfg(test)]
mod tests;
