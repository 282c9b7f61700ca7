//! The path-length maps of one picture.

use super::frame::Frame;

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
        let map = || vec![0.0f32; frame.grid * frame.grid];
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
