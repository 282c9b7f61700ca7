//! How each action changes the state. Pure: no window, no thread, no file, no clock.

mod derive;
mod layers;
pub mod queue;
mod run;
mod shapes;
mod sight;
mod stroke;
mod tabs;
mod tools;

use crate::action::{Action, Effect};
use crate::examples::Example;
use crate::images;
use crate::insight;
use crate::jobs::Opened;
use crate::rooms;
use crate::shell;
use crate::shell::divider::Edge;
use crate::state::view::BRUSH_PX;
use crate::state::{Document, Gesture, Level, Room, Sampling, Shown, State, StudioResult};

pub(crate) use tabs::open_case;
pub use tabs::{Action as TabAction, session_loaded};

pub use run::{FILMS, RESULTS, film, film_target, finished, paused, started, step_done, stopped};
pub use shapes::shape_drawn;

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut State, action: Action) -> Vec<Effect> {
    let chosen = state.view.chosen;
    state.history.meet(&state.document, state.sampling);
    state.settings.lesson.note(&action);
    let effects = apply(state, action);
    state.history.note(state.sampling);
    if state.view.chosen != chosen && chosen.is_some() {
        state.view.chosen_before = chosen;
    }
    effects
}

fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::SetImpression(text) => {
            if text != state.document.impression {
                edit(state, Gesture::Typing, |d| d.impression = text);
            }
        }
        Action::InsertPhrase(phrase) => edit(state, Gesture::Click, |d| d.impression = with_phrase(&d.impression, phrase)),
        Action::SetSex(sex) => edit(state, Gesture::Click, |d| d.demographics.sex = sex),
        Action::SetAge(age) => edit(state, Gesture::Age, |d| d.demographics.age = age.map(|a| a.min(120))),
        Action::SetGroup(group) => edit(state, Gesture::Click, |d| d.demographics.group = group),
        Action::SetView(view) => edit(state, Gesture::Click, |d| d.demographics.view = view),
        Action::FlipText(finding) => {
            edit(state, Gesture::Click, |d| d.impression = engine::text::findings::flipped(&d.impression, finding));
        }

        Action::AddMask
        | Action::AddBox
        | Action::AddGuide
        | Action::RemoveLayer(_)
        | Action::ChooseLayer(_)
        | Action::SetFinding(..)
        | Action::SetStrength(..)
        | Action::SetOpacity(..)
        | Action::ToggleVisible(_)
        | Action::ToggleLocked(_)
        | Action::ToggleSolo(_)
        | Action::SetStepRange(..)
        | Action::SetArea(..)
        | Action::ReorderLayer(..)
        | Action::AddMayChange
        | Action::AddKeep
        | Action::MirrorLayer(_)
        | Action::SetRegion(..)
        | Action::Nudge(..) => layers::reduce(state, action),

        Action::StrokeBegin { at, alternate } => stroke::begin(state, at, alternate),
        Action::StrokeTo { at } => stroke::to(state, at),
        Action::StrokeEnd => stroke::end(state),
        Action::Settle => state.history.settle(&state.document),

        Action::Canvas(action) => return tools::reduce(state, action),

        Action::SetTool(tool) => {
            stroke::finish(state);
            state.view.tool = tool;
        }
        Action::ScaleBrush(factor) => set_brush(state, state.view.brush_px * factor),
        Action::SetBrush(radius) => set_brush(state, radius),
        Action::ToggleOverlays => state.view.overlays = !state.view.overlays,
        Action::ToggleInvert => state.view.inverted = !state.view.inverted,
        Action::ResetWindow => (state.view.window, state.view.level, state.view.inverted) = (1.0, 0.5, false),
        Action::SetWindow(window, level) => (state.view.window, state.view.level) = (window, level),
        Action::Fit => state.view.zoom = None,
        Action::SetCamera { zoom, center } => {
            if zoom.is_finite() && center.0.is_finite() && center.1.is_finite() {
                let size = state.document.size_px as f32;
                state.view.zoom = Some(zoom.clamp(0.05, 64.0));
                state.view.center = eframe::egui::pos2(center.0.clamp(0.0, size), center.1.clamp(0.0, size));
            }
        }
        Action::DragWindow(x, y) => state.view.drag_window(eframe::egui::vec2(x, y)),
        Action::Hover(at) => state.view.pointer = at,
        Action::Show(shown) => {
            queue::follow(state, shown);
            state.shown = shown;
        }
        Action::StepFilm(by) => run::step_film(state, by),
        Action::ToggleKeys => return shell::reduce(state, shell::Action::Toggle(shell::Sheet::Keys)),
        Action::Shell(action) => return shell::reduce(state, action),
        Action::ToggleMessages => {
            // Who opens the list has read them all.
            state.messages.list.iter_mut().for_each(|m| m.closed = true);
            state.view.messages_open = !state.view.messages_open;
        }
        Action::ToggleSaveFields => state.view.save_open = field_toggled(state, state.view.save_open, Edge::Right),
        Action::ToggleOpenField => state.view.open_open = field_toggled(state, state.view.open_open, Edge::Left),
        Action::HideTips => state.settings.tips_hidden = true,
        Action::TogglePanels => state.view.panels_hidden = !state.view.panels_hidden,
        Action::SetDockTab(tab) => state.view.dock_tab = tab,
        Action::CloseMessage(index) => {
            if let Some(message) = state.messages.list.get_mut(index) {
                message.closed = true;
            }
        }
        Action::Escape => {
            if state.shell.sheet.is_some() {
                return shell::reduce(state, shell::Action::Close);
            }
            if state.room == Room::Train {
                state.train.large = false;
            }
            state.view.messages_open = false;
            stroke::drop_stroke(state);
        }

        Action::SetSteps(steps) => state.sampling.steps = steps.clamp(1, 1000),
        Action::SetGuidance(guidance) if guidance.is_finite() => state.sampling.guidance = guidance.clamp(0.0, 30.0),
        Action::SetGuidance(_) => {}
        Action::SetSeed(seed) => state.sampling.seed = seed,
        Action::NewSeed => return vec![Effect::DrawSeed],
        Action::ToggleSeedLock => state.sampling.seed_locked = !state.sampling.seed_locked,
        Action::Generate => return run::generate(state, false),
        Action::Fork => return derive::fork(state),
        Action::Twin => return derive::twin(state),
        Action::Sight(action) => sight::reduce(state, action),
        Action::Cancel => return run::cancel(state),
        Action::Queue(action) => return queue::reduce(state, action),

        Action::OpenRoom(room) if room.is_built() => {
            (state.room, state.settings.room) = (room, room);
            match room {
                Room::DataSets => return rooms::data_sets::opened(state),
                Room::Reading => return rooms::reading::opened(state),
                Room::Train => return rooms::train::reduce(state, rooms::train::Action::Begin),
                _ => {}
            }
        }
        Action::Insight(action) => insight::reduce(state, action),
        Action::OpenRoom(_) => {}
        Action::Images(action) => return images::reduce(state, action),
        Action::Runs(action) => return rooms::runs::reduce(state, action),
        Action::Compare(action) => return rooms::compare::reduce(state, action),
        Action::DataSets(action) => return rooms::data_sets::reduce(state, action),
        Action::Reading(action) => return rooms::reading::reduce(state, action),
        Action::Models(action) => return rooms::models::reduce(state, action),
        Action::Train(action) => return rooms::train::reduce(state, action),

        Action::Tabs(action) => tabs::reduce(state, action),
        Action::Undo => {
            if let Some(before) = state.history.undo(&state.document) {
                replace(state, before);
            }
        }
        Action::Redo => {
            if let Some(after) = state.history.redo(&state.document) {
                replace(state, after);
            }
        }
        Action::NewDocument => {
            let mut document = Document::empty(state.document.size_px);
            // The next case is often of a like patient, and the practice model expects the fields.
            document.demographics = state.document.demographics;
            tabs::open_case(state, document, None);
        }
        Action::OpenExample(example) => return open_example(state, example),
        Action::OpenFile(path) => {
            state.images.opening += 1;
            return vec![Effect::OpenFile(path)];
        }
        Action::PickFile => return vec![Effect::PickFile],
        Action::PickFolder => return vec![Effect::PickFolder],
        Action::SetSaveFolder(folder) => {
            state.settings.save_folder = Some(folder.clone());
            state.save_folder = folder;
        }
        Action::Save => match shown_result(state) {
            Some(index) => return vec![Effect::Save(index, state.save_folder.clone())],
            None => state.messages.push(Level::Note, "There is no finished image to save yet; press Generate first."),
        },
    }
    Vec::new()
}

/// Edits the document with an undo entry for the gesture.
pub(crate) fn edit(state: &mut State, gesture: Gesture, change: impl FnOnce(&mut Document)) {
    state.history.before(gesture, &state.document);
    change(&mut state.document);
    if gesture == Gesture::Click {
        state.history.settle(&state.document);
    }
}

/// Whether a field of a side panel is open after its key or button: what another room, a sheet or "image only" covers
/// comes to the front instead of closing.
pub(crate) fn field_toggled(state: &mut State, is_open: bool, side: Edge) -> bool {
    let is_left = side == Edge::Left;
    let by_side = if is_left { state.shell.sheet.is_some() } else { !state.view.right_there };
    let covered = state.room != Room::Canvas || state.view.panels_hidden || by_side;
    (state.room, state.settings.room) = (Room::Canvas, Room::Canvas);
    state.view.panels_hidden = false;
    if is_left {
        // Where the window is narrow, one side is there at a time.
        (state.shell.sheet, state.shell.drawer) = (None, false);
    } else if by_side {
        state.shell.drawer = true;
    }
    covered || !is_open
}

fn set_brush(state: &mut State, radius: f32) {
    if radius.is_finite() {
        state.view.brush_px = radius.clamp(BRUSH_PX.0, BRUSH_PX.1.min(state.document.size_px as f32 * 0.5));
    }
}

/// After undo or redo: the chosen layer may be gone, and the model's images may have another size by now.
fn replace(state: &mut State, (document, sampling): (Document, Sampling)) {
    let size_px = state.document.size_px;
    let fits = document.size_px == size_px;
    state.document = if fits { document } else { document.resized(size_px) };
    state.sampling = sampling;
    if !fits {
        // Else the next gesture would count the new size as its own.
        state.history.amend(&state.document, state.sampling);
    }
    if state.chosen_layer().is_none() {
        state.view.chosen = crate::state::view::first_drawable(&state.document);
    }
    state.view.stroke = None;
}

fn open_example(state: &mut State, example: Example) -> Vec<Effect> {
    let document = example.document(state.document.size_px);
    tabs::open_case(state, document, None);
    state.example = Some(example);
    state.shown = Shown::Example;
    if state.pictures.iter().any(|(e, _)| *e == example) { Vec::new() } else { vec![Effect::DrawExample(example)] }
}

/// Puts a saved image back: text, fields, layers, sampler, seed and picture.
pub fn restore(state: &mut State, opened: Opened) {
    let size_px = opened.artifact.image.width();
    let request = opened.artifact.request.clone();
    let document = Document::from_request(&opened.name, &request, size_px);
    tabs::open_case(state, document, Some(Sampling::from_request(&request)));
    state.messages.push(Level::Done, format!("Restored {}: text, layers, seed and settings.", opened.name));
    let result = StudioResult::opened(opened.name, std::sync::Arc::new(opened.artifact));
    state.results.insert(0, result);
    state.shown = Shown::Result(0);
}

/// The model can be used: its picture size and natural settings become the studio's.
pub fn model_ready(state: &mut State, model: std::sync::Arc<dyn crate::jobs::Generator>) -> Vec<Effect> {
    if model.card().size_px != state.document.size_px {
        // The pixels that a stroke in progress was begun on are gone.
        stroke::finish(state);
    }
    state.model = crate::jobs::ModelState::Ready(model);
    state.fit_to_model();
    queue::ask_pace(state).into_iter().collect()
}

/// An example's picture is drawn; where it was drawn at two sizes, the larger one stays.
pub fn example_drawn(state: &mut State, example: Example, picture: std::sync::Arc<engine::domain::GrayImage>) {
    let known = state.pictures.iter_mut().find(|(e, _)| *e == example);
    match known {
        Some((_, known)) if known.width() > picture.width() => {}
        Some((_, known)) => *known = picture,
        None => state.pictures.push((example, picture)),
    }
}

/// The place of the result on the canvas.
pub fn shown_result(state: &State) -> Option<usize> {
    match state.shown {
        Shown::Result(i) | Shown::ResultStep(i, _) if i < state.results.len() => Some(i),
        _ => None,
    }
}

fn with_phrase(text: &str, phrase: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() {
        phrase.to_owned()
    } else if text.ends_with(['.', ';', ',', ':']) {
        format!("{text} {phrase}")
    } else {
        format!("{text}. {phrase}")
    }
}

#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod tests;
