//! Between the window and the cases on disk: takes them at start, hands on what happens to them.

use std::path::Path;

use crate::action::Action;
use crate::journal::keeper::TabList;
use crate::journal::{Keeper, News};
use crate::reduce;
use crate::state::{Level, State};

/// Keeps the open cases on disk.
pub struct Session {
    keeper: Option<Keeper>,
    /// Whether the cases of the session before are here; before that nothing is written.
    loaded: bool,
    kept: Option<TabList>,
}

impl Session {
    /// Starts to read the cases below the studio's folder.
    pub fn start(data_folder: &Path, state: &mut State, wake: impl Fn() + Send + 'static) -> Self {
        let keeper = match Keeper::start(data_folder.join("cases"), wake) {
            Ok(keeper) => Some(keeper),
            Err(error) => {
                state.messages.push(Level::Error, format!("Open cases are not kept this time: {error}."));
                None
            }
        };
        state.tabs.number_from(crate::jobs::chores::random_number() >> 16);
        Self { keeper, loaded: false, kept: None }
    }

    /// Takes news and hands on what happened since the last call.
    pub fn step(&mut self, state: &mut State) {
        let Some(keeper) = &mut self.keeper else { return };
        while let Some(news) = keeper.poll() {
            match news {
                News::Loaded(loaded) => {
                    reduce::session_loaded(state, *loaded);
                    self.loaded = true;
                }
                News::Trouble(why) => state.messages.push(Level::Error, why),
            }
        }
        if !self.loaded {
            return;
        }
        for (case, records) in state.take_journal() {
            keeper.records(case, records);
        }
        let list = state.tab_list();
        if self.kept.as_ref() != Some(&list) {
            keeper.tabs(list.clone());
            self.kept = Some(list);
        }
        for case in state.tabs.forgotten.drain(..) {
            keeper.forget(case);
        }
    }

    /// Ends the gesture in progress and waits until everything is written.
    pub fn end(&mut self, state: &mut State) {
        reduce::reduce(state, Action::Settle);
        self.step(state);
        self.keeper = None;
    }

    /// Whether the cases of the session before are here, or will not come.
    pub fn is_loaded(&self) -> bool {
        self.loaded || self.keeper.is_none()
    }
}
