//! Training data: phantom cases drawn in memory, and prepared data sets on disk.

pub mod batches;
pub mod cases;
pub mod dataset;
pub mod latents;
pub mod phantom_cases;
pub mod phantoms;
pub mod prepared_cases;
