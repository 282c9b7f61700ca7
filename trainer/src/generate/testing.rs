//! A model card and a record for the tests of this folder.

use engine::domain::{GenerateRequest, Preset, SamplerKind};
use engine::pipeline::{Defaults, ModelCard};
use engine::store::model_dir::ModelKind;
use engine::store::record::{FileHash, RunRecord};

/// A small model that has no weights.
pub(super) fn card() -> ModelCard {
    ModelCard {
        name: "Test 64".to_owned(),
        kind: ModelKind::DiffusionTransformer,
        hash: "0".repeat(64),
        files: vec![FileHash { name: "dit.safetensors".to_owned(), blake3: "1".repeat(64) }],
        practice: true,
        size_px: 64,
        token_limit: 16,
        has_control: true,
        latent_channels: 4,
        defaults: Defaults {
            num_steps: 25,
            sampler: SamplerKind::DpmPp2M,
            guidance_scale: 2.0,
            preset: Preset::Paper,
            eta: 0.0,
            karras: true,
        },
        device: "cpu".to_owned(),
        dtype: "f32".to_owned(),
    }
}

/// A record of a request to that model.
pub(super) fn record(request: &GenerateRequest) -> RunRecord {
    let card = card();
    RunRecord {
        request: request.clone(),
        model_name: card.name,
        files: card.files,
        engine_version: "0.1.0".to_owned(),
        device: card.device,
        dtype: "f32".to_owned(),
        size_px: card.size_px,
        steps_ran: request.num_steps,
        pixels_blake3: "3".repeat(64),
        control_blake3: None,
        noise: None,
        band_rows: None,
    }
}
