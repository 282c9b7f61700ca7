//! Data sets: from a recipe of who, where and how to images with masks that other programs read.
//!
//! Nothing here knows the window. A recipe ([`recipe`]) becomes rows ([`compose`], [`cohort`]), a row becomes cases with
//! a drawn finding and a text that agrees ([`cases`]); the same recipe gives the same cases bit for bit.

pub mod balance;
pub mod cases;
pub mod cohort;
pub mod collect;
pub mod compose;
pub mod coverage;
pub mod csv;
pub mod duplicates;
pub mod export;
pub mod import;
pub mod job_folder;
pub mod named;
pub mod notes;
pub mod place;
pub mod recipe;
pub mod row;
pub mod sheet;
pub mod text;

pub use cases::{Case, Made};
pub use recipe::Recipe;
pub use row::{Class, Row};
