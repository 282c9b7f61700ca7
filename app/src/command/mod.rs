//! Every command of the studio in one table: key, palette, key sheet and menu read the same rows.
//!
//! A row names an [`Action`] by a function of the state; `None` says that there is nothing to do it to now. An area
//! adds its rows to its own file in [`table`].

pub mod chord;
pub mod keymap;
pub mod place;
pub mod table;

pub use chord::Chord;
pub use keymap::KeyMap;

use crate::action::Action;
use crate::state::State;

/// Where a command stands in the key sheet and in the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Starting and stopping images.
    Generate,
    /// Cases and files.
    Case,
    /// The impression and who the patient is.
    Text,
    /// Layers and their classes.
    Layers,
    /// Tools on the canvas.
    Tools,
    /// How one looks at the image.
    Look,
    /// The film, comparing, variants.
    Time,
    /// Queue and history.
    Runs,
    /// Data sets.
    DataSets,
    /// Reader studies.
    Reading,
    /// Going about the window.
    Window,
    /// Trainings.
    Train,
    /// Models.
    Models,
}

impl Group {
    /// All groups in the order of the sheet.
    pub const ALL: [Self; 13] = [
        Self::Generate,
        Self::Case,
        Self::Text,
        Self::Layers,
        Self::Tools,
        Self::Look,
        Self::Time,
        Self::Runs,
        Self::DataSets,
        Self::Reading,
        Self::Train,
        Self::Window,
        Self::Models,
    ];

    /// Heading on the sheet.
    pub fn title(self) -> &'static str {
        match self {
            Self::Generate => "Generate",
            Self::Case => "Cases and files",
            Self::Text => "Text",
            Self::Layers => "Layers",
            Self::Tools => "Tools",
            Self::Look => "Looking",
            Self::Time => "Steps and comparing",
            Self::Runs => "Runs",
            Self::DataSets => "Data sets",
            Self::Reading => "Reader studies",
            Self::Window => "Window",
            Self::Train => "Trainings",
            Self::Models => "Models",
        }
    }
}

/// One thing a person can do.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name in the settings file; never changes once released.
    pub id: &'static str,
    /// What it is called in palette, sheet and menus.
    pub title: &'static str,
    /// Where it stands.
    pub group: Group,
    /// Its keys until a person binds others; the first is the one that is shown.
    pub keys: &'static [Chord],
    /// One line what it is for, without a full stop.
    pub purpose: &'static str,
    /// The action now, or `None` when there is nothing to do it to.
    pub action: fn(&State) -> Option<Action>,
}

/// Every command, in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static Command> {
    table::TABLES.iter().copied().flatten()
}

/// A command by its name.
pub fn find(id: &str) -> Option<&'static Command> {
    all().find(|c| c.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_words_are_plain() {
        let mut ids = HashSet::new();
        let mut titles = HashSet::new();
        for command in all() {
            assert!(ids.insert(command.id), "{} stands twice", command.id);
            assert!(titles.insert(command.title), "{} is called twice", command.title);
            assert!(command.id.contains('.') && command.id == command.id.to_lowercase(), "{}", command.id);
            assert!(!command.purpose.ends_with('.') && !command.purpose.is_empty(), "{}: {}", command.id, command.purpose);
            assert!(command.title.len() <= 48, "{} is too long for a row", command.title);
        }
    }

    #[test]
    fn no_default_key_is_bound_twice() {
        let bound: Vec<(Chord, &str)> = all().flat_map(|c| c.keys.iter().map(|k| (*k, c.id))).collect();
        for (i, (key, id)) in bound.iter().enumerate() {
            for (other, second) in &bound[i + 1..] {
                assert!(key != other, "{} is bound to {id} and to {second}", key.label());
            }
        }
    }
}
