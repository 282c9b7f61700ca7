//! What a run tells while it runs, and what it leaves.

use candle_core::Tensor;

use crate::domain::GrayImage;
use crate::store::record::RunRecord;

/// The predicted clean latent of one image at one step; [`super::Pipeline::decode`] makes a picture of it.
#[derive(Clone, Debug)]
pub struct StepLatent(pub(super) Tensor);

/// Progress of a run; all images of a batch go through the same step together.
#[derive(Clone, Debug)]
pub enum Event {
    /// Text and condition are ready and sampling begins.
    Started {
        /// Sampler steps of the run.
        steps: usize,
    },
    /// A step is done.
    Step {
        /// Which, from 1.
        step: usize,
        /// Of how many.
        of: usize,
        /// The predicted clean image of every request, full size, by the cheap linear map.
        previews: Vec<GrayImage>,
        /// The predicted clean latent of every request.
        latents: Vec<StepLatent>,
    },
    /// The images are decoded.
    Finished,
}

/// One finished image.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The radiograph.
    pub image: GrayImage,
    /// The condition picture the model saw, if findings were drawn.
    pub condition: Option<GrayImage>,
    /// Everything to make it again.
    pub record: RunRecord,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// One result for every request, in their order.
    Done(Vec<Generated>),
    /// Stopped before the end; nothing is returned.
    Cancelled,
}
