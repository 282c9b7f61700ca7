//! The shape library: asking for a plausible shape, and where it goes when it is drawn.

use std::sync::Arc;

use engine::domain::{Finding, Mask};
use engine::phantom::ShapeWish;

use super::{edit, stroke};
use crate::action::Effect;
use crate::state::{Gesture, Layer, LayerId, Level, Region, State};

/// Asks for the chosen shape: for the chosen layer while it is empty, otherwise for a new one.
pub(super) fn place(state: &mut State) -> Vec<Effect> {
    let target = state.chosen_layer().filter(|l| l.region.is_finding() && l.is_empty()).map(|l| l.id);
    ask(state, target)
}

/// Asks for another shape in place of the chosen layer's.
pub(super) fn another(state: &mut State) -> Vec<Effect> {
    state.view.tools.shape.seed = state.view.tools.shape.seed.wrapping_add(1);
    let target = state.chosen_layer().filter(|l| l.region.is_finding()).map(|l| l.id);
    ask(state, target)
}

fn ask(state: &mut State, target: Option<LayerId>) -> Vec<Effect> {
    let choice = state.view.tools.shape;
    let finding = state.chosen_layer().map_or(Finding::Pneumothorax, |l| l.finding);
    let wish = ShapeWish { finding, size: choice.size, side: choice.side, zone: choice.zone, seed: choice.seed };
    vec![Effect::DrawShape(target, wish)]
}

/// A shape is drawn: it goes into its layer, or into a new one, as one entry.
pub fn shape_drawn(state: &mut State, target: Option<LayerId>, finding: Finding, shape: Mask) {
    state.history.settle(&state.document);
    let size = state.document.size_px;
    let shape = if shape.width() == size { shape } else { shape.resized(size, size) };
    if shape.is_empty() {
        state.messages.push(Level::Note, "This shape would lie outside of the image; choose another zone or side.");
        return;
    }
    match target.and_then(|id| state.document.layer(id)).map(|l| l.id) {
        Some(id) => {
            state.view.chosen = Some(id);
            let empty = state.chosen_layer().is_some_and(Layer::is_empty);
            let may =
                if empty { state.chosen_layer().is_some_and(|l| !l.locked) } else { stroke::chosen_drawable(state).is_some() };
            if may {
                edit(state, Gesture::Click, |d| {
                    if let Some(layer) = d.layer_mut(id) {
                        layer.region = match &layer.region {
                            Region::Box(_) => Region::Box(shape.bounds()),
                            painted => painted.with_mask(Arc::new(shape)),
                        };
                    }
                });
            }
        }
        None => {
            let mut id = 0;
            edit(state, Gesture::Click, |d| id = d.push(finding, Region::Mask(Arc::new(shape))));
            state.view.chosen = Some(id);
        }
    }
}

/// Puts a mask into the chosen painted layer, or into a new one of a class.
pub(super) fn put_mask(state: &mut State, finding: Finding, mask: Mask) {
    let chosen = state.chosen_layer().filter(|l| l.region.mask().is_some()).map(|l| l.id);
    match chosen {
        Some(_) => stroke::fill(state, false, |m, _| *m = mask),
        None => shape_drawn(state, None, finding, mask),
    }
}
