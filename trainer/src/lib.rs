//! The headless program `chexgen`: generation, phantoms, training, evaluation and parity checks.

pub mod bench;
pub mod cases;
pub mod cli;
pub mod command;
pub mod config;
pub mod data;
pub mod device;
pub mod eval;
pub mod generate;
pub mod launch;
pub mod out_folder;
pub mod parity;
pub mod phantom_export;
pub mod plan;
pub mod practice;
pub mod prepare;
pub mod pretrain;
pub mod ranks;
pub mod replay;
pub mod run;
pub mod sentence;
pub mod stages;
pub mod step;
pub mod text_file;
pub mod work;
