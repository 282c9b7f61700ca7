//! Cases, files, undo.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::examples::Example;
use crate::reduce::TabAction;
use crate::rooms::data_sets;
use crate::state::Room;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        id: "case.undo",
        title: "Undo",
        group: Group::Case,
        keys: &[Chord::ctrl(Key::Z)],
        purpose: "Takes back the last stroke, word or change",
        action: |s| match s.room {
            Room::DataSets => (!s.data_sets.past.is_empty()).then_some(Action::DataSets(data_sets::Action::UndoEdit)),
            room => (has_undo(room) && s.history.can_undo()).then_some(Action::Undo),
        },
    },
    Command {
        id: "case.redo",
        title: "Redo",
        group: Group::Case,
        keys: &[Chord::ctrl_shift(Key::Z), Chord::ctrl(Key::Y)],
        purpose: "Does it again",
        action: |s| (has_undo(s.room) && s.history.can_redo()).then_some(Action::Redo),
    },
    Command {
        id: "case.new",
        title: "New case",
        group: Group::Case,
        keys: &[Chord::ctrl(Key::T)],
        purpose: "Starts a case without text and layers in a tab of its own",
        action: |_| Some(Action::NewDocument),
    },
    Command {
        id: "case.close",
        title: "Close case",
        group: Group::Case,
        keys: &[Chord::ctrl(Key::W)],
        purpose: "Closes the tab; it can be opened again with everything in it",
        action: |s| Some(Action::Tabs(TabAction::Close(s.tabs.open))),
    },
    Command {
        id: "case.reopen",
        title: "Open closed case again",
        group: Group::Case,
        keys: &[Chord::ctrl_shift(Key::T)],
        purpose: "Brings back the case that was closed last",
        action: |s| (!s.tabs.closed.is_empty()).then_some(Action::Tabs(TabAction::Reopen)),
    },
    Command {
        id: "case.next",
        title: "Next case",
        group: Group::Case,
        keys: &[Chord::ctrl(Key::Tab)],
        purpose: "Goes to the tab on the right",
        action: |s| (s.tabs.list.len() > 1).then_some(Action::Tabs(TabAction::Next(1))),
    },
    Command {
        id: "case.previous",
        title: "Previous case",
        group: Group::Case,
        keys: &[Chord::ctrl_shift(Key::Tab)],
        purpose: "Goes to the tab on the left",
        action: |s| (s.tabs.list.len() > 1).then_some(Action::Tabs(TabAction::Next(-1))),
    },
    Command {
        id: "case.rename",
        title: "Rename case",
        group: Group::Case,
        keys: &[Chord::plain(Key::F2)],
        purpose: "Types another name on the tab",
        action: |s| Some(Action::Tabs(TabAction::BeginRename(s.tabs.open))),
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

/// Whether the buttons that take changes of the open case back are on the screen.
fn has_undo(room: Room) -> bool {
    matches!(room, Room::Canvas | Room::Compare)
}

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
