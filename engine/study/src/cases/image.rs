//! Images of cases from the kinds of files that studies bring: PNG, JPEG, DICOM, and images by their run record.

use std::path::Path;

use engine::domain::GrayImage;
use engine::imageio::dicom::decode_radiograph;
use engine::imageio::fault::read_file;
use engine::imageio::kind::FileKind;
use engine::imageio::photo::decode_photo;
use engine::store::hash::{hash_bytes, hash_image};

use crate::error::StudyError;

/// An image as it came, and what tells it again. Nothing here says where it lay or whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmImage {
    /// Grey values as a viewer shows them.
    pub image: GrayImage,
    /// Hash of size and grey values.
    pub pixels_hash: String,
    /// Hash of the file.
    pub file_hash: String,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// What the file was.
    pub kind: FileKind,
}

/// Reads an image of a case. A run record (`.json`) stands for the PNG of the same name.
///
/// # Errors
/// When the file is not there, damaged, too large or of another kind; the sentence names the file.
pub fn read_image(path: &Path) -> Result<ArmImage, StudyError> {
    let record = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let path = &if record { path.with_extension("png") } else { path.to_owned() };
    let name = path.display().to_string();
    let bytes = read_file(path).map_err(|error| StudyError::input(&name, error.fault.to_string()))?;
    let kind = FileKind::of(&bytes);
    // Errors of these decoders begin with the file's name.
    let image = match kind {
        FileKind::Dicom => {
            decode_radiograph(&bytes, &name).map_err(|error| StudyError::input(&name, error.fault.to_string()))?.image
        }
        FileKind::Png | FileKind::Jpeg => {
            decode_photo(&bytes, "the image").map_err(|error| StudyError::input(&name, error.to_string()))?
        }
        _ => return Err(StudyError::input(name, "this is no PNG, JPEG or DICOM file; convert it")),
    };
    Ok(ArmImage { pixels_hash: hash_image(&image), file_hash: hash_bytes(&bytes), file_bytes: bytes.len() as u64, kind, image })
}
