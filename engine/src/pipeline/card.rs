//! What a loaded model is, in plain values that a window or a command line can show.

use crate::domain::{GenerateRequest, Preset, SamplerKind};
use crate::store::model_dir::ModelKind;
use crate::store::record::FileHash;

/// A model's settings for a request that says nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defaults {
    /// Sampler steps.
    pub num_steps: usize,
    /// The integrator.
    pub sampler: SamplerKind,
    /// Guidance strength; 1.0 is off.
    pub guidance_scale: f32,
    /// Behaviour of guidance and control.
    pub preset: Preset,
    /// DDIM's noise share.
    pub eta: f32,
    /// Karras spacing of the noise levels.
    pub karras: bool,
}

/// A loaded model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCard {
    /// The model's name.
    pub name: String,
    /// What kind of model it is.
    pub kind: ModelKind,
    /// One hash over all files that images depend on, 64 hexadecimal digits.
    pub hash: String,
    /// The files and their hashes.
    pub files: Vec<FileHash>,
    /// Whether it is a practice model, trained on procedural phantoms only.
    pub practice: bool,
    /// Side of its square images in pixels.
    pub size_px: u32,
    /// Most tokens of an impression that are read.
    pub token_limit: usize,
    /// Whether masks and boxes can steer it.
    pub has_control: bool,
    /// Latent channels.
    pub latent_channels: usize,
    /// Settings for a request that says nothing else.
    pub defaults: Defaults,
    /// Where it computes, such as `cpu`.
    pub device: String,
    /// What its transformer computes in, such as `f32`.
    pub dtype: String,
}

impl ModelCard {
    /// Whether impressions are cleaned before they are read; else the model reads them as they are typed.
    pub fn cleans_text(&self) -> bool {
        self.kind == ModelKind::DiffusionTransformer
    }

    /// A request with this model's defaults.
    pub fn request(&self, impression: impl Into<String>, seed: u64) -> GenerateRequest {
        let d = self.defaults;
        GenerateRequest {
            num_steps: d.num_steps,
            sampler: d.sampler,
            eta: d.eta,
            karras: d.karras,
            guidance_scale: d.guidance_scale,
            preset: d.preset,
            ..GenerateRequest::new(impression, seed)
        }
    }
}

/// How much of an impression the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCount {
    /// Tokens of the whole text, marks of beginning and end included.
    pub used: usize,
    /// Tokens that are read at most.
    pub limit: usize,
    /// Byte of the text from which nothing is read any more; `None` when all is read.
    pub cut_at: Option<usize>,
}
