//! The headless program `chexgen`: generation, phantoms, training, evaluation and parity checks.

pub mod cases;
pub mod cli;
pub mod command;
pub mod parity;
pub mod phantom_export;
pub mod step;
