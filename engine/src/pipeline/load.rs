//! A model folder becomes a [`Pipeline`]; here where its network is a diffusion transformer.

use std::path::Path;
use std::sync::Arc;

use candle_core::DType;

use super::backbone::{Backbone, Sizes};
use super::folder::{AutoencoderSizes, Folder, quantization, shapes_of};
use super::memory::Budget;
use super::part::Part;
use super::prompt::{Prompt, Reading};
use super::stable;
use super::text_encoder::TextEncoder;
use super::{Error, MemoryPlan, ModelCard, OpenOptions, Pipeline};
use crate::denoise::Network;
use crate::device::{DeviceKind, Precision};
use crate::diffusion::NoiseSchedule;
use crate::model::{Base, ControlDit, Dit, DitConfig, Param, T5Config, T5Encoder, control_params, dit_params, params};
use crate::store::model_dir::{DitSpec, ModelSpec, NetworkSpec, PartsSpec};
use crate::store::record::model_hash;

/// Timesteps of the process the networks are trained on.
const TIMESTEPS: usize = 1000;

/// Opens the folder; see [`Pipeline::open`].
pub(super) fn open(dir: &Path, kind: &DeviceKind, options: &OpenOptions) -> Result<Pipeline, Error> {
    let precision = options.precision.on(*kind)?;
    let spec = ModelSpec::read(dir)?;
    let folder = |device| Folder::new(dir, PartsSpec::from(&spec), device);
    match &spec.network {
        NetworkSpec::Dit(dit) => transformer(folder(kind.open()?), (&spec, dit), kind, options, precision),
        NetworkSpec::Unet(unet) => {
            stable::check_precision(&spec, options.precision)?;
            stable::open(folder(kind.open()?), (&spec, unet), kind, options)
        }
    }
}

fn transformer(
    mut folder: Folder,
    (spec, dit): (&ModelSpec, &DitSpec),
    kind: &DeviceKind,
    options: &OpenOptions,
    precision: Precision,
) -> Result<Pipeline, Error> {
    let device = folder.device.clone();
    let dit_config: DitConfig = folder.config("dit.config", &dit.config)?;
    dit_config.check()?;
    let text_config: T5Config = folder.config("text.config", &spec.text.config)?;
    if dit_config.text_embed_dims != text_config.d_model {
        let message = format!("is {}, but the text encoder's d_model is {}", dit_config.text_embed_dims, text_config.d_model);
        return Err(folder.field("dit.config.text_embed_dims", message));
    }
    if spec.text.max_tokens == 0 || spec.text.max_tokens > dit_config.token_num {
        let message = format!("is {}, expected 1 to dit.config.token_num ({})", spec.text.max_tokens, dit_config.token_num);
        return Err(folder.field("text.max_tokens", message));
    }
    let (autoencoder_list, autoencoder) = folder.autoencoder_list()?;
    let AutoencoderSizes { factor, latent_channels: channels, image_channels } = autoencoder;
    if channels != dit_config.in_channels {
        let message = format!("is {}, but the autoencoder has {channels}", dit_config.in_channels);
        return Err(folder.field("dit.config.in_channels", message));
    }
    if dit_config.input_size * factor != spec.size_px as usize {
        let message =
            format!("is {}, but {} latent positions of {factor} px give another size", spec.size_px, dit_config.input_size);
        return Err(folder.field("size_px", message));
    }
    let plan = MemoryPlan::with(&folder.dir, options.text_memory, precision)?;
    let budget = Budget::new(plan, *kind, options)?;
    let files = folder.hashes(spec)?;
    let text_key = folder.text_key(&files, kind);
    let folder = Arc::new(folder);

    let staged = budget.staged;
    let network = {
        let (dit, config, list) = (dit.clone(), dit_config.clone(), network_list(dit, &dit_config)?);
        folder.part(staged, &dit.weights.clone(), list, move |folder, list| {
            Ok(Backbone::Transformer(network(folder, &dit, &config, list, precision.dtype())?))
        })?
    };
    let autoencoder = folder.autoencoder(staged, autoencoder_list)?;
    let streamed = budget.plan.text_streamed;
    let encoder = text_encoder(&folder, &text_config, streamed, staged)?;
    let tokenizer = folder.tokenizer(text_config.vocab_size)?;
    let prediction = folder.prediction("dit.prediction", &dit.prediction)?;
    let (image_map, condition_map) = folder.latent_maps(channels)?;
    let card = ModelCard {
        name: spec.name.clone(),
        kind: spec.network.kind(),
        hash: model_hash(&files),
        files,
        practice: spec.practice,
        size_px: spec.size_px,
        token_limit: spec.text.max_tokens,
        has_control: dit.control_blocks > 0,
        latent_channels: channels,
        defaults: folder.defaults(&spec.defaults)?,
        device: kind.to_string(),
        dtype: precision.to_string(),
    };
    Ok(Pipeline {
        card,
        prompt: Prompt {
            tokenizer,
            encoder,
            streamed,
            width: text_config.d_model,
            cache: None,
            max_tokens: spec.text.max_tokens,
            reading: Reading::Cleaned,
            device: device.clone(),
        },
        text_key,
        image_map,
        condition_map,
        condition_sampled: spec.latent.condition_sampled,
        control_unconditional: dit.control_unconditional,
        palette: folder.palette()?,
        preview: folder.preview(factor, channels)?,
        schedule: NoiseSchedule::linear(TIMESTEPS)?,
        stepping: None,
        network,
        sizes: Sizes::of_transformer(&dit_config),
        autoencoder,
        image_channels,
        bands: budget.bands,
        budget,
        prediction,
        device,
    })
}

/// The text encoder of a folder, read from its file for every text or kept in memory.
pub(super) fn text_encoder(
    folder: &Arc<Folder>,
    config: &T5Config,
    streamed: bool,
    staged: bool,
) -> Result<Part<TextEncoder>, Error> {
    // Building on a recorder checks the sizes before anything is made of them.
    let list = params::record(|vb| T5Encoder::new(vb, config).map(|_| ()))?;
    if let Some(kind) = quantization(&folder.dir, &folder.spec.text)? {
        let shapes = config.packed_shapes(kind);
        if streamed {
            let file = folder.tensors(&folder.spec.text.weights, &shapes)?;
            return Ok(Part::Kept(TextEncoder::packed(file, config, kind, false)?));
        }
        let list: Vec<Param> = shapes.into_iter().map(|(name, shape)| Param { name, shape, trainable: false }).collect();
        let config = config.clone();
        return folder.part(staged, &folder.spec.text.weights, list, move |folder, list| {
            let file = folder.tensors(&folder.spec.text.weights, &shapes_of(list))?;
            Ok(TextEncoder::packed(file, &config, kind, true)?)
        });
    }
    if streamed {
        let file = folder.tensors(&folder.spec.text.weights, &config.param_shapes())?;
        return Ok(Part::Kept(TextEncoder::streamed(file, config, &folder.device)?));
    }
    let config = config.clone();
    folder.part(staged, &folder.spec.text.weights, list, move |folder, list| {
        let vb = folder.weights(&folder.spec.text.weights, list, DType::F32)?;
        Ok(TextEncoder::InMemory(Box::new(T5Encoder::new(vb, &config)?)))
    })
}

/// The tensors of the network.
fn network_list(spec: &DitSpec, config: &DitConfig) -> Result<Vec<Param>, Error> {
    Ok(match spec.control_blocks {
        0 => dit_params(config)?,
        blocks => control_params(config, blocks, Base::Frozen)?,
    })
}

fn network(folder: &Folder, spec: &DitSpec, config: &DitConfig, list: &[Param], dtype: DType) -> Result<Network, Error> {
    let vb = folder.weights(&spec.weights, list, dtype)?;
    Ok(match spec.control_blocks {
        0 => Network::Text(Box::new(Dit::new(vb, config)?)),
        blocks => Network::Control(Box::new(ControlDit::new(vb, config, blocks)?)),
    })
}
