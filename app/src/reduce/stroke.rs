//! Strokes on the canvas: pointer down, moves, pointer up; one undo entry each.

use std::sync::Arc;

use engine::domain::{Finding, Mask};

use crate::canvas::tool::{boxed, brush, eraser, lasso, shift};
use crate::state::view::Stroke;
use crate::state::{Gesture, LayerId, Level, Region, State, Tool};

/// The pointer went down at an image point.
pub(super) fn begin(state: &mut State, at: (f32, f32), alternate: bool) {
    state.history.settle(&state.document);
    match state.view.tool {
        Tool::Brush | Tool::Eraser => {
            let erase = alternate || state.view.tool == Tool::Eraser;
            let Some(id) = mask_layer(state, erase) else { return };
            state.history.before(Gesture::Draw(id), &state.document);
            state.view.stroke = Some(Stroke::Paint { erase, last: at });
            paint(state, id, at, at, erase);
        }
        Tool::Lasso => {
            let Some(id) = mask_layer(state, alternate) else { return };
            state.history.before(Gesture::Draw(id), &state.document);
            state.view.stroke = Some(Stroke::Lasso { erase: alternate, points: vec![at] });
        }
        Tool::Box => {
            let Some(id) = box_layer(state) else { return };
            state.history.before(Gesture::Draw(id), &state.document);
            state.view.stroke = Some(Stroke::Box { from: at, to: at });
        }
        Tool::Move => {
            let Some(layer) = state.chosen_layer().filter(|l| !l.locked && !l.is_empty()) else { return };
            let (id, original) = (layer.id, layer.region.clone());
            state.history.before(Gesture::Draw(id), &state.document);
            state.view.stroke = Some(Stroke::Move { from: at, original });
        }
    }
}

/// The pointer moved to an image point.
pub(super) fn to(state: &mut State, at: (f32, f32)) {
    let Some(id) = state.view.chosen else { return };
    let size = state.document.size_px;
    match state.view.stroke.take() {
        Some(Stroke::Paint { erase, last }) => {
            paint(state, id, last, at, erase);
            state.view.stroke = Some(Stroke::Paint { erase, last: at });
        }
        Some(Stroke::Lasso { erase, mut points }) => {
            if points.last().is_none_or(|p| (p.0 - at.0).hypot(p.1 - at.1) > 0.5) {
                points.push(at);
            }
            state.view.stroke = Some(Stroke::Lasso { erase, points });
        }
        Some(Stroke::Box { from, .. }) => state.view.stroke = Some(Stroke::Box { from, to: at }),
        Some(Stroke::Move { from, original }) => {
            let (dx, dy) = ((at.0 - from.0).round() as i32, (at.1 - from.1).round() as i32);
            if let Some(layer) = state.document.layer_mut(id) {
                layer.region = shift::shifted(&original, dx, dy, size);
            }
            state.view.stroke = Some(Stroke::Move { from, original });
        }
        None => {}
    }
}

/// The pointer went up.
pub(super) fn end(state: &mut State) {
    let size = state.document.size_px;
    let chosen = state.view.chosen;
    let stroke = state.view.stroke.take();
    let layer = chosen.and_then(|id| state.document.layer_mut(id));
    match (stroke, layer) {
        (Some(Stroke::Lasso { erase, points }), Some(layer)) => {
            if let Region::Mask(mask) = &mut layer.region {
                lasso::fill(Arc::make_mut(mask), &points, !erase);
            }
        }
        (Some(Stroke::Box { from, to }), Some(layer)) => {
            if let Some(rect) = boxed::between(from, to, size) {
                layer.region = Region::Box(Some(rect));
            }
        }
        _ => {}
    }
    state.history.settle(&state.document);
}

fn paint(state: &mut State, id: LayerId, from: (f32, f32), to: (f32, f32), erase: bool) {
    let radius = state.view.brush_px;
    if let Some(layer) = state.document.layer_mut(id)
        && let Region::Mask(mask) = &mut layer.region
    {
        let stroke = if erase { eraser::erase } else { brush::paint };
        stroke(Arc::make_mut(mask), from, to, radius);
    }
}

/// The mask layer that a stroke goes to: the chosen one, else the topmost, else a new one.
fn mask_layer(state: &mut State, erase: bool) -> Option<LayerId> {
    let is_mask = |l: &&crate::state::Layer| matches!(l.region, Region::Mask(_));
    let found = state.chosen_layer().filter(is_mask).or_else(|| state.document.layers.iter().find(is_mask)).cloned();
    match found {
        Some(layer) if layer.locked => {
            state.messages.push(Level::Note, format!("Layer {} is locked; unlock it to draw.", state.document.number(layer.id)));
            None
        }
        Some(layer) if !layer.visible => {
            state.messages.push(Level::Note, format!("Layer {} is hidden; show it to draw.", state.document.number(layer.id)));
            None
        }
        Some(layer) => {
            state.view.chosen = Some(layer.id);
            Some(layer.id)
        }
        None if erase => None,
        None => {
            let size = state.document.size_px;
            let finding = state.chosen_layer().map_or(Finding::Pneumothorax, |l| l.finding);
            let id = state.document.push(finding, Region::Mask(Arc::new(Mask::empty(size, size))));
            state.view.chosen = Some(id);
            Some(id)
        }
    }
}

/// The box layer that a drag sets: the chosen one, else a new one of the chosen class.
fn box_layer(state: &mut State) -> Option<LayerId> {
    if let Some(layer) = state.chosen_layer().filter(|l| matches!(l.region, Region::Box(_))) {
        if layer.locked {
            let number = state.document.number(layer.id);
            state.messages.push(Level::Note, format!("Layer {number} is locked; unlock it to draw."));
            return None;
        }
        return Some(layer.id);
    }
    let finding = state.chosen_layer().map_or(Finding::Nodule, |l| l.finding);
    let id = state.document.push(finding, Region::Box(None));
    state.view.chosen = Some(id);
    Some(id)
}
