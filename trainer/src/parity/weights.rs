//! Kinds of weight files and of tensor lists.

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::{Context as _, anyhow, ensure};
use candle_core::{DType, Tensor};
use engine::model::params::{Base, Param, control_params, dit_params, vae_params};
use engine::model::{DitConfig, KlConfig, T5Config, names};
use engine::store::weights::{check_strict, load};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::{Check, Comparison, Context, Entry, Tolerance, parse_json};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("weights", weights), ("keys", keys)];

/// Names and shapes.
type Shapes = BTreeMap<String, Vec<usize>>;
/// The same in building order.
type ShapeList = Vec<(String, Vec<usize>)>;

/// A list of tensors with its type, as the manifest writes it.
#[derive(Deserialize)]
struct Listed {
    shape: Vec<usize>,
    #[serde(default)]
    dtype: String,
}

/// The file holds what the manifest lists, and exactly what the network of the configuration expects; its `.pth`
/// twin holds the same bits; older spellings of its names lead to the same tensors.
fn weights(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::new();
    let found = load(&context.path(entry.file()?)?, None)?;
    if let Some(listed) = entry.raw().get("tensors") {
        let listed: BTreeMap<String, Listed> = serde_json::from_value(listed.clone()).context("tensors")?;
        let want: Shapes = listed.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
        comparison.equal("names and shapes", &shapes(&found), &want);
        for (name, tensor) in &found {
            if let Some(listed) = listed.get(name).filter(|listed| !listed.dtype.is_empty()) {
                comparison.equal(&format!("{name}: type"), &spelled(tensor.dtype()), &listed.dtype.as_str());
            }
        }
    }
    let official = names::official(found.clone())?;
    if let Some(expected) = expected(entry.config())? {
        match check_strict(&official, &expected) {
            Ok(()) => comparison.equal("tensors", &official.len(), &expected.len()),
            Err(mismatch) => comparison.fail(mismatch.to_string()),
        }
    }
    if let Some(params) = entry.raw().get("params").and_then(Value::as_u64) {
        let count = found.values().map(Tensor::elem_count).sum::<usize>() as u64;
        comparison.equal("params", &count, &params);
    }
    if let Some(twin) = entry.raw().get("also").and_then(Value::as_str) {
        compare_twin(context, entry, twin, &found, &mut comparison)?;
    }
    if let Some(alias) = entry.raw().get("alias") {
        let alias: BTreeMap<String, String> = serde_json::from_value(alias.clone()).context("alias")?;
        let renamed = names::official(under_old_names(&found, &alias)?)?;
        ensure!(!alias.is_empty(), "alias is empty");
        compare_all("older names", &renamed, &official, &mut comparison)?;
    }
    Ok(comparison)
}

/// The dictionaries of the `.pth` twin: `state_dict` has the same bits, the others the same names and shapes.
fn compare_twin(
    context: &Context,
    entry: &Entry,
    twin: &str,
    found: &BTreeMap<String, Tensor>,
    comparison: &mut Comparison,
) -> anyhow::Result<()> {
    let path = context.path(twin)?;
    let top: Vec<String> = entry
        .raw()
        .pointer("/pth/top_level")
        .map(|top| serde_json::from_value(top.clone()))
        .transpose()
        .context("pth.top_level")?
        .unwrap_or_default();
    let dictionaries: Vec<&String> = top.iter().filter(|name| name.contains("state_dict")).collect();
    if dictionaries.is_empty() {
        compare_all(twin, &load(&path, None)?, found, comparison)?;
    }
    for name in dictionaries {
        let held = load(&path, Some(name))?;
        if name == "state_dict" {
            compare_all(name, &held, found, comparison)?;
        } else {
            comparison.equal(&format!("{name}: names and shapes"), &shapes(&held), &shapes(found));
        }
    }
    let usual = load(&path, None)?;
    comparison.equal("default dictionary: names and shapes", &shapes(&usual), &shapes(found));
    let wrong = load(&path, Some("no such dictionary"));
    comparison.equal("a dictionary that is not there is refused", &wrong.is_err(), &true);
    Ok(())
}

/// The same names, and the same bits under each.
fn compare_all(
    what: &str,
    got: &BTreeMap<String, Tensor>,
    want: &BTreeMap<String, Tensor>,
    comparison: &mut Comparison,
) -> anyhow::Result<()> {
    comparison.equal(&format!("{what}: names and shapes"), &shapes(got), &shapes(want));
    for (name, want) in want {
        if let Some(got) = got.get(name) {
            comparison.equal(&format!("{what}: {name}: type"), &got.dtype(), &want.dtype());
            comparison.tensor(&format!("{what}: {name}"), got, want, &Tolerance::EXACT)?;
        }
    }
    Ok(())
}

/// The tensors as an older file names them, attention matrices as 1×1 convolutions.
fn under_old_names(
    found: &BTreeMap<String, Tensor>,
    alias: &BTreeMap<String, String>,
) -> anyhow::Result<BTreeMap<String, Tensor>> {
    let mut map = BTreeMap::new();
    for (name, tensor) in found {
        let hit = alias.iter().find(|(new, _)| name.contains(&format!(".{new}.")));
        let (name, tensor) = match hit {
            Some((new, old)) if tensor.rank() == 2 => {
                (name.replace(&format!(".{new}."), &format!(".{old}.")), tensor.unsqueeze(2)?.unsqueeze(3)?)
            }
            Some((new, old)) => (name.replace(&format!(".{new}."), &format!(".{old}.")), tensor.clone()),
            None => (name.clone(), tensor.clone()),
        };
        map.insert(name, tensor);
    }
    Ok(map)
}

fn shapes(tensors: &BTreeMap<String, Tensor>) -> Shapes {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect()
}

/// A dtype as PyTorch spells it.
fn spelled(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "float32",
        DType::F64 => "float64",
        DType::F16 => "float16",
        DType::BF16 => "bfloat16",
        DType::I64 => "int64",
        DType::I32 => "int32",
        DType::I16 => "int16",
        DType::U8 => "uint8",
        _ => "another type",
    }
}

fn list(params: Vec<Param>) -> ShapeList {
    params.into_iter().map(|param| (param.name, param.shape)).collect()
}

/// What the network of a configuration expects; `None` for a network of another family.
fn expected(config: &Value) -> anyhow::Result<Option<ShapeList>> {
    let has = |key: &str| config.get(key).is_some();
    let parsed = || config.clone();
    Ok(Some(if has("d_model") {
        serde_json::from_value::<T5Config>(parsed()).context("config")?.param_shapes()
    } else if has("block_out_channels") {
        list(vae_params(&serde_json::from_value::<KlConfig>(parsed()).context("config")?)?)
    } else if has("hidden_size") && has("text_embed_dims") {
        let dit: DitConfig = serde_json::from_value(parsed()).context("config")?;
        match config.get("copy_blocks_num").and_then(Value::as_u64) {
            Some(blocks) => list(control_params(&dit, blocks as usize, Base::Frozen)?),
            None => list(dit_params(&dit)?),
        }
    } else {
        return Ok(None);
    }))
}

/// A list of names, shapes and types of one full-size network.
#[derive(Deserialize)]
struct KeyFile {
    count: usize,
    params: u64,
    keys: BTreeMap<String, (Vec<usize>, String)>,
}

/// Each list agrees with its own counts, and the lists of networks known here with what those expect.
fn keys(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let files = entry.raw().get("files").and_then(Value::as_object).ok_or_else(|| anyhow!("names no files"))?;
    let mut comparison = Comparison::new();
    for (name, listed) in files {
        let file = listed.get("file").and_then(Value::as_str).ok_or_else(|| anyhow!("{name} names no file"))?;
        let mut text = String::new();
        let raw = std::fs::File::open(context.path(file)?).with_context(|| format!("reading {file}"))?;
        GzDecoder::new(raw).read_to_string(&mut text).with_context(|| format!("unpacking {file}"))?;
        let value = parse_json(&text)?;
        if value.get("keys").is_none() {
            continue; // a list of something else than tensors
        }
        let key_file: KeyFile = serde_json::from_value(value).with_context(|| file.to_owned())?;
        comparison.equal(&format!("{name}: count"), &key_file.keys.len(), &key_file.count);
        let known: Shapes = key_file.keys.iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect();
        if let Some(config) = configuration(&known) {
            let expected = expected(&config)?.ok_or_else(|| anyhow!("{name}: no network for {config}"))?;
            let official: Shapes = known.iter().map(|(name, shape)| (names::official_name(name), shape.clone())).collect();
            let expected: Shapes = expected.into_iter().collect();
            let sum: u64 = expected.values().map(|shape| shape.iter().product::<usize>() as u64).sum();
            let twice = known.values().map(|shape| shape.iter().product::<usize>() as u64).sum::<u64>();
            comparison.equal(&format!("{name}: names"), &names_of(&official), &names_of(&expected));
            comparison.equal(&format!("{name}: shapes"), &official, &expected);
            comparison.equal(&format!("{name}: params"), &(key_file.params == sum || key_file.params == twice), &true);
        }
    }
    Ok(comparison)
}

fn names_of(shapes: &Shapes) -> Vec<&String> {
    shapes.keys().collect()
}

/// The configuration that a list of shapes implies, for the networks known here.
fn configuration(shapes: &Shapes) -> Option<Value> {
    let side = |name: &str, axis: usize| shapes.get(name).and_then(|shape| shape.get(axis)).copied();
    let blocks =
        |prefix: &str| (0..).take_while(|n| shapes.keys().any(|name| name.starts_with(&format!("{prefix}{n}.")))).count();
    if let Some(width) = side("shared.weight", 1) {
        let attention = "encoder.block.0.layer.0.SelfAttention";
        let heads = side(&format!("{attention}.relative_attention_bias.weight"), 1)?;
        let gated = shapes.contains_key("encoder.block.0.layer.1.DenseReluDense.wi_1.weight");
        return Some(serde_json::json!({
            "d_model": width, "num_heads": heads, "d_kv": side(&format!("{attention}.q.weight"), 0)? / heads,
            "d_ff": side("encoder.block.0.layer.1.DenseReluDense.wo.weight", 1)?,
            "num_layers": blocks("encoder.block."), "vocab_size": side("shared.weight", 0)?,
            "relative_attention_num_buckets": side(&format!("{attention}.relative_attention_bias.weight"), 0)?,
            "feed_forward_proj": if gated { "gated-gelu" } else { "relu" },
        }));
    }
    if shapes.contains_key("post_quant_conv.weight") {
        let levels = blocks("encoder.down_blocks.");
        let widths: Option<Vec<usize>> =
            (0..levels).map(|level| side(&format!("encoder.down_blocks.{level}.resnets.0.conv1.weight"), 0)).collect();
        return Some(serde_json::json!({
            "block_out_channels": widths?, "layers_per_block": blocks("encoder.down_blocks.0.resnets."),
            "in_channels": side("encoder.conv_in.weight", 1)?, "out_channels": side("decoder.conv_out.weight", 0)?,
            "latent_channels": side("post_quant_conv.weight", 0)?,
        }));
    }
    let base = if shapes.contains_key("base_model.pos_embed") { "base_model." } else { "" };
    let at = |name: &str, axis: usize| side(&format!("{base}{name}"), axis);
    let patch = at("x_embedder.proj.weight", 3)?;
    let width = at("x_embedder.proj.weight", 0)?;
    let grid = at("pos_embed", 1)?.isqrt();
    let channels = at("x_embedder.proj.weight", 1)?;
    let out = at("final_layer.linear.weight", 0)? / (patch * patch);
    let mut config = serde_json::json!({
        "input_size": grid * patch, "patch_size": patch, "in_channels": channels, "hidden_size": width,
        "depth": blocks(&format!("{base}blocks.")), "num_heads": 1,
        "mlp_ratio": at("blocks.0.mlp.fc1.weight", 0)? as f64 / width as f64,
        "text_embed_dims": at("y_embedder.y_embedding", 1)?, "token_num": at("y_embedder.y_embedding", 0)?,
        "learn_sigma": out == 2 * channels,
    });
    if !base.is_empty() {
        config["copy_blocks_num"] = blocks("controlnet.").into();
    }
    Some(config)
}
