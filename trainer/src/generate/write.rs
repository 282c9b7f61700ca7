//! Writes the files of one result: all of them, or none.

use std::path::Path;

use anyhow::{Context as _, Result};
use engine::pipeline::Generated;
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use engine::store::record::{encode_condition_png, encode_png_with_record};

use super::names::ResultFiles;

/// Writes condition picture, record and image, in this order: an image implies the other two.
///
/// # Errors
/// Names the file that cannot be written; what this call had written before is taken away again.
pub fn write_result(files: &ResultFiles, result: &Generated) -> Result<()> {
    let mut pieces: Vec<(&Path, Vec<u8>)> = Vec::new();
    if let Some(condition) = &result.condition {
        pieces.push((&files.mask, encode_condition_png(condition)?));
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
