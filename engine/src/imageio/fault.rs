//! Why a file of a medical format cannot be read or made: one sentence, with the file and the field, never with
//! what a field holds. Files of this kind carry names of patients.

use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::png::{MAX_FILE_BYTES, MAX_SIDE_PX, system_reason};

/// A file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {fault}")]
pub struct FormatError {
    /// The file, as the caller calls it.
    pub name: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a file; no variant holds a value of the file other than a number.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(String),
    /// Another kind of file.
    #[error("this is not a {expected} file; check its kind, or convert it")]
    Foreign {
        /// What was looked for.
        expected: &'static str,
    },
    /// The file ends before what it announces.
    #[error("the file is cut off in {place}; copy it again")]
    Truncated {
        /// The field or part that is not whole.
        place: String,
    },
    /// A needed field is not there.
    #[error("{field} is missing or empty; export the file again with it")]
    Missing {
        /// The field.
        field: String,
    },
    /// A field or part contradicts the format.
    #[error("{field} {what}; the file is damaged or wrongly made, export it again")]
    Damaged {
        /// The field or part.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// More than is read.
    #[error("{field} is too large: {actual}, and at most {max} is read")]
    TooLarge {
        /// The field or part.
        field: String,
        /// Its size.
        actual: String,
        /// The limit.
        max: String,
    },
    /// A kind of content that is not read.
    #[error("{what} is not read; {remedy}")]
    Unsupported {
        /// The content.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// What was asked for cannot be found or written.
    #[error("{0}")]
    Request(String),
}

impl Fault {
    /// A field that contradicts the format.
    pub(crate) fn damaged(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Damaged { field: field.into(), what: what.into() }
    }

    /// The end of the file within something.
    pub(crate) fn truncated(place: impl Into<String>) -> Self {
        Self::Truncated { place: place.into() }
    }

    /// A field that is needed.
    pub(crate) fn missing(field: impl Into<String>) -> Self {
        Self::Missing { field: field.into() }
    }

    /// Something that is not read.
    pub(crate) fn unsupported(what: impl Into<String>, remedy: &'static str) -> Self {
        Self::Unsupported { what: what.into(), remedy }
    }

    /// The error of a file.
    pub(crate) fn of(self, name: &str) -> FormatError {
        FormatError { name: name.to_owned(), fault: self }
    }
}

/// A picture's size that is allowed, or the sentence.
pub(crate) fn check_size(width: u64, height: u64) -> Result<(u32, u32), Fault> {
    let max = u64::from(MAX_SIDE_PX);
    if width == 0 || height == 0 {
        return Err(Fault::damaged("the picture's size", format!("is {width}×{height}")));
    }
    if width > max || height > max {
        return Err(Fault::TooLarge {
            field: "the picture".to_owned(),
            actual: format!("{width}×{height} pixels"),
            max: format!("{max}×{max}"),
        });
    }
    Ok((width as u32, height as u32))
}

/// All bytes of a plain file of allowed size; folders, pipes and devices are refused.
///
/// # Errors
/// When the system refuses, or the file is too large.
pub fn read_file(path: &Path) -> Result<Vec<u8>, FormatError> {
    let name = path.display().to_string();
    let io = |error: std::io::Error| Fault::Io(system_reason(&error)).of(&name);
    let about = std::fs::metadata(path).map_err(io)?;
    if !about.is_file() {
        let what = if about.is_dir() { "it is a folder" } else { "it is no plain file" };
        return Err(Fault::Io(what.to_owned()).of(&name));
    }
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let max = format!("{} MiB", MAX_FILE_BYTES >> 20);
        return Err(Fault::TooLarge { field: "the file".to_owned(), actual: format!("more than {max}"), max }.of(&name));
    }
    Ok(bytes)
}

/// Runs a decoder of others, whose panic becomes a sentence: known ones index without checks on damaged data.
pub(crate) fn guarded<T>(part: &str, decode: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(Fault::damaged(part, "makes its decoder stop")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_sentence() {
        let caught = guarded::<()>("JPEG data", || panic!("JANE DOE")).unwrap_err().of("a.dcm").to_string();
        assert!(caught.starts_with("a.dcm: JPEG data ") && !caught.contains("JANE"), "{caught}");
        assert!(matches!(guarded("x", || Ok(7)), Ok(7)));
    }

    #[test]
    fn sizes_are_limited() {
        assert!(check_size(20_000, 20_000).unwrap_err().of("a").to_string().contains("8192×8192"));
        assert!(check_size(0, 5).is_err() && check_size(u64::MAX, 5).is_err());
        assert!(matches!(check_size(1, 8192), Ok((1, 8192))));
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let sentence = read_file(&dir.path().join("none.dcm")).unwrap_err().to_string();
        assert!(sentence.contains("none.dcm: cannot be read: there is no such file"), "{sentence}");
    }
}
