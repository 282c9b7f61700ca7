//! Settings of the tools, and tools that work at one press.

use std::sync::Arc;

use engine::domain::{GreyRange, Mask, RectPx};

use super::{edit, shapes, stroke};
use crate::action::Effect;
use crate::canvas::action::Action;
use crate::canvas::tool::{boxed, earlier, margin, repair};
use crate::state::tools::{RANGE_AROUND, WHOLE_RANGE};
use crate::state::view::Stroke;
use crate::state::{Gesture, Level, Region, State, Tool, millimetres};

pub(super) fn reduce(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::LineBegin { at, alternate } => stroke::begin_line(state, at, alternate),
        Action::HandleBegin { handle, at } => stroke::begin_handle(state, handle, at),
        Action::ClosePolygon => stroke::close_polygon(state),
        Action::TakeBackPoint => stroke::take_back_point(state),
        Action::DropStroke => stroke::drop_stroke(state),

        Action::Swap => match state.view.tool {
            Tool::Brush => state.view.tool = Tool::Eraser,
            Tool::Eraser => state.view.tool = Tool::Brush,
            _ => state.view.tools.subtract = !state.view.tools.subtract,
        },
        Action::SetSubtract(subtract) => state.view.tools.subtract = subtract,
        Action::ToggleLimit => toggle_limit(state),
        Action::SetLimit(low, high) if low.is_finite() && high.is_finite() => {
            let inverted = state.view.tools.range.is_some_and(|r| r.inverted);
            let (low, high) = (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0));
            state.view.tools.range = Some(GreyRange { low: low.min(high), high: high.max(low), inverted });
        }
        Action::SetLimit(..) => {}
        Action::InvertLimit => {
            let range = state.view.tools.range.unwrap_or(WHOLE_RANGE);
            state.view.tools.range = Some(GreyRange { inverted: !range.inverted, ..range });
        }
        Action::SetTolerance(tolerance) if tolerance.is_finite() => state.view.tools.tolerance = tolerance.clamp(0.0, 1.0),
        Action::SetMargin(length) if length.is_finite() => state.view.tools.margin = length.clamp(0.1, 200.0),
        Action::SetTolerance(_) | Action::SetMargin(_) => {}

        Action::Grow => reshape_by(state, state.view.tools.margin),
        Action::Shrink => reshape_by(state, -state.view.tools.margin),
        Action::FillHoles => repair_mask(state, repair::holes_filled),
        Action::Smooth => repair_mask(state, repair::smoothed),
        Action::Place => place(state),
        Action::ResizeBox(dx, dy) => resize_box(state, dx, dy),

        Action::SetShape(choice) => state.view.tools.shape = choice,
        Action::PlaceShape => return shapes::place(state),
        Action::AnotherShape => return shapes::another(state),
        Action::CopyEarlier { result, annotation } => copy_earlier(state, result, annotation),

        Action::StepLayer(by) => step_layer(state, by),
        Action::LastLayer => {
            if let Some(id) = state.view.chosen_before.filter(|id| state.document.layer(*id).is_some()) {
                state.history.settle(&state.document);
                state.view.chosen = Some(id);
            }
        }
        Action::Peek(on) => state.view.peeking = on,
    }
    Vec::new()
}

/// The first time, the range lies around the grey under the pointer.
fn toggle_limit(state: &mut State) {
    state.view.tools.limited = !state.view.tools.limited;
    if state.view.tools.limited && state.view.tools.range.is_none() {
        let grey = state.view.pointer.zip(state.shown_image()).and_then(|((x, y), image)| {
            let scale = image.width() as f32 / state.document.size_px.max(1) as f32;
            image.get((x * scale) as u32, (y * scale) as u32)
        });
        let around = grey.map(|g| f32::from(g) / 65535.0).map(|g| GreyRange {
            low: (g - RANGE_AROUND).max(0.0),
            high: (g + RANGE_AROUND).min(1.0),
            inverted: false,
        });
        state.view.tools.range = around;
    }
}

/// Changes the chosen layer's region by one press; pressing again is another entry.
fn change(state: &mut State, with: impl FnOnce(&Region) -> Region) {
    let Some(id) = stroke::chosen_drawable(state) else { return };
    edit(state, Gesture::Click, |d| {
        if let Some(layer) = d.layer_mut(id) {
            layer.region = with(&layer.region);
        }
    });
}

fn reshape_by(state: &mut State, length: f32) {
    let size = state.document.size_px;
    let by = millimetres::tool_px(&state.document, length);
    change(state, |region| margin::moved(region, by, size));
}

fn repair_mask(state: &mut State, with: impl FnOnce(&Mask) -> Mask) {
    if state.chosen_layer().is_some_and(|l| l.region.mask().is_some()) {
        change(state, |region| region.mask().map_or_else(|| region.clone(), |m| region.with_mask(Arc::new(with(m)))));
    } else {
        state.messages.push(Level::Note, "Choose a painted layer first; a box has neither holes nor a rough edge.");
    }
}

/// Something in the middle, for the keyboard: a box in a box layer, a disc of the brush in a painted one.
fn place(state: &mut State) {
    if matches!(state.view.stroke, Some(Stroke::Polygon { .. })) {
        return stroke::close_polygon(state);
    }
    let middle = state.document.size_px as f32 * 0.5;
    let is_box = state.chosen_layer().is_some_and(|l| matches!(l.region, Region::Box(_)));
    if is_box || state.view.tool == Tool::Box {
        let half = (state.document.size_px as f32 * 0.08).round();
        let middle = middle.round();
        stroke::put_box(state, RectPx { x0: middle - half, y0: middle - half, x1: middle + half, y1: middle + half });
    } else {
        let radius = state.view.brush_px;
        stroke::fill(state, false, |mask, _| mask.paint_stroke((middle, middle), (middle, middle), radius, true, None));
    }
    state.history.settle(&state.document);
}

fn resize_box(state: &mut State, dx: i32, dy: i32) {
    let size = state.document.size_px as f32;
    let Some(id) = stroke::chosen_drawable(state) else { return };
    edit(state, Gesture::Draw(id), |d| {
        if let Some(Region::Box(Some(rect))) = d.layer_mut(id).map(|l| &mut l.region) {
            rect.x1 = (rect.x1 + dx as f32).clamp((rect.x0 + boxed::MIN_SIDE_PX).min(size), size);
            rect.y1 = (rect.y1 + dy as f32).clamp((rect.y0 + boxed::MIN_SIDE_PX).min(size), size);
        }
    });
}

fn copy_earlier(state: &mut State, result: usize, annotation: usize) {
    let found = state.results.get(result).and_then(|r| r.artifact.request.annotations.get(annotation)).cloned();
    let Some(found) = found else {
        state.messages.push(Level::Note, "That image is gone or had no such layer.");
        return;
    };
    let size = state.document.size_px;
    let into_box = state.chosen_layer().is_some_and(|l| matches!(l.region, Region::Box(_)));
    if into_box {
        if let Some(rect) = earlier::rect(&found, size) {
            stroke::put_box(state, rect);
        }
    } else {
        let copy = earlier::mask(&found, size);
        let finding = found.finding;
        shapes::put_mask(state, finding, copy);
    }
    state.history.settle(&state.document);
}

fn step_layer(state: &mut State, by: i32) {
    let layers = &state.document.layers;
    let at = state.view.chosen.and_then(|id| layers.iter().position(|l| l.id == id));
    let last = layers.len() as i64 - 1;
    let to = at.map_or(0, |at| (at as i64 + i64::from(by)).clamp(0, last.max(0)));
    let id = usize::try_from(to).ok().and_then(|to| layers.get(to)).map(|l| l.id);
    if id.is_some() {
        state.history.settle(&state.document);
        state.view.chosen = id;
    }
}

#[cfg(test)]
mod tests;
