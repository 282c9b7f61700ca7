//! Many processes that do one job together: who they are and what they cost.

pub mod launcher;

pub use launcher::{Launcher, Place, place, place_in};
