//! Writes the files of one result: all of them, or none.

use std::path::Path;

use anyhow::{Context as _, Result};
use engine::domain::{GrayImage, ImageError};
use engine::imageio::png::{Text, encode_gray16};
use engine::pipeline::Generated;
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use engine::store::record::{encode_condition_png, encode_png_with_record};

use super::names::ResultFiles;

/// Keyword and text of the plain mark in every map of differences.
const DIFFERENCE_MARK: (&str, &str) =
    ("Comment", "How far two synthetic radiographs of ChexGen Studio differ, grey by grey. Not a patient. Not for diagnosis.");

/// What is written beside a result, where it is wanted.
#[derive(Debug, Default)]
pub struct Further {
    /// The counterfactual twin.
    pub twin: Option<Generated>,
    /// Maps of attention as a PNG, and their legend as JSON.
    pub words: Option<(Vec<u8>, Vec<u8>)>,
    /// Pictures of the steps as a PNG.
    pub film: Option<Vec<u8>>,
}

/// Writes condition picture, record and image, in this order: an image implies the other two.
///
/// # Errors
/// Names the file that cannot be written; what this call had written before is taken away again.
pub fn write_result(files: &ResultFiles, result: &Generated) -> Result<()> {
    write_all(files, result, &Further::default())
}

/// As [`write_result`], with further files before the record: an image implies them too.
///
/// # Errors
/// As [`write_result`].
pub fn write_all(files: &ResultFiles, result: &Generated, further: &Further) -> Result<()> {
    let mut pieces: Vec<(&Path, Vec<u8>)> = Vec::new();
    if let Some(condition) = &result.condition {
        pieces.push((&files.mask, encode_condition_png(condition)?));
    }
    if let Some((sheet, legend)) = &further.words {
        pieces.push((&files.words, sheet.clone()));
        pieces.push((&files.legend, legend.clone()));
    }
    if let Some(film) = &further.film {
        pieces.push((&files.film, film.clone()));
    }
    if let Some(twin) = &further.twin {
        let difference = difference(&result.image, &twin.image)?;
        pieces.push((&files.twin, encode_png_with_record(&twin.image, &twin.record)?));
        pieces.push((&files.difference, encode_gray16(&difference, &[Text::Plain(DIFFERENCE_MARK.0, DIFFERENCE_MARK.1)])?));
    }
    pieces.push((&files.record, result.record.to_json().context("the record cannot be written as JSON")?.into_bytes()));
    pieces.push((&files.image, encode_png_with_record(&result.image, &result.record)?));
    if let Some(dir) = files.image.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    }
    for (written, (path, bytes)) in pieces.iter().enumerate() {
        if let Err(error) = write_atomic(path, bytes) {
            for (path, _) in &pieces[..written] {
                // The first error is what matters; a leftover is recognised by the next run.
                drop(std::fs::remove_file(path));
            }
            return Err(error.into());
        }
    }
    Ok(())
}

/// How far two images differ at each pixel.
fn difference(a: &GrayImage, b: &GrayImage) -> Result<GrayImage, ImageError> {
    let pixels = a.pixels().iter().zip(b.pixels()).map(|(a, b)| a.abs_diff(*b)).collect();
    GrayImage::new(a.width(), a.height(), pixels)
}

/// Proves early that results can be written to `dir`, without making it.
///
/// # Errors
/// Names the folder and the reason.
pub fn check_out_dir(dir: &Path) -> Result<()> {
    let there = dir.ancestors().find(|dir| dir.exists());
    let there = there.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure_writable_dir(there).with_context(|| format!("--out {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use engine::domain::GrayImage;
    use engine::store::record::RunRecord;

    use super::super::testing::{card, record};
    use super::*;

    fn result() -> Generated {
        let record = record(&card().request("A nodule.", 1));
        Generated { image: GrayImage::black(8, 8), condition: Some(GrayImage::black(8, 8)), record }
    }

    #[test]
    fn three_files_and_the_record_in_two_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let files = ResultFiles::new(dir.path(), "sub/a");
        write_result(&files, &result()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join("sub")).unwrap().count(), 3);
        assert_eq!(RunRecord::read(&files.image).unwrap(), result().record);
        assert_eq!(RunRecord::read(&files.record).unwrap(), result().record);
    }

    #[test]
    fn a_twin_has_its_record_and_the_difference_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let files = ResultFiles::new(dir.path(), "a");
        let mut twin = result();
        twin.image = GrayImage::new(8, 8, vec![300; 64]).unwrap();
        twin.record = record(&card().request("No nodule.", 1));
        let further = Further { twin: Some(twin.clone()), film: Some(vec![1]), words: Some((vec![2], vec![3])) };
        write_all(&files, &result(), &further).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 8);
        assert_eq!(RunRecord::read(&files.twin).unwrap(), twin.record);
        assert_eq!(engine::imageio::png::read_gray(&files.difference).unwrap().pixels(), [300; 64]);
        let mark = engine::imageio::png::read_text(&files.difference, "Comment").unwrap().unwrap();
        assert!(mark.contains("synthetic"), "{mark}");
    }

    #[test]
    fn a_result_that_cannot_be_finished_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = ResultFiles::new(dir.path(), "a");
        std::fs::create_dir(&files.image).unwrap();
        let sentence = format!("{:#}", write_result(&files, &result()).unwrap_err());
        assert!(sentence.contains("a.png"), "{sentence}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the folder in the way");
    }

    #[test]
    fn a_folder_is_checked_before_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        check_out_dir(&dir.path().join("x/y")).unwrap();
        check_out_dir(Path::new("some-new-folder")).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::fs::write(dir.path().join("file"), "").unwrap();
        let sentence = format!("{:#}", check_out_dir(&dir.path().join("file/x")).unwrap_err());
        assert!(sentence.contains("--out") && sentence.contains("file"), "{sentence}");
    }
}
