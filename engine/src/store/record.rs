//! The run record: everything to make one image again, bit for bit, as JSON and inside the PNG.
//!
//! In memory a record is a plain [`RunRecord`]; the format on disk is a type of its own (`v1`), so that
//! either may change without the other. The record carries the control pixels themselves.

mod base64;
mod full_size;
mod request_file;
mod shareable;
mod source_v1;
mod tier;
mod v1;

pub use full_size::FullSize;
pub use shareable::Shareable;
pub use tier::{FULL_SIZE_KEYWORD, SHAREABLE_KEYWORD, Tier, content, encode_dicom, encode_png, plain_mark};

use std::path::{Path, PathBuf};

use crate::domain::{GenerateRequest, GrayImage};
use crate::imageio::png::{self, PngError, Text};
use crate::store::hash::hash_bytes;

pub use request_file::{request_from_json, request_to_json};
use v1::RecordV1;

/// Keyword of the record's `iTXt` chunk.
pub const PNG_KEYWORD: &str = "chexgen";
/// Keyword and text of the plain mark in every PNG.
pub const SYNTHETIC_MARK: (&str, &str) =
    ("Comment", "Synthetic chest radiograph made by ChexGen Studio. Not a patient. Not for diagnosis.");
/// Keyword and text of the plain mark in an opened image that was changed in a region.
pub const EDITED_MARK: (&str, &str) = (
    "Comment",
    "EDITED REGION: an opened image, changed in one region by ChexGen Studio. What it shows there is synthetic. Not for diagnosis.",
);
/// Keyword and text of the plain mark in an opened image that was changed as a whole.
pub const EDITED_WHOLE_MARK: (&str, &str) = (
    "Comment",
    "EDITED IMAGE: an opened image, changed as a whole by ChexGen Studio. What it shows is synthetic. Not for diagnosis.",
);
/// Keyword and text of the plain mark in every condition picture.
pub const CONDITION_MARK: (&str, &str) =
    ("Comment", "Condition picture of ChexGen Studio: the drawn findings as the model saw them. Not a radiograph.");
/// Largest record file that is read.
pub const MAX_RECORD_BYTES: u64 = 64 << 20;

/// Value of the record's `format` field.
const FORMAT: &str = "chexgen-run";
/// Longest side of a mask in a record.
const MAX_MASK_SIDE_PX: u32 = png::MAX_SIDE_PX;

/// One file of a model and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// Name inside the model folder.
    pub name: String,
    /// BLAKE3 of the content, 64 hexadecimal digits.
    pub blake3: String,
}

/// What made one image.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// The request, control pixels included.
    pub request: GenerateRequest,
    /// Name of the model.
    pub model_name: String,
    /// Every file of the model that the image depends on.
    pub files: Vec<FileHash>,
    /// Version of the engine.
    pub engine_version: String,
    /// Device, such as `cpu` or `cuda:0`.
    pub device: String,
    /// Number type of the computation, such as `f32`.
    pub dtype: String,
    /// Side of the square image in pixels.
    pub size_px: u32,
    /// Sampler steps that ran.
    pub steps_ran: usize,
    /// Hash of the image's size and grey values.
    pub pixels_blake3: String,
    /// Hash of the compiled condition picture, if there was one.
    pub control_blake3: Option<String>,
    /// The file that gave the noise, if seeds did not.
    pub noise: Option<NoiseOrigin>,
    /// Rows of the bands in which the autoencoder worked; `None` where it worked on whole pictures.
    pub band_rows: Option<u32>,
}

/// A row of a file of noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoiseOrigin {
    /// BLAKE3 of the file, 64 hexadecimal digits.
    pub blake3: String,
    /// Which row of its batch, from 0.
    pub row: usize,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The system refused, or the file is too large.
    #[error("cannot read {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Not JSON.
    #[error("{name} is not a run record: {reason}; choose a .json or .png that was saved with an image")]
    NotJson {
        /// The file.
        name: String,
        /// What the parser said.
        reason: String,
    },
    /// Other JSON.
    #[error("{name} is not a run record of ChexGen: its field `format` is not \"chexgen-run\"")]
    Foreign {
        /// The file.
        name: String,
    },
    /// A later format.
    #[error("{name} is a run record of version {version}; this program reads version 1, so use a newer one")]
    Version {
        /// The file.
        name: String,
        /// Its version.
        version: String,
    },
    /// A field is missing, unknown or impossible.
    #[error("{name}: {reason}")]
    Field {
        /// The file.
        name: String,
        /// Field and fault.
        reason: String,
    },
    /// The picture has no record inside.
    #[error("{name} has no run record inside: it was not saved by ChexGen, or its text chunks were removed")]
    NoChunk {
        /// The file.
        name: String,
    },
    /// The picture cannot be read.
    #[error(transparent)]
    Png(#[from] PngError),
}

/// One hash over the names and hashes of a model's files.
pub fn model_hash(files: &[FileHash]) -> String {
    let text: String = files.iter().map(|file| format!("{} {}\n", file.name, file.blake3)).collect();
    hash_bytes(text.as_bytes())
}

impl RunRecord {
    /// The record as JSON text, ending with a line break.
    ///
    /// # Errors
    /// Only if a number is not finite, which [`GenerateRequest::check`] excludes, or an edited image cannot be
    /// packed.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let record = RecordV1::try_from(self).map_err(serde::ser::Error::custom)?;
        let mut text = serde_json::to_string_pretty(&record)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads JSON text; `name` is used in errors.
    ///
    /// # Errors
    /// When the text is no record, of a later version, or a field is missing, unknown or impossible.
    pub fn from_json(text: &str, name: &str) -> Result<Self, RecordError> {
        let name = name.to_owned();
        let value: serde_json::Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => return Err(RecordError::NotJson { name, reason: error.to_string() }),
        };
        if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
            return Err(RecordError::Foreign { name });
        }
        match value.get("version") {
            Some(version) if version.as_u64() == Some(1) => {}
            other => {
                let version = other.map_or_else(|| "none".to_owned(), ToString::to_string);
                return Err(RecordError::Version { name, version });
            }
        }
        let v1: RecordV1 = match serde_path_to_error::deserialize(value) {
            Ok(v1) => v1,
            Err(error) => return Err(RecordError::Field { name, reason: error.to_string() }),
        };
        Self::try_from(v1).map_err(|reason| RecordError::Field { name, reason })
    }

    /// Reads a `.json` record, or the record inside a `.png`.
    ///
    /// # Errors
    /// When the file cannot be read, or as [`RunRecord::from_json`] and [`read_record_from_png`].
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
            return read_record_from_png(path);
        }
        let io = |reason: String| RecordError::Io { path: path.to_owned(), reason };
        let len = std::fs::metadata(path).map_err(|error| io(error.to_string()))?.len();
        if len > MAX_RECORD_BYTES {
            return Err(io(format!("it has {len} bytes, and a record has at most {MAX_RECORD_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(|error| io(error.to_string()))?;
        let name = path.display().to_string();
        match String::from_utf8(bytes) {
            Ok(text) => Self::from_json(&text, &name),
            Err(_) => Err(RecordError::NotJson { name, reason: "it is not UTF-8 text".to_owned() }),
        }
    }

    /// Files of the model that differ between this record and `other`, by name, sorted.
    pub fn changed_files(&self, other: &[FileHash]) -> Vec<String> {
        let mut names: Vec<&str> = self.files.iter().chain(other).map(|file| file.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let find = |files: &[FileHash], name: &str| files.iter().find(|file| file.name == name).map(|file| file.blake3.clone());
        names.retain(|name| find(&self.files, name) != find(other, name));
        names.into_iter().map(str::to_owned).collect()
    }
}

/// A 16-bit grey PNG that carries its record and a plain mark that it is synthetic or edited.
///
/// # Errors
/// When the record or the picture cannot be encoded.
pub fn encode_png_with_record(image: &GrayImage, record: &RunRecord) -> Result<Vec<u8>, PngError> {
    encode_png(image, record, Tier::Full, None)
}

/// A condition picture as a PNG that says what it is.
///
/// # Errors
/// When it cannot be encoded.
pub fn encode_condition_png(condition: &GrayImage) -> Result<Vec<u8>, PngError> {
    png::encode_gray16(condition, &[Text::Plain(CONDITION_MARK.0, CONDITION_MARK.1)])
}

/// The record inside a PNG.
///
/// # Errors
/// When the file is no PNG, is damaged, or carries no valid record.
pub fn read_record_from_png(path: &Path) -> Result<RunRecord, RecordError> {
    let name = path.display().to_string();
    match png::read_text(path, PNG_KEYWORD)? {
        Some(text) => RunRecord::from_json(&text, &name),
        None => Err(RecordError::NoChunk { name }),
    }
}

#[cfg(test)]
mod tests;
