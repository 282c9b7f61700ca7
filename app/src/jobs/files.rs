//! Saving and opening images with their records, each file whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use engine::domain::{GenerateRequest, GrayImage};
use engine::imageio::png;
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use engine::store::record::{RunRecord, encode_condition_png, encode_png_with_record};

/// A finished image and everything to make it again.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The radiograph.
    pub image: Arc<GrayImage>,
    /// The condition picture the model saw, if findings were drawn.
    pub condition: Option<GrayImage>,
    /// What was asked for.
    pub request: GenerateRequest,
    /// The run record.
    pub record: RunRecord,
}

/// The files of one saved image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The radiograph, its record inside.
    pub image: PathBuf,
    /// The condition picture; none without drawn findings.
    pub mask: Option<PathBuf>,
    /// The record as JSON.
    pub record: PathBuf,
}

/// An image opened from a file.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Name of the case, from the file's name.
    pub name: String,
    /// The image with its record.
    pub artifact: Artifact,
}

/// A file name without extension for a case and a seed: lower case, digits and hyphens.
pub fn stem(name: &str, seed: u64) -> String {
    let mut stem = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            stem.push(c.to_ascii_lowercase());
        } else if !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
        if stem.len() >= 60 {
            break;
        }
    }
    let stem = stem.trim_matches('-');
    let stem = if stem.is_empty() { "untitled" } else { stem };
    let seed = seed.to_string();
    if stem.ends_with(&format!("-{seed}")) { stem.to_owned() } else { format!("{stem}-{seed}") }
}

/// Saves under the first free name of `stem`, `stem-2`, `stem-3`, …; nothing is overwritten.
///
/// # Errors
/// When the folder cannot be made or written, or the disk is full; then no file is left behind.
pub fn save_new(artifact: &Artifact, folder: &Path, stem: &str) -> anyhow::Result<Saved> {
    ensure_writable_dir(folder)?;
    let stem = (1..10_000)
        .map(|n| if n == 1 { stem.to_owned() } else { format!("{stem}-{n}") })
        .find(|s| !folder.join(format!("{s}.png")).exists() && !folder.join(format!("{s}.json")).exists())
        .ok_or_else(|| anyhow!("there are already ten thousand images of this name; choose another folder"))?;
    let saved = Saved {
        image: folder.join(format!("{stem}.png")),
        mask: artifact.condition.is_some().then(|| folder.join(format!("{stem}_mask.png"))),
        record: folder.join(format!("{stem}.json")),
    };
    let written = write_all(artifact, &saved);
    if written.is_err() {
        for path in [Some(&saved.image), saved.mask.as_ref(), Some(&saved.record)].into_iter().flatten() {
            // The names were free, so whatever lies there is a part of this failed save.
            if std::fs::remove_file(path).is_err() {
                tracing::debug!("nothing to remove at {}", path.display());
            }
        }
    }
    written.map(|()| saved)
}

fn write_all(artifact: &Artifact, to: &Saved) -> anyhow::Result<()> {
    if let (Some(condition), Some(path)) = (&artifact.condition, &to.mask) {
        write_atomic(path, &encode_condition_png(condition)?)?;
    }
    let json = artifact.record.to_json().context("the run record cannot be written as JSON")?;
    write_atomic(&to.record, json.as_bytes())?;
    // The picture comes last: where it lies, the other two lie beside it.
    write_atomic(&to.image, &encode_png_with_record(&artifact.image, &artifact.record)?)?;
    Ok(())
}

/// Opens a saved PNG, or a JSON record with its PNG beside it.
///
/// # Errors
/// When the file is unreadable, damaged or has no record inside; the sentence names it.
pub fn open(path: &Path) -> anyhow::Result<Opened> {
    let record = RunRecord::read(path)?;
    let is_picture = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    let picture = if is_picture { path.to_path_buf() } else { path.with_extension("png") };
    let image = png::read_gray(&picture)?;
    let name = picture.file_stem().map_or_else(|| "Untitled".to_owned(), |s| s.to_string_lossy().into_owned());
    let mask = picture.with_file_name(format!("{name}_mask.png"));
    // The mask picture is a copy of what the record holds; without it nothing is lost.
    let condition = if mask.exists() { png::read_gray(&mask).ok() } else { None };
    Ok(Opened { name, artifact: Artifact { image: Arc::new(image), condition, request: record.request.clone(), record } })
}

/// A folder for saved images when none was chosen: `ChexGen Studio` among the user's documents.
pub fn default_save_folder() -> PathBuf {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
    let documents = home.map_or_else(
        || PathBuf::from("."),
        |home| {
            let documents = home.join("Documents");
            if documents.is_dir() { documents } else { home }
        },
    );
    documents.join("ChexGen Studio")
}

/// The studio's own folder: `ChexGen Studio` in the user's data folder.
pub fn default_data_folder() -> PathBuf {
    let from = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = from("XDG_DATA_HOME").or_else(|| from("APPDATA")).or_else(|| {
        from("HOME").map(|home| {
            if cfg!(target_os = "macos") { home.join("Library/Application Support") } else { home.join(".local/share") }
        })
    });
    base.unwrap_or_else(|| PathBuf::from(".")).join("ChexGen Studio")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_are_plain_and_end_with_the_seed() {
        assert_eq!(stem("Right pneumothorax", 1482), "right-pneumothorax-1482");
        assert_eq!(stem("Übung: Fall/3 ", 7), "bung-fall-3-7");
        assert_eq!(stem("…", 7), "untitled-7");
        assert_eq!(stem("case-1482", 1482), "case-1482");
        assert!(stem(&"x".repeat(500), 1).len() < 70);
    }

    #[test]
    fn a_file_that_is_no_record_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("holiday.png");
        std::fs::write(&path, b"not a picture").expect("the folder is writable");
        let error = crate::jobs::sentence(&open(&path).expect_err("it is no picture"));
        assert!(error.contains("holiday.png"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
