//! How each action changes the room. Pure.

use std::path::PathBuf;
use std::sync::Arc;

use super::action::{Action, Effect};
use super::state::{MOST_DRAWN, MOST_PICTURES, Run};
use super::watch::View;
use crate::action::Effect as Any;
use crate::state::{Level, State};

/// Runs that are remembered.
const MOST_RUNS: usize = 24;

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut State, action: Action) -> Vec<Any> {
    let effects = apply(state, action);
    effects.into_iter().chain(wanted(state)).map(Any::Train).collect()
}

fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let room = &mut state.train;
    match action {
        Action::Begin => {
            if !std::mem::replace(&mut room.began, true) {
                let remembered = state.settings.training.clone();
                return remembered.into_iter().flat_map(|path| watch(state, path)).collect();
            }
        }
        Action::Show(tab) => room.tab = tab,
        Action::Browse => return vec![Effect::Browse],
        Action::Open(path) => {
            if path.as_os_str().is_empty() {
                return Vec::new();
            }
            let mut effects = apply(state, Action::Begin);
            effects.extend(watch(state, path.clone()));
            state.settings.training.retain(|known| *known != path);
            state.settings.training.push(path.clone());
            if state.settings.training.len() > MOST_RUNS {
                let oldest = state.settings.training.remove(0);
                effects.extend(apply(state, Action::Close(oldest)));
            }
            effects.extend(apply(state, Action::Choose(path)));
            return effects;
        }
        Action::Close(path) => {
            let at = room.runs.iter().position(|run| run.path == path);
            room.runs.retain(|run| run.path != path);
            state.settings.training.retain(|known| *known != path);
            if room.chosen.as_ref() == Some(&path) {
                let next = at.and_then(|at| room.runs.get(at).or_else(|| room.runs.last()));
                let next = next.map(|run| run.path.clone());
                look_anew(state);
                state.train.chosen = next;
            }
            return vec![Effect::Leave(path)];
        }
        Action::Choose(path) => {
            if room.chosen.as_ref() != Some(&path) {
                look_anew(state);
                state.train.chosen = Some(path);
            }
            state.train.tab = super::state::Tab::Runs;
        }
        Action::Beside(by) => {
            let count = room.runs.len() as i64;
            let at = room.shown().map_or(-1, |(at, _)| at as i64);
            let next = (at + i64::from(by)).rem_euclid(count.max(1));
            let next = usize::try_from(next).ok().and_then(|next| room.runs.get(next)).map(|run| run.path.clone());
            return next.map(|path| apply(state, Action::Choose(path))).unwrap_or_default();
        }
        Action::Overlay(path) => {
            let drawn = room.runs.iter().filter(|run| run.drawn).count();
            if let Some(run) = room.runs.iter_mut().find(|run| run.path == path) {
                if !run.drawn && drawn >= MOST_DRAWN {
                    let words = format!("At most {MOST_DRAWN} runs are drawn at once; take another one off first.");
                    state.messages.push(Level::Note, words);
                } else {
                    run.drawn = !run.drawn;
                }
            }
        }
        Action::SetStage(stage) => {
            look_anew(state);
            state.train.stage = stage;
        }
        Action::ToggleLog => room.log = !room.log,
        Action::SetSmoothing(half) => room.smoothing = half.min(1_000_000),
        Action::Zoom(range) => {
            let ends = range.filter(|(from, to)| from.is_finite() && to.is_finite() && to - from >= 1.0);
            room.zoom = ends;
        }
        Action::ShowPanel(step) => room.panel = step,
        Action::StepPanel(by) => step_panel(state, by),
        Action::HoldPanel(step) => room.held = step,
        Action::ToggleLarge => room.large = !room.large && room.panel().is_some(),
        Action::ToggleConfig => room.config_open = !room.config_open,
        Action::Copy(text, what) => {
            state.messages.push(Level::Done, format!("Copied {what}."));
            return vec![Effect::Copy(text)];
        }
        Action::Looked(path, view) => {
            if let Some(run) = room.runs.iter_mut().find(|run| run.path == path) {
                run.view = view;
            }
        }
        Action::Read(path, picture) => {
            room.reading.retain(|waits| *waits != path);
            room.pictures.retain(|(kept, _)| *kept != path);
            room.pictures.push((path, picture));
            if room.pictures.len() > MOST_PICTURES {
                drop(room.pictures.remove(0));
            }
        }
    }
    Vec::new()
}

/// Another run or stage: what was chosen in the one before does not fit.
fn look_anew(state: &mut State) {
    let room = &mut state.train;
    (room.stage, room.zoom, room.panel, room.held, room.large) = (None, None, None, None, false);
}

fn watch(state: &mut State, path: PathBuf) -> Option<Effect> {
    let room = &mut state.train;
    if room.runs.iter().any(|run| run.path == path) {
        return None;
    }
    room.runs.push(Run { path: path.clone(), view: Arc::new(View::default()), drawn: false });
    room.chosen.get_or_insert_with(|| path.clone());
    Some(Effect::Watch(path))
}

fn step_panel(state: &mut State, by: i32) {
    let room = &mut state.train;
    let (Some((_, run)), Some(stage)) = (room.shown(), room.shown_stage()) else { return };
    let steps: Vec<u64> = run.view.panels(&stage.name).iter().filter_map(|picture| picture.step).collect();
    let Some(last) = steps.len().checked_sub(1) else { return };
    let at = room.panel().and_then(|picture| steps.iter().position(|step| Some(*step) == picture.step)).unwrap_or(last);
    let to = (at as i64 + i64::from(by)).clamp(0, last as i64) as usize;
    // At the newest one the panel goes on with the training.
    room.panel = (to < last).then(|| steps[to]);
}

/// Pictures that are shown and were not read yet.
fn wanted(state: &mut State) -> Vec<Effect> {
    let room = &state.train;
    if state.room != crate::state::Room::Train || room.tab != super::state::Tab::Runs {
        return Vec::new();
    }
    let (shown, stage) = (room.shown().map(|(_, run)| Arc::clone(&run.view)), room.shown_stage().map(|stage| stage.name.clone()));
    let truth = shown.as_ref().and_then(|view| view.truth(stage.as_deref()?)).map(|picture| picture.path.clone());
    let paths: Vec<PathBuf> = [room.panel(), room.held()].into_iter().flatten().map(|p| p.path.clone()).chain(truth).collect();
    let mut effects = Vec::new();
    for path in paths {
        if state.train.picture(&path).is_none() && !state.train.reading.contains(&path) {
            state.train.reading.push(path.clone());
            effects.push(Effect::Read(path));
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::super::state::Tab;
    use super::super::watch::{Picture, stage::Stage};
    use super::*;
    use crate::state::{Document, Room};

    fn studio() -> State {
        let mut state = State::new(Document::empty(64), "saved".into());
        state.room = Room::Train;
        state
    }

    fn act(state: &mut State, action: Action) -> Vec<Effect> {
        let effects = crate::reduce::reduce(state, crate::action::Action::Train(action));
        effects
            .into_iter()
            .map(|effect| if let Any::Train(effect) = effect { effect } else { unreachable!("of the room") })
            .collect()
    }

    fn view(steps: &[u64]) -> Arc<View> {
        let stage = Stage { name: "text".to_owned(), step: 90, ..Stage::default() };
        let pictures = steps.iter().map(|step| Picture {
            stage: "text".to_owned(),
            step: Some(*step),
            path: format!("panel/{step}.png").into(),
        });
        Arc::new(View { stages: vec![Arc::new(stage)], pictures: pictures.collect(), ..View::default() })
    }

    #[test]
    fn remembered_runs_are_watched_once_and_a_new_one_is_remembered() {
        let mut state = studio();
        state.settings.training = vec!["a".into()];
        assert_eq!(act(&mut state, Action::Open("b".into())), [Effect::Watch("a".into()), Effect::Watch("b".into())]);
        assert_eq!(act(&mut state, Action::Begin), []);
        assert_eq!(act(&mut state, Action::Open("a".into())), [], "it is watched already");
        assert_eq!(state.settings.training, [PathBuf::from("b"), "a".into()]);
        assert_eq!((state.train.chosen.clone(), state.train.tab), (Some("a".into()), Tab::Runs));
        act(&mut state, Action::Beside(1));
        assert_eq!(state.train.chosen, Some("b".into()));
        assert_eq!(act(&mut state, Action::Close("b".into())), [Effect::Leave("b".into())]);
        assert_eq!((state.train.chosen.clone(), state.settings.training.len()), (Some("a".into()), 1));
        act(&mut state, Action::Close("a".into()));
        assert_eq!(state.train.chosen, None);
    }

    #[test]
    fn panels_are_read_when_they_are_shown_and_the_newest_is_followed() {
        let mut state = studio();
        act(&mut state, Action::Open("a".into()));
        let effects = act(&mut state, Action::Looked("a".into(), view(&[10, 20, 30])));
        assert_eq!(effects, [Effect::Read("panel/30.png".into())]);
        assert_eq!(act(&mut state, Action::Beside(1)), [], "it is being read");
        assert_eq!(act(&mut state, Action::StepPanel(-1)), [Effect::Read("panel/20.png".into())]);
        act(&mut state, Action::HoldPanel(Some(20)));
        act(&mut state, Action::StepPanel(-5));
        assert_eq!((state.train.panel, state.train.held), (Some(10), Some(20)));
        act(&mut state, Action::StepPanel(9));
        assert_eq!(state.train.panel, None);
        act(&mut state, Action::Looked("a".into(), view(&[10, 20, 30, 40])));
        assert_eq!(state.train.panel().and_then(|picture| picture.step), Some(40));
        let image = Arc::new(engine::domain::GrayImage::black(2, 2));
        for i in 0..2 * MOST_PICTURES {
            act(&mut state, Action::Read(format!("{i}.png").into(), Ok(Arc::clone(&image))));
        }
        assert_eq!(state.train.pictures.len(), MOST_PICTURES);
    }

    #[test]
    fn others_are_drawn_beside_the_shown_run_where_they_have_its_stage() {
        let mut state = studio();
        for name in ["a", "b", "c"] {
            act(&mut state, Action::Open(name.into()));
        }
        act(&mut state, Action::Looked("a".into(), view(&[])));
        act(&mut state, Action::Looked("b".into(), view(&[])));
        for name in ["a", "c"] {
            act(&mut state, Action::Overlay(name.into()));
        }
        act(&mut state, Action::Choose("b".into()));
        assert_eq!(state.train.drawn().iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 0]);
        act(&mut state, Action::Zoom(Some((50.0, 1e9))));
        assert_eq!(state.train.range(), (50.0, 90.0));
        act(&mut state, Action::Zoom(Some((f64::NAN, 4.0))));
        assert_eq!(state.train.range(), (1.0, 90.0));
    }
}
