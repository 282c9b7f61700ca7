//! ChexGen Studio: draw findings, type an impression, watch a radiograph form.
//!
//! One window over [`engine`]. State changes go one way: widgets emit an [`action::Action`],
//! [`reduce::reduce`] changes the [`state::State`] and names effects, [`app::StudioApp`] runs them.
//! The model lives on a thread of its own ([`jobs::worker`]).

pub mod action;
pub mod app;
pub mod canvas;
pub mod checks;
pub mod cli;
pub mod command;
pub mod dataset;
pub mod day;
pub mod examples;
pub mod images;
pub mod insight;
pub mod jobs;
pub mod journal;
pub mod ledger;
pub mod library;
pub mod memory;
pub mod panels;
pub mod reader;
pub mod reduce;
pub mod rooms;
pub mod session;
pub mod settings;
pub mod shell;
pub mod shortcuts;
pub mod state;
pub mod testing;
pub mod theme;
pub mod widgets;
