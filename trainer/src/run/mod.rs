//! A training run: its folder, its lock, its checkpoints, its signals and its one loop.

pub mod checkpoint;
pub mod events;
pub mod joined;
pub mod lines;
pub mod lock;
pub mod log;
pub mod preparing;
mod recent;
mod resume;
pub mod rows;
pub mod run_dir;
pub mod saver;
pub mod settings;
pub mod signals;
pub mod stage;
pub mod train_loop;
