//! Writes a trained practice run as a model folder that the engine opens.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use engine::store::atomic::write_atomic;
use engine::store::hash::{hash_bytes, hash_file};
use engine::store::model_dir::{AutoencoderSpec, DefaultsSpec, DitSpec, FORMAT, LatentSpec, ModelSpec, NetworkSpec, TextSpec};
use serde::Serialize;

use crate::data::latents::Normaliser;
use crate::out_folder::{holds_model, refuse_model};

/// All parts of a model folder.
pub struct Parts<'a> {
    /// Name of the model.
    pub name: &'a str,
    /// Side of its pictures.
    pub size_px: u32,
    /// Text of `tokenizer.json`.
    pub tokenizer: &'a str,
    /// Longest caption.
    pub max_tokens: usize,
    /// Text encoder configuration and weights.
    pub text: (toml::Table, BTreeMap<String, Tensor>),
    /// Network configuration and weights (`base_model.*`, `controlnet.*`).
    pub dit: (toml::Table, BTreeMap<String, Tensor>),
    /// Copied blocks.
    pub control_blocks: usize,
    /// Autoencoder configuration and weights.
    pub autoencoder: (toml::Table, BTreeMap<String, Tensor>),
    /// Checker configuration and weights.
    pub checker: (toml::Table, BTreeMap<String, Tensor>),
    /// Linear preview: `weight`, `bias`.
    pub preview: BTreeMap<String, Tensor>,
    /// Map of picture latents.
    pub image_map: &'a Normaliser,
    /// Map of condition latents.
    pub condition_map: &'a Normaliser,
}

/// A serialisable value as a TOML table.
///
/// # Errors
/// When it is not a table.
pub fn table<T: Serialize>(value: &T) -> Result<toml::Table> {
    Ok(toml::Table::try_from(value)?)
}

/// Writes the folder; weights are stored in half precision. Where this very model is there already, nothing is written.
///
/// # Errors
/// Names the file that cannot be written; another model is in the folder and is not to be replaced.
pub fn write(dir: &Path, parts: &Parts<'_>, replace: bool) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let half = |tensors: &BTreeMap<String, Tensor>, config: Option<&toml::Table>| -> Result<Vec<u8>> {
        let stored: BTreeMap<String, Tensor> = tensors
            .iter()
            .map(|(n, t)| Ok((n.clone(), t.to_device(&Device::Cpu)?.to_dtype(DType::F16)?.contiguous()?)))
            .collect::<Result<_>>()?;
        let note = config.map(|c| -> Result<HashMap<String, String>> {
            Ok(HashMap::from([("config".to_owned(), serde_json::to_string(c)?)]))
        });
        Ok(safetensors::serialize(&stored, note.transpose()?)?)
    };
    let files = [
        ("tokenizer.json", parts.tokenizer.as_bytes().to_vec()),
        ("text.safetensors", half(&parts.text.1, None)?),
        ("dit.safetensors", half(&parts.dit.1, None)?),
        ("autoencoder.safetensors", half(&parts.autoencoder.1, None)?),
        ("checker.safetensors", half(&parts.checker.1, Some(&parts.checker.0))?),
        ("preview.safetensors", half(&parts.preview, None)?),
    ];
    let hashes: BTreeMap<String, String> = files.iter().map(|(name, bytes)| ((*name).to_owned(), hash_bytes(bytes))).collect();
    if !replace && holds_model(dir) {
        if hashes.iter().all(|(name, hash)| hash_file(&dir.join(name)).is_ok_and(|there| there == *hash)) {
            return Ok(());
        }
        refuse_model(dir)?;
    }
    for (name, bytes) in &files {
        let path = dir.join(name);
        write_atomic(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let spec = ModelSpec {
        format: FORMAT,
        name: parts.name.to_owned(),
        practice: true,
        size_px: parts.size_px,
        notice: "Trained on drawn phantoms, not on patients. Apache-2.0. Its images are no evidence about disease.".to_owned(),
        palette: "practice".to_owned(),
        preview: Some("preview.safetensors".to_owned()),
        text: TextSpec {
            weights: "text.safetensors".to_owned(),
            tokenizer: "tokenizer.json".to_owned(),
            quantized: None,
            max_tokens: parts.max_tokens,
            config: parts.text.0.clone(),
        },
        network: NetworkSpec::Dit(DitSpec {
            weights: "dit.safetensors".to_owned(),
            prediction: "velocity".to_owned(),
            control_blocks: parts.control_blocks,
            control_unconditional: false,
            config: parts.dit.0.clone(),
        }),
        autoencoder: AutoencoderSpec::Practice {
            weights: "autoencoder.safetensors".to_owned(),
            config: parts.autoencoder.0.clone(),
        },
        latent: LatentSpec {
            shift: parts.image_map.shift.clone(),
            scale: parts.image_map.scale.clone(),
            condition_shift: parts.condition_map.shift.clone(),
            condition_scale: parts.condition_map.scale.clone(),
            condition_sampled: false,
        },
        defaults: DefaultsSpec { preset: "paper".to_owned(), sampler: "dpmpp".to_owned(), num_steps: 25, guidance_scale: 2.0 },
        hashes,
        reference: None,
    };
    let path = dir.join("model.toml");
    write_atomic(&path, spec.to_toml()?.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// A null caption `[L, De]` cut to the rows that some training caption reached, then filled up to
/// `rows` with their mean.
///
/// # Errors
/// When the device fails.
pub fn fill_null_caption(learned: &Tensor, reached: usize, rows: usize) -> Result<Tensor> {
    let (have, width) = learned.dims2()?;
    let reached = learned.narrow(0, 0, reached.clamp(1, have).min(rows))?;
    let missing = rows - reached.dim(0)?;
    let mean = reached.mean_keepdim(0)?.broadcast_as((missing, width))?;
    Ok(Tensor::cat(&[&reached, &mean.contiguous()?], 0)?)
}
