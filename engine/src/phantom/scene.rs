//! The path-length maps of one picture.

use std::cell::RefCell;

use super::frame::Frame;

thread_local! {
    /// Maps of pictures drawn before on this thread, kept because fresh memory costs more than clearing.
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Maps kept for later by one thread.
const KEPT: usize = 12;

/// A cleared map of `len` values.
pub(crate) fn take_map(len: usize) -> Vec<f32> {
    let mut map = SPARE.with(|spare| spare.borrow_mut().pop()).unwrap_or_default();
    map.clear();
    map.resize(len, 0.0);
    map
}

/// Hands a map back for later use.
pub(crate) fn keep_map(map: Vec<f32>) {
    SPARE.with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < KEPT {
            spare.push(map);
        }
    });
}

/// Path lengths in cm on the sampling grid, row by row.
pub(crate) struct Scene {
    pub(crate) frame: Frame,
    /// Depth of the whole body.
    pub(crate) body: Vec<f32>,
    /// Subcutaneous and breast fat on top of the body.
    pub(crate) fat: Vec<f32>,
    /// The chest cavity left for lung, air or fluid; taken off the body's soft tissue.
    pub(crate) cavity: Vec<f32>,
    /// Lung tissue, as path through lung of usual density.
    pub(crate) lung: Vec<f32>,
    /// Lung vessels.
    pub(crate) vessel: Vec<f32>,
    /// Further soft tissue, fluid, calcium-free lesions.
    pub(crate) plus: Vec<f32>,
    /// Gas within soft tissue: airway, stomach.
    pub(crate) gas: Vec<f32>,
    /// Bone, as path through cortical bone.
    pub(crate) bone: Vec<f32>,
    /// Metal and radiopaque stripes, as path through steel.
    pub(crate) metal: Vec<f32>,
}

impl Scene {
    pub(crate) fn empty(frame: Frame) -> Self {
        let map = || take_map(frame.grid * frame.grid);
        Self {
            frame,
            body: map(),
            fat: map(),
            cavity: map(),
            lung: map(),
            vessel: map(),
            plus: map(),
            gas: map(),
            bone: map(),
            metal: map(),
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let maps = [
            &mut self.body,
            &mut self.fat,
            &mut self.cavity,
            &mut self.lung,
            &mut self.vessel,
            &mut self.plus,
            &mut self.gas,
            &mut self.bone,
            &mut self.metal,
        ];
        for map in maps {
            keep_map(std::mem::take(map));
        }
    }
}
