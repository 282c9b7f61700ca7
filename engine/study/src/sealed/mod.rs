//! The sealed study: one file with images, plan and words, and no arm; what readers open.
//!
//! `NAME.cxstudy` is a zip of `study.json` and `images/ID.bin`, all under opaque names. An image is a PNG (16-bit grey, one
//! size, no text) under a cover of its own, so that a hidden repeat is not found by its bytes or length (`veil.rs`). Files
//! of version 1 hold plain `images/ID.png` and can still be read.
//! The same design, cases, images and seed give the same bytes. A closing hash covers every byte, so an edit is seen when
//! the file is opened; whoever makes a new closing hash changes the hash of the file, which stands in the key, in every
//! file of answers and in the registration.

mod archive;
mod seal;
mod sheet;
mod tiles;
mod veil;

use std::collections::BTreeSet;
use std::path::Path;

use engine::domain::GrayImage;
use engine::imageio::png::decode_gray;
use engine::store::hash::hash_bytes;

use self::archive::Archive;
pub use self::seal::{Sealed, Source, seal};
use self::sheet::PLAIN;
pub use self::sheet::{AuditNote, Beside, SealedChoice, Sheet};
use crate::error::StudyError;
use crate::plan::{CaseId, ImageId, ReaderPlan};

/// Name of the entry with everything but pictures.
const SHEET: &str = "study.json";
/// Largest `study.json`.
const MAX_SHEET_BYTES: u64 = 64 << 20;
/// Largest file of one image: 4096 × 4096 pixels of 16 bits that cannot be packed, and a little more.
const MAX_IMAGE_BYTES: u64 = 40 << 20;

/// A sealed study that is open. It may be used by several threads.
#[derive(Debug)]
pub struct Study {
    file: String,
    archive: Archive,
    sheet: Sheet,
    hash: String,
}

impl Study {
    /// Opens a sealed study and checks every byte and the whole structure of it; pictures are decoded when they are asked for.
    ///
    /// # Errors
    /// One sentence, when it is another kind of file, was changed after sealing, or is of a later version.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        let file = path.display().to_string();
        let (archive, hash) = Archive::open(path)?;
        let text = archive.read(SHEET, MAX_SHEET_BYTES)?;
        let mut reader = serde_json::Deserializer::from_slice(&text);
        let sheet: Sheet = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| StudyError::changed(&file, format!("study.json, {}: {}", error.path(), error.inner())))?;
        sheet.check().map_err(|what| StudyError::changed(&file, what))?;
        let expected: BTreeSet<String> =
            sheet.images.keys().map(|id| entry_name(id, sheet.version)).chain([SHEET.to_owned()]).collect();
        if !archive.names().eq(expected.iter().map(String::as_str)) {
            return Err(StudyError::changed(&file, "it holds other entries than its list of images says"));
        }
        Ok(Self { file, archive, sheet, hash })
    }

    /// Everything but the pictures.
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Hash of the whole file, 64 hexadecimal digits: for registration, and what key and answers refer to.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The file, as the caller called it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The plan of a reader.
    ///
    /// # Errors
    /// When the study has no such reader; the sentence lists those it has.
    pub fn reader(&self, code: &str) -> Result<&ReaderPlan, StudyError> {
        self.sheet.readers.iter().find(|plan| plan.reader == code).ok_or_else(|| {
            let known: Vec<&str> = self.sheet.readers.iter().map(|plan| plan.reader.as_str()).collect();
            StudyError::mismatch(&self.file, format!("it has no reader {code:?}; its readers are {}", known.join(", ")))
        })
    }

    /// What is shown beside the images of a case; nothing for a case that is not there.
    pub fn beside(&self, case: &CaseId) -> Option<&Beside> {
        self.sheet.cases.get(case)
    }

    /// Decodes a picture and checks it.
    ///
    /// # Errors
    /// When the picture is not there, or not the one that was sealed.
    pub fn image(&self, id: &ImageId) -> Result<GrayImage, StudyError> {
        let damaged = |what: String| StudyError::changed(&self.file, format!("image {id}: {what}"));
        let expected = self.sheet.images.get(id).ok_or_else(|| damaged("it is not there".to_owned()))?;
        let mut bytes = self.archive.read(&entry_name(id, self.sheet.version), MAX_IMAGE_BYTES)?;
        if hash_bytes(&bytes) != *expected {
            return Err(damaged("it is not the one that was sealed".to_owned()));
        }
        if self.sheet.version > PLAIN {
            bytes = veil::uncovered(&id.0, bytes).ok_or_else(|| damaged("its cover is damaged".to_owned()))?;
        }
        // The size stands in the first chunk, and is checked before any memory is taken for pixels.
        let side = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        if side(16) != Some(self.sheet.side_px) || side(20) != Some(self.sheet.side_px) {
            return Err(damaged(format!("it is not {0} × {0} pixels", self.sheet.side_px)));
        }
        decode_gray(&bytes, "the picture").map_err(|error| damaged(error.to_string()))
    }
}

fn entry_name(id: &ImageId, version: u32) -> String {
    format!("images/{id}.{}", if version > PLAIN { "bin" } else { "png" })
}

/// A hash grouped by four digits, as it is shown to people.
pub fn grouped(hash: &str) -> String {
    let digits: Vec<char> = hash.chars().collect();
    digits.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The first eight digits of a hash, grouped: "4f20 c8d1".
pub fn short(hash: &str) -> String {
    grouped(hash.get(..8).unwrap_or(hash))
}

#[cfg(test)]
mod tests;
