//! The rooms beside the canvas: one folder each, with its own state, actions, changes and drawing.
//!
//! A room's `Action` and `State` are parts of the studio's; it draws from the state and pushes actions like any panel.

pub mod compare;
pub mod data_sets;
pub mod models;
pub mod reading;
pub mod runs;
pub mod train;
