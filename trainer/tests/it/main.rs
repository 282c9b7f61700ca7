//! The program `chexgen` from outside: trained, asked, interrupted, fed with nonsense.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bad_input;
mod edits;
mod exports;
mod generate;
mod import;
mod interrupt;
mod launch;
#[cfg(feature = "mpi")]
mod many_ranks;
mod plan;
mod practice_report;
mod prepare;
mod ranks;
mod replay;
mod resume;
mod stable_diffusion;
mod stages;
mod study;
mod support;
mod tensorboard;
mod training_input;
mod wrong_files;
