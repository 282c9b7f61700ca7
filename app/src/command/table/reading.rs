//! The Reading room.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::rooms::reading::Action as Read;
use crate::rooms::reading::state::Tab;
use crate::state::{Room, State};

pub(super) const COMMANDS: &[Command] = &[
    step("study.build", "Build a reader study", "Template, cases, readers, plan and power", |_| show(Tab::Build)),
    step("study.leaks", "Leak audit of a reader study", "What besides the content tells the arms apart", |_| show(Tab::Audit)),
    step("study.seal-step", "Seal a reader study", "The study for the readers and the key for you", |_| show(Tab::Seal)),
    step("study.read-step", "Read a reader study", "The reading window, and how far readers are", |_| show(Tab::Read)),
    step("study.join-step", "Join the key of a reader study", "Key and answers, and whether they fit", |_| show(Tab::Join)),
    step("study.analysis", "Analysis of a reader study", "Scores, effect, agreement and the cases behind them", |_| {
        show(Tab::Analysis)
    }),
    step("study.try", "Try with a simulated study", "A small study with drawn patients and simulated readers", |s| {
        s.reading.busy.is_none().then_some(act(Read::Example))
    }),
    step("study.open", "Open the design of the study", "Reads study.toml", |s| in_room(s).then_some(act(Read::OpenDesign))),
    step("study.save", "Save the design of the study", "Writes study.toml", |s| in_room(s).then_some(act(Read::SaveDesign))),
    step("study.undo", "Undo design change", "Takes the last change of the study's design back", |s| {
        (!s.reading.past.is_empty()).then_some(act(Read::UndoEdit))
    }),
    step("study.audit", "Audit the images of the study", "Probes try to guess the arm of an image", |s| {
        (in_room(s) && s.reading.busy.is_none()).then_some(act(Read::Audit))
    }),
    step("study.window", "Open reading window", "A program of its own for the sealed study", |s| {
        (s.reading.reading.is_some() && !s.reading.kiosk).then_some(act(Read::OpenReader(None)))
    }),
    step("study.methods", "Copy the methods text", "How the study was done, filled in from its plan", |s| {
        s.reading.analysis.is_some().then_some(act(Read::CopyMethods))
    }),
    step("study.table", "Write the table of the study", "One row an answer, with its dictionary", |s| {
        s.reading.analysis.is_some().then_some(act(Read::WriteTable))
    }),
    step("study.export", "Export the report of the study", "Page, tables and figures", |s| {
        s.reading.analysis.is_some().then_some(act(Read::Export))
    }),
    step("study.stop", "Stop the work on the study", "Ends it; nothing half is written", |s| {
        s.reading.busy.is_some().then_some(act(Read::Stop))
    }),
    Command {
        id: "study.next",
        title: "Next step of the study",
        group: Group::Reading,
        keys: &[Chord::alt(Key::PageDown)],
        purpose: "Goes on among the six steps of the Reading room",
        action: |s| beside(s, 1),
    },
    Command {
        id: "study.previous",
        title: "Previous step of the study",
        group: Group::Reading,
        keys: &[Chord::alt(Key::PageUp)],
        purpose: "Goes back among the six steps of the Reading room",
        action: |s| beside(s, Tab::ALL.len() - 1),
    },
];

fn in_room(state: &State) -> bool {
    state.room == Room::Reading
}

/// So many steps on from the one that is shown, round the end.
fn beside(state: &State, on: usize) -> Option<Action> {
    let at = Tab::ALL.iter().position(|tab| *tab == state.reading.tab)?;
    in_room(state).then_some(act(Read::Show(Tab::ALL[(at + on) % Tab::ALL.len()])))
}

fn show(tab: Tab) -> Option<Action> {
    Some(act(Read::Show(tab)))
}

fn act(action: Read) -> Action {
    Action::Reading(action)
}

const fn step(id: &'static str, title: &'static str, purpose: &'static str, action: fn(&State) -> Option<Action>) -> Command {
    Command { id, title, group: Group::Reading, keys: &[], purpose, action }
}
