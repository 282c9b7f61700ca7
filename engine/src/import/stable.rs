//! A Stable Diffusion folder in diffusers' layout: U-Net, text encoder, autoencoder, scheduler, tokenizer.

mod parts;
mod scheduler;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::autoencoder::AutoencoderPart;
use super::convert::Job;
use super::folder::{json, refuse, table};
use super::{AUTOENCODER, Described, ImportError, NOTICE, Outcome, PREVIEW, Progress, TEXT, finish, image_size, latent, make};
use crate::cancel::Cancel;
use crate::domain::Preset;
use crate::model::KlConfig;
use crate::store::model_dir::{AutoencoderSpec, DefaultsSpec, FORMAT, ModelSpec, NetworkSpec, TextSpec, UnetSpec};
use crate::text::Tokenizer;
use parts::{ClipPart, UnetPart};
use scheduler::SchedulerPart;

/// Names of files in the model folder.
const UNET: &str = "unet.safetensors";
const TOKENIZER: &str = "tokenizer.json";
/// The only kind of folder that is read.
const PIPELINE: &str = "StableDiffusionPipeline";
/// Settings that diffusers starts such a model with.
const STEPS: usize = 50;
const GUIDANCE: f32 = 7.5;

/// Which folder to import, and where to.
#[derive(Clone, Debug)]
pub struct StableRequest {
    /// The folder with `model_index.json`.
    pub dir: PathBuf,
    /// Name of the model; the folder's name if not said.
    pub name: Option<String>,
    /// The model folder, made when missing.
    pub out: PathBuf,
    /// Whether another model that is there may be replaced.
    pub replace: bool,
}

/// Imports a Stable Diffusion folder into a model folder; as [`super::run`] otherwise.
///
/// The safety checker is left out, and the text encoder keeps its own type. Numbers are those of the published
/// folder, so images are those of its own program but for rounding, start noise apart.
///
/// # Errors
/// When a part is missing, damaged or of another kind, the parts do not fit each other, or a file cannot be written.
pub fn run_stable(
    request: &StableRequest,
    cancel: &Cancel,
    on_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome, ImportError> {
    let dir = request.dir.as_path();
    check_index(dir)?;
    let unet = UnetPart::open(&part(dir, "unet")?)?;
    let text = ClipPart::open(&part(dir, "text_encoder")?)?;
    let autoencoder = AutoencoderPart::published(&part(dir, "vae")?)?;
    let scheduler = SchedulerPart::open(&part(dir, "scheduler")?)?;
    let tokenizer = parts::tokenizer(&part(dir, "tokenizer")?)?;
    let size_px = fit(&unet, &text, &autoencoder, &tokenizer)?;

    let jobs = vec![
        Job { file: UNET, source: unet.source },
        Job { file: TEXT, source: text.source },
        Job { file: AUTOENCODER, source: autoencoder.source },
        Job { file: TOKENIZER, source: super::convert::Source::Bytes(tokenizer) },
    ];
    let Some(files) = make((&request.out, request.replace), jobs, &autoencoder.config, cancel, on_progress)? else {
        return Ok(Outcome::Cancelled);
    };
    let own = || dir.file_name().map_or_else(|| "Imported".to_owned(), |name| name.to_string_lossy().into_owned());
    let spec = ModelSpec {
        format: FORMAT,
        name: request.name.clone().unwrap_or_else(own),
        practice: false,
        size_px,
        notice: NOTICE.to_owned(),
        palette: "release".to_owned(),
        preview: Some(PREVIEW.to_owned()),
        text: TextSpec {
            weights: TEXT.to_owned(),
            tokenizer: TOKENIZER.to_owned(),
            quantized: None,
            max_tokens: text.config.max_position_embeddings,
            config: table(&text.config)?,
        },
        network: NetworkSpec::Unet(UnetSpec {
            weights: UNET.to_owned(),
            prediction: scheduler.prediction.to_owned(),
            scheduler: scheduler.spec,
            config: table(&unet.config)?,
        }),
        autoencoder: AutoencoderSpec::Kl { weights: AUTOENCODER.to_owned(), config: table::<KlConfig>(&autoencoder.config)? },
        latent: latent(&autoencoder.config),
        defaults: DefaultsSpec {
            preset: Preset::Paper.name().to_owned(),
            sampler: scheduler.sampler.name().to_owned(),
            num_steps: STEPS,
            guidance_scale: GUIDANCE,
        },
        hashes: files.hashes.clone(),
        reference: None,
    };
    finish(&request.out, Described::Model(Box::new(spec)), files, 0)
}

/// Whether the folder says that it is a Stable Diffusion model.
fn check_index(dir: &Path) -> Result<(), ImportError> {
    if !dir.is_dir() {
        return Err(refuse(dir, "is not a folder; name the folder of a Stable Diffusion model"));
    }
    let path = dir.join("model_index.json");
    if !path.is_file() {
        return Err(refuse(dir, "holds no model_index.json, so it is not a Stable Diffusion folder in diffusers' layout"));
    }
    match json(&path)?.get("_class_name").and_then(Value::as_str) {
        Some(PIPELINE) => Ok(()),
        Some(other) => Err(refuse(&path, format!("describes {other}, and a {PIPELINE} is needed"))),
        None => Err(refuse(&path, format!("has no _class_name, and a {PIPELINE} is needed"))),
    }
}

/// The folder of a part.
fn part(dir: &Path, name: &str) -> Result<PathBuf, ImportError> {
    let part = dir.join(name);
    match part.is_dir() {
        true => Ok(part),
        false => Err(refuse(&part, "is missing, and a Stable Diffusion model needs it; fetch the whole folder")),
    }
}

/// Whether the parts belong together; gives the side of the images.
fn fit(unet: &UnetPart, text: &ClipPart, autoencoder: &AutoencoderPart, tokenizer: &[u8]) -> Result<u32, ImportError> {
    let (u, t, channels) = (&unet.config, &text.config, autoencoder.config.latent_channels);
    if u.cross_attention_dim != t.hidden_size {
        return Err(ImportError::Unfit(format!(
            "the U-Net reads words of width {}, and the text encoder gives {}; fetch the folder again",
            u.cross_attention_dim, t.hidden_size
        )));
    }
    if u.in_channels != channels || u.out_channels != channels {
        return Err(ImportError::Unfit(format!(
            "the U-Net takes {} channels and gives {}, and the autoencoder has {channels}; only models that draw from noise \
             alone are read",
            u.in_channels, u.out_channels
        )));
    }
    let known = Tokenizer::from_json(tokenizer)?.vocab_size();
    if known > t.vocab_size {
        return Err(ImportError::Unfit(format!(
            "the tokenizer has {known} tokens, and the text encoder knows {}; fetch the folder again",
            t.vocab_size
        )));
    }
    image_size(u.sample_size, &autoencoder.config)
}
