//! The rows, one area a file.

mod case;
mod compare;
mod data_sets;
mod images;
mod insight;
mod layers;
mod look;
mod queue;
mod reading;
mod runs;
mod time;
mod tools;
mod train;
mod window;

use super::Command;

/// Every table.
pub(super) const TABLES: &[&[Command]] = &[
    time::COMMANDS,
    queue::COMMANDS,
    runs::COMMANDS,
    compare::COMMANDS,
    case::COMMANDS,
    images::COMMANDS,
    insight::COMMANDS,
    layers::COMMANDS,
    tools::COMMANDS,
    look::COMMANDS,
    data_sets::COMMANDS,
    reading::COMMANDS,
    train::COMMANDS,
    window::COMMANDS,
];

/// What the mouse does, for the key sheet: gesture and purpose.
pub const GESTURES: &[(&str, &str)] = &[
    ("Drag", "Use the tool in hand"),
    ("Alt drag", "Take away with brush, lasso, ellipse or wand"),
    ("Shift drag", "A straight line of the brush"),
    ("Double click", "Close the polygon"),
    ("Wheel", "Zoom at the pointer"),
    ("Shift wheel", "Size of the brush"),
    ("Space drag", "Pan; the middle button does it too"),
    ("Right drag", "Window sideways, level up and down"),
    ("Right click", "Menu of the canvas"),
    ("Arrows", "Move the chosen layer by 1 px, with Shift by 10, when the canvas has the focus"),
    ("Alt arrows", "Right and lower edge of the chosen box, when the canvas has the focus"),
    ("Enter", "Box or disc in the middle, when the canvas has the focus"),
];
