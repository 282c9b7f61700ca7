//! Kinds of tokenizer, caption cleaning, text encoder.

use anyhow::{Context as _, anyhow, ensure};
use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use engine::model::{T5Config, T5Encoder, names};
use engine::store::weights::check_strict;
use engine::text::{Tokenizer, clean_once};
use serde::Deserialize;
use serde_json::Value;

use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("tokenizer", tokenizer), ("caption_cleaning", cleaning), ("t5", encoder)];

/// The file of tokenizer cases.
#[derive(Deserialize)]
struct TokenizerCases {
    max_length: usize,
    pad_id: u32,
    eos_id: u32,
    vocab_size: usize,
    cases: Vec<TokenizerCase>,
}

#[derive(Deserialize)]
struct TokenizerCase {
    text: String,
    ids: Vec<u32>,
    length: usize,
    #[serde(default)]
    tokens: Vec<String>,
}

/// Both tokenizer files that the entry names must give the ids.
fn tokenizer(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let cases: TokenizerCases = serde_json::from_value(context.json(entry)?).context("tokenizer cases")?;
    let named = |key: &str| entry.config().get(key).and_then(Value::as_str);
    let extra_ids = entry.config().get("extra_ids").and_then(Value::as_u64).unwrap_or(0) as usize;
    let read = |file: &str| -> anyhow::Result<Vec<u8>> {
        let path = context.path(file)?;
        std::fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };
    let mut tokenizers = Vec::new();
    if let Some(file) = named("tokenizer") {
        tokenizers.push((file, Tokenizer::from_json(&read(file)?)?));
    }
    if let Some(file) = named("spiece") {
        tokenizers.push((file, Tokenizer::from_spiece(&read(file)?, extra_ids)?));
    }
    ensure!(!tokenizers.is_empty(), "config names neither tokenizer nor spiece");
    let mut comparison = Comparison::new();
    for (file, tokenizer) in &tokenizers {
        comparison.equal(&format!("{file}: vocab_size"), &tokenizer.vocab_size(), &cases.vocab_size);
        comparison.equal(&format!("{file}: end"), &tokenizer.end_id(), &cases.eos_id);
        for case in &cases.cases {
            let what = format!("{file}: {:?}", case.text.chars().take(60).collect::<String>());
            let got = tokenizer.encode(&case.text, cases.max_length)?;
            let mut padded = case.ids.clone();
            padded.resize(cases.max_length, cases.pad_id);
            comparison.equal(&what, &got.ids, &padded);
            let mask: Vec<u8> = (0..cases.max_length).map(|place| u8::from(place < case.length)).collect();
            comparison.equal(&format!("{what}: mask"), &got.mask, &mask);
            if !case.tokens.is_empty() {
                let tokens: Vec<String> =
                    got.ids.iter().take(case.length).map(|&id| tokenizer.token(id).unwrap_or_default()).collect();
                comparison.equal(&format!("{what}: tokens"), &tokens, &case.tokens);
            }
            let count = tokenizer.count(&case.text, cases.max_length)?;
            comparison.equal(&format!("{what}: kept"), &count.used.min(count.limit), &case.length);
        }
    }
    Ok(comparison)
}

#[derive(Deserialize)]
struct CleaningPair {
    #[serde(rename = "in")]
    text: String,
    once: String,
    out: String,
}

fn cleaning(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let mut file = context.json(entry)?;
    let pairs = file.get_mut("pairs").map(Value::take).ok_or_else(|| anyhow!("the file has no `pairs`"))?;
    let pairs: Vec<CleaningPair> = serde_json::from_value(pairs).context("pairs")?;
    let mut comparison = Comparison::new();
    for pair in &pairs {
        let once = clean_once(&pair.text)?;
        comparison.equal(&format!("{:?} once", pair.text), &once, &pair.once);
        comparison.equal(&format!("{:?}", pair.text), &clean_once(&once)?, &pair.out);
    }
    Ok(comparison)
}

/// The encoder in `f32` and, where the golden has it, in `bf16` throughout.
fn encoder(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let config: T5Config = entry.config_as()?;
    let golden = context.tensors(entry)?;
    let (_, weights) = context.weights(entry)?;
    let weights = names::official(weights.into_map())?;
    check_strict(&weights, &config.param_shapes())?;
    let device = context.device();
    let ids = golden.get("input_ids")?.to_dtype(DType::U32)?.to_device(device)?;
    let mask = golden.find("attention_mask").map(|mask| mask.to_device(device)).transpose()?;
    let mask = mask.as_ref();
    let build = |dtype: DType| -> anyhow::Result<T5Encoder> {
        let tensors = weights.iter().map(|(name, tensor)| Ok((name.clone(), tensor.to_dtype(dtype)?)));
        let tensors = tensors.collect::<anyhow::Result<std::collections::HashMap<String, Tensor>>>()?;
        Ok(T5Encoder::new(VarBuilder::from_tensors(tensors, dtype, device), &config)?)
    };
    let mut seen = Vec::new();
    let full = build(DType::F32)?;
    let hidden = full.forward_traced(&ids, mask, &mut |name, value| seen.push((name.to_owned(), value.clone())))?;
    let stage = |wanted: &str| seen.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());

    let mut comparison = Comparison::new();
    for name in entry.outputs() {
        let got = match name {
            "last_hidden_state" => Some(hidden.clone()),
            "last_hidden_state_bf16_model" => Some(build(DType::BF16)?.forward(&ids, mask)?.to_dtype(DType::F32)?),
            "mid.position_bias_head_row0" => match stage("position_bias") {
                Some(bias) => Some(bias.narrow(2, 0, 1)?.squeeze(2)?.squeeze(0)?),
                None => None,
            },
            other => other.strip_prefix("mid.").and_then(stage),
        };
        match got {
            Some(got) => comparison.tensor(name, &got, golden.get(name)?, &entry.tolerance(name))?,
            None => comparison.fail(format!("{name}: no such output of this kind")),
        }
    }
    Ok(comparison)
}
