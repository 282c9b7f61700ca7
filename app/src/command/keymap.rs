//! Which key does what now: the defaults of the table and what a person bound instead.

use std::collections::BTreeMap;

use super::{Chord, Command, all};

/// Keys that differ from the defaults, by the command's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyMap {
    changed: BTreeMap<String, Vec<Chord>>,
}

impl KeyMap {
    /// The keys of a command; the first is the one that is shown.
    pub fn keys<'a>(&'a self, command: &'a Command) -> &'a [Chord] {
        self.changed.get(command.id).map_or(command.keys, Vec::as_slice)
    }

    /// The first key of a command as it is written on a cap.
    pub fn label(&self, command: &Command) -> Option<String> {
        self.keys(command).first().map(|k| k.label())
    }

    /// The command that a chord is bound to.
    pub fn owner(&self, chord: Chord) -> Option<&'static Command> {
        all().find(|c| self.keys(c).contains(&chord))
    }

    /// Whether a command has other keys than the default.
    pub fn is_changed(&self, command: &Command) -> bool {
        self.changed.contains_key(command.id)
    }

    /// Binds the keys of a command.
    pub fn bind(&mut self, command: &Command, keys: Vec<Chord>) {
        if keys == command.keys {
            self.changed.remove(command.id);
        } else {
            self.changed.insert(command.id.to_owned(), keys);
        }
    }

    /// Sets the keys of a command by its name, which may be one that this version does not know.
    pub fn set(&mut self, id: &str, keys: Vec<Chord>) {
        self.changed.insert(id.to_owned(), keys);
    }

    /// Takes a chord away from whatever has it.
    pub fn free(&mut self, chord: Chord) {
        while let Some(owner) = self.owner(chord) {
            let rest = self.keys(owner).iter().copied().filter(|k| *k != chord).collect();
            self.bind(owner, rest);
        }
    }

    /// The default keys of a command again; a chord that went to another command meanwhile stays there.
    pub fn reset(&mut self, command: &Command) {
        self.changed.remove(command.id);
        let taken = |key: &Chord| all().any(|c| c.id != command.id && self.keys(c).contains(key));
        let left: Vec<Chord> = command.keys.iter().copied().filter(|k| !taken(k)).collect();
        self.bind(command, left);
    }

    /// All defaults again.
    pub fn reset_all(&mut self) {
        self.changed.clear();
    }

    /// What differs, for the settings file.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &[Chord])> {
        self.changed.iter().map(|(id, keys)| (id.as_str(), keys.as_slice()))
    }

    /// How many commands have other keys.
    pub fn num_changed(&self) -> usize {
        self.changed.len()
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::Key;

    use super::*;
    use crate::command::find;

    #[test]
    fn a_key_that_moves_leaves_its_old_command() {
        let (brush, eraser) = (find("tool.brush").expect("a brush"), find("tool.eraser").expect("an eraser"));
        let mut map = KeyMap::default();
        let key = Chord::plain(Key::B);
        assert_eq!(map.owner(key).map(|c| c.id), Some("tool.brush"));
        map.free(key);
        map.bind(eraser, vec![key]);
        assert_eq!(map.owner(key).map(|c| c.id), Some("tool.eraser"));
        assert!(map.keys(brush).is_empty());
        // The brush's own key is taken: a reset gives back what is free.
        map.reset(brush);
        assert!(map.keys(brush).is_empty());
        map.reset(eraser);
        map.reset(brush);
        assert_eq!((map.keys(brush), map.num_changed()), (brush.keys, 0));
    }
}
