//! The rules that `ARCHITECTURE.md` states, as tests.
//!
//! A rule is a function from a text to its faults; every rule is also shown a text that breaks it, so
//! that a rule which has stopped seeing anything is noticed. Nothing here runs our programs; the command
//! lines in documents are read by their parsers.

mod code;
mod commands;
mod docs;
mod layers;
mod places;
mod tree;
