//! Strokes on the canvas: pointer down, moves, pointer up; one undo entry each.

use std::sync::Arc;

use engine::domain::{Finding, GreyLimit, Mask};

use crate::canvas::tool::{boxed, brush, ellipse, eraser, lasso, polygon, shift, transform, wand};
use crate::state::tools::Handle;
use crate::state::view::Stroke;
use crate::state::{Gesture, Layer, LayerId, Level, Region, State, Tool};

/// The gesture of a stroke that makes its layer: no layer has this name.
const NEW_LAYER: LayerId = 0;

/// The pointer went down at an image point.
pub(super) fn begin(state: &mut State, at: (f32, f32), alternate: bool) {
    let erase = takes_away(state, alternate);
    if let Some(Stroke::Polygon { points, .. }) = &mut state.view.stroke {
        polygon::add(points, at);
        return;
    }
    state.history.settle(&state.document);
    if (state.view.tool.fills() && found_mask(state, erase).is_none()) || !sees_its_limit(state) {
        return;
    }
    match state.view.tool {
        Tool::Brush | Tool::Eraser => {
            let Some(id) = mask_layer(state, erase) else { return };
            state.view.stroke = Some(Stroke::Paint { erase, last: at });
            paint(state, id, at, at, erase);
        }
        Tool::Lasso => state.view.stroke = Some(Stroke::Lasso { erase, points: vec![at] }),
        Tool::Polygon => state.view.stroke = Some(Stroke::Polygon { erase, points: vec![at] }),
        Tool::Ellipse => state.view.stroke = Some(Stroke::Ellipse { erase, from: at, to: at }),
        Tool::Wand => use_wand(state, at, erase),
        Tool::Box => {
            if box_layer(state).is_ok() {
                state.view.stroke = Some(Stroke::Box { from: at, to: at });
            }
        }
        Tool::Move => {
            choose_under(state, at);
            let Some((id, original)) = drawn_region(state) else { return };
            state.history.before(Gesture::Draw(id), &state.document);
            state.view.stroke = Some(Stroke::Move { from: at, original });
        }
        Tool::Margin | Tool::Shapes | Tool::Earlier => {}
    }
}

/// The pointer went down for a straight line.
pub(super) fn begin_line(state: &mut State, at: (f32, f32), alternate: bool) {
    let erase = takes_away(state, alternate);
    if !matches!(state.view.tool, Tool::Brush | Tool::Eraser) {
        begin(state, at, alternate);
    } else if sees_its_limit(state) && found_mask(state, erase).is_some() {
        state.history.settle(&state.document);
        state.view.stroke = Some(Stroke::Line { erase, from: at, to: at });
    }
}

/// The pointer went down on a handle.
pub(super) fn begin_handle(state: &mut State, handle: Handle, at: (f32, f32)) {
    let Some((id, original)) = drawn_region(state) else { return };
    state.history.settle(&state.document);
    state.history.before(Gesture::Draw(id), &state.document);
    state.view.stroke = Some(Stroke::Handle { handle, from: at, original });
}

/// The pointer moved to an image point.
pub(super) fn to(state: &mut State, at: (f32, f32)) {
    let size = state.document.size_px;
    let chosen = state.view.chosen;
    let put = |state: &mut State, region: Region| {
        if let Some(layer) = chosen.and_then(|id| state.document.layer_mut(id)) {
            layer.region = region;
        }
    };
    let Some(mut stroke) = state.view.stroke.take() else { return };
    match &mut stroke {
        Stroke::Paint { erase, last } => {
            if let Some(id) = chosen {
                paint(state, id, *last, at, *erase);
            }
            *last = at;
        }
        Stroke::Lasso { points, .. } => polygon::add(points, at),
        Stroke::Line { to, .. } | Stroke::Ellipse { to, .. } | Stroke::Box { to, .. } => *to = at,
        Stroke::Move { from, original } => {
            let (dx, dy) = ((at.0 - from.0).round() as i32, (at.1 - from.1).round() as i32);
            put(state, shift::shifted(original, dx, dy, size));
        }
        Stroke::Handle { handle, from, original } => put(state, transform::reshaped(original, *handle, *from, at, size)),
        Stroke::Polygon { .. } => {}
    }
    state.view.stroke = Some(stroke);
}

/// The pointer went up.
pub(super) fn end(state: &mut State) {
    let size = state.document.size_px;
    let radius = state.view.brush_px;
    match state.view.stroke.take() {
        Some(polygon @ Stroke::Polygon { .. }) => {
            state.view.stroke = Some(polygon);
            return;
        }
        Some(Stroke::Lasso { erase, points }) => fill(state, erase, |m, _| lasso::fill(m, &points, !erase)),
        Some(Stroke::Ellipse { erase, from, to }) => fill(state, erase, |m, _| ellipse::fill(m, from, to, !erase)),
        Some(Stroke::Line { erase, from, to }) => fill(state, erase, |m, limit| {
            let stroke = if erase { eraser::erase } else { brush::paint };
            stroke(m, from, to, radius, limit);
        }),
        Some(Stroke::Box { from, to }) => {
            if let Some(rect) = boxed::between(from, to, size) {
                put_box(state, rect);
            }
        }
        Some(Stroke::Paint { .. }) => forget_empty(state),
        Some(Stroke::Move { .. } | Stroke::Handle { .. }) | None => {}
    }
    state.history.settle(&state.document);
}

/// Another tool is taken: what was drawn stays, an open polygon goes.
pub(super) fn finish(state: &mut State) {
    match &state.view.stroke {
        Some(Stroke::Polygon { .. }) => drop_stroke(state),
        Some(_) => end(state),
        None => {}
    }
}

/// Fills the polygon in progress.
pub(super) fn close_polygon(state: &mut State) {
    if let Some(Stroke::Polygon { erase, points }) = state.view.stroke.take_if(|s| matches!(s, Stroke::Polygon { .. })) {
        if polygon::encloses(&points) {
            fill(state, erase, |m, _| lasso::fill(m, &points, !erase));
            state.history.settle(&state.document);
        } else {
            state.messages.push(Level::Note, "A polygon needs three corners; click them, then press Enter.");
        }
    }
}

/// Takes the last corner of the polygon in progress back; without corners it is given up.
pub(super) fn take_back_point(state: &mut State) {
    if let Some(Stroke::Polygon { points, .. }) = &mut state.view.stroke {
        points.pop();
        if points.is_empty() {
            state.view.stroke = None;
        }
    }
}

/// Gives up the stroke in progress and what it changed so far.
pub(super) fn drop_stroke(state: &mut State) {
    match state.view.stroke.take() {
        Some(Stroke::Paint { .. } | Stroke::Move { .. } | Stroke::Handle { .. }) => {
            if let Some(before) = state.history.drop_open() {
                super::replace(state, before);
            }
        }
        Some(_) => state.history.settle(&state.document),
        None => {}
    }
}

/// Puts a box into the chosen box layer, or into a new one.
pub(super) fn put_box(state: &mut State, rect: engine::domain::RectPx) {
    let Ok(id) = box_layer(state) else { return };
    state.history.before(Gesture::Draw(id.unwrap_or(NEW_LAYER)), &state.document);
    let id = id.unwrap_or_else(|| {
        let finding = state.chosen_layer().map_or(Finding::Nodule, |l| l.finding);
        state.document.push(finding, Region::Box(None))
    });
    state.view.chosen = Some(id);
    if let Some(layer) = state.document.layer_mut(id) {
        layer.region = Region::Box(Some(rect));
    }
}

/// Changes the painted region that tools work on, as one entry; a new layer stays only if something was painted.
pub(super) fn fill(state: &mut State, erase: bool, change: impl FnOnce(&mut Mask, Option<&GreyLimit<'_>>)) {
    let Some(id) = mask_layer(state, erase) else { return };
    let (range, image) = (state.view.tools.limit(), state.shown_image());
    let limit = range.zip(image.as_ref()).map(|(range, image)| GreyLimit { image, range });
    if let Some(mask) = state.document.layer_mut(id).and_then(|l| l.region.mask_mut()) {
        change(Arc::make_mut(mask), limit.as_ref());
    }
    forget_empty(state);
}

/// The chosen layer, when tools may change it; otherwise the person is told why not.
pub(super) fn chosen_drawable(state: &mut State) -> Option<LayerId> {
    let layer = state.chosen_layer().filter(|l| !l.is_empty())?.clone();
    may_change(state, &layer).then_some(layer.id)
}

/// Chooses the topmost layer at a point, unless the chosen one is there too.
fn choose_under(state: &mut State, at: (f32, f32)) {
    let holds = |layer: &Layer| match &layer.region {
        Region::Box(Some(r)) => at.0 >= r.x0 && at.0 < r.x1 && at.1 >= r.y0 && at.1 < r.y1,
        region => at.0 >= 0.0 && at.1 >= 0.0 && region.mask().is_some_and(|m| m.get(at.0 as u32, at.1 as u32)),
    };
    if !state.chosen_layer().is_some_and(holds) {
        let can = |l: &&Layer| !l.locked && state.document.is_active(l) && holds(l);
        if let Some(id) = state.document.layers.iter().find(can).map(|l| l.id) {
            state.view.chosen = Some(id);
        }
    }
}

fn drawn_region(state: &mut State) -> Option<(LayerId, Region)> {
    let id = chosen_drawable(state)?;
    state.chosen_layer().map(|l| (id, l.region.clone()))
}

/// Whether there is an image to limit the brush by, where it is limited; otherwise the person is told.
fn sees_its_limit(state: &mut State) -> bool {
    let is_brush = matches!(state.view.tool, Tool::Brush | Tool::Eraser);
    if is_brush && state.view.tools.limited && state.shown_image().is_none() {
        state.messages.push(Level::Note, "There is no image whose grey could limit the brush; press T to paint without limit.");
        return false;
    }
    true
}

fn takes_away(state: &State, alternate: bool) -> bool {
    match state.view.tool {
        Tool::Eraser => true,
        tool if tool.fills() => alternate != state.view.tools.subtract,
        _ => alternate,
    }
}

fn paint(state: &mut State, id: LayerId, from: (f32, f32), to: (f32, f32), erase: bool) {
    let radius = state.view.brush_px;
    let range = state.view.tools.limit();
    let image = range.and_then(|_| state.shown_image());
    let limit = range.zip(image.as_ref()).map(|(range, image)| GreyLimit { image, range });
    if let Some(mask) = state.document.layer_mut(id).and_then(|l| l.region.mask_mut()) {
        let stroke = if erase { eraser::erase } else { brush::paint };
        stroke(Arc::make_mut(mask), from, to, radius, limit.as_ref());
    }
}

fn use_wand(state: &mut State, at: (f32, f32), erase: bool) {
    let Some(image) = state.shown_image() else {
        state.messages.push(Level::Note, "The wand needs an image to look at; press Generate or open one.");
        return;
    };
    let region = wand::region(&image, at, state.view.tools.tolerance, state.document.size_px);
    fill(state, erase, |mask, _| mask.combine(&region, !erase));
    state.history.settle(&state.document);
}

/// Whether tools may change a layer; otherwise the person is told why not.
fn may_change(state: &mut State, layer: &Layer) -> bool {
    let number = state.document.number(layer.id);
    let why = if layer.locked {
        format!("Layer {number} is locked; unlock it to draw.")
    } else if !layer.visible {
        format!("Layer {number} is hidden; show it to draw.")
    } else if !state.document.is_active(layer) {
        format!("Layer {number} is hidden while another one is shown alone; end that to draw.")
    } else {
        return true;
    };
    state.messages.push(Level::Note, why);
    false
}

/// The painted layer that a stroke goes to: the chosen one, else the topmost mask; `Some(None)` means a new one.
fn found_mask(state: &mut State, erase: bool) -> Option<Option<LayerId>> {
    let chosen = state.chosen_layer().filter(|l| l.region.mask().is_some());
    let topmost = || state.document.layers.iter().find(|l| matches!(l.region, Region::Mask(_)));
    match chosen.or_else(topmost).cloned() {
        Some(layer) => may_change(state, &layer).then_some(Some(layer.id)),
        None if erase => {
            state.messages.push(Level::Note, "There is no mask to take from; paint one first.");
            None
        }
        None => Some(None),
    }
}

/// Begins an entry for a stroke and gives its layer, made where there is none.
fn mask_layer(state: &mut State, erase: bool) -> Option<LayerId> {
    let found = found_mask(state, erase)?;
    state.history.before(Gesture::Draw(found.unwrap_or(NEW_LAYER)), &state.document);
    let id = found.unwrap_or_else(|| {
        let size = state.document.size_px;
        let finding = state.chosen_layer().map_or(Finding::Pneumothorax, |l| l.finding);
        state.document.push(finding, Region::Mask(Arc::new(Mask::empty(size, size))))
    });
    state.view.chosen = Some(id);
    Some(id)
}

/// A layer made by a stroke that painted nothing goes again, and its entry with it.
fn forget_empty(state: &mut State) {
    if state.history.open() == Some(Gesture::Draw(NEW_LAYER))
        && state.chosen_layer().is_some_and(Layer::is_empty)
        && let Some(before) = state.history.drop_open()
    {
        super::replace(state, before);
    }
}

/// The box layer that a drag sets: the chosen one, or none yet; an error when it may not be changed.
fn box_layer(state: &mut State) -> Result<Option<LayerId>, ()> {
    match state.chosen_layer().filter(|l| matches!(l.region, Region::Box(_))).cloned() {
        Some(layer) if may_change(state, &layer) => Ok(Some(layer.id)),
        Some(_) => Err(()),
        None => Ok(None),
    }
}
