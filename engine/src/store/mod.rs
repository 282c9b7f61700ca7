//! What is kept on disk: whole files, content hashes, run records, weights and model folders.

pub mod atomic;
pub mod hash;
pub mod record;
