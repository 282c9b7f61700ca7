//! A finished image into the studio's own folder: one folder a day, whole files or none.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use engine::store::atomic::write_atomic;
use engine::store::record::{encode_condition_png, encode_png_with_record};

use super::Artifact;
use crate::library::LibraryError;

/// Folder of images inside the studio's folder.
pub const IMAGES: &str = "images";
/// Most images of one name a day.
const MOST: usize = 100_000;

/// Saves image, mask and record under the first free name of `stem`, `stem-2`, …; gives the PNG's path relative to
/// `folder`. `taken` says whether a path belongs to a run already.
///
/// What a killed program left of the same image is taken over instead of being written a second time.
///
/// # Errors
/// When the folder cannot be written or the disk is full; then no file is left behind.
pub fn keep(
    artifact: &Artifact,
    folder: &Path,
    day: &str,
    stem: &str,
    taken: &dyn Fn(&str) -> Result<bool, LibraryError>,
) -> anyhow::Result<String> {
    let json = artifact.record.to_json().context("the run record cannot be written as JSON")?;
    let mask = artifact.condition.as_ref().map(encode_condition_png).transpose()?;
    // The picture comes last: where it lies, the other two lie beside it.
    let parts = [
        ("_mask.png", mask),
        (".json", Some(json.into_bytes())),
        (".png", Some(encode_png_with_record(&artifact.image, &artifact.record)?)),
    ];
    let parts: Vec<(&str, Vec<u8>)> = parts.into_iter().filter_map(|(end, bytes)| Some((end, bytes?))).collect();
    let place = folder.join(IMAGES).join(day);
    std::fs::create_dir_all(&place)
        .with_context(|| format!("the folder of today's images cannot be made ({})", place.display()))?;
    for n in 1..=MOST {
        let stem = if n == 1 { stem.to_owned() } else { format!("{stem}-{n}") };
        let relative = format!("{IMAGES}/{day}/{stem}.png");
        if taken(&relative)? {
            continue;
        }
        let path = |end: &str| place.join(format!("{stem}{end}"));
        let lies = |end: &str, bytes: &[u8]| std::fs::read(path(end)).is_ok_and(|found| found == bytes);
        let (there, missing): (Vec<_>, Vec<_>) = parts.iter().partition(|(end, bytes)| lies(end, bytes));
        if missing.iter().any(|(end, _)| path(end).exists()) {
            // Another image has this name.
            continue;
        }
        drop(there);
        for (i, (end, bytes)) in missing.iter().enumerate() {
            if let Err(error) = write_atomic(&path(end), bytes) {
                for (end, _) in &missing[..i] {
                    // These were written a moment ago, by this save.
                    if std::fs::remove_file(path(end)).is_err() {
                        tracing::warn!("a part of a failed save stays in the folder of images");
                    }
                }
                return Err(error.into());
            }
        }
        return Ok(relative);
    }
    Err(anyhow!("there are already {MOST} images of this name today; give the case another name"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::cancel::Cancel;
    use engine::domain::GenerateRequest;

    use super::*;
    use crate::jobs::Generator;
    use crate::testing::FakeModel;

    fn image(seed: u64) -> Artifact {
        let request = GenerateRequest { num_steps: 1, ..GenerateRequest::new("Clear lungs.", seed) };
        let made = FakeModel::new(16, Duration::ZERO).generate(&request, &Cancel::new(), &mut |_| {});
        made.expect("the fake model works").expect("nobody cancelled")
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(dir).expect("a folder").flatten().map(|f| f.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn equal_images_of_two_runs_have_two_names_and_a_killed_save_is_taken_over() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let day = dir.path().join("images/2026-11-28");
        let save = |image: &Artifact, taken: &[&str]| {
            keep(image, dir.path(), "2026-11-28", "a", &|path| Ok(taken.contains(&path))).expect("the folder is writable")
        };
        let first = save(&image(1), &[]);
        assert_eq!(first, "images/2026-11-28/a.png");
        // The program was killed before the library took it, or before the picture was there.
        assert_eq!(save(&image(1), &[]), first);
        std::fs::remove_file(day.join("a.png")).expect("it was there");
        assert_eq!(save(&image(1), &[]), first);
        assert_eq!(names(&day), ["a.json", "a.png"]);
        assert_eq!(save(&image(1), &[&first]), "images/2026-11-28/a-2.png");
        assert_eq!(save(&image(2), &[]), "images/2026-11-28/a-3.png", "another image is never written over");
    }

    #[test]
    fn a_failed_save_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("images"), b"a file where a folder is needed").expect("writable");
        let error = keep(&image(1), dir.path(), "2026-11-28", "a", &|_| Ok(false)).expect_err("there is no folder");
        assert!(crate::jobs::sentence(&error).contains("images"), "{error}");
        assert_eq!(names(dir.path()), ["images"]);
    }
}
