//! The queue, variants, and what one thinks of a result.

use eframe::egui::Key;

use crate::action::{Action, QueueAction};
use crate::command::{Chord, Command, Group};
use crate::library::Mark;
use crate::library::reader::Purpose;
use crate::rooms::runs;
use crate::state::{Room, State};

pub(super) const COMMANDS: &[Command] = &[
    queue(
        "queue.first",
        "Generate first",
        Group::Generate,
        &[Chord::ctrl_shift(Key::Enter)],
        "Before everything that waits",
        |_| Some(Action::Queue(QueueAction::GenerateFirst)),
    ),
    queue(
        "queue.pause",
        "Pause the queue",
        Group::Generate,
        &[],
        "Stops after the step in progress; the run is kept on disk",
        |s| (s.queue.held.is_none() && s.is_running()).then_some(Action::Queue(QueueAction::Pause(false))),
    ),
    queue(
        "queue.free",
        "Pause and free memory",
        Group::Generate,
        &[],
        "Gives the model's memory back until the queue goes on",
        |s| s.model.ready().map(|_| Action::Queue(QueueAction::Pause(true))),
    ),
    queue("queue.resume", "Resume the queue", Group::Generate, &[], "Goes on where it was, with the same result", |s| {
        s.queue.held.is_some().then_some(Action::Queue(QueueAction::Resume))
    }),
    queue(
        "queue.clear",
        "Clear the queue",
        Group::Generate,
        &[Chord::ctrl_shift(Key::X)],
        "Takes back what waits; can be undone",
        |s| (!s.queue.is_empty()).then_some(Action::Queue(QueueAction::Clear)),
    ),
    queue("queue.rule", "Rule for variants", Group::Generate, &[], "Keep the best, try again below a bound", |_| {
        Some(Action::Queue(QueueAction::ToggleRule))
    }),
    queue("run.star", "Star", Group::Runs, &[Chord::plain(Key::S)], "Marks the shown result, or takes the star away", |s| {
        marked(s, Mark::Star, QueueAction::ToggleStar)
    }),
    queue("run.reject", "Reject", Group::Runs, &[Chord::plain(Key::R)], "Dims the shown result; it is kept all the same", |s| {
        marked(s, Mark::Reject, QueueAction::ToggleReject)
    }),
    queue(
        "run.recall-seed",
        "Recall the seed",
        Group::Runs,
        &[Chord::shift(Key::S)],
        "Takes the shown result's seed only",
        |s| match s.room {
            Room::Runs => s.runs.chosen.cursor.map(|id| Action::Runs(runs::Action::Use(vec![id], Purpose::RecallSeed))),
            _ => crate::reduce::shown_result(s).map(|_| Action::Queue(QueueAction::RecallSeed)),
        },
    ),
];

/// On the wall the mark is for what is chosen there, on the canvas for the shown result.
fn marked(state: &State, mark: Mark, shown: QueueAction) -> Option<Action> {
    match state.room {
        Room::Runs => {
            let ids = state.runs.chosen.targets();
            (!ids.is_empty()).then(|| Action::Runs(runs::Action::Mark(ids, mark)))
        }
        Room::Canvas => state.shown_run().map(|_| Action::Queue(shown)),
        _ => None,
    }
}

const fn queue(
    id: &'static str,
    title: &'static str,
    group: Group,
    keys: &'static [Chord],
    purpose: &'static str,
    action: fn(&State) -> Option<Action>,
) -> Command {
    Command { id, title, group, keys, purpose, action }
}
