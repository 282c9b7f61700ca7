//! What the studio keeps between starts: the queue and every run, in one SQLite file beside the images.
//!
//! The images lie on disk as files with their records; the database is the index and the queue. A row of the queue
//! is never deleted, so what went in can be counted against what came out.

pub mod db;

pub use db::{Database, LibraryError};
