//! Conflicts of text and layers, what the model sees, where words act.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::insight::{self, Action as Insight};
use crate::state::State;

pub(super) const COMMANDS: &[Command] = &[
    text(
        "check.keep",
        "Keep both and say so in the record",
        &[Chord::alt(Key::K)],
        "Leaves the conflict as it is, on purpose",
        |s| insight::open_conflict(s).map(|c| Action::Insight(Insight::KeepConflict(c.sentence.clone()))),
    ),
    text(
        "check.repair-1",
        "First repair of the conflict",
        &[Chord::alt(Key::Num1)],
        "Presses the first button of the conflict",
        |s| repair(s, 0),
    ),
    text(
        "check.repair-2",
        "Second repair of the conflict",
        &[Chord::alt(Key::Num2)],
        "Presses the second button of the conflict",
        |s| repair(s, 1),
    ),
    look("words.watch", "Word map", &[], "Runs tell where each word acts; they take a little longer", |_| {
        Some(Action::Insight(Insight::ToggleWordMap))
    }),
    look("words.next", "Next word of the word map", &[Chord::alt(Key::ArrowRight)], "Shows where the next word acts", |s| {
        watched(s, Insight::StepWord(1))
    }),
    look(
        "words.previous",
        "Previous word of the word map",
        &[Chord::alt(Key::ArrowLeft)],
        "Shows where the word before acts",
        |s| watched(s, Insight::StepWord(-1)),
    ),
    look(
        "sees.enlarge",
        "Enlarge what the model sees",
        &[],
        "The condition picture and what the autoencoder leaves of it",
        |_| Some(Action::Insight(Insight::ToggleEnlarged)),
    ),
];

fn repair(state: &State, n: usize) -> Option<Action> {
    insight::open_conflict(state)?.repairs.get(n).map(|r| r.action.clone())
}

fn watched(state: &State, action: Insight) -> Option<Action> {
    let (job, _) = insight::shown_run(state)?;
    state.insight.maps.has(job).then_some(Action::Insight(action))
}

const fn text(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Text, keys, purpose, action }
}

const fn look(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Look, keys, purpose, action }
}
