//! Starting and stopping images, the sampler, the film.

use eframe::egui::Key;

use crate::action::Action;
use crate::command::{Chord, Command, Group};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        id: "run.generate",
        title: "Generate",
        group: Group::Generate,
        keys: &[Chord::ctrl(Key::Enter)],
        purpose: "Makes an image from the text and the layers",
        action: |_| Some(Action::Generate),
    },
    Command {
        id: "run.cancel",
        title: "Cancel after this step",
        group: Group::Generate,
        keys: &[Chord::shift(Key::X)],
        purpose: "Stops after the step in progress",
        action: |s| (s.job.is_some() || s.is_running()).then_some(Action::Cancel),
    },
    Command {
        id: "run.new-seed",
        title: "New seed",
        group: Group::Generate,
        keys: &[],
        purpose: "Another patient",
        action: |_| Some(Action::NewSeed),
    },
    Command {
        id: "run.lock-seed",
        title: "Lock or free the seed",
        group: Group::Generate,
        keys: &[],
        purpose: "Locked: the same seed again; free: the next run takes the next seed",
        action: |_| Some(Action::ToggleSeedLock),
    },
    Command {
        id: "film.back",
        title: "One step back on the film",
        group: Group::Time,
        keys: &[Chord::plain(Key::Comma)],
        purpose: "Shows the predicted image one step earlier",
        action: |_| Some(Action::StepFilm(-1)),
    },
    Command {
        id: "film.on",
        title: "One step on along the film",
        group: Group::Time,
        keys: &[Chord::plain(Key::Period)],
        purpose: "Shows the predicted image one step later",
        action: |_| Some(Action::StepFilm(1)),
    },
    Command {
        id: "film.first",
        title: "First step of the film",
        group: Group::Time,
        keys: &[Chord::plain(Key::Home)],
        purpose: "Shows the first predicted image",
        action: |_| Some(Action::StepFilm(-10_000)),
    },
    Command {
        id: "film.last",
        title: "Last step of the film",
        group: Group::Time,
        keys: &[Chord::plain(Key::End)],
        purpose: "Shows the finished image, or the newest step",
        action: |_| Some(Action::StepFilm(10_000)),
    },
];
