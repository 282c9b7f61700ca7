//! Images of cases from the kinds of files that studies bring: PNG, JPEG, DICOM, and images by their run record.

use std::path::Path;

use crate::error::StudyError;
use crate::picture::{Picture, PictureError};

/// Reads an image of a case. A run record (`.json`) stands for the PNG of the same name.
///
/// # Errors
/// When the file is not there, damaged, too large or of another kind; the sentence names the file.
pub fn read_image(path: &Path) -> Result<Picture, StudyError> {
    let record = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let path = &if record { path.with_extension("png") } else { path.to_owned() };
    let name = path.display().to_string();
    Picture::open(path).map_err(|error| {
        let words = match error {
            PictureError::File(error) => error.fault.to_string(),
            // These words begin with the name of the file.
            PictureError::Photo(error) => error.to_string().replacen(&format!("{name} "), "", 1),
        };
        StudyError::input(name.clone(), words)
    })
}
