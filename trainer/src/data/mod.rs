//! Phantom cases as training data: drawn once, kept packed, read by index.

pub mod batches;
pub mod latents;
pub mod phantoms;
