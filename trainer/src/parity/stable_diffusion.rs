//! Kinds of a Stable Diffusion folder: tokenizer, text encoder, U-Net, and the whole pipeline.
//!
//! The folder holds configurations and the tokenizer; weights follow from the names of the tensors by a rule, so that
//! none need be stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::import::{self, StableRequest};
use engine::model::sd::{ClipActivation, ClipConfig, ClipText, Unet, UnetConfig, clip_params, unet_params};
use engine::model::{KlConfig, Param, guidance, vae_params};
use engine::pipeline::{Event, ImportedNoise, Outcome, Pipeline, RunOptions};
use engine::store::atomic::write_atomic;
use engine::text::{Tokenizer, clip};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::dit::compare;
use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[
    ("stable_diffusion.tokenizer", tokenizer),
    ("stable_diffusion.text", text),
    ("stable_diffusion.unet", unet),
    ("stable_diffusion.pipeline", pipeline),
];

/// The parts whose weights follow from names, and their files.
const PARTS: [(&str, &str); 3] = [
    ("unet", "diffusion_pytorch_model.safetensors"),
    ("vae", "diffusion_pytorch_model.safetensors"),
    ("text_encoder", "model.safetensors"),
];

/// The tensor of a name: splitmix64 of the name's hash, as exact multiples of a power of two.
///
/// Matrices are as large as keeps the size of what passes, vectors called `weight` are near 1, others near 0.
///
/// # Errors
/// When the tensor cannot be made.
pub fn weight(name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
    let hash = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
    let unit = |index: usize| {
        let mut z = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 * (0.5f32).powi(23) - 1.0
    };
    let count = shape.iter().product();
    let values: Vec<f32> = match shape {
        [_] if name.ends_with(".weight") => (0..count).map(|i| 1.0 + unit(i) * 0.125).collect(),
        [_] => (0..count).map(|i| unit(i) * 0.125).collect(),
        _ => {
            let inputs: usize = shape.iter().skip(1).product();
            let mut size = 2f32;
            let mut reach = 1usize;
            while reach < inputs {
                (size, reach) = (size / 2.0, reach * 4);
            }
            (0..count).map(|i| unit(i) * size).collect()
        }
    };
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Copies the folder of a golden to `to` and puts its weights into it, so that it is one as published.
///
/// # Errors
/// When a configuration cannot be read or a file cannot be written.
pub fn write_folder(golden: &Path, to: &Path) -> anyhow::Result<()> {
    for part in ["", "unet", "vae", "text_encoder", "scheduler", "tokenizer"] {
        let (from, to) = (golden.join(part), to.join(part));
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(&from).with_context(|| from.display().to_string())? {
            let entry = entry?;
            if entry.path().is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    for (part, file) in PARTS {
        let params = match part {
            "unet" => unet_params(&config(golden, part)?)?,
            "vae" => vae_params(&config::<KlConfig>(golden, part)?)?,
            _ => clip_params(&config(golden, part)?)?,
        };
        write_atomic(&to.join(part).join(file), &safetensors::serialize(tensors(&params)?, None)?)?;
    }
    Ok(())
}

fn config<T: DeserializeOwned>(folder: &Path, part: &str) -> anyhow::Result<T> {
    let path = folder.join(part).join("config.json");
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

fn tensors(params: &[Param]) -> candle_core::Result<BTreeMap<String, Tensor>> {
    params.iter().map(|param| Ok((param.name.clone(), weight(&param.name, &param.shape)?))).collect()
}

fn builder(params: &[Param]) -> candle_core::Result<VarBuilder<'static>> {
    Ok(VarBuilder::from_tensors(tensors(params)?.into_iter().collect(), DType::F32, &Device::Cpu))
}

/// The folder that an entry names.
fn folder(context: &Context, entry: &Entry) -> anyhow::Result<PathBuf> {
    context.path(entry.config().get("folder").and_then(Value::as_str).context("config.folder is missing")?)
}

#[derive(Deserialize)]
struct TokenizerCase {
    text: String,
    ids: Vec<u32>,
}

fn tokenizer(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let folder = folder(context, entry)?.join("tokenizer");
    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| name.to_owned());
    let merges = String::from_utf8(read("merges.txt")?).context("merges.txt")?;
    let tokenizer = Tokenizer::from_json(&clip::tokenizer_json(&read("vocab.json")?, &merges, None)?)?;
    let cases: Vec<TokenizerCase> = serde_json::from_value(context.json(entry)?).context("tokenizer cases")?;
    let mut comparison = Comparison::new();
    for TokenizerCase { text, ids } in &cases {
        comparison.equal(&format!("{text:?}"), &tokenizer.encode(text, ids.len())?.ids, ids);
    }
    Ok(comparison)
}

fn text(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let ids = golden.get("ids")?.to_dtype(DType::U32)?;
    let mut cfg: ClipConfig = config(&folder(context, entry)?, "text_encoder")?;
    let params = clip_params(&cfg)?;
    let hidden = ClipText::new(builder(&params)?, &cfg)?.forward(&ids)?;
    cfg.hidden_act = ClipActivation::Gelu;
    let exact = ClipText::new(builder(&params)?, &cfg)?.forward(&ids.narrow(0, 0, 2)?)?;
    compare(entry, &golden, &BTreeMap::from([("hidden".to_owned(), hidden), ("hidden_gelu".to_owned(), exact)]))
}

fn unet(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let part = entry.config().get("part").and_then(Value::as_str).context("config.part is missing")?;
    let scale = entry.config().get("guidance").and_then(Value::as_f64).context("config.guidance is missing")?;
    let cfg: UnetConfig = config(&folder(context, entry)?, part)?;
    let unet = Unet::new(builder(&unet_params(&cfg)?)?, &cfg)?;
    let (x, t, words) = (golden.f32("x")?, golden.f32("t")?, golden.f32("words")?);
    let out = unet.forward(&x, &t, &words)?;
    let mut computed = BTreeMap::from([("out".to_owned(), out.clone())]);
    if golden.find("null").is_some() {
        let null = golden.f32("null")?.broadcast_as(words.shape())?.contiguous()?;
        let guided = guidance::guide(&out, &unet.forward(&x, &t, &null)?, out.dim(1)?, scale)?;
        computed.insert("guided".to_owned(), guided);
    }
    compare(entry, &golden, &computed)
}

#[derive(Deserialize)]
struct Run {
    scheduler: Value,
    prompts: Vec<String>,
    steps: usize,
    guidance: f32,
}

/// Imports the folder, opens it and generates from the golden's noise: latents of every step, and grey values 0 to 1.
fn pipeline(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let run: Run = entry.config_as()?;
    let dir = tempfile::tempdir()?;
    let (published, out) = (dir.path().join("published"), dir.path().join("model"));
    write_folder(&folder(context, entry)?, &published)?;
    let scheduler = published.join("scheduler/scheduler_config.json");
    write_atomic(&scheduler, run.scheduler.to_string().as_bytes())?;
    let request = StableRequest { dir: published, name: None, out: out.clone(), replace: true };
    ensure!(
        matches!(import::run_stable(&request, &Cancel::new(), &mut |_| ())?, import::Outcome::Done(_)),
        "the import was cancelled"
    );
    let pipeline = Pipeline::open(&out, &DeviceKind::Cpu)?;
    let start = safetensors::serialize([("start", golden.f32("start")?)], None)?;
    let noise = ImportedNoise::from_bytes(&start, "start")?;
    let requests: Vec<_> = run
        .prompts
        .iter()
        .map(|prompt| {
            let mut request = pipeline.card().request(prompt, 0);
            (request.num_steps, request.guidance_scale) = (run.steps, run.guidance);
            request
        })
        .collect();
    let mut steps = Vec::new();
    let mut failure = None;
    let options = RunOptions { noise: Some(&noise), ..RunOptions::default() };
    let outcome = pipeline.generate_with(&requests, &options, &Cancel::new(), &mut |event| {
        if let Event::Step { noisy, .. } = event {
            let rows = noisy.iter().map(|latent| {
                let values = latent.values()?;
                Tensor::from_slice(values.values(), values.dims(), &Device::Cpu)
            });
            match rows.collect::<candle_core::Result<Vec<_>>>().and_then(|rows| Tensor::stack(&rows, 0)) {
                Ok(step) => steps.push(step),
                Err(error) => failure = Some(error),
            }
        }
    })?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    let Outcome::Done(images) = outcome else { bail!("the run was cancelled") };
    let size = pipeline.card().size_px as usize;
    let grey = images.iter().map(|made| {
        let values: Vec<f32> = made.image.pixels().iter().map(|&v| f32::from(v) / 65535.0).collect();
        Tensor::from_vec(values, (size, size), &Device::Cpu)
    });
    let grey = Tensor::stack(&grey.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
    let computed = [("latents".to_owned(), Tensor::stack(&steps, 0)?), ("grey".to_owned(), grey)];
    compare(entry, &golden, &BTreeMap::from(computed))
}
