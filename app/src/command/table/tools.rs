//! Tools on the canvas.

use eframe::egui::Key;

use crate::action::Action;
use crate::canvas::action::Action as Act;
use crate::command::{Chord, Command, Group};
use crate::state::view::Stroke;
use crate::state::{State, Tool};

pub(super) const COMMANDS: &[Command] = &[
    tool("tool.brush", "Brush", &[Chord::plain(Key::B)], Tool::Brush.purpose(), |_| Some(Action::SetTool(Tool::Brush))),
    tool("tool.eraser", "Eraser", &[Chord::plain(Key::E)], Tool::Eraser.purpose(), |_| Some(Action::SetTool(Tool::Eraser))),
    tool("tool.lasso", "Lasso", &[Chord::plain(Key::L)], Tool::Lasso.purpose(), |_| Some(Action::SetTool(Tool::Lasso))),
    tool("tool.polygon", "Polygon", &[Chord::plain(Key::P)], Tool::Polygon.purpose(), |_| Some(Action::SetTool(Tool::Polygon))),
    tool("tool.box", "Box", &[Chord::plain(Key::U)], Tool::Box.purpose(), |_| Some(Action::SetTool(Tool::Box))),
    tool("tool.ellipse", "Ellipse", &[Chord::plain(Key::O)], Tool::Ellipse.purpose(), |_| Some(Action::SetTool(Tool::Ellipse))),
    tool("tool.wand", "Wand", &[Chord::plain(Key::W)], Tool::Wand.purpose(), |_| Some(Action::SetTool(Tool::Wand))),
    tool("tool.margin", "Grow or shrink", &[Chord::plain(Key::G)], Tool::Margin.purpose(), |_| {
        Some(Action::SetTool(Tool::Margin))
    }),
    tool("tool.move", "Move", &[Chord::plain(Key::V)], Tool::Move.purpose(), |_| Some(Action::SetTool(Tool::Move))),
    tool("tool.shapes", "Shape library", &[Chord::plain(Key::Y)], Tool::Shapes.purpose(), |_| {
        Some(Action::SetTool(Tool::Shapes))
    }),
    tool("tool.earlier", "Mask from an earlier run", &[Chord::plain(Key::J)], Tool::Earlier.purpose(), |_| {
        Some(Action::SetTool(Tool::Earlier))
    }),
    tool(
        "tool.swap",
        "Swap adding and taking away",
        &[Chord::plain(Key::X)],
        "Brush and eraser; add and take away of the others",
        |_| Some(Action::Canvas(Act::Swap)),
    ),
    tool("tool.limit", "Limit the brush to grey", &[Chord::plain(Key::T)], "Keeps brush and eraser to a range of grey", |_| {
        Some(Action::Canvas(Act::ToggleLimit))
    }),
    tool(
        "tool.invert-limit",
        "Invert the range of grey",
        &[Chord::shift(Key::T)],
        "Swaps inside and outside of the range",
        |_| Some(Action::Canvas(Act::InvertLimit)),
    ),
    tool("tool.fill-holes", "Fill holes", &[], "Fills the holes of the chosen mask", |s| on_mask(s, Act::FillHoles)),
    tool("tool.smooth", "Smooth", &[], "Evens out the edge of the chosen mask; again for more", |s| on_mask(s, Act::Smooth)),
    tool("tool.grow", "Grow the chosen layer", &[], "By the distance set for Grow or shrink", |s| on_layer(s, Act::Grow)),
    tool("tool.shrink", "Shrink the chosen layer", &[], "By the distance set for Grow or shrink", |s| on_layer(s, Act::Shrink)),
    tool("tool.place-shape", "Place a shape", &[], "A plausible shape of the chosen class, as set in the shape library", |_| {
        Some(Action::Canvas(Act::PlaceShape))
    }),
    tool("tool.another-shape", "Another shape", &[], "Another one in place of the chosen layer's", |s| {
        s.chosen_layer().filter(|l| !l.locked && l.region.is_finding()).map(|_| Action::Canvas(Act::AnotherShape))
    }),
    tool("tool.close-polygon", "Close the polygon", &[Chord::plain(Key::Enter)], "Fills the polygon in progress", |s| {
        is_polygon(s).then_some(Action::Canvas(Act::ClosePolygon))
    }),
    tool("tool.point-back", "Take the last corner back", &[Chord::plain(Key::Backspace)], "Of the polygon in progress", |s| {
        is_polygon(s).then_some(Action::Canvas(Act::TakeBackPoint))
    }),
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

fn is_polygon(state: &State) -> bool {
    matches!(state.view.stroke, Some(Stroke::Polygon { .. }))
}

fn on_layer(state: &State, act: Act) -> Option<Action> {
    state.chosen_layer().filter(|l| !l.locked && !l.is_empty()).map(|_| Action::Canvas(act))
}

fn on_mask(state: &State, act: Act) -> Option<Action> {
    state.chosen_layer().filter(|l| l.region.mask().is_some()).and_then(|_| on_layer(state, act))
}

const fn tool(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Tools, keys, purpose, action }
}
