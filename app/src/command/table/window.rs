//! Rooms and what is open in the window.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::rooms::models;
use crate::shell;
use crate::state::{Room, State};

pub(super) const COMMANDS: &[Command] = &[
    room("room.canvas", "Canvas room", &[Chord::ctrl(Key::Num1)], "Draw, type and watch an image form", |_| open(Room::Canvas)),
    room("room.runs", "Runs room", &[Chord::ctrl(Key::Num2)], "The queue and every image made before", |_| open(Room::Runs)),
    room(
        "room.compare",
        "Compare room",
        &[Chord::ctrl(Key::Num3)],
        "Images side by side, by swipe, blink and difference",
        |_| open(Room::Compare),
    ),
    room("room.data-sets", "Data sets room", &[Chord::ctrl(Key::Num4)], "Many images from a recipe", |_| open(Room::DataSets)),
    room("room.reading", "Reading room", &[Chord::ctrl(Key::Num5)], "Blinded reader studies", |_| open(Room::Reading)),
    room("room.evaluate", "Evaluate room", &[Chord::ctrl(Key::Num6)], "Metrics against a reference set", |_| {
        open(Room::Evaluate)
    }),
    room("room.train", "Train room", &[Chord::ctrl(Key::Num7)], "Trainings while they run, and models", |_| open(Room::Train)),
    Command {
        id: "window.keys",
        title: "Keys",
        group: Group::Window,
        keys: &[Chord::plain(Key::F1), Chord::plain(Key::Questionmark)],
        purpose: "All keys on one sheet, to read, search and change",
        action: |_| Some(Action::ToggleKeys),
    },
    Command {
        id: "window.palette",
        title: "Find a command",
        group: Group::Window,
        keys: &[Chord::ctrl(Key::K)],
        purpose: "Every command, case and recent file by some letters of its name",
        action: |_| Some(Action::Shell(shell::Action::Toggle(shell::Sheet::Palette))),
    },
    Command {
        id: "window.settings",
        title: "Settings",
        group: Group::Window,
        keys: &[Chord::ctrl(Key::Comma)],
        purpose: "Text size, motion, panels, folders",
        action: |_| Some(Action::Shell(shell::Action::Toggle(shell::Sheet::Settings))),
    },
    Command {
        id: "window.next-region",
        title: "Next region",
        group: Group::Window,
        keys: &[Chord::plain(Key::F6)],
        purpose: "Takes the keyboard to the next part of the window",
        action: |_| Some(Action::Shell(shell::Action::Jump(1))),
    },
    Command {
        id: "window.previous-region",
        title: "Previous region",
        group: Group::Window,
        keys: &[Chord::shift(Key::F6)],
        purpose: "Takes the keyboard to the part of the window before",
        action: |_| Some(Action::Shell(shell::Action::Jump(-1))),
    },
    Command {
        id: "window.larger",
        title: "Larger text",
        group: Group::Window,
        keys: &[Chord::ctrl(Key::Plus), Chord::ctrl(Key::Equals)],
        purpose: "Text and controls larger by 10 percent",
        action: |_| Some(Action::Shell(shell::Action::ScaleText(10))),
    },
    Command {
        id: "window.smaller",
        title: "Smaller text",
        group: Group::Window,
        keys: &[Chord::ctrl(Key::Minus)],
        purpose: "Text and controls smaller by 10 percent",
        action: |_| Some(Action::Shell(shell::Action::ScaleText(-10))),
    },
    Command {
        id: "window.natural",
        title: "Natural text size",
        group: Group::Window,
        keys: &[Chord::ctrl(Key::Num0)],
        purpose: "Text and controls at 100 percent",
        action: |_| Some(Action::Shell(shell::Action::SetText(100))),
    },
    Command {
        id: "window.motion",
        title: "Reduce motion",
        group: Group::Window,
        keys: &[],
        purpose: "Stops or allows what moves by itself",
        action: |s| Some(Action::Shell(shell::Action::SetReduceMotion(!s.settings.reduce_motion))),
    },
    Command {
        id: "window.tips",
        title: "Show or hide tips",
        group: Group::Window,
        keys: &[],
        purpose: "One next step at a time, right of the canvas",
        action: |s| Some(Action::Shell(shell::Action::SetTips(s.settings.tips_hidden))),
    },
    Command {
        id: "model.choose",
        title: "Choose a model",
        group: Group::Models,
        keys: &[],
        purpose: "Opens another model in the running studio",
        action: |_| Some(Action::Models(models::Action::ToggleMenu)),
    },
    Command {
        id: "model.add",
        title: "Add a model folder",
        group: Group::Models,
        keys: &[],
        purpose: "Chooses a folder with a model.toml in the system's dialog",
        action: |_| Some(Action::Models(models::Action::Pick)),
    },
    Command {
        id: "window.messages",
        title: "Messages",
        group: Group::Window,
        keys: &[],
        purpose: "All messages of this session",
        action: |_| Some(Action::ToggleMessages),
    },
    Command {
        id: "window.close",
        title: "Close what is open",
        group: Group::Window,
        keys: &[Chord::plain(Key::Escape)],
        purpose: "Closes the sheet or list that lies on top, and gives up the stroke in progress",
        action: |s| {
            let open = s.shell.sheet.is_some() || s.view.messages_open || s.view.stroke.is_some();
            let open = open || (s.room == Room::Train && s.train.large);
            open.then_some(Action::Escape)
        },
    },
];

/// Rooms that are not built yet stay out.
fn open(room: Room) -> Option<Action> {
    room.is_built().then_some(Action::OpenRoom(room))
}

const fn room(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Window, keys, purpose, action }
}
