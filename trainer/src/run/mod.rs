//! A training run: its folder, its checkpoints, its signals and its one loop.

pub mod checkpoint;
pub mod log;
pub mod run_dir;
pub mod signals;
pub mod train_loop;
