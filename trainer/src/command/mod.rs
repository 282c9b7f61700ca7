//! One file per subcommand. Each has `Args` (clap) and `run(args) -> anyhow::Result<ExitCode>`.

pub mod bench;
pub mod config;
pub mod doctor;
pub mod export;
pub mod generate;
pub mod import;
pub mod launch;
mod numbers;
pub mod parity;
pub mod phantom;
pub mod plan;
pub mod practice_report;
pub mod prepare;
pub mod replay;
pub mod study;
pub mod train;
