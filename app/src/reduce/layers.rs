//! Actions on the layer list.

use std::sync::Arc;

use engine::domain::{Finding, Mask};

use super::edit;
use crate::action::Action;
use crate::canvas::tool::shift;
use crate::state::{Gesture, LayerId, Region, State, Tool};

pub(super) fn reduce(state: &mut State, action: Action) {
    match action {
        Action::AddMask => {
            let size = state.document.size_px;
            add(state, Region::Mask(Arc::new(Mask::empty(size, size))));
            if matches!(state.view.tool, Tool::Box | Tool::Move | Tool::Margin) {
                state.view.tool = Tool::Brush;
            }
        }
        Action::AddBox => {
            add(state, Region::Box(None));
            state.view.tool = Tool::Box;
        }
        Action::AddGuide if state.document.layers.iter().all(|l| l.region != Region::Guide) => {
            edit(state, Gesture::Click, |d| {
                d.push(Finding::Pneumothorax, Region::Guide);
            });
        }
        Action::RemoveLayer(id) => {
            edit(state, Gesture::Click, |d| d.layers.retain(|l| l.id != id));
            if state.chosen_layer().is_none() {
                state.view.chosen = crate::state::view::first_drawable(&state.document);
            }
        }
        Action::ChooseLayer(id) => {
            state.history.settle(&state.document);
            state.view.chosen = state.document.layer(id).map(|l| l.id);
        }
        Action::SetFinding(id, finding) => change(state, id, Gesture::Click, |l| l.finding = finding),
        Action::SetStrength(id, strength) if strength.is_finite() => {
            change(state, id, Gesture::Strength(id), |l| l.strength = strength.clamp(0.0, 2.0));
        }
        Action::SetOpacity(id, opacity) if opacity.is_finite() => {
            change(state, id, Gesture::Opacity(id), |l| l.opacity = opacity.clamp(0.0, 0.6));
        }
        Action::ToggleVisible(id) => change(state, id, Gesture::Click, |l| l.visible = !l.visible),
        Action::ToggleLocked(id) => change(state, id, Gesture::Click, |l| l.locked = !l.locked),
        Action::ToggleSolo(id) => edit(state, Gesture::Click, |d| {
            for layer in &mut d.layers {
                layer.solo = layer.id == id && !layer.solo;
            }
        }),
        Action::SetStepRange(id, steps) if steps.is_valid() => {
            change(state, id, Gesture::Steps(id), |l| l.steps = steps);
        }
        Action::SetArea(id, area) => change(state, id, Gesture::Area(id), |l| l.area_px = area),
        Action::ReorderLayer(id, to) => edit(state, Gesture::Click, |d| {
            if let Some(from) = d.layers.iter().position(|l| l.id == id) {
                let layer = d.layers.remove(from);
                d.layers.insert(to.min(d.layers.len()), layer);
            }
        }),
        Action::AddMayChange => {
            let size = state.document.size_px;
            add(state, Region::MayChange(Arc::new(Mask::empty(size, size))));
        }
        Action::AddKeep => {
            let size = state.document.size_px;
            add(state, Region::Keep(Arc::new(Mask::empty(size, size))));
        }
        Action::MirrorLayer(id) => {
            let size = state.document.size_px;
            change(state, id, Gesture::Click, |l| l.region = shift::mirrored(&l.region, size));
        }
        Action::SetRegion(id, region) => change(state, id, Gesture::Click, |l| l.region = region),
        Action::Nudge(dx, dy) => {
            let size = state.document.size_px;
            if let Some(id) = super::stroke::chosen_drawable(state) {
                change(state, id, Gesture::Draw(id), |l| l.region = shift::shifted(&l.region, dx, dy, size));
            }
        }
        _ => {}
    }
}

/// A new layer of the chosen class, on top of the chosen one.
fn add(state: &mut State, region: Region) {
    let finding = state.chosen_layer().map_or(Finding::Pneumothorax, |l| l.finding);
    let finding = if state.document.layers.iter().any(|l| l.finding == finding && l.region != Region::Guide) {
        // A second layer usually shows something else: the first class without a layer.
        Finding::ALL
            .into_iter()
            .find(|f| !state.document.layers.iter().any(|l| l.finding == *f && l.region != Region::Guide))
            .unwrap_or(finding)
    } else {
        finding
    };
    let mut id = 0;
    edit(state, Gesture::Click, |d| id = d.push(finding, region));
    state.view.chosen = Some(id);
}

fn change(state: &mut State, id: LayerId, gesture: Gesture, change: impl FnOnce(&mut crate::state::Layer)) {
    edit(state, gesture, |d| {
        if let Some(layer) = d.layer_mut(id) {
            change(layer);
        }
    });
}
