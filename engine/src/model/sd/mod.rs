//! The networks of Stable Diffusion 1.x and 2.x: a U-Net that predicts noise, and CLIP's text encoder.
//!
//! Tensors have the names of diffusers' and transformers' files. The autoencoder is [`super::vae`].
//!
//! # Source
//! Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022; sizes and options as
//! `UNet2DConditionModel` of diffusers 0.31 and `CLIPTextModel` of transformers 4.46.

mod block;
mod clip;
mod config;
mod transformer;
mod unet;

pub use clip::{ClipActivation, ClipConfig, ClipText, clip_params};
pub use config::{DownBlock, Heads, UnetConfig, UpBlock};
pub use unet::{Unet, unet_params};

#[cfg(test)]
mod tests;
