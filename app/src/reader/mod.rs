//! The Reading Room's window: radiographs are scored blind, by keys, and every answer is on the disk before the next image.
//!
//! A process of its own that opens a sealed study and a file of answers, and nothing else: no model, no weights, no
//! library, no settings. State changes go one way, as in the studio: the window emits an [`action::Action`],
//! [`reduce::reduce`] changes the [`state::State`] and names effects, [`window::ReaderApp`] runs them on threads.

pub mod action;
pub mod cli;
pub mod date;
pub mod desk;
pub mod door;
pub mod keys;
pub mod plates;
pub mod reduce;
pub mod sheet;
pub mod start;
pub mod state;
pub mod testing;
pub mod view;
pub mod window;

pub use window::{Options, ReaderApp};
