//! U-Net, text encoder and tokenizer of a folder in diffusers' layout.

use std::path::Path;

use serde_json::{Value, json};

use super::super::ImportError;
use super::super::convert::Source;
use super::super::folder::{self, DIFFUSERS_WEIGHTS, config, refuse, weight_files};
use crate::model::ModelError;
use crate::model::params::Param;
use crate::model::sd::{ClipConfig, UnetConfig, clip_params, unet_params};
use crate::store::weights::TensorFile;
use crate::text::{TokenizerError, clip};

/// What they are, in messages.
const UNET: &str = "a U-Net";
const CLIP: &str = "a CLIP text encoder";
/// Where transformers puts the weights of a network, in this order.
const TRANSFORMERS_WEIGHTS: [&str; 4] =
    ["model.safetensors", "pytorch_model.bin", "model.fp16.safetensors", "pytorch_model.fp16.bin"];
/// A table of numbers from 0 that older files hold among the weights.
const POSITION_IDS: &str = "text_model.embeddings.position_ids";
/// Fields of a U-Net's configuration that change no number here.
const IDLE: [&str; 3] = ["dropout", "upcast_attention", "addition_embed_type_num_heads"];

/// An open U-Net whose tensors are those of its configuration.
pub(super) struct UnetPart {
    pub(super) config: UnetConfig,
    pub(super) source: Source,
}

/// An open text encoder whose tensors are those of its configuration.
pub(super) struct ClipPart {
    pub(super) config: ClipConfig,
    pub(super) source: Source,
}

impl UnetPart {
    pub(super) fn open(dir: &Path) -> Result<Self, ImportError> {
        let config: UnetConfig = config(dir, UNET, unet_kind)?;
        let path = dir.join("config.json");
        plain(&path, &folder::json(&path)?)?;
        let params = unet_params(&config).map_err(|error| no_network(dir, &error))?;
        let source = weights(dir, &DIFFUSERS_WEIGHTS, params)?;
        Ok(Self { config, source })
    }
}

impl ClipPart {
    pub(super) fn open(dir: &Path) -> Result<Self, ImportError> {
        let config: ClipConfig = config(dir, CLIP, clip_kind)?;
        let params = clip_params(&config).map_err(|error| no_network(dir, &error))?;
        let source = weights(dir, &TRANSFORMERS_WEIGHTS, params)?;
        Ok(Self { config, source })
    }
}

/// The error of sizes that make no network.
fn no_network(dir: &Path, error: &ModelError) -> ImportError {
    refuse(&dir.join("config.json"), format!("describes no network: {error}"))
}

/// The tensors in a folder, which must be exactly those of a network.
fn weights(dir: &Path, names: &[&str], params: Vec<Param>) -> Result<Source, ImportError> {
    let mut files = Vec::new();
    for path in weight_files(dir, names)?.files {
        let mut file = TensorFile::open(&path, None)?;
        file.retain(|name| name != POSITION_IDS);
        files.push((path, file));
    }
    let part = dir.file_name().map_or_else(|| "the folder".into(), |name| name.to_string_lossy().into_owned());
    let name = match files.as_slice() {
        [(_, file)] => format!("{part}/{}", file.file()),
        _ => part,
    };
    let expected: Vec<_> = params.into_iter().map(|param| (param.name, param.shape)).collect();
    Source::checked(files, &expected, &name, None, None)
}

/// Refuses a U-Net that does something beside what is built here.
fn plain(path: &Path, value: &Value) -> Result<(), ImportError> {
    let only = [
        ("act_fn", json!("silu")),
        ("attention_type", json!("default")),
        ("conv_in_kernel", json!(3)),
        ("conv_out_kernel", json!(3)),
        ("downsample_padding", json!(1)),
        ("mid_block_scale_factor", json!(1)),
        ("mid_block_type", json!("UNetMidBlock2DCrossAttn")),
        ("resnet_out_scale_factor", json!(1)),
        ("resnet_time_scale_shift", json!("default")),
        ("time_embedding_type", json!("positional")),
        ("transformer_layers_per_block", json!(1)),
    ];
    // 1 and 1.0 are the same number and different JSON.
    let same = |a: &Value, b: &Value| a == b || (a.is_number() && a.as_f64() == b.as_f64());
    let known = serde_json::to_value(UnetConfig::v1()).unwrap_or_default();
    for (key, value) in value.as_object().into_iter().flatten() {
        let built = match only.iter().find(|(name, _)| name == key) {
            Some((_, wanted)) => same(value, wanted),
            None => {
                // What is off or not there does nothing, whatever it is.
                let off = value.is_null() || *value == Value::Bool(false);
                off || key.starts_with('_') || known.get(key).is_some() || IDLE.contains(&key.as_str())
            }
        };
        if !built {
            return Err(refuse(path, format!("has {key} = {value}, which is not built here")));
        }
    }
    Ok(())
}

/// The bytes of a `tokenizer.json`: made of `vocab.json` and `merges.txt`, or the folder's own where it has no other.
pub(super) fn tokenizer(dir: &Path) -> Result<Vec<u8>, ImportError> {
    let read = |path: &Path| std::fs::read(path).map_err(|source| ImportError::Read { path: path.to_owned(), source });
    let (vocab, merges, whole) = (dir.join("vocab.json"), dir.join("merges.txt"), dir.join("tokenizer.json"));
    if !vocab.is_file() && !merges.is_file() && whole.is_file() {
        return read(&whole);
    }
    if let Some(missing) = [&vocab, &merges].into_iter().find(|path| !path.is_file()) {
        return Err(refuse(missing, "is missing, and the tokenizer needs it; fetch the whole folder"));
    }
    let text = String::from_utf8(read(&merges)?).map_err(|_| refuse(&merges, "is not UTF-8 text"))?;
    let pad = pad_token(dir)?;
    clip::tokenizer_json(&read(&vocab)?, &text, pad.as_deref()).map_err(|error| match error {
        TokenizerError::Clip(message) => refuse(dir, format!("holds a tokenizer that cannot be used: {message}")),
        other => other.into(),
    })
}

/// The token that fills up, where a file beside the tokenizer names one.
fn pad_token(dir: &Path) -> Result<Option<String>, ImportError> {
    for name in ["special_tokens_map.json", "tokenizer_config.json"] {
        let path = dir.join(name);
        if !path.is_file() {
            continue;
        }
        let value = folder::json(&path)?;
        let token = value.get("pad_token");
        if let Some(token) = token.and_then(Value::as_str).or_else(|| token?.get("content")?.as_str()) {
            return Ok(Some(token.to_owned()));
        }
    }
    Ok(None)
}

/// Whether a configuration is a U-Net's; else what it is.
fn unet_kind(value: &Value) -> Result<(), String> {
    match value.get("_class_name").and_then(Value::as_str) {
        Some("UNet2DConditionModel") => Ok(()),
        Some(other) => Err(other.to_owned()),
        None => Err("something else".to_owned()),
    }
}

/// Whether a configuration is that of CLIP's text side; else what it is.
fn clip_kind(value: &Value) -> Result<(), String> {
    let model = value.get("model_type").and_then(Value::as_str);
    let class = value.get("_class_name").and_then(Value::as_str);
    match (model, class) {
        (Some("clip_text_model"), _) => Ok(()),
        (Some(other), _) | (None, Some(other)) => Err(other.to_owned()),
        (None, None) => Err("something else".to_owned()),
    }
}
