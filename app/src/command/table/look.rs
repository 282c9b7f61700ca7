//! How one looks at the image.

use eframe::egui::Key;

use crate::action::Action;
use crate::canvas::action::Action as Act;
use crate::command::{Chord, Command, Group};
use crate::state::State;

pub(super) const COMMANDS: &[Command] = &[
    look("look.peek", "Hide overlays while held", &[Chord::plain(Key::H)], "All layers go until the key is let go", |_| {
        Some(Action::Canvas(Act::Peek(true)))
    }),
    look("look.overlays", "Show or hide overlays", &[Chord::shift(Key::H)], "All layers on the image", |_| {
        Some(Action::ToggleOverlays)
    }),
    look("look.invert", "Invert", &[Chord::plain(Key::I)], "Swaps black and white", |_| Some(Action::ToggleInvert)),
    look("look.reset", "Reset window and level", &[Chord::plain(Key::Num0)], "The whole range of grey again", |_| {
        Some(Action::ResetWindow)
    }),
    look("look.fit", "Fit the image", &[Chord::plain(Key::F)], "Fits the image into the canvas", |_| Some(Action::Fit)),
    look("look.panels", "Image only", &[Chord::shift(Key::F)], "Hides panels and dock, or brings them back", |_| {
        Some(Action::TogglePanels)
    }),
    look(
        "look.drawer",
        "Layers drawer",
        &[Chord::shift(Key::L)],
        "Pushes the right panel out or in where the window is narrow",
        |s| (!s.view.right_there || s.shell.drawer).then_some(Action::Shell(crate::shell::Action::ToggleDrawer)),
    ),
];

const fn look(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Look, keys, purpose, action }
}
