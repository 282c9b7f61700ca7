//! What is kept on disk: whole files, content hashes, run records, weights and model folders.

pub mod atomic;
pub mod find_model;
pub mod hash;
mod pickle;
mod pth;
pub mod model_dir;
pub mod record;
pub mod weights;
