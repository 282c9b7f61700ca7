//! Opened images of edits, kept in the studio's folder, so that an edit of the library comes back at its own size.
//!
//! One PNG for each square that a run began with, named after the square's pixels; beside the pixels it tells spacing
//! and where fine structure came from, and nothing of the file that the image was opened from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use engine::domain::GrayImage;
use engine::imageio::edited::Detail;
use engine::imageio::png::{self, Text};
use engine::store::atomic::write_atomic;
use engine::store::hash::hash_image;
use serde::{Deserialize, Serialize};

use super::Original;

/// The folder inside the studio's folder.
const FOLDER: &str = "originals";
/// Keyword of the text inside, and value of its field `format`.
const FORMAT: &str = "chexgen-original";
/// Value of its field `version`.
const VERSION: u32 = 1;
/// Plain mark inside.
const MARK: Text<'static> = Text::Plain("Comment", "An image opened in ChexGen Studio, kept because a region of it was changed.");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    format: String,
    version: u32,
    keeps_detail: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spacing_mm: Option<(f64, f64)>,
}

fn place(folder: &Path, square: &GrayImage) -> PathBuf {
    folder.join(FOLDER).join(format!("{}.png", hash_image(square)))
}

/// Keeps an opened image in the studio's folder; one that is its own square needs no keeping.
///
/// # Errors
/// When it cannot be packed or written.
pub fn keep(folder: &Path, original: &Original) -> anyhow::Result<()> {
    if original.image == original.square && original.spacing_mm.is_none() {
        return Ok(());
    }
    let about = About {
        format: FORMAT.to_owned(),
        version: VERSION,
        keeps_detail: original.detail == Detail::Opened,
        spacing_mm: original.spacing_mm,
    };
    let text = serde_json::to_string(&about).context("the opened image cannot be described")?;
    let bytes = png::encode_gray16(&original.image, &[MARK, Text::Packed(FORMAT, &text)])?;
    let path = place(folder, &original.square);
    std::fs::create_dir_all(folder.join(FOLDER)).with_context(|| format!("the folder cannot be made ({})", path.display()))?;
    Ok(write_atomic(&path, &bytes)?)
}

/// The opened image of a square; `None` where none was kept.
///
/// # Errors
/// One phrase when it was kept and cannot be read, or is not the square's.
pub fn find(folder: &Path, square: &Arc<GrayImage>) -> Result<Option<Original>, String> {
    let path = place(folder, square);
    if !path.is_file() {
        return Ok(None);
    }
    let unread =
        |why: &dyn std::fmt::Display| format!("its opened image cannot be read, so it is shown at the model's size: {why}");
    let text = png::read_text(&path, FORMAT).map_err(|e| unread(&e))?.ok_or_else(|| unread(&"it is not marked"))?;
    let about: About = serde_json::from_str(&text).map_err(|e| unread(&e))?;
    if (about.format.as_str(), about.version) != (FORMAT, VERSION) {
        return Err(unread(&format!("it has version {}, and this program reads version {VERSION}", about.version)));
    }
    let image = png::read_gray(&path).map_err(|e| unread(&e))?;
    let detail = if about.keeps_detail { Detail::Opened } else { Detail::Model };
    Ok(Some(Original { square: Arc::clone(square), image: Arc::new(image), spacing_mm: about.spacing_mm, detail }))
}

#[cfg(test)]
mod tests {
    use engine::imageio::letterbox::fit_image;

    use super::*;

    fn original() -> Original {
        let image = GrayImage::new(40, 30, (0..1200u32).map(|i| (i * 53) as u16).collect()).expect("an image");
        let square = Arc::new(fit_image(&image, 16).expect("a square"));
        Original { square, image: Arc::new(image), spacing_mm: Some((0.2, 0.1)), detail: Detail::Model }
    }

    #[test]
    fn an_opened_image_comes_back_by_its_square() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let kept = original();
        assert!(find(dir.path(), &kept.square).expect("readable").is_none());
        keep(dir.path(), &kept).expect("writable");
        let found = find(dir.path(), &kept.square).expect("readable").expect("kept");
        assert_eq!((&found.image, found.spacing_mm, found.detail), (&kept.image, kept.spacing_mm, Detail::Model));
        std::fs::write(place(dir.path(), &kept.square), b"cut off").expect("writable");
        assert!(find(dir.path(), &kept.square).expect_err("damaged").contains("model's size"));
    }

    #[test]
    fn a_square_without_spacing_is_in_the_record_already() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let square = original().square;
        let plain = Original { image: Arc::clone(&square), square, spacing_mm: None, detail: Detail::Opened };
        keep(dir.path(), &plain).expect("nothing to do");
        assert!(std::fs::read_dir(dir.path()).expect("the folder").next().is_none());
    }
}
