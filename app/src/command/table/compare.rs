//! Forks, twins and comparing on the canvas.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::state::sight::{self, Mode};
use crate::state::{Film, State};

pub(super) const COMMANDS: &[Command] = &[
    time("film.fork", "Fork from the shown step", &[], "Goes on from it with the text and layers of now", |s| {
        Film::of(s).fork().is_ok().then_some(Action::Fork)
    }),
    time("compare.twin", "Twin without the findings", &[Chord::plain(Key::K)], "The same seed without them, to compare", |_| {
        Some(Action::Twin)
    }),
    time(
        "compare.toggle",
        "Compare on the canvas",
        &[Chord::plain(Key::C)],
        "Swipes between A and the shown image; in Runs, opens the chosen runs beside each other",
        |_| Some(Action::Sight(sight::Action::Toggle)),
    ),
    time("compare.next", "Next way to compare", &[Chord::plain(Key::M)], "Single, side by side, swipe, blink", |_| {
        Some(Action::Sight(sight::Action::NextMode))
    }),
    time("compare.difference", "Difference map", &[Chord::plain(Key::D)], "What differs between A and the shown image", |_| {
        Some(Action::Sight(sight::Action::ToggleDifference))
    }),
    time("compare.single", "Show one image", &[], "Ends comparing on the canvas", |_| {
        Some(Action::Sight(sight::Action::SetMode(Mode::Single)))
    }),
    time("compare.side-by-side", "Side by side", &[], "A and B with one zoom and one window", |_| {
        Some(Action::Sight(sight::Action::SetMode(Mode::SideBySide)))
    }),
    time("compare.blink", "Blink", &[], "A and B in turn", |_| Some(Action::Sight(sight::Action::SetMode(Mode::Blink)))),
    time("compare.swap", "Swap A and B", &[], "Shows A and compares with what was shown", |s| {
        s.sight.a.is_some().then_some(Action::Sight(sight::Action::Swap))
    }),
];

const fn time(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Time, keys, purpose, action }
}
