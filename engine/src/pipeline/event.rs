//! What a run tells while it runs, and what it leaves.

use candle_core::{DType, Tensor};

use super::AttentionMap;
use crate::domain::{GrayImage, LatentValues};
use crate::store::record::RunRecord;
use crate::store::run_state::RunState;

/// A latent of one image at one step; [`super::Pipeline::decode`] makes a picture of it.
#[derive(Clone, Debug)]
pub struct StepLatent(pub(super) Tensor);

impl StepLatent {
    /// The latent as plain numbers, to keep it or to go on from it ([`crate::domain::Source::Latent`]).
    ///
    /// # Errors
    /// When it holds NaN or infinity, or a tensor operation fails.
    pub fn values(&self) -> candle_core::Result<LatentValues> {
        let (_, channels, height, width) = self.0.dims4()?;
        let values = self.0.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        match LatentValues::new(channels, height, width, values) {
            Some(values) => Ok(values),
            None => candle_core::bail!("the latent holds NaN or infinity"),
        }
    }
}

/// Progress of a run; all images of a batch go through the same step together.
#[derive(Clone, Debug)]
pub enum Event {
    /// Text and condition are ready and sampling begins.
    Started {
        /// Sampler steps of the run; an edit may begin after some of them.
        steps: usize,
    },
    /// A step is done.
    Step {
        /// Which, from 1.
        step: usize,
        /// Of how many.
        of: usize,
        /// The predicted clean image of every request, full size, by the cheap linear map; none where
        /// [`super::RunOptions::without_previews`] leaves them out.
        previews: Vec<GrayImage>,
        /// The predicted clean latent of every request.
        latents: Vec<StepLatent>,
        /// The latents of every request that the next step begins with, noise included.
        noisy: Vec<StepLatent>,
    },
    /// What the network looked at in the step just told; only where [`super::RunOptions::attention`] asks for it.
    Attention {
        /// Which step, from 1.
        step: usize,
        /// One map for every request.
        maps: Vec<AttentionMap>,
    },
    /// The run waits, as [`crate::cancel::Cancel::pause`] asked; no processor time is used.
    Paused {
        /// Steps done; the next one comes when the run goes on.
        step: usize,
        /// Of how many.
        of: usize,
        /// The run as it is, to be kept: [`super::Pipeline::resume`] goes on from it, even after this run is
        /// cancelled. Inversions cannot be kept.
        state: Option<Box<RunState>>,
    },
    /// The run goes on after a pause.
    Resumed,
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
