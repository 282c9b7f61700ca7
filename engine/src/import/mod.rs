//! Turns published weights into a model folder that the pipeline opens.
//!
//! Without a transformer the folder holds parts: all that preparing data and training need.
//! Everything is checked before anything is written: names, shapes and sizes of all parts, and that they fit each
//! other. Then each part is converted tensor by tensor, so memory holds one tensor and not a checkpoint. A part that
//! was finished by an earlier, interrupted run is kept; `model.toml` comes last, so a folder that has one is whole.

mod autoencoder;
mod convert;
mod dit;
mod error;
mod folder;
mod preview;
mod stable;
mod state;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::DType;

pub use error::ImportError;
pub use stable::{StableRequest, run_stable};

use crate::cancel::Cancel;
use crate::model::KlConfig;
use crate::model::t5::Quantization;
use crate::store::atomic::{ensure_writable_dir, remove_leftovers, write_atomic};
use crate::store::model_dir::{AutoencoderSpec, DefaultsSpec, DitSpec, LatentSpec, ModelSpec, NetworkSpec, PartsSpec, TextSpec};
use autoencoder::AutoencoderPart;
use convert::{Job, Meter, Source};
use dit::DitPart;
use state::State;
use text::TextPart;

/// Names of the files in a model folder.
const DIT: &str = "dit.safetensors";
const TEXT: &str = "text.safetensors";
const AUTOENCODER: &str = "autoencoder.safetensors";
const PREVIEW: &str = "preview.safetensors";
/// Most tokens of a caption, where no transformer tells: as published.
const TOKENS: usize = 120;

/// What stands in every imported folder's description.
const NOTICE: &str = "Converted from weights that were published under terms of their own: the licence and, for \
    credentialed weights, the data use agreement under which you received them hold for this folder, too. \
    Do not pass it on to people who have not agreed to them. Its images are synthetic and no evidence about a patient.";

/// What to import, and where to.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The released checkpoint (`.pth`, or safetensors) of the diffusion transformer; without one, the folder holds
    /// parts, for preparing data and training.
    pub dit: Option<PathBuf>,
    /// Dictionary inside the checkpoint; the averaged weights if not said.
    pub state_dict: Option<String>,
    /// Attention heads, where the width does not tell.
    pub heads: Option<usize>,
    /// A published T5 v1.1 folder, or a model folder whose text encoder is taken over; the one that is already in
    /// `out` if not said.
    pub text: Option<PathBuf>,
    /// `spiece.model` or `tokenizer.json`, where the T5 folder has none.
    pub tokenizer: Option<PathBuf>,
    /// How the text encoder's weights are stored.
    pub text_dtype: DType,
    /// How the matrices of the text encoder are packed; plain if not said.
    pub text_quantization: Option<Quantization>,
    /// An autoencoder folder in diffusers' layout, or a model folder whose autoencoder is taken over; the one that
    /// is already in `out` if not said.
    pub autoencoder: Option<PathBuf>,
    /// Name of the model; the checkpoint's file name, or `Parts`, if not said.
    pub name: Option<String>,
    /// The model folder, made when missing.
    pub out: PathBuf,
    /// Whether another model that is there may be replaced.
    pub replace: bool,
}

impl ImportRequest {
    /// A released checkpoint with its published text encoder and autoencoder; the text encoder is stored in half the
    /// bytes, as the headless program does it. Another model in the folder is replaced.
    pub fn published(dit: PathBuf, text: PathBuf, autoencoder: PathBuf, out: PathBuf) -> Self {
        Self {
            dit: Some(dit),
            state_dict: None,
            heads: None,
            text: Some(text),
            tokenizer: None,
            text_dtype: DType::BF16,
            text_quantization: None,
            autoencoder: Some(autoencoder),
            name: None,
            out,
            replace: true,
        }
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file that is being written.
    pub part: &'a str,
    /// Bytes read of all that must be read.
    pub done_bytes: u64,
    /// Bytes that must be read.
    pub total_bytes: u64,
}

/// What a folder was described as.
#[derive(Clone, Debug, PartialEq)]
pub enum Described {
    /// A model.
    Model(Box<ModelSpec>),
    /// Parts without a network.
    Parts(Box<PartsSpec>),
}

/// What an import found and did.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The description that was written.
    pub described: Described,
    /// Files that were written.
    pub written: Vec<String>,
    /// Files that an earlier run had finished.
    pub kept: Vec<String>,
    /// Tensors of a T5 decoder that were left out.
    pub left_out: usize,
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The folder is whole.
    Done(Box<Report>),
    /// Stopped; run again, it goes on behind the last finished file.
    Cancelled,
}

/// Imports weights into a model folder.
///
/// # Errors
/// When a source is missing, damaged or of another kind, the parts do not fit each other, or a file cannot be written.
pub fn run(request: &ImportRequest, cancel: &Cancel, on_progress: &mut dyn FnMut(Progress<'_>)) -> Result<Outcome, ImportError> {
    let dit = request.dit.as_deref().map(|path| DitPart::open(path, request)).transpose()?;
    if dit.is_none() && ModelSpec::read(&request.out).is_ok() {
        return Err(folder::refuse(&request.out, "holds a whole model, which serves as parts as it is; choose another folder"));
    }
    let text = TextPart::open(request)?;
    let autoencoder = AutoencoderPart::open(request)?;
    let size_px = dit.as_ref().map(|dit| fit(dit, &text, &autoencoder)).transpose()?;
    let (detected, dit) = dit.map(|dit| (dit.detected, dit.source)).unzip();

    let left_out = text.left_out;
    let mut jobs = vec![
        Job { file: TEXT, source: text.source },
        Job { file: AUTOENCODER, source: autoencoder.source },
        Job { file: text.tokenizer_file, source: Source::Copy { path: text.tokenizer, hash: None } },
    ];
    jobs.splice(0..0, dit.map(|source| Job { file: DIT, source }));
    let Some(files) = make((&request.out, request.replace), jobs, &autoencoder.config, cancel, on_progress)? else {
        return Ok(Outcome::Cancelled);
    };

    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let own = request.dit.as_ref().map_or_else(|| Some("Parts".to_owned()), stem);
    let parts = PartsSpec {
        name: request.name.clone().or(own).unwrap_or_else(|| "Imported".to_owned()),
        practice: false,
        size_px,
        notice: NOTICE.to_owned(),
        palette: "release".to_owned(),
        preview: Some(PREVIEW.to_owned()),
        text: TextSpec {
            weights: TEXT.to_owned(),
            tokenizer: text.tokenizer_file.to_owned(),
            quantized: text.quantization.map(|kind| kind.to_string()),
            max_tokens: detected.as_ref().map_or(TOKENS, |detected| detected.config.token_num),
            config: folder::table(&text.config)?,
        },
        autoencoder: AutoencoderSpec::Kl {
            weights: AUTOENCODER.to_owned(),
            config: folder::table::<KlConfig>(&autoencoder.config)?,
        },
        latent: latent(&autoencoder.config),
        hashes: files.hashes.clone(),
        kind: None,
    };
    let described = match (detected, size_px) {
        (Some(detected), Some(size_px)) => {
            let network = NetworkSpec::Dit(DitSpec {
                weights: DIT.to_owned(),
                prediction: "epsilon".to_owned(),
                control_blocks: detected.control_blocks,
                control_unconditional: true,
                config: folder::table(&detected.config)?,
            });
            let defaults = DefaultsSpec {
                preset: if detected.config.in_channels == 4 { "release" } else { "paper" }.to_owned(),
                sampler: "ddpm".to_owned(),
                num_steps: 100,
                guidance_scale: 4.0,
            };
            Described::Model(Box::new(parts.into_model(size_px, network, defaults)))
        }
        _ => Described::Parts(Box::new(parts)),
    };
    finish(&request.out, described, files, left_out)
}

/// The files of a model folder that weights became.
struct Made {
    written: Vec<String>,
    kept: Vec<String>,
    hashes: BTreeMap<String, String>,
}

/// Carries out the jobs that an earlier run did not finish, and fits the preview; `None` if cancelled. Refuses another model
/// that is there, where it is not to be replaced.
fn make(
    (out, replace): (&Path, bool),
    jobs: Vec<Job>,
    autoencoder: &KlConfig,
    cancel: &Cancel,
    on_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Made>, ImportError> {
    ensure_writable_dir(out)?;
    remove_leftovers(out)?;
    let mut state = State::read(out);
    let is_ours = |file: &str| file == PREVIEW || jobs.iter().any(|job| job.file == file);
    let of_others = ModelSpec::read(out).is_ok_and(|spec| spec.files().iter().any(|(_, file)| !is_ours(file)));
    let holds_one = !replace && out.join("model.toml").is_file();
    let mut todo = Vec::new();
    let mut made = Made { written: Vec::new(), kept: Vec::new(), hashes: BTreeMap::new() };
    for job in jobs {
        let fingerprint = job.source.fingerprint()?;
        if holds_one && (of_others || state.is_of_another(out, job.file, &fingerprint)) {
            return Err(folder::refuse(
                out,
                "holds another model (model.toml); choose another folder, or say --replace to put this one in its place",
            ));
        }
        match state.finished(out, job.file, &fingerprint)? {
            Some(hash) => {
                made.kept.push(job.file.to_owned());
                made.hashes.insert(job.file.to_owned(), hash);
            }
            None => todo.push((job, fingerprint)),
        }
    }
    let total_bytes = todo.iter().map(|(job, _)| job.source.bytes()).sum();
    let mut meter = Meter { part: "", done_bytes: 0, total_bytes, on_progress };
    for (job, fingerprint) in todo {
        let name = job.file;
        meter.part = name;
        let Some(hash) = job.run(out, cancel, &mut meter)? else { return Ok(None) };
        state.finish(out, name, &fingerprint, &hash)?;
        made.written.push(name.to_owned());
        made.hashes.insert(name.to_owned(), hash);
    }
    let fingerprint = format!("{} {}", made.hashes[AUTOENCODER], preview::VERSION);
    match state.finished(out, PREVIEW, &fingerprint)? {
        Some(_) => made.kept.push(PREVIEW.to_owned()),
        None => {
            meter.part = PREVIEW;
            meter.add(0);
            let Some(hash) = preview::write(out, autoencoder, cancel)? else { return Ok(None) };
            state.finish(out, PREVIEW, &fingerprint, &hash)?;
            made.written.push(PREVIEW.to_owned());
        }
    }
    Ok(Some(made))
}

/// Writes the description, by which the folder is whole.
fn finish(out: &Path, described: Described, files: Made, left_out: usize) -> Result<Outcome, ImportError> {
    let text = match &described {
        Described::Model(spec) => spec.to_toml(),
        Described::Parts(spec) => spec.to_toml(),
    };
    let text = text.map_err(|error| ImportError::Description(error.to_string()))?;
    write_atomic(&out.join("model.toml"), text.as_bytes())?;
    Ok(Outcome::Done(Box::new(Report { described, written: files.written, kept: files.kept, left_out })))
}

/// How latents are scaled, as published: one factor for all, and conditions drawn from their posterior.
fn latent(autoencoder: &KlConfig) -> LatentSpec {
    let scale = autoencoder.scaling_factor as f32;
    LatentSpec {
        shift: vec![0.0],
        scale: vec![scale],
        condition_shift: vec![0.0],
        condition_scale: vec![scale],
        condition_sampled: true,
    }
}

/// The side of the images of a network over latents of `side` positions.
fn image_size(side: usize, autoencoder: &KlConfig) -> Result<u32, ImportError> {
    let size = side.saturating_mul(autoencoder.factor());
    match u32::try_from(size) {
        Ok(size) if (16..=4096).contains(&size) => Ok(size),
        _ => Err(ImportError::Unfit(format!("the model would make images of {size} pixels, expected 16 to 4096"))),
    }
}

/// Whether the parts belong together; gives the side of the images.
fn fit(dit: &DitPart, text: &TextPart, autoencoder: &AutoencoderPart) -> Result<u32, ImportError> {
    let config = &dit.detected.config;
    if config.text_embed_dims != text.config.d_model {
        return Err(ImportError::Unfit(format!(
            "the transformer reads captions of width {}, and the text encoder gives {}; choose the encoder it was trained with",
            config.text_embed_dims, text.config.d_model
        )));
    }
    if config.in_channels != autoencoder.config.latent_channels {
        return Err(ImportError::Unfit(format!(
            "the transformer works on {} latent channels, and the autoencoder has {}; choose the autoencoder it was trained with",
            config.in_channels, autoencoder.config.latent_channels
        )));
    }
    image_size(config.input_size, &autoencoder.config)
}
