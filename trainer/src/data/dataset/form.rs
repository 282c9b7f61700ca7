//! What stands in `dataset.json` and beside each shard.
//!
//! A data set is a folder: `dataset.json`, and for every split `NAME-00000.tar` with `NAME-00000.json`. The JSON of a
//! shard implies its tar, and `dataset.json` implies both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Mark of `dataset.json`.
pub const DATASET_FORMAT: &str = "chexgen-dataset";
/// Mark of a shard's index.
pub const SHARD_FORMAT: &str = "chexgen-shard";
/// Version of both.
pub const VERSION: u32 = 1;
/// Name of the description in the folder.
pub const DATASET_FILE: &str = "dataset.json";

/// The networks that a data set was encoded with; what another one encodes does not fit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Name of the model, for people.
    pub model: String,
    /// Hash of the autoencoder's weights.
    pub autoencoder: String,
    /// Hash of the text encoder's weights.
    pub text: String,
    /// Hash of the tokenizer's file.
    pub tokenizer: String,
    /// Side of the pictures in pixels.
    pub size_px: usize,
    /// Channels of a latent.
    pub channels: usize,
    /// Side of a latent.
    pub side: usize,
    /// Width of a caption's rows.
    pub text_width: usize,
    /// Most tokens of a caption, end token included.
    pub max_tokens: usize,
    /// Which greys condition pictures are drawn in.
    pub palette: String,
}

impl Binding {
    /// The first thing in which another binding differs, in words; the model's name and the palette do not count, for
    /// they change no picture and no text.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let hash = |what: &str, ours: &str, theirs: &str| (ours != theirs).then(|| format!("another {what}"));
        let size =
            |what: &str, ours: usize, theirs: usize| (ours != theirs).then(|| format!("{what} {ours} instead of {theirs}"));
        hash("autoencoder", &self.autoencoder, &other.autoencoder)
            .or_else(|| hash("text encoder", &self.text, &other.text))
            .or_else(|| hash("tokenizer", &self.tokenizer, &other.tokenizer))
            .or_else(|| size("pictures of side", self.size_px, other.size_px))
            .or_else(|| size("latent channels:", self.channels, other.channels))
            .or_else(|| size("latents of side", self.side, other.side))
            .or_else(|| size("caption rows of width", self.text_width, other.text_width))
            .or_else(|| size("a token limit of", self.max_tokens, other.max_tokens))
    }
}

/// `dataset.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetForm {
    /// [`DATASET_FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Name of the data set.
    pub name: String,
    /// Hash of everything that decides its content: settings, listed cases, networks.
    pub recipe: String,
    /// The networks it belongs to.
    pub binding: Binding,
    /// Shards of each split, in order.
    pub splits: BTreeMap<String, Vec<ShardEntry>>,
}

/// A shard in `dataset.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// Name of the tar file.
    pub file: String,
    /// Samples inside.
    pub samples: usize,
    /// Hash of its index, which holds the hashes of its samples.
    pub index_blake3: String,
}

/// `NAME-00000.json`: what is in the tar file of that name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardForm {
    /// [`SHARD_FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The recipe of the data set.
    pub recipe: String,
    /// Length of the tar file.
    pub tar_bytes: u64,
    /// Samples, in the order of the tar file.
    pub samples: Vec<SampleEntry>,
    /// Cases that should have been here and are not.
    pub rejects: Vec<Reject>,
    /// Words with digits that caption cleaning destroyed, in small letters; shards of earlier builds have only their
    /// number, in [`About::lost`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lost_words: BTreeMap<String, LostWord>,
}

/// A word that caption cleaning destroyed, with the first caption that lost it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostWord {
    /// How often.
    pub count: usize,
    /// A caption before cleaning.
    pub before: String,
    /// The same caption as it is encoded.
    pub after: String,
}

impl LostWord {
    /// Counts those of another shard, too.
    pub fn join(&mut self, other: Self) {
        let count = self.count + other.count;
        if self.count == 0 {
            *self = other;
        }
        self.count = count;
    }
}

/// A sample in a shard's index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleEntry {
    /// First byte in the tar file.
    pub offset: u64,
    /// Bytes.
    pub bytes: u64,
    /// Hash of these bytes.
    pub blake3: String,
    /// What is known of it.
    pub about: About,
}

/// What is known of a sample beside its tensors. Who the patient is does not stand here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Name in the data set, the same in every run: split, shard, place.
    pub key: String,
    /// The collection it comes from.
    pub set: String,
    /// Pseudonym of the patient, the same in all sets of one salt; empty where there is no patient number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub patient: String,
    /// `PA`, `AP`, `AP_SUPINE`, `LATERAL` or `UNKNOWN`.
    pub view: String,
    /// `M`, `F`, or empty where unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sex: String,
    /// Age in years, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<f32>,
    /// As the source has it, where known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub race: String,
    /// 1 present, 0 absent, -1 uncertain; what is not mentioned does not stand here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, i8>,
    /// Conditions that the sample holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<super::ConditionKind>,
    /// Tokens of the caption, end token included.
    pub tokens: usize,
    /// Whether the caption was longer and is cut.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cut: bool,
    /// De-identification marks taken out of the caption.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub marks: usize,
    /// Words with digits that caption cleaning destroyed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: usize,
    /// Regions of the source whose class has no grey in the model's palette.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown_classes: usize,
    /// Width of the source in pixels.
    pub width: u32,
    /// Height of the source in pixels.
    pub height: u32,
    /// Mean grey of the encoded square, 0 to 1.
    pub grey_mean: f32,
    /// Deviation of its greys.
    pub grey_sd: f32,
    /// Hash of the source file; empty where latents came in its place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source_blake3: String,
}

/// A case that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// The collection it comes from.
    pub set: String,
    /// Its file in the collection, or the line of the list.
    pub case: String,
    /// The kind of reason, in one word.
    pub kind: String,
    /// The reason, in one sentence.
    pub reason: String,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}
