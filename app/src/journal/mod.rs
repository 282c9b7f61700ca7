//! Cases on disk: open tabs and every case's journal, so that undo works after a restart and after a crash.
//!
//! Each case has an append-only file ([`log`]) to which a thread ([`keeper`]) adds what [`crate::state::history`]
//! tells; the list of tabs lies beside them. Images under the layers are kept once, by their hash.

pub mod form;
pub mod keeper;
pub mod log;
mod tab_list;

pub use keeper::{Keeper, Loaded, LoadedCase, News};
pub use tab_list::TabList;
