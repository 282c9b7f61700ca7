//! A Stable Diffusion model from its folder, and how much memory it takes.

use std::path::Path;
use std::sync::Arc;

use candle_core::DType;

use super::backbone::{Backbone, Sizes};
use super::folder::{AutoencoderSizes, Folder, config};
use super::memory::Budget;
use super::plan::{AutoencoderPlan, F32, weights};
use super::prompt::{Prompt, Reading};
use super::text_encoder::TextEncoder;
use super::{Error, MemoryPlan, ModelCard, OpenOptions, Pipeline};
use crate::device::{DeviceKind, Precision};
use crate::diffusion::{BetaCurve, NoiseSchedule, Stepping, TimestepSpacing, betas};
use crate::model::sd::{ClipConfig, ClipText, Unet, UnetConfig, clip_params, unet_params};
use crate::store::model_dir::{ModelSpec, SchedulerSpec, UnetSpec};
use crate::store::record::model_hash;

/// Longest process that is believed.
const MOST_TIMESTEPS: usize = 1 << 16;

/// Opens a folder whose network is a U-Net; see [`Pipeline::open`].
pub(super) fn open(
    mut folder: Folder,
    (model, spec): (&ModelSpec, &UnetSpec),
    kind: &DeviceKind,
    options: &OpenOptions,
) -> Result<Pipeline, Error> {
    let device = folder.device.clone();
    let config: UnetConfig = folder.config("unet.config", &spec.config)?;
    let unet_list = unet_params(&config)?;
    let clip: ClipConfig = folder.config("text.config", &model.text.config)?;
    let clip_list = clip_params(&clip)?;
    if config.cross_attention_dim != clip.hidden_size {
        let message = format!("is {}, but the text encoder's hidden_size is {}", config.cross_attention_dim, clip.hidden_size);
        return Err(folder.field("unet.config.cross_attention_dim", message));
    }
    let limit = model.text.max_tokens;
    if !(3..=clip.max_position_embeddings).contains(&limit) {
        let message = format!("is {limit}, expected 3 to max_position_embeddings ({})", clip.max_position_embeddings);
        return Err(folder.field("text.max_tokens", message));
    }
    if model.text.quantized.is_some() {
        return Err(folder.field("text.quantized", "is for T5 encoders, and this kind of model has CLIP's".to_owned()));
    }
    let (schedule, stepping) = process(&folder, &spec.scheduler)?;
    let prediction = folder.prediction("unet.prediction", &spec.prediction)?;
    let (autoencoder_list, autoencoder) = folder.autoencoder_list()?;
    let AutoencoderSizes { factor, latent_channels: channels, image_channels } = autoencoder;
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
    let budget = Budget::new(plan(&folder.dir, model, spec)?, *kind, options)?;
    let files = folder.hashes(model)?;
    let text_key = folder.text_key(&files, kind);
    let folder = Arc::new(folder);

    let staged = budget.staged;
    let sizes = Sizes::of_unet(&config);
    let weights = spec.weights.clone();
    let network = folder.part(staged, &spec.weights, unet_list, move |folder, list| {
        Ok(Backbone::Unet(Box::new(Unet::new(folder.weights(&weights, list, DType::F32)?, &config)?)))
    })?;
    let autoencoder = folder.autoencoder(staged, autoencoder_list)?;
    let (width, vocab_size) = (clip.hidden_size, clip.vocab_size);
    let encoder = folder.part(staged, &model.text.weights, clip_list, move |folder, list| {
        let vb = folder.weights(&folder.spec.text.weights, list, DType::F32)?;
        Ok(TextEncoder::Clip(Box::new(ClipText::new(vb, &clip)?)))
    })?;
    let tokenizer = folder.tokenizer(vocab_size)?;
    if tokenizer.start_id().is_none() {
        return Err(folder.field("text.tokenizer", "is not CLIP's, which this kind of model needs".to_owned()));
    }
    let (image_map, condition_map) = folder.latent_maps(channels)?;
    let card = ModelCard {
        name: model.name.clone(),
        kind: model.network.kind(),
        hash: model_hash(&files),
        files,
        practice: model.practice,
        size_px: model.size_px,
        token_limit: limit,
        has_control: false,
        latent_channels: channels,
        defaults: folder.defaults(&model.defaults)?,
        device: kind.to_string(),
        dtype: Precision::F32.to_string(),
    };
    Ok(Pipeline {
        card,
        prompt: Prompt {
            tokenizer,
            encoder,
            streamed: false,
            width,
            cache: None,
            max_tokens: limit,
            reading: Reading::Raw,
            device: device.clone(),
        },
        text_key,
        image_map,
        condition_map,
        condition_sampled: model.latent.condition_sampled,
        control_unconditional: true,
        palette: folder.palette()?,
        preview: folder.preview(factor, channels)?,
        schedule,
        stepping: Some(stepping),
        network,
        sizes,
        autoencoder,
        image_channels,
        bands: budget.bands,
        budget,
        prediction,
        device,
    })
}

/// Refuses what a U-Net does not compute in; it is held to its reference in `f32` only.
///
/// # Errors
/// Names model and number type.
pub(super) fn check_precision(model: &ModelSpec, precision: Precision) -> Result<(), Error> {
    match precision {
        Precision::Auto | Precision::F32 => Ok(()),
        Precision::Bf16 | Precision::F16 => {
            Err(Error::ForeignPrecision { model: model.name.clone(), kind: model.network.kind(), precision })
        }
    }
}

/// The noise process and the walk down it.
fn process(folder: &Folder, spec: &SchedulerSpec) -> Result<(NoiseSchedule, Stepping), Error> {
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

/// Memory of such a model; see [`MemoryPlan::of`]. All of it is `f32`, and its text encoder is small enough to stay.
pub(super) fn plan(dir: &Path, model: &ModelSpec, spec: &UnetSpec) -> Result<MemoryPlan, Error> {
    let unet: UnetConfig = config(dir, "unet.config", &spec.config)?;
    let clip: ClipConfig = config(dir, "text.config", &model.text.config)?;
    let autoencoder = AutoencoderPlan::of(dir, model)?;
    // Latents at full size: what the way down keeps for the way up, and twice the widest maps there.
    let places = (unet.sample_size as u64).pow(2);
    let (finest, widest) = (unet.block_out_channels.first(), unet.block_out_channels.get(1).or(unet.block_out_channels.first()));
    let width = |width: Option<&usize>| width.copied().unwrap_or(0) as u64;
    let kept = (unet.layers_per_block as u64 + 2) * width(finest);
    // Inside attention a block holds its tokens several times and the inner layer, eight widths wide.
    let passing = (14 * width(finest)).max(3 * (width(finest) + width(widest)));
    Ok(MemoryPlan {
        kind: model.network.kind(),
        size_px: model.size_px,
        text: weights(&clip_params(&clip)?),
        text_streamed: false,
        text_block: 0,
        network: weights(&unet_params(&unet)?),
        autoencoder: autoencoder.weights,
        step: places * (kept + passing) * F32,
        decode: autoencoder.decode,
        decode_in_bands: autoencoder.decode_in_bands,
    })
}
