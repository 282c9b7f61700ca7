//! What the rooms ask for and what their threads tell.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::Context;

use super::StudioApp;
use crate::action::Action;
use crate::rooms::{compare, data_sets, models, reading, runs, train};
use crate::state::{Level, Room};

impl StudioApp {
    /// Whether the cases of the session before are here, or will not come.
    pub fn cases_loaded(&self) -> bool {
        self.session.is_loaded()
    }

    /// Does what the room asks for.
    pub(super) fn run_runs(&mut self, effect: runs::Effect) {
        match effect {
            runs::Effect::Ask(question) => {
                if let Err(why) = self.shelf.ask(question) {
                    self.state.messages.push(Level::Error, why);
                }
            }
            runs::Effect::Copy(text) => self.copied = Some(text),
            runs::Effect::Verify(id, record, file) => {
                if let (Some(model), Some(verifying)) = (self.state.model.ready(), &self.state.runs.verifying) {
                    self.shelf.work.verify(id, record, file, Arc::clone(model), verifying.cancel.clone());
                }
            }
            runs::Effect::Export(files, folder) => self.shelf.work.export(files, folder),
            runs::Effect::Import(from) => self.shelf.import(from),
        }
    }

    /// Does what the room asks for.
    pub(super) fn run_reading(&mut self, effect: reading::Effect) {
        match effect {
            reading::Effect::Work(work) => self.reading.start(work),
            reading::Effect::Copy(text) => self.copied = Some(text),
        }
    }

    /// Does what the room asks for.
    pub(super) fn run_train(&mut self, effect: train::Effect) {
        match effect {
            train::Effect::Watch(folder) => self.train.watch(folder),
            train::Effect::Leave(folder) => self.train.leave(&folder),
            train::Effect::Read(picture) => self.train.read(picture),
            train::Effect::Browse => self.train.browse(),
            train::Effect::Copy(text) => self.copied = Some(text),
        }
    }

    /// Files and folders that were dropped on the window: rooms that have a use for them take them, else they are opened.
    pub(super) fn take_dropped(&self, ctx: &Context, out: &mut Vec<Action>) {
        let dropped: Vec<PathBuf> = ctx.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_path_buf()).collect());
        match self.state.room {
            Room::Runs if !dropped.is_empty() => out.push(Action::Runs(runs::Action::Import(dropped))),
            Room::Train if self.state.train.tab == train::Tab::Runs => {
                out.extend(dropped.into_iter().map(|folder| Action::Train(train::Action::Open(folder))));
            }
            Room::Train => out.extend(dropped.into_iter().map(|folder| Action::Models(models::Action::Add(folder)))),
            _ => out.extend(dropped.into_iter().map(Action::OpenFile)),
        }
    }

    /// Ends a frame: small pictures, and what goes to the clipboard.
    pub(super) fn end_frame_of_rooms(&mut self, ctx: &Context) {
        self.shelf.end_frame(ctx);
        if let Some(text) = self.copied.take() {
            ctx.copy_text(text);
        }
    }

    /// Takes everything the rooms' threads have to say.
    pub(super) fn drain_rooms(&mut self) {
        while let Some(news) = self.compare.poll() {
            compare::arrived(&mut self.state, news).into_iter().for_each(|e| self.run(e));
        }
        while let Some(action) = self.models.poll() {
            self.act(Action::Models(action));
        }
        self.train.set_open(self.state.room == Room::Train);
        while let Some(action) = self.train.poll() {
            self.act(Action::Train(action));
        }
        while let Some(answer) = self.shelf.poll() {
            let (actions, effects) = runs::answer(&mut self.state, answer);
            actions.into_iter().for_each(|a| self.act(a));
            effects.into_iter().for_each(|e| self.run(e));
        }
        while let Some(news) = self.shelf.work.poll() {
            runs::worked(&mut self.state, news).into_iter().for_each(|e| self.run(e));
        }
        while let Some(news) = self.reading.poll() {
            reading::hear(&mut self.state, news).into_iter().for_each(|e| self.run(e));
        }
        while let Some(news) = self.data_sets.poll() {
            data_sets::hear(&mut self.state, news).into_iter().for_each(|e| self.run(e));
        }
    }
}
