//! Actions on the tabs of the top bar.

use crate::journal::{Loaded, LoadedCase};
use crate::state::sight::Mode;
use crate::state::tabs::{MAX_CLOSED, Parked, Tab};
use crate::state::{Document, Gesture, Level, Sampling, Shown, State};

/// What a person can do with tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Goes to a tab by its place.
    Switch(usize),
    /// Goes so many tabs on, around the end.
    Next(i32),
    /// Closes a tab by its place.
    Close(usize),
    /// Opens the case again that was closed last.
    Reopen,
    /// Begins to type a name for the case of a tab.
    BeginRename(usize),
    /// Names the case on the canvas.
    Rename(String),
    /// Leaves the name as it was.
    EndRename,
}

/// Applies an action.
pub(super) fn reduce(state: &mut State, action: Action) {
    match action {
        Action::Switch(to) => switch(state, to),
        Action::Next(by) => {
            let n = state.tabs.list.len() as i64;
            let to = (state.tabs.open as i64 + i64::from(by)).rem_euclid(n.max(1));
            switch(state, usize::try_from(to).unwrap_or(0));
        }
        Action::Close(index) => close(state, index),
        Action::Reopen => reopen(state),
        Action::BeginRename(index) => {
            switch(state, index);
            state.tabs.renaming = Some(state.tabs.open);
        }
        Action::Rename(name) => {
            state.tabs.renaming = None;
            let name = name.trim();
            if !name.is_empty() {
                let name = name.chars().take(120).collect();
                super::edit(state, Gesture::Click, |d| d.name = name);
            }
        }
        Action::EndRename => state.tabs.renaming = None,
    }
}

fn switch(state: &mut State, to: usize) {
    if to == state.tabs.open || to >= state.tabs.list.len() {
        return;
    }
    let parked = state.park();
    let open = state.tabs.open;
    state.tabs.list[open].parked = Some(Box::new(parked));
    state.tabs.open = to;
    state.tabs.renaming = None;
    if let Some(parked) = state.tabs.list[to].parked.take() {
        state.unpark(*parked);
    }
}

/// Puts a case on the canvas: in a tab of its own, or in place of one in which nothing was done. It has the settings of
/// the case before, or brings its own.
pub(crate) fn open_case(state: &mut State, document: Document, sampling: Option<Sampling>) {
    state.history.settle(&state.document);
    state.tabs.renaming = None;
    if state.is_pristine() {
        state.history.clear();
    } else {
        let parked = state.park();
        let open = state.tabs.open;
        state.tabs.list[open].parked = Some(Box::new(parked));
        let id = state.tabs.fresh_id();
        state.tabs.open = open + 1;
        state.tabs.list.insert(open + 1, Tab { id, parked: None });
    }
    state.view.turn_to(&document);
    let before_px = std::mem::replace(&mut state.document, document).size_px;
    state.view.follow_size(before_px, &state.document);
    if let Some(sampling) = sampling {
        (state.sampling, state.natural) = (sampling, None);
    }
    (state.example, state.used) = (None, false);
    // Half of another patient beside this one would mislead; A stays, to be compared with on purpose.
    (state.sight.mode, state.sight.difference) = (Mode::Single, false);
    // The runs of the other case form unseen, until this one has its own.
    state.queue.follow = false;
    state.history.meet(&state.document, state.sampling);
    state.fit_to_model();
    state.shown = state.plain_picture();
}

fn close(state: &mut State, index: usize) {
    if index >= state.tabs.list.len() {
        return;
    }
    if state.tabs.list.len() == 1 {
        // There is always a case: an empty one takes the place of the last.
        if state.is_pristine() && state.example.is_none() {
            return;
        }
        let id = state.tabs.fresh_id();
        let mut empty = Document::empty(state.document.size_px);
        empty.demographics = state.document.demographics;
        let parked = Parked::new(empty, crate::state::History::default(), state.sampling, None);
        let parked = Parked { natural: state.natural, ..parked };
        state.tabs.list.push(Tab { id, parked: Some(Box::new(parked)) });
    }
    if index == state.tabs.open {
        switch(state, if index + 1 < state.tabs.list.len() { index + 1 } else { index - 1 });
    }
    let tab = state.tabs.list.remove(index);
    if state.tabs.open > index {
        state.tabs.open -= 1;
    }
    state.tabs.renaming = None;
    let name = tab.parked.as_ref().map(|p| p.document.name.clone()).unwrap_or_default();
    state.tabs.closed.push((index, tab));
    forget_oldest(state);
    let action = crate::action::Action::Tabs(Action::Reopen);
    state.messages.push_with(Level::Note, format!("Closed {name}."), "Open it again", action);
}

/// Gives up closed cases beyond those that are kept.
fn forget_oldest(state: &mut State) {
    let over = state.tabs.closed.len().saturating_sub(MAX_CLOSED);
    let gone = state.tabs.closed.drain(..over).map(|(_, tab)| tab.id);
    state.tabs.forgotten.extend(gone);
}

fn reopen(state: &mut State) {
    let Some((at, tab)) = state.tabs.closed.pop() else {
        state.messages.push(Level::Note, "No closed case is left to open again.");
        return;
    };
    let at = at.min(state.tabs.list.len());
    state.tabs.list.insert(at, tab);
    if state.tabs.open >= at {
        state.tabs.open += 1;
    }
    switch(state, at);
}

/// The cases of the session before are here; they take the place of an example in which nothing was done.
pub fn session_loaded(state: &mut State, loaded: Loaded) {
    let tab = |case: LoadedCase| {
        let LoadedCase { id, now, history, example, place } = case;
        (place, Tab { id, parked: Some(Box::new(Parked::new(now.unpacked(), history, now.sampling, example))) })
    };
    state.tabs.closed.splice(..0, loaded.closed.into_iter().map(tab));
    forget_oldest(state);
    let mut cases: Vec<Tab> = loaded.cases.into_iter().map(|c| tab(c).1).collect();
    if cases.is_empty() {
        return;
    }
    let open = cases.iter().position(|t| t.id == loaded.open).unwrap_or(0);
    if state.is_first_sight() {
        let shown = state.shown;
        let parked = cases[open].parked.take();
        (state.tabs.list, state.tabs.open) = (cases, open);
        if let Some(parked) = parked {
            state.unpark(*parked);
        }
        // A run that is followed, and a result that was looked at, stay in sight.
        let stays = match shown {
            Shown::Live | Shown::LiveStep(_) => state.job.is_some(),
            Shown::Result(_) | Shown::ResultStep(..) => true,
            Shown::Example | Shown::Base | Shown::Blank => false,
        };
        if stays {
            state.shown = shown;
        }
    } else {
        // The person was quicker: what was begun stays on the canvas, beside the case of before.
        let begun = std::mem::take(&mut state.tabs.list);
        cases.splice(open + 1..open + 1, begun);
        state.tabs.list = cases;
        state.tabs.open += open + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action as Any;
    use crate::examples::Example;
    use crate::reduce::reduce;

    fn state() -> State {
        let mut state = State::new(Example::ALL[0].document(64), "saved".into());
        state.example = Some(Example::ALL[0]);
        state.shown = Shown::Example;
        state
    }

    fn act(state: &mut State, action: Any) {
        reduce(state, action);
    }

    #[test]
    fn a_case_with_work_in_it_keeps_its_tab() {
        let mut s = state();
        act(&mut s, Any::OpenExample(Example::ALL[1]));
        assert_eq!(s.tabs.list.len(), 1, "nothing was done in the first example");
        act(&mut s, Any::SetImpression("Mine.".into()));
        act(&mut s, Any::SetSteps(7));
        act(&mut s, Any::NewDocument);
        assert_eq!((s.tabs.list.len(), s.tabs.open), (2, 1));
        assert!(s.document.impression.is_empty() && !s.history.can_undo());
        act(&mut s, Any::SetSteps(9));
        act(&mut s, Any::Tabs(Action::Next(1)));
        assert_eq!((s.document.impression.as_str(), s.sampling.steps), ("Mine.", 7));
        act(&mut s, Any::Undo);
        act(&mut s, Any::Undo);
        assert_ne!(s.document.impression, "Mine.", "each case has its own journal");
        assert_ne!(s.sampling.steps, 7);
        act(&mut s, Any::Tabs(Action::Next(-1)));
        assert_eq!(s.sampling.steps, 9);
    }

    #[test]
    fn closing_is_taken_back() {
        let mut s = state();
        act(&mut s, Any::SetImpression("First.".into()));
        act(&mut s, Any::NewDocument);
        act(&mut s, Any::SetImpression("Second.".into()));
        act(&mut s, Any::Tabs(Action::Switch(0)));
        act(&mut s, Any::Tabs(Action::Close(0)));
        assert_eq!((s.tabs.list.len(), s.tabs.open, s.document.impression.as_str()), (1, 0, "Second."));
        let (_, reopen) = s.messages.list.last().and_then(|m| m.action.clone()).expect("a way back");
        act(&mut s, reopen);
        assert_eq!((s.tabs.list.len(), s.tabs.open, s.document.impression.as_str()), (2, 0, "First."));
        assert!(s.history.can_undo(), "its journal came back with it");
    }

    #[test]
    fn the_last_tab_leaves_an_empty_case() {
        let mut s = state();
        act(&mut s, Any::Tabs(Action::Close(0)));
        assert_eq!((s.tabs.list.len(), s.tabs.open, s.document.impression.as_str()), (1, 0, ""));
        act(&mut s, Any::Tabs(Action::Close(0)));
        assert_eq!(s.tabs.closed.len(), 1, "an empty case is not closed again and again");
    }

    #[test]
    fn a_name_is_an_entry_of_the_journal() {
        let mut s = state();
        act(&mut s, Any::Tabs(Action::BeginRename(0)));
        act(&mut s, Any::Tabs(Action::Rename("  Case 12 ".into())));
        assert_eq!(s.tab_title(0), "Case 12");
        act(&mut s, Any::Undo);
        assert_eq!(s.tab_title(0), Example::ALL[0].title());
    }

    #[test]
    fn the_case_of_before_is_on_the_canvas_whatever_the_library_brought_first() {
        let request = engine::domain::GenerateRequest { num_steps: 1, ..engine::domain::GenerateRequest::new("Clear lungs.", 1) };
        let model = crate::testing::FakeModel::new(16, std::time::Duration::ZERO);
        let made = crate::jobs::Generator::generate(&model, &request, &engine::cancel::Cancel::new(), &mut |_| {});
        let artifact = std::sync::Arc::new(made.expect("the fake model works").expect("nobody cancelled"));
        let before = || {
            let mut s = state();
            act(&mut s, Any::SetImpression("Mine.".into()));
            act(&mut s, Any::Settle);
            let mut chain = crate::journal::log::Chain::default();
            s.take_journal().iter().flat_map(|(_, records)| records).for_each(|record| chain.apply(record));
            let (now, history) = chain.now().cloned().zip(chain.history()).expect("a gesture ended");
            let case = LoadedCase { id: 7, now, history, example: s.example, place: 0 };
            Loaded { open: 7, cases: vec![case], closed: Vec::new() }
        };
        let mut s = state();
        s.results.push(crate::state::StudioResult::opened("earlier".into(), artifact));
        session_loaded(&mut s, before());
        assert_eq!((s.tabs.list.len(), s.tabs.open_id(), s.document.impression.as_str()), (1, 7, "Mine."));

        // A file that the program was started with, or words that were typed meanwhile, stay on the canvas.
        for begun in [Any::NewDocument, Any::OpenExample(Example::ALL[1])] {
            let mut s = state();
            act(&mut s, begun);
            act(&mut s, Any::SetImpression("Quick.".into()));
            session_loaded(&mut s, before());
            assert_eq!((s.tabs.list.len(), s.document.impression.as_str()), (2, "Quick."));
        }
        let mut s = state();
        act(&mut s, Any::NewDocument);
        let image = std::sync::Arc::new(engine::domain::GrayImage::new(1, 1, vec![0]).expect("1 × 1"));
        s.document.base = Some(crate::state::Base::square("opened", crate::state::BaseOrigin::File, image));
        session_loaded(&mut s, before());
        assert_eq!((s.tabs.list.len(), s.tabs.open), (2, 1), "an opened image stays");

        // So does a case that was left for another one, and one that was closed.
        let mut s = state();
        act(&mut s, Any::SetImpression("Quick.".into()));
        act(&mut s, Any::NewDocument);
        act(&mut s, Any::Tabs(Action::Close(0)));
        act(&mut s, Any::OpenExample(Example::ALL[2]));
        act(&mut s, Any::SetAge(Some(40)));
        act(&mut s, Any::NewDocument);
        session_loaded(&mut s, before());
        let titles: Vec<&str> = (0..3).map(|i| s.tab_title(i)).collect();
        assert_eq!((titles, s.tabs.open), (vec![Example::ALL[0].title(), Example::ALL[2].title(), "Untitled"], 2));
        act(&mut s, Any::Tabs(Action::Reopen));
        assert_eq!(s.document.impression, "Quick.");
    }

    #[test]
    fn only_so_many_closed_cases_are_kept() {
        let mut s = state();
        for i in 0..MAX_CLOSED + 3 {
            act(&mut s, Any::SetImpression(format!("case {i}")));
            act(&mut s, Any::NewDocument);
            act(&mut s, Any::Tabs(Action::Close(0)));
        }
        assert_eq!((s.tabs.closed.len(), s.tabs.forgotten.len()), (MAX_CLOSED, 3));
    }
}
