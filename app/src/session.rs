//! Between the window and the cases on disk: takes them at start, hands on what happens to them.

use std::path::Path;

use crate::action::Action;
use crate::journal::TabList;
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
                    tracing::info!("the cases of before are read");
                }
                News::Trouble(why) => state.messages.push(Level::Error, why),
                News::Unusable(why) => {
                    state.messages.push(Level::Error, why);
                    self.keeper = None;
                    return;
                }
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
        if let Some(keeper) = self.keeper.as_mut().filter(|_| !self.loaded && !state.is_first_sight()) {
            // A window that is closed at once: what was done goes beside the cases of before, which come first.
            keeper.wait_for_news();
        }
        self.step(state);
        self.keeper = None;
    }

    /// Whether the cases of the session before are here, or will not come.
    pub fn is_loaded(&self) -> bool {
        self.loaded || self.keeper.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::examples::Example;

    fn fresh() -> State {
        let mut state = State::new(Example::ALL[0].document(32), "saved".into());
        state.example = Some(Example::ALL[0]);
        state
    }

    /// A session whose cases are read.
    fn begun(dir: &Path) -> (Session, State) {
        let mut state = fresh();
        let mut session = Session::start(dir, &mut state, || {});
        for _ in 0..40_000 {
            session.step(&mut state);
            if session.is_loaded() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(session.is_loaded(), "the cases come");
        (session, state)
    }

    #[test]
    fn what_is_done_before_the_cases_are_read_is_kept_by_a_window_that_closes_at_once() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for words in ["First.", "Second.", "Third."] {
            let mut state = fresh();
            let mut session = Session::start(dir.path(), &mut state, || {});
            reduce::reduce(&mut state, Action::SetImpression(words.to_owned()));
            // No look at the news between.
            session.end(&mut state);
        }
        let (_session, state) = begun(dir.path());
        let parked = state.tabs.list.iter().map(|tab| tab.parked.as_ref().map_or(&state.document, |p| &p.document));
        let words: Vec<&str> = parked.map(|document| document.impression.as_str()).collect();
        assert_eq!(words, ["First.", "Second.", "Third."]);
        assert!(state.document.impression == "Third." && state.history.can_undo());
    }

    #[test]
    fn a_start_in_which_nothing_was_done_leaves_no_case_behind() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut state = fresh();
        Session::start(dir.path(), &mut state, || {}).end(&mut state);
        let (mut session, mut state) = begun(dir.path());
        assert_eq!(state.tabs.list.len(), 1);
        reduce::reduce(&mut state, Action::SetImpression("Mine.".to_owned()));
        session.end(&mut state);
        let (_session, state) = begun(dir.path());
        assert_eq!((state.tabs.list.len(), state.document.impression.as_str()), (1, "Mine."));
    }

    #[test]
    fn a_folder_that_another_window_has_is_said_and_waited_for_no_longer() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (_first, _) = begun(dir.path());
        let (mut second, mut state) = begun(dir.path());
        assert!(state.messages.list.iter().any(|m| m.text.contains("another window")));
        reduce::reduce(&mut state, Action::SetImpression("Mine.".to_owned()));
        second.end(&mut state);
    }
}
