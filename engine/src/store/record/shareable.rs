//! The part of a record that can be given away: how an image was made, and hashes of what a person wrote and drew.

use serde::{Deserialize, Serialize};

use super::{RecordError, RunRecord};
use crate::domain::Source;
use crate::store::hash::{hash_bytes, hash_image};

/// Value of the `format` field.
const FORMAT: &str = "chexgen-shareable";

/// What a shareable file tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shareable {
    format: String,
    version: u32,
    /// True always.
    pub synthetic: bool,
    /// `region` or `whole` where an opened image was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<String>,
    /// Name of the model.
    pub model: String,
    /// Name and hash of every file of the model.
    pub files: Vec<(String, String)>,
    /// Version of the engine.
    pub engine_version: String,
    /// Device.
    pub device: String,
    /// Number type of the computation.
    pub dtype: String,
    /// Side of the model's image in pixels.
    pub size_px: u32,
    /// Seed.
    pub seed: u64,
    /// Sampler steps.
    pub num_steps: usize,
    /// Integrator.
    pub sampler: String,
    /// DDIM's noise share.
    pub eta: f32,
    /// Karras spacing.
    pub karras: bool,
    /// Guidance.
    pub guidance_scale: f32,
    /// Behaviour of guidance and control.
    pub preset: String,
    /// Classes that were drawn, in the order of layers.
    pub findings: Vec<String>,
    /// How many disagreements of text and drawings were left on purpose; the sentences would tell the text.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub kept_conflicts: usize,
    /// Hash of the text.
    pub text_blake3: String,
    /// Hash of the model's image.
    pub pixels_blake3: String,
    /// Hash of the condition picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_blake3: Option<String>,
    /// Hash of the opened image on the model's grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_blake3: Option<String>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Shareable {
    /// The shareable part of a record.
    pub fn of(record: &RunRecord) -> Self {
        let request = &record.request;
        let edited = match request.source {
            Source::Region { .. } => Some("region".to_owned()),
            Source::Image { .. } => Some("whole".to_owned()),
            Source::Noise | Source::Latent { .. } => None,
        };
        Self {
            format: FORMAT.to_owned(),
            version: 1,
            synthetic: true,
            edited,
            model: record.model_name.clone(),
            files: record.files.iter().map(|file| (file.name.clone(), file.blake3.clone())).collect(),
            engine_version: record.engine_version.clone(),
            device: record.device.clone(),
            dtype: record.dtype.clone(),
            size_px: record.size_px,
            seed: request.seed.0,
            num_steps: request.num_steps,
            sampler: request.sampler.name().to_owned(),
            eta: request.eta,
            karras: request.karras,
            guidance_scale: request.guidance_scale,
            preset: request.preset.name().to_owned(),
            findings: request.annotations.iter().map(|annotation| annotation.finding.name().to_owned()).collect(),
            kept_conflicts: request.kept_conflicts.len(),
            text_blake3: hash_bytes(request.impression.as_bytes()),
            pixels_blake3: record.pixels_blake3.clone(),
            control_blake3: record.control_blake3.clone(),
            source_blake3: request.source.image().map(hash_image),
        }
    }

    /// As JSON text, ending with a line break.
    ///
    /// # Errors
    /// Only if a number is not finite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads JSON text; `name` is used in errors.
    ///
    /// # Errors
    /// When it is other JSON, of a later version, or a field is missing or unknown.
    pub fn from_json(text: &str, name: &str) -> Result<Self, RecordError> {
        let found: Self = serde_json::from_str(text)
            .map_err(|error| RecordError::NotJson { name: name.to_owned(), reason: error.to_string() })?;
        if found.format != FORMAT {
            return Err(RecordError::Foreign { name: name.to_owned() });
        }
        if found.version != 1 {
            return Err(RecordError::Version { name: name.to_owned(), version: found.version.to_string() });
        }
        Ok(found)
    }
}
