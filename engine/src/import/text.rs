//! The T5 folder as its publishers ship it, or the text side of a model folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use candle_core::DType;
use serde_json::Value;

use super::convert::Source;
use super::folder::{config, refuse, weight_files};
use super::{ImportError, ImportRequest};
use crate::model::t5::{EMBEDDING_NAMES, Quantization, UnknownQuantization};
use crate::model::{T5Config, T5Encoder, names, params};
use crate::store::model_dir::PartsSpec;
use crate::store::weights::{Problem, TensorFile, WeightsError};
use crate::text::Tokenizer;

/// What it is, in messages.
const WHAT: &str = "a T5 text encoder";
/// Where weights may be, in this order.
const WEIGHTS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// An open text encoder whose tensors are those of its configuration, and its tokenizer.
pub(super) struct TextPart {
    pub(super) config: T5Config,
    pub(super) source: Source,
    /// How its matrices are packed.
    pub(super) quantization: Option<Quantization>,
    pub(super) tokenizer: PathBuf,
    /// Name of the tokenizer in the model folder.
    pub(super) tokenizer_file: &'static str,
    /// Tensors of the decoder, which is not needed.
    pub(super) left_out: usize,
}

impl TextPart {
    /// Opens the folder the request names, or takes what the model folder holds already.
    pub(super) fn open(request: &ImportRequest) -> Result<Self, ImportError> {
        let given = request.tokenizer.as_deref();
        let part = match &request.text {
            Some(dir) if dir.join("model.toml").is_file() => Self::of_model(dir, given)?,
            Some(dir) => Self::published(dir, given, request.text_dtype, request.text_quantization)?,
            None if request.out.join("model.toml").is_file() => Self::of_model(&request.out, given)?,
            None => return Err(ImportError::Needed { what: "the text encoder", flag: "--t5 DIR" }),
        };
        if let Some(wanted) = request.text_quantization.filter(|&wanted| part.quantization != Some(wanted)) {
            let found = part.quantization.map_or("plain numbers", Quantization::name);
            return Err(ImportError::Unfit(format!(
                "the text encoder of the model folder is stored as {found} and cannot become {wanted}; \
                 name the folder of the published one with --t5 DIR"
            )));
        }
        let known = Tokenizer::open(&part.tokenizer)?.vocab_size();
        if known > part.config.vocab_size {
            return Err(ImportError::Unfit(format!(
                "{} has {known} tokens, and the text encoder knows {}; choose its own tokenizer",
                part.tokenizer.display(),
                part.config.vocab_size
            )));
        }
        Ok(part)
    }

    fn published(
        dir: &Path,
        tokenizer: Option<&Path>,
        dtype: DType,
        quantization: Option<Quantization>,
    ) -> Result<Self, ImportError> {
        let config: T5Config = config(dir, WHAT, kind)?;
        // Building on a recorder checks the sizes before a list is made of them.
        params::record(|vb| T5Encoder::new(vb, &config).map(|_| ()))
            .map_err(|error| refuse(dir, format!("has a config.json of no network: {error}")))?;
        let tokenizer = match tokenizer {
            Some(path) => path.to_owned(),
            None => {
                ["spiece.model", "tokenizer.json"].map(|name| dir.join(name)).into_iter().find(|path| path.is_file()).ok_or_else(
                    || refuse(dir, "holds neither spiece.model nor tokenizer.json; name one with --sentencepiece FILE"),
                )?
            }
        };
        let listed = weight_files(dir, &WEIGHTS)?;
        let mut files = Vec::new();
        let mut left_out = 0;
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for path in listed.files {
            let mut file = TensorFile::open(&path, None)?;
            indexed(&file, &listed.index)?;
            left_out += file.retain(|name| !name.starts_with("decoder.") && !name.starts_with("lm_head."));
            let mut file = file.translated(names::official_name, names::official_shape)?;
            drop_repeated(&mut files, &mut seen, &mut file)?;
            files.push((path, file));
        }
        let name = dir.file_name().map_or_else(|| "the T5 folder".into(), |name| name.to_string_lossy().into_owned());
        let source = Source::checked(files, &config.param_shapes(), &name, None, Some(dtype))?.packed(quantization);
        if let Some(kind) = quantization.filter(|&kind| config.packed_shapes(kind) == config.param_shapes()) {
            return Err(ImportError::Unfit(format!(
                "{} cannot be stored as {kind}: none of its matrices has rows of a multiple of 256 weights; leave the \
                 quantization out",
                dir.display()
            )));
        }
        Ok(Self { config, source, quantization, tokenizer_file: tokenizer_name(&tokenizer)?, tokenizer, left_out })
    }

    fn of_model(dir: &Path, tokenizer: Option<&Path>) -> Result<Self, ImportError> {
        let spec = PartsSpec::read(dir)?;
        let config: T5Config =
            spec.text.config.try_into().map_err(|error| refuse(dir, format!("has a damaged model.toml: {error}")))?;
        let path = dir.join(&spec.text.weights);
        let Some(hash) = spec.hashes.get(&spec.text.weights) else {
            return Err(refuse(&path, "has no hash in its model.toml, so it cannot be taken over"));
        };
        let tokenizer = tokenizer.map_or_else(|| dir.join(&spec.text.tokenizer), Path::to_owned);
        let quantization = spec.text.quantized.as_deref().map(str::parse).transpose();
        let quantization =
            quantization.map_err(|error: UnknownQuantization| refuse(dir, format!("has a damaged model.toml: {error}")))?;
        let source = Source::Copy { path, hash: Some(hash.clone()) };
        Ok(Self { config, source, quantization, tokenizer_file: tokenizer_name(&tokenizer)?, tokenizer, left_out: 0 })
    }
}

/// Every tensor that the index promises in a piece must be there.
fn indexed(file: &TensorFile, index: &BTreeMap<String, BTreeSet<String>>) -> Result<(), ImportError> {
    let promised = index.get(file.file()).into_iter().flatten();
    match promised.into_iter().find(|name| file.info(name).is_none()) {
        Some(name) => Err(WeightsError { file: file.file().to_owned(), problem: Problem::NoSuchTensor(name.clone()) }.into()),
        None => Ok(()),
    }
}

/// A tensor may be in one piece only, but the embedding under its two names in two pieces, if both are the same.
fn drop_repeated(
    files: &mut [(PathBuf, TensorFile)],
    seen: &mut BTreeMap<String, usize>,
    file: &mut TensorFile,
) -> Result<(), ImportError> {
    let names: Vec<String> = file.infos().map(|(name, _)| name.to_owned()).collect();
    let mut repeated = false;
    for name in names {
        let Some((_, before)) = seen.get(&name).and_then(|&at| files.get_mut(at)) else {
            seen.insert(name, files.len());
            continue;
        };
        let bits = |tensor: candle_core::Tensor| tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>();
        if name != EMBEDDING_NAMES[0] || bits(before.read(&name)?)? != bits(file.read(&name)?)? {
            let problem = Problem::TwoSpellings { first: format!("{name} of {}", before.file()), second: name };
            return Err(WeightsError { file: file.file().to_owned(), problem }.into());
        }
        repeated = true;
    }
    if repeated {
        file.retain(|name| name != EMBEDDING_NAMES[0]);
    }
    Ok(())
}

/// What a tokenizer is called in a model folder: its kind is told by its content.
fn tokenizer_name(path: &Path) -> Result<&'static str, ImportError> {
    let bytes = std::fs::read(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
    let json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    Ok(if json { "tokenizer.json" } else { "spiece.model" })
}

/// Whether a configuration is a T5's; else what it is.
fn kind(value: &Value) -> Result<(), String> {
    let class = value.get("_class_name").and_then(Value::as_str);
    let model = value.get("model_type").and_then(Value::as_str);
    match (model, class) {
        (Some("t5" | "mt5" | "umt5"), _) => Ok(()),
        (Some(other), _) | (None, Some(other)) => Err(other.to_owned()),
        (None, None) if value.get("d_model").is_some() => Ok(()),
        (None, None) => Err("something else".to_owned()),
    }
}
