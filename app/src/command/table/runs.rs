//! What is done with the runs that are chosen in the Runs room, and the queue as a file.

use crate::action::{Action, QueueAction};
use crate::command::{Command, Group};
use crate::library::RunId;
use crate::library::reader::Purpose;
use crate::rooms::{compare, data_sets, reading, runs};
use crate::state::{Room, State};

pub(super) const COMMANDS: &[Command] = &[
    run("runs.restore", "Restore the chosen runs", "Each opens in a tab of its own", |s| used(s, Purpose::Restore)),
    run("runs.compare", "Compare the chosen runs", "Puts them beside each other, nine at most", |s| {
        let ids = chosen(s)?.into_iter().take(compare::MOST).collect();
        Some(Action::Runs(runs::Action::Use(ids, Purpose::Compare)))
    }),
    run("runs.to-data-set", "To data set", "Puts the chosen runs into the collected set of the Data sets room", |s| {
        Some(Action::DataSets(data_sets::Action::CollectRuns(chosen(s)?)))
    }),
    run("runs.to-reading-study", "To reading study", "Makes the chosen runs an arm of the study in the Reading room", |s| {
        Some(Action::Reading(reading::Action::AddRuns(chosen(s)?)))
    }),
    run("runs.export", "Export the chosen runs", "Copies with masks and records into your folder", |s| used(s, Purpose::Export)),
    run("runs.command", "Chosen runs as commands", "Copies the command lines that make them again", |s| {
        used(s, Purpose::Command)
    }),
    run("queue.export", "Export the queue", "Writes what waits into a text file, one job a line", |s| {
        (!s.queue.is_empty()).then_some(Action::Queue(QueueAction::PickExport))
    }),
    run("queue.import", "Import a queue", "Puts the jobs of such a file behind what waits", |_| {
        Some(Action::Queue(QueueAction::PickImport))
    }),
];

/// The chosen runs, where the room is open and there are any.
fn chosen(state: &State) -> Option<Vec<RunId>> {
    let targets = state.runs.chosen.targets();
    (state.room == Room::Runs && !targets.is_empty()).then_some(targets)
}

fn used(state: &State, purpose: Purpose) -> Option<Action> {
    Some(Action::Runs(runs::Action::Use(chosen(state)?, purpose)))
}

const fn run(id: &'static str, title: &'static str, purpose: &'static str, action: fn(&State) -> Option<Action>) -> Command {
    Command { id, title, group: Group::Runs, keys: &[], purpose, action }
}
