//! Tools on the canvas.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::state::{State, Tool};

pub(super) const COMMANDS: &[Command] = &[
    tool("tool.brush", "Brush", &[Chord::plain(Key::B)], "Paint into the chosen mask; hold Alt to erase", |_| {
        Some(Action::SetTool(Tool::Brush))
    }),
    tool("tool.eraser", "Eraser", &[Chord::plain(Key::E)], "Take away from the chosen mask", |_| {
        Some(Action::SetTool(Tool::Eraser))
    }),
    tool("tool.lasso", "Lasso", &[Chord::plain(Key::L)], "Outline a region and fill it; hold Alt to cut it out", |_| {
        Some(Action::SetTool(Tool::Lasso))
    }),
    tool("tool.box", "Box", &[Chord::plain(Key::U)], "Drag a box for the chosen class", |_| Some(Action::SetTool(Tool::Box))),
    tool("tool.move", "Move", &[Chord::plain(Key::V)], "Drag the chosen mask or box", |_| Some(Action::SetTool(Tool::Move))),
    tool(
        "tool.smaller",
        "Smaller brush",
        &[Chord::plain(Key::OpenBracket), Chord::plain(Key::Minus)],
        "Makes the brush smaller by a seventh",
        |_| Some(Action::ScaleBrush(1.0 / 1.15)),
    ),
    tool(
        "tool.larger",
        "Larger brush",
        &[Chord::plain(Key::CloseBracket), Chord::plain(Key::Plus), Chord::plain(Key::Equals)],
        "Makes the brush larger by a seventh",
        |_| Some(Action::ScaleBrush(1.15)),
    ),
];

const fn tool(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Tools, keys, purpose, action }
}
