//! Load a model once, generate many images.
//!
//! Impression → tokens → text embedding; annotations → condition picture → latent; start noise →
//! sampler → latent → 16-bit grey. An image depends on its request and the weights only: not on the
//! batch, its order, the thread count or whether anybody watches.

mod card;
mod event;

use std::path::Path;

pub use card::{Defaults, ModelCard, TokenCount};
pub use event::{Event, Generated, Outcome, StepLatent};

use crate::cancel::Cancel;
use crate::device::{DeviceError, DeviceKind};
use crate::domain::{GenerateRequest, GrayImage, RequestError};

/// Why a model cannot be opened or an image not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request that cannot be run.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A device that cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Findings are drawn, and the model has no control branch.
    #[error("model {model} cannot follow masks or boxes; remove them or choose a model with control")]
    NoControl {
        /// The model.
        model: String,
    },
    /// The release preset is made for latents of four channels.
    #[error("preset release needs a model with 4 latent channels, but model {model} has {channels}; choose preset paper")]
    Preset {
        /// The model.
        model: String,
        /// Its latent channels.
        channels: usize,
    },
    /// Requests of one batch with different sampler settings.
    #[error("the requests of a batch differ in {field}; generate them one after another")]
    MixedBatch {
        /// The first field that differs.
        field: &'static str,
    },
    /// The network gave NaN or infinity.
    #[error("the model produced NaN or infinity at step {step} of {of}; its weights are damaged or guidance is too strong")]
    NotFinite {
        /// The step, from 1.
        step: usize,
        /// Of how many.
        of: usize,
    },
    /// A tensor operation failed.
    #[error("the model failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// A loaded model, ready to generate.
#[derive(Debug)]
pub struct Pipeline {
    card: ModelCard,
}

impl Pipeline {
    /// Loads the model folder `dir`.
    ///
    /// # Errors
    /// When a file is missing, damaged or foreign, or the device cannot be used.
    pub fn open(_dir: &Path, device: &DeviceKind) -> Result<Self, Error> {
        device.open()?;
        Err(Error::Tensor(candle_core::Error::Msg("models cannot be opened by this build".to_owned())))
    }

    /// What was loaded.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// How many tokens an impression has, and where it is cut.
    pub fn count_tokens(&self, _impression: &str) -> TokenCount {
        TokenCount { used: 0, limit: self.card.token_limit, cut_at: None }
    }

    /// The condition picture the model would see, if findings are drawn.
    pub fn condition(&self, _request: &GenerateRequest) -> Option<GrayImage> {
        None
    }

    /// Generates one image for every request; all must agree in steps, sampler, eta, karras, guidance
    /// and preset. `on_event` is called on this thread.
    ///
    /// # Errors
    /// When a request is out of range, does not fit the model, or the network gives NaN.
    pub fn generate(
        &self,
        requests: &[GenerateRequest],
        _cancel: &Cancel,
        _on_event: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Error> {
        for request in requests {
            request.check()?;
        }
        Ok(Outcome::Done(Vec::new()))
    }

    /// Decodes a step's latent by the autoencoder: the picture the run would give if it stopped there.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn decode(&self, latent: &StepLatent) -> Result<GrayImage, Error> {
        let _ = &latent.0;
        Ok(GrayImage::black(self.card.size_px, self.card.size_px))
    }
}
