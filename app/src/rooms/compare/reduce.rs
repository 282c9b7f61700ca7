//! What each action of the room changes.

use std::sync::Arc;

use engine::domain::Shape;

use super::sheet::{Sheet, Tile};
use super::{Action, Effect, Entry, MOST, News, grid, work};
use crate::action;
use crate::canvas::look::Look;
use crate::state::sight::Picture;
use crate::state::{Level, State};

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut State, action: Action) -> Vec<action::Effect> {
    match action {
        Action::SetPart(part) => state.compare.part = part,
        Action::Add(shown) => {
            if let Some(picture) = Picture::of_shown(state, shown) {
                add(state, picture);
            }
        }
        Action::AddPair => {
            let b = Picture::of_shown(state, state.shown);
            for picture in state.sight.a.clone().into_iter().chain(b) {
                add(state, picture);
            }
        }
        Action::AddFiles(paths) => return vec![action::Effect::Compare(Effect::Open(paths))],
        Action::PickFiles => return vec![action::Effect::Compare(Effect::Pick)],
        Action::Remove(at) => remove(state, at),
        Action::Clear => {
            state.compare.entries.clear();
            (state.compare.chosen, state.compare.reference) = (0, 0);
        }
        Action::Move(from, to) => shift(state, from, to),
        Action::Choose(at) if at < state.compare.entries.len() => state.compare.chosen = at,
        Action::SetReference(at) if at < state.compare.entries.len() => state.compare.reference = at,
        Action::Choose(_) | Action::SetReference(_) => {}
        Action::SetMode(mode) => (state.compare.mode, state.compare.flipped) = (mode, false),
        Action::Look(look) => looked(state, look),
        Action::SetWindow(width, level) if width.is_finite() && level.is_finite() => {
            let window = &mut state.compare.linked.window;
            (window.width, window.level) = (width.clamp(0.02, 4.0), level.clamp(0.0, 1.0));
        }
        Action::SetWindow(..) => {}
        Action::ToggleInvert => state.compare.linked.window.inverted ^= true,
        Action::SwipeTo(share) if share.is_finite() => state.compare.swipe = share.clamp(0.0, 1.0),
        Action::SwipeTo(_) => {}
        Action::Flip => state.compare.flipped ^= true,
        Action::ToggleOverlays(at) => {
            if let Some(entry) = state.compare.entries.get_mut(at) {
                entry.overlays ^= true;
            }
        }
        Action::SaveSheet => return save_sheet(state),
        Action::Grid(action) => return grid::reduce(state, action),
    }
    Vec::new()
}

/// Something from the room's threads arrived.
pub fn arrived(state: &mut State, news: News) -> Vec<action::Effect> {
    match news {
        News::Opened(Ok(picture)) => add(state, *picture),
        News::Saved(Ok(path)) => {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            state.messages.push(Level::Done, format!("Saved {name} into {}.", state.save_folder.display()));
        }
        News::Opened(Err(why)) | News::Saved(Err(why)) => state.messages.push(Level::Error, why),
        News::Picked(paths) if paths.is_empty() => {
            state.messages.push(Level::Note, "Nothing was chosen; if no dialog appeared, drop the files on the window instead.");
        }
        News::Picked(paths) => return reduce(state, Action::AddFiles(paths)),
        News::Grid(news) => return grid::arrived(state, *news),
    }
    Vec::new()
}

/// Adds a picture once; says so when there is no room.
fn add(state: &mut State, picture: Picture) {
    let room = &mut state.compare;
    if let Some(at) = room.entries.iter().position(|e| Arc::ptr_eq(&e.picture.image, &picture.image)) {
        room.chosen = at;
        return;
    }
    if room.entries.len() >= MOST {
        state.messages.push(Level::Note, format!("The room holds {MOST} pictures; take one away first."));
        return;
    }
    room.last_id += 1;
    let masks = picture.request().map(|r| {
        r.annotations
            .iter()
            .map(|a| match &a.shape {
                Shape::Mask(mask) => Some(Arc::new(mask.clone())),
                Shape::Box { .. } => None,
            })
            .collect()
    });
    room.entries.push(Entry { id: room.last_id, picture, overlays: false, masks: masks.unwrap_or_default() });
    room.chosen = room.entries.len() - 1;
}

fn remove(state: &mut State, at: usize) {
    let room = &mut state.compare;
    if at >= room.entries.len() {
        return;
    }
    room.entries.remove(at);
    let last = room.entries.len().saturating_sub(1);
    for place in [&mut room.chosen, &mut room.reference] {
        if *place > at || *place > last {
            *place = place.saturating_sub(1);
        }
    }
}

/// Moves a picture; reference and choice stay with their pictures.
fn shift(state: &mut State, from: usize, to: usize) {
    let room = &mut state.compare;
    if from >= room.entries.len() || to >= room.entries.len() || from == to {
        return;
    }
    let id_at = |room: &super::State, at: usize| room.entries.get(at).map(|e| e.id);
    let (chosen, reference) = (id_at(room, room.chosen), id_at(room, room.reference));
    let entry = room.entries.remove(from);
    room.entries.insert(to, entry);
    let place = |room: &super::State, id: Option<u64>| room.entries.iter().position(|e| Some(e.id) == id).unwrap_or(0);
    (room.chosen, room.reference) = (place(room, chosen), place(room, reference));
}

fn looked(state: &mut State, look: Look) {
    let size = state.compare.size_px() as f32;
    let linked = &mut state.compare.linked;
    match look {
        Look::Camera { zoom, center } if zoom.is_finite() && center.0.is_finite() && center.1.is_finite() => {
            linked.zoom = Some(zoom.clamp(0.05, 64.0));
            linked.center = (center.0.clamp(0.0, size), center.1.clamp(0.0, size));
        }
        Look::Camera { .. } => {}
        Look::Window(d) => {
            let window = &mut linked.window;
            window.width = (window.width * (1.0 + d.x * 0.005)).clamp(0.02, 4.0);
            window.level = (window.level + d.y * 0.002 * window.width).clamp(0.0, 1.0);
        }
        Look::Fit => linked.zoom = None,
    }
}

fn save_sheet(state: &mut State) -> Vec<action::Effect> {
    let room = &state.compare;
    if room.entries.is_empty() {
        state.messages.push(Level::Note, "There are no pictures on the sheet yet; add some first.");
        return Vec::new();
    }
    let tiles = room.entries.iter().enumerate().map(|(i, entry)| {
        // Names of files are often the patient's, so they stay on the screen.
        let title = if entry.picture.is_foreign() { entry.picture.mark } else { entry.picture.title.as_str() };
        let lines = std::iter::once(format!("{}  {title}", letter(i))).chain(entry.picture.model()).collect();
        Tile { image: Some(Arc::clone(&entry.picture.image)), lines }
    });
    let sheet = Sheet {
        title: format!("{} pictures", room.entries.len()),
        columns: Vec::new(),
        rows: Vec::new(),
        across: super::tiles::columns(room.entries.len(), 1.5),
        tiles: tiles.collect(),
        window: room.linked.window,
        foreign: room.entries.iter().any(|entry| entry.picture.is_foreign()),
    };
    vec![action::Effect::Compare(work::Effect::Sheet { sheet, folder: state.save_folder.clone(), stem: "compare".to_owned() })]
}

/// What a picture is called in the room: A, B, C and so on.
pub(super) fn letter(at: usize) -> char {
    char::from(b'A' + (at % 26) as u8)
}
