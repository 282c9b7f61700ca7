//! Cases, files, undo.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::examples::Example;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        id: "case.undo",
        title: "Undo",
        group: Group::Case,
        keys: &[Chord::ctrl(Key::Z)],
        purpose: "Takes back the last stroke, word or change",
        action: |s| s.history.can_undo().then_some(Action::Undo),
    },
    Command {
        id: "case.redo",
        title: "Redo",
        group: Group::Case,
        keys: &[Chord::ctrl_shift(Key::Z), Chord::ctrl(Key::Y)],
        purpose: "Does it again",
        action: |s| s.history.can_redo().then_some(Action::Redo),
    },
    Command {
        id: "case.new",
        title: "New case",
        group: Group::Case,
        keys: &[],
        purpose: "Starts a case without text and layers",
        action: |_| Some(Action::NewDocument),
    },
    Command {
        id: "case.open",
        title: "Open a file",
        group: Group::Case,
        keys: &[Chord::ctrl(Key::O)],
        purpose: "Opens a saved image by its path or from a dialog",
        action: |_| Some(Action::ToggleOpenField),
    },
    Command {
        id: "case.save",
        title: "Save",
        group: Group::Case,
        keys: &[Chord::ctrl(Key::S)],
        purpose: "Writes the shown image, its mask and its record into your folder",
        action: |_| Some(Action::Save),
    },
    Command {
        id: "case.save-folder",
        title: "Save folder",
        group: Group::Case,
        keys: &[],
        purpose: "Chooses where Save writes",
        action: |_| Some(Action::ToggleSaveFields),
    },
    example("example.1", "Example: right pneumothorax", |_| Some(Action::OpenExample(Example::ALL[0]))),
    example("example.2", "Example: left nodule", |_| Some(Action::OpenExample(Example::ALL[1]))),
    example("example.3", "Example: left pleural effusion", |_| Some(Action::OpenExample(Example::ALL[2]))),
    example("example.4", "Example: enlarged heart", |_| Some(Action::OpenExample(Example::ALL[3]))),
];

const fn example(id: &'static str, title: &'static str, action: fn(&crate::state::State) -> Option<Action>) -> Command {
    Command { id, title, group: Group::Case, keys: &[], purpose: "Opens an example with text and layers", action }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_called_what_they_are() {
        for (example, n) in Example::ALL.into_iter().zip(1..) {
            let title = crate::command::find(&format!("example.{n}")).expect("a row").title.to_lowercase();
            assert!(title.contains(&example.title().to_lowercase()), "{title} and {}", example.title());
        }
    }
}
