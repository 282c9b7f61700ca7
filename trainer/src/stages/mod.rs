//! What each stage of a training learns; the loop around them is `run::train_loop`.

pub mod autoencoder;
pub mod checker;
pub mod dit;
pub mod init;
pub mod pca;
