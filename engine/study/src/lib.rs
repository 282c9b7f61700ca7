//! Reader studies: people score radiographs without knowing who made them.
//!
//! Data flows one way: design → cases → plan → leak audit → sealed study and key → answers → join → analysis → report.
//! The sealed study holds no name of an arm; the key holds nothing else.
//! This crate knows no network, no window and no command line: the studio and the headless program share it.

pub mod analysis;
pub mod answers;
pub mod audit;
pub mod cases;
pub mod design;
mod draw;
pub mod equalise;
mod error;
pub mod figures;
pub mod join;
pub mod key;
pub mod picture;
pub mod plan;
pub mod power;
pub mod prepare;
pub mod reading;
pub mod report;
pub mod sealed;
pub mod simulate;
pub mod template;
#[cfg(test)]
mod testing;

pub use error::StudyError;
