//! The Train room.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::rooms::train::{Action as Train, Tab, last_tenth};
use crate::state::{Room, State};

pub(super) const COMMANDS: &[Command] = &[
    row("train.open", "Open a training run", &[], "Watches a run folder of chexgen train", |_| Some(act(Train::Browse))),
    row("train.runs", "Training runs", &[], "Curves, panels and checkpoints while a model learns", |s| {
        (in_room(s) && s.train.tab != Tab::Runs).then_some(act(Train::Show(Tab::Runs)))
    }),
    row("train.models", "Models and their cards", &[], "Cards, licences, memory, self-tests and import", |s| {
        (in_room(s) && s.train.tab != Tab::Models).then_some(act(Train::Show(Tab::Models)))
    }),
    row("train.next", "Next training run", &[Chord::alt(Key::ArrowDown)], "Shows the next run of the list", |s| {
        several(s).then_some(act(Train::Beside(1)))
    }),
    row("train.previous", "Previous training run", &[Chord::alt(Key::ArrowUp)], "Shows the run before on the list", |s| {
        several(s).then_some(act(Train::Beside(-1)))
    }),
    row("train.log-scale", "Log scale of the loss", &[Chord::alt(Key::L)], "Equal ratios of the loss equally far apart", |s| {
        shown(s).then_some(act(Train::ToggleLog))
    }),
    row("train.all", "All updates of the stage", &[Chord::alt(Key::Home)], "Shows the whole stage", |s| {
        (shown(s) && s.train.zoom.is_some()).then_some(act(Train::Zoom(None)))
    }),
    row("train.last", "Last tenth of the updates", &[Chord::alt(Key::End)], "Shows the newest updates only", |s| {
        shown(s).then(|| act(Train::Zoom(Some(last_tenth(s)))))
    }),
    row("train.earlier-panel", "Earlier panel", &[Chord::alt(Key::Comma)], "The panel of an earlier update", |s| {
        panel(s).then_some(act(Train::StepPanel(-1)))
    }),
    row("train.later-panel", "Later panel", &[Chord::alt(Key::Period)], "The panel of a later update", |s| {
        panel(s).then_some(act(Train::StepPanel(1)))
    }),
    row("train.hold-panel", "Compare with this panel", &[], "Holds the panel, to see others above it", |s| {
        let step = s.train.panel().filter(|_| in_room(s))?.step;
        Some(act(Train::HoldPanel(if s.train.held.is_some() { None } else { step })))
    }),
    row("train.large", "Enlarge the panel", &[Chord::alt(Key::Enter)], "The panel over the whole room, and back", |s| {
        panel(s).then_some(act(Train::ToggleLarge))
    }),
    row("train.configuration", "Configuration of the training", &[], "The effective one, shown or hidden", |s| {
        shown(s).then_some(act(Train::ToggleConfig))
    }),
    row("train.close", "Take the training off the list", &[], "Its files stay", |s| {
        let path = s.train.chosen.clone().filter(|_| shown(s))?;
        Some(act(Train::Close(path)))
    }),
];

fn in_room(state: &State) -> bool {
    state.room == Room::Train
}

/// Whether a run is on the screen.
fn shown(state: &State) -> bool {
    in_room(state) && state.train.tab == Tab::Runs && state.train.shown().is_some()
}

fn several(state: &State) -> bool {
    shown(state) && state.train.runs.len() > 1
}

fn panel(state: &State) -> bool {
    shown(state) && state.train.panel().is_some()
}

fn act(action: Train) -> Action {
    Action::Train(action)
}

const fn row(
    id: &'static str,
    title: &'static str,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group: Group::Train, keys, purpose, action }
}
