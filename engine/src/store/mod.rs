//! What is kept on disk: whole files, content hashes, run records, weights and model folders.

pub mod atomic;
<<<<<<< HEAD
mod element;
pub mod embedding_cache;
=======
pub mod find_model;
>>>>>>> main
pub mod hash;
pub mod model_dir;
mod pickle;
mod pth;
pub mod record;
mod safetensors_file;
pub mod safetensors_writer;
mod tensor_file;
pub mod weights;
