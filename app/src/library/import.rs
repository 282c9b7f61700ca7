//! Takes saved images from elsewhere into the library: whole records only, each image once.

use std::path::{Path, PathBuf};

use engine::store::atomic::{ensure_writable_dir, write_atomic};
use engine::store::hash::hash_image;
use engine::store::record::model_hash;
use rusqlite::Connection;

use super::{Database, LibraryError, NewRun, runs};
use crate::jobs::{files, sentence};

/// Folders inside folders that are looked into at most.
const MAX_DEPTH: usize = 8;
/// Images that are looked at at most.
const MAX_FILES: usize = 100_000;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Images that are new in the library.
    pub added: usize,
    /// Images that were there already.
    pub known: usize,
    /// Images without a record, such as masks and pictures of other programs.
    pub foreign: usize,
    /// One sentence for each that has a record and cannot be trusted.
    pub refused: Vec<String>,
}

impl Imported {
    /// All of it in one or two sentences.
    pub fn sentence(&self) -> String {
        let images = |n: usize| if n == 1 { "1 image".to_owned() } else { format!("{n} images") };
        let mut words = match self.added {
            0 => "No new image was taken in.".to_owned(),
            n => format!("{} taken into the library.", images(n)),
        };
        let mut rest = Vec::new();
        if self.known > 0 {
            rest.push(format!("{} there already", self.known));
        }
        if self.foreign > 0 {
            rest.push(format!("{} without a record", self.foreign));
        }
        if !self.refused.is_empty() {
            rest.push(format!("{} refused", self.refused.len()));
        }
        if !rest.is_empty() {
            words.push_str(&format!(" Left out: {}.", rest.join(", ")));
        }
        words
    }
}

/// Takes in files and whatever lies in folders, sorted by path; `stop` ends it between two images.
///
/// The images are copied into the library's folder, so that nothing is lost when theirs goes.
///
/// # Errors
/// When the library cannot be written. What cannot be read of the images is told in [`Imported`].
pub fn import(db: &mut Database, from: &[PathBuf], now_ms: i64, stop: &dyn Fn() -> bool) -> Result<Imported, LibraryError> {
    let mut found = Vec::new();
    for path in from {
        collect(path, MAX_DEPTH, &mut found);
    }
    found.sort();
    found.dedup();
    let mut imported = Imported::default();
    for path in found {
        if stop() {
            break;
        }
        match take(db, &path, now_ms)? {
            Taken::Added => imported.added += 1,
            Taken::Known => imported.known += 1,
            Taken::Foreign => imported.foreign += 1,
            Taken::Refused(why) => imported.refused.push(why),
        }
    }
    Ok(imported)
}

/// PNG files at a path. Links are not followed, so no circle is walked.
fn collect(path: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(kind) = std::fs::symlink_metadata(path) else {
        // It is asked for by name or was just listed: the reader says why it cannot be read.
        found.push(path.to_path_buf());
        return;
    };
    if kind.is_dir() && depth > 0 {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), depth - 1, found);
        }
    } else if kind.is_file() && found.len() < MAX_FILES && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
        found.push(path.to_path_buf());
    }
}

enum Taken {
    Added,
    Known,
    Foreign,
    Refused(String),
}

fn take(db: &mut Database, path: &Path, now_ms: i64) -> Result<Taken, LibraryError> {
    let refused = |why: String| Ok(Taken::Refused(why));
    let opened = match files::open(path) {
        Ok(opened) => opened,
        Err(error) => {
            use engine::store::record::RecordError;
            return match error.downcast_ref::<RecordError>() {
                Some(RecordError::NoChunk { .. }) => Ok(Taken::Foreign),
                _ => refused(sentence(&error)),
            };
        }
    };
    let hash = hash_image(&opened.artifact.image);
    if hash != opened.artifact.record.pixels_blake3 {
        return refused(format!(
            "The picture is not the one its record describes; it was changed afterwards: {}.",
            path.display()
        ));
    }
    if is_known(&db.connection, &hash)? {
        return Ok(Taken::Known);
    }
    let file = format!("images/imported-{}.png", hash.chars().take(24).collect::<String>());
    let new = NewRun::new(&opened.name, &opened.artifact, &model_hash(&opened.artifact.record.files), file.clone(), now_ms)?;
    let copied = std::fs::read(path).map_err(|e| e.to_string()).and_then(|bytes| {
        ensure_writable_dir(&db.folder.join("images")).map_err(|e| e.to_string())?;
        write_atomic(&db.folder.join(&file), &bytes).map_err(|e| e.to_string())
    });
    if let Err(why) = copied {
        return refused(format!("The image cannot be copied into the library ({why}): {}.", path.display()));
    }
    // The file comes before its row: a row always has its image.
    runs::add(db, &new)?;
    Ok(Taken::Added)
}

fn is_known(connection: &Connection, hash: &str) -> Result<bool, LibraryError> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM runs WHERE image_hash = ?1)")
        .and_then(|mut s| s.query_row([hash], |r| r.get(0)))
        .map_err(LibraryError::sql("cannot be read"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::cancel::Cancel;
    use engine::domain::{Annotation, Finding, GenerateRequest, GrayImage, Mask};
    use engine::imageio::png;
    use engine::store::record::encode_png_with_record;

    use super::super::testing::library;
    use super::*;
    use crate::jobs::Generator;
    use crate::testing::FakeModel;

    fn png_of(seed: u64) -> (Vec<u8>, Vec<u8>) {
        let mut request = GenerateRequest::new("Right nodule.", seed);
        request.annotations = vec![Annotation::mask(Finding::Nodule, Mask::from_fn(32, 32, |x, y| x < 9 && y < 9))];
        let made = FakeModel::new(32, Duration::ZERO).generate(&request, &Cancel::new(), &mut |_| {});
        let made = made.expect("it obeys").expect("it was not cancelled");
        let forged = GrayImage::black(32, 32);
        (
            encode_png_with_record(&made.image, &made.record).expect("it encodes"),
            encode_png_with_record(&forged, &made.record).expect("it encodes"),
        )
    }

    #[test]
    fn whole_records_come_in_once_and_the_rest_is_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let from = dir.path().join("from/deep/er");
        std::fs::create_dir_all(&from).expect("a folder");
        let write = |name: &str, bytes: &[u8]| std::fs::write(from.join(name), bytes).expect("it is written");
        let ((one, forged), (two, _)) = (png_of(1), png_of(2));
        write("one.png", &one);
        write("one again.PNG", &one);
        write("two.png", &two);
        write("forged.png", &forged);
        write("cut.png", &one[..one.len() / 2]);
        write("plain.png", &png::encode_gray16(&GrayImage::black(4, 4), &[]).expect("it encodes"));
        write("notes.txt", b"not an image");
        let mut db = library(&dir.path().join("library"));
        let paths = [dir.path().join("from"), dir.path().join("gone.png")];
        let imported = import(&mut db, &paths, 5, &|| false).expect("the library takes it");
        assert_eq!((imported.added, imported.known, imported.foreign), (2, 1, 1), "{imported:?}");
        assert_eq!(imported.refused.len(), 3, "{imported:?}");
        assert!(imported.refused.iter().any(|w| w.contains("forged.png") && w.contains("changed afterwards")));
        assert!(imported.refused.iter().any(|w| w.contains("gone.png")));
        assert_eq!(
            imported.sentence(),
            "2 images taken into the library. Left out: 1 there already, 1 without a record, 3 refused."
        );
        // The library has files of its own.
        std::fs::remove_dir_all(dir.path().join("from")).expect("theirs can go");
        for run in runs::newest(&db.connection, 9).expect("it reads") {
            assert!(files::open(&runs::path(&db.folder, &run)).is_ok());
            assert_eq!((run.job, run.created_ms), (None, 5));
        }
        assert_eq!(import(&mut db, &[dir.path().to_path_buf()], 6, &|| true).expect("it stops").added, 0);
    }
}
