//! Job scripts for clusters with Slurm: what is asked for, how the ranks are started, and how a job goes on by itself.
//!
//! A script is plain bash that a person may read and change; `chexgen launch` only saves writing it.

pub mod amounts;
pub mod chain;
mod job;
mod script;
pub mod shell;

use std::path::PathBuf;

pub use job::{Job, Work};
pub use script::script;

/// What starts the ranks of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Starter {
    /// `srun`.
    #[default]
    Slurm,
    /// `torchrun`, one on each node, started by `srun`.
    Torchrun,
    /// `mpirun` of Open MPI.
    Mpirun,
}

/// What a job asks the cluster for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Machines.
    pub nodes: usize,
    /// Graphics cards of each; 0 for ranks on processors.
    pub gpus: usize,
    /// Ranks of each machine.
    pub tasks: usize,
    /// What starts them.
    pub starter: Starter,
    /// Processor cores of each rank.
    pub cpus: usize,
    /// Longest time of one start, as Slurm writes it; `None` is the partition's own.
    pub time: Option<String>,
    /// Partition; `None` is the cluster's own.
    pub partition: Option<String>,
    /// Account that pays.
    pub account: Option<String>,
    /// Memory of each machine, as Slurm writes it; `None` is the partition's own.
    pub memory: Option<String>,
    /// Further options of `sbatch`, each a word.
    pub options: Vec<String>,
    /// Lines before the start, such as `module load cuda`.
    pub setup: Vec<String>,
    /// Variables.
    pub env: Vec<(String, String)>,
    /// Apptainer image in which the program runs.
    pub container: Option<PathBuf>,
    /// The program.
    pub program: String,
    /// Seconds before the end at which the job is asked to stop.
    pub warning_s: u32,
}

impl Cluster {
    /// Ranks of all machines.
    pub fn world(&self) -> usize {
        self.nodes * self.tasks
    }
}

#[cfg(test)]
mod tests;
