//! What each stage trains: its batches, its loss, its panel of samples.

pub mod autoencoder;
pub mod batch;
pub mod checker;
pub mod diffusion;
pub mod init;
pub mod network;
pub mod panel;
pub mod pca;
pub mod phantoms;
