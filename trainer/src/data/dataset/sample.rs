//! One sample: what the networks made of a picture and its text, and the bytes that hold it.
//!
//! The bytes are a safetensors file, so that other programs read it: `image.mean` and `image.log_var` `(C, h, w)`,
//! `caption` `(tokens, width)`, `ids` `(tokens)`, and for each condition `mask.mean`, `mask.log_var` and so on. The
//! note `about` holds the rest as JSON.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::form::{About, Binding};

/// Kinds of condition pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// Filled regions of findings.
    Mask,
    /// Boxes around findings.
    Box,
    /// Regions of the normal anatomy, such as ribs or lungs.
    Anatomy,
    /// Regions whose grey is how severe a finding is.
    Severity,
}

impl ConditionKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Mask, Self::Box, Self::Anatomy, Self::Severity];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Box => "box",
            Self::Anatomy => "anatomy",
            Self::Severity => "severity",
        }
    }
}

impl fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ConditionKind {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == word)
            .ok_or_else(|| anyhow!("condition {word:?} is unknown; choose mask, box, anatomy or severity"))
    }
}

/// How numbers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// Four bytes.
    #[default]
    F32,
    /// Two bytes, fine steps.
    F16,
    /// Two bytes, the range of f32.
    Bf16,
}

impl Stored {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        }
    }
}

/// A Gaussian over latents, `(C, h, w)` each, as the autoencoder gave it and not scaled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Means.
    pub mean: Vec<f32>,
    /// Logarithms of variances.
    pub log_var: Vec<f32>,
}

/// A sample in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// What is known of it.
    pub about: About,
    /// The caption as it was encoded.
    pub text: String,
    /// The picture.
    pub image: Moments,
    /// Token ids with the end token; empty where only an embedding came in.
    pub ids: Vec<u32>,
    /// Rows of the caption, `(tokens, width)`.
    pub caption: Vec<f32>,
    /// Condition pictures.
    pub conditions: BTreeMap<ConditionKind, Moments>,
}

/// The note of a sample's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    about: About,
    text: String,
}

/// Name of the note.
const NOTE: &str = "about";

impl Sample {
    /// The first of its tensors that holds NaN or an infinite number.
    pub fn not_finite(&self) -> Option<String> {
        let pictures = [("image", &self.image)].into_iter().chain(self.conditions.iter().map(|(kind, m)| (kind.name(), m)));
        let mut tensors: Vec<(String, &[f32])> = vec![("caption".to_owned(), &self.caption)];
        for (name, moments) in pictures {
            tensors.push((format!("{name}.mean"), &moments.mean));
            tensors.push((format!("{name}.log_var"), &moments.log_var));
        }
        tensors.into_iter().find(|(_, values)| values.iter().any(|value| !value.is_finite())).map(|(name, _)| name)
    }

    /// The sample as a file: latents stored as `latents`, caption rows as `caption`.
    ///
    /// # Errors
    /// When a length does not fit the shapes.
    pub fn to_bytes(&self, binding: &Binding, latents: Stored, caption: Stored) -> Result<Vec<u8>> {
        let latent = [binding.channels, binding.side, binding.side];
        let mut parts: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        let mut put = |name: String, values: &[f32], shape: &[usize], stored: Stored| -> Result<()> {
            ensure!(values.len() == shape.iter().product::<usize>(), "{name} has {} numbers, not {shape:?}", values.len());
            parts.push((name, stored.dtype(), shape.to_vec(), packed(values, stored)));
            Ok(())
        };
        let pictures = [("image", &self.image)].into_iter().chain(self.conditions.iter().map(|(kind, m)| (kind.name(), m)));
        for (name, moments) in pictures {
            put(format!("{name}.mean"), &moments.mean, &latent, latents)?;
            put(format!("{name}.log_var"), &moments.log_var, &latent, latents)?;
        }
        put("caption".to_owned(), &self.caption, &[self.about.tokens, binding.text_width], caption)?;
        let ids: Vec<u8> = self.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        parts.push(("ids".to_owned(), Dtype::U32, vec![self.ids.len()], ids));
        let views = parts.iter().map(|(name, dtype, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).with_context(|| format!("tensor {name}"))?))
        });
        let views: Vec<(&str, TensorView<'_>)> = views.collect::<Result<_>>()?;
        let note = serde_json::to_string(&Note { about: self.about.clone(), text: self.text.clone() })?;
        Ok(safetensors::serialize(views, Some(HashMap::from([(NOTE.to_owned(), note)])))?)
    }

    /// Reads the bytes of [`Sample::to_bytes`].
    ///
    /// # Errors
    /// When they are damaged or of another model.
    pub fn from_bytes(bytes: &[u8], binding: &Binding) -> Result<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let note = metadata.metadata().as_ref().and_then(|notes| notes.get(NOTE)).context("its note is missing")?;
        let Note { about, text } = serde_json::from_str(note).context("its note is damaged")?;
        let file = SafeTensors::deserialize(bytes)?;
        let latent = [binding.channels, binding.side, binding.side];
        let moments = |name: &str| -> Result<Moments> {
            let part = |what: &str| unpacked(&file, &format!("{name}.{what}"), &latent);
            Ok(Moments { mean: part("mean")?, log_var: part("log_var")? })
        };
        let conditions = about.conditions.iter().map(|&kind| Ok((kind, moments(kind.name())?))).collect::<Result<_>>()?;
        let caption = unpacked(&file, "caption", &[about.tokens, binding.text_width])?;
        let ids = file.tensor("ids").context("tensor ids")?;
        ensure!(ids.dtype() == Dtype::U32, "its token ids are of another number type");
        let ids = ids.data().chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Self { image: moments("image")?, about, text, ids, caption, conditions })
    }
}

/// Numbers as stored bytes, little endian.
fn packed(values: &[f32], stored: Stored) -> Vec<u8> {
    match stored {
        Stored::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Stored::F16 => values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
        Stored::Bf16 => values.iter().flat_map(|&v| half::bf16::from_f32(v).to_le_bytes()).collect(),
    }
}

/// The numbers of a tensor of this shape.
fn unpacked(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let view = file.tensor(name).with_context(|| format!("tensor {name}"))?;
    ensure!(view.shape() == shape, "tensor {name} is {:?}, expected {shape:?}", view.shape());
    let data = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Dtype::F16 => data.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        Dtype::BF16 => data.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        other => bail!("tensor {name} has the number type {other:?}, which is not read"),
    })
}
