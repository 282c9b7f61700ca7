//! What is kept on disk: whole files, content hashes, run records, weights and model folders.

pub mod atomic;
mod element;
pub mod embedding_cache;
pub mod find_model;
pub mod hash;
pub mod model_dir;
mod pickle;
mod pth;
pub mod record;
pub mod run_state;
mod safetensors_file;
pub mod safetensors_writer;
mod tensor_file;
pub mod weights;
