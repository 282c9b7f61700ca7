//! What the person set and the studio remembers between starts.

use crate::command::KeyMap;

/// Everything that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Keys that differ from the defaults.
    pub keys: KeyMap,
}
