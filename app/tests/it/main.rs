//! The window driven by accessible names, with the real worker thread and a quick model.

#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod access;
mod compare;
mod data_sets;
mod e2e;
mod flow;
mod harness;
mod images;
mod insight;
mod journal;
mod pictures;
mod queue;
mod reading;
mod reading_files;
mod reading_pictures;
mod reading_room;
mod reading_room_pictures;
mod reading_room_templates;
mod real;
mod runs;
#[path = "../../../tests/studio/screen.rs"]
mod screen;
mod time;
mod tools;
mod train;
mod train_pictures;
