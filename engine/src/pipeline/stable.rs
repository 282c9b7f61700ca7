//! A Stable Diffusion model from its folder, and how much memory it takes.

use std::path::Path;

use super::load::{Folder, combined_hash};
use super::maps::LatentMap;
use super::plan::{F32, weights};
use super::prompt::{Prompt, Reading};
use super::text_encoder::TextEncoder;
use super::{Backbone, Error, MemoryPlan, ModelCard, Pipeline, load};
use crate::condition::Palette;
use crate::device::DeviceKind;
use crate::diffusion::{BetaCurve, NoiseSchedule, Prediction, Stepping, TimestepSpacing, betas};
use crate::model::sd::{ClipConfig, ClipText, Unet, UnetConfig, clip_params, unet_params};
use crate::model::{KlConfig, vae_params};
use crate::store::model_dir::{AutoencoderSpec, ModelSpec, SchedulerSpec, UnetSpec};
use crate::text::Tokenizer;

/// Longest process that is believed.
const MOST_TIMESTEPS: usize = 1 << 16;

/// Opens a folder whose network is a U-Net; see [`Pipeline::open`].
pub(super) fn open(folder: &Folder<'_>, spec: &UnetSpec, kind: &DeviceKind) -> Result<Pipeline, Error> {
    let (model, device) = (folder.spec, folder.device);
    let config: UnetConfig = folder.config("unet.config", &spec.config)?;
    let expected = unet_params(&config)?;
    let clip: ClipConfig = folder.config("text.config", &model.text.config)?;
    let clip_expected = clip_params(&clip)?;
    if config.cross_attention_dim != clip.hidden_size {
        let message = format!("is {}, but the text encoder's hidden_size is {}", config.cross_attention_dim, clip.hidden_size);
        return Err(folder.field("unet.config.cross_attention_dim", message));
    }
    let limit = model.text.max_tokens;
    if !(3..=clip.max_position_embeddings).contains(&limit) {
        let message = format!("is {limit}, expected 3 to max_position_embeddings ({})", clip.max_position_embeddings);
        return Err(folder.field("text.max_tokens", message));
    }
    let (schedule, stepping) = process(folder, &spec.scheduler)?;
    let prediction = match spec.prediction.as_str() {
        "epsilon" => Prediction::Epsilon,
        "velocity" => Prediction::Velocity,
        other => return Err(folder.field("unet.prediction", format!("is {other:?}, expected epsilon or velocity"))),
    };
    let files = folder.hashes()?;
    let text_key = folder.text_key(&files, kind);

    let autoencoder = folder.autoencoder()?;
    let (factor, channels) = (autoencoder.factor(), autoencoder.latent_channels());
    if config.in_channels != channels || config.out_channels != channels {
        let message = format!(
            "takes {} channels and gives {}, but the autoencoder has {channels}; only models that draw from noise alone are read",
            config.in_channels, config.out_channels
        );
        return Err(folder.field("unet.config", message));
    }
    if config.sample_size * factor != model.size_px as usize {
        let message =
            format!("is {}, but {} latent positions of {factor} px give another size", model.size_px, config.sample_size);
        return Err(folder.field("size_px", message));
    }
    let unet = Unet::new(folder.weights(&spec.weights, &expected)?, &config)?;
    let encoder = ClipText::new(folder.weights(&model.text.weights, &clip_expected)?, &clip)?;
    let tokenizer = Tokenizer::open(&folder.dir.join(&model.text.tokenizer))?;
    if tokenizer.start_id().is_none() {
        return Err(folder.field("text.tokenizer", "is not CLIP's, which this kind of model needs".to_owned()));
    }
    if tokenizer.vocab_size() > clip.vocab_size {
        let message = format!("is {}, but the tokenizer has {} tokens", clip.vocab_size, tokenizer.vocab_size());
        return Err(folder.field("text.config.vocab_size", message));
    }
    let map = |field, shift: &[f32], scale: &[f32]| {
        let message = format!("expected 1 or {channels} finite values in shift and in scale, and no scale of 0");
        LatentMap::new(shift, scale, channels, device)?.ok_or_else(|| folder.field(field, message))
    };
    let latent = &model.latent;
    let card = ModelCard {
        name: model.name.clone(),
        kind: model.network.kind(),
        hash: combined_hash(&files),
        files,
        practice: model.practice,
        size_px: model.size_px,
        token_limit: limit,
        has_control: false,
        latent_channels: channels,
        defaults: folder.defaults()?,
        device: kind.to_string(),
    };
    Ok(Pipeline {
        card,
        prompt: Prompt {
            tokenizer,
            encoder: TextEncoder::Clip(Box::new(encoder)),
            width: clip.hidden_size,
            cache: None,
            max_tokens: limit,
            reading: Reading::Raw,
            device: device.clone(),
        },
        text_key,
        image_map: map("latent", &latent.shift, &latent.scale)?,
        condition_map: map("latent.condition_*", &latent.condition_shift, &latent.condition_scale)?,
        condition_sampled: latent.condition_sampled,
        control_unconditional: true,
        palette: model.palette.parse::<Palette>().map_err(|error| folder.field("palette", error.to_string()))?,
        preview: folder.preview(factor, channels)?,
        schedule,
        stepping: Some(stepping),
        backbone: Backbone::Unet(Box::new(unet)),
        autoencoder,
        prediction,
        device: device.clone(),
    })
}

/// The noise process and the walk down it.
fn process(folder: &Folder<'_>, spec: &SchedulerSpec) -> Result<(NoiseSchedule, Stepping), Error> {
    let (start, end) = (spec.beta_start, spec.beta_end);
    let curve = match spec.beta_schedule.as_str() {
        "linear" => BetaCurve::Linear { start, end },
        "scaled_linear" => BetaCurve::ScaledLinear { start, end },
        other => {
            let message = format!("is {other:?}, expected linear or scaled_linear");
            return Err(folder.field("unet.scheduler.beta_schedule", message));
        }
    };
    let steps = spec.num_train_timesteps;
    if !(2..=MOST_TIMESTEPS).contains(&steps) || spec.steps_offset >= steps {
        let message = format!("is {steps}, expected 2 to {MOST_TIMESTEPS} and more than steps_offset ({})", spec.steps_offset);
        return Err(folder.field("unet.scheduler.num_train_timesteps", message));
    }
    let spacing = match spec.timestep_spacing.as_str() {
        "leading" => TimestepSpacing::Leading,
        "linspace" => TimestepSpacing::Linspace,
        "trailing" => TimestepSpacing::Trailing,
        other => {
            let message = format!("is {other:?}, expected leading, linspace or trailing");
            return Err(folder.field("unet.scheduler.timestep_spacing", message));
        }
    };
    let stepping = Stepping { spacing, steps_offset: spec.steps_offset, set_alpha_to_one: spec.set_alpha_to_one };
    let schedule = betas(curve, steps).and_then(NoiseSchedule::from_betas);
    Ok((schedule.map_err(|error| folder.field("unet.scheduler", error.to_string()))?, stepping))
}

/// Memory of such a model; see [`MemoryPlan::of`].
pub(super) fn plan(dir: &Path, model: &ModelSpec, spec: &UnetSpec) -> Result<MemoryPlan, Error> {
    let unet: UnetConfig = load::config(dir, "unet.config", &spec.config)?;
    let clip: ClipConfig = load::config(dir, "text.config", &model.text.config)?;
    let AutoencoderSpec::Kl { config, .. } = &model.autoencoder else {
        let message = "is the practice model's, and a U-Net has a KL autoencoder".to_owned();
        return Err(Error::Description { path: dir.join("model.toml"), field: "autoencoder.kind", message });
    };
    let vae: KlConfig = load::config(dir, "autoencoder.config", config)?;
    let text = weights(&clip_params(&clip)?);
    // Latents at full size: what the way down keeps for the way up, and twice the widest maps there.
    let places = (unet.sample_size as u64).pow(2);
    let (finest, widest) = (unet.block_out_channels.first(), unet.block_out_channels.get(1).or(unet.block_out_channels.first()));
    let width = |width: Option<&usize>| width.copied().unwrap_or(0) as u64;
    let kept = (unet.layers_per_block as u64 + 2) * width(finest);
    // Inside attention a block holds its tokens several times and the inner layer, eight widths wide.
    let passing = (14 * width(finest)).max(3 * (width(finest) + width(widest)));
    let decoder = vae.block_out_channels.iter().take(2).max().copied().unwrap_or(0) as u64;
    Ok(MemoryPlan {
        size_px: model.size_px,
        text,
        text_streamed: false,
        text_block: 0,
        network: weights(&unet_params(&unet)?),
        autoencoder: weights(&vae_params(&vae)?),
        step: places * (kept + passing) * F32,
        decode: 3 * decoder * u64::from(model.size_px).pow(2) * F32,
    })
}
