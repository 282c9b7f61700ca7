//! Joining, analysing, and what is written of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::cancel::Cancel;
use engine::store::atomic::write_atomic;
use study::analysis::{Analysis, Options, analyse};
use study::answers::AnswersFile;
use study::join::{Bounds, Joined, join as join_answers};
use study::key::Key;
use study::reading::Reading;
use study::report;
use study::sealed::Study;

use super::audit::stopped;
use super::{Pictures, Tick, sentence};
use crate::theme::fonts;

/// Who joins, as it stands in the report.
const PROGRAM: &str = concat!("ChexGen Studio ", env!("CARGO_PKG_VERSION"));
/// Dots a unit of a figure that is written as PNG.
const SCALE: f32 = 2.0;

/// Sealed studies beside joined answers that are tried for the images.
const MOST_BESIDE: usize = 4;

/// Joins and analyses; with the images of the cases where readers differ.
pub(super) fn join(
    study: &Path,
    key_file: &Path,
    answers: &[PathBuf],
    cancel: &Cancel,
    tick: Tick<'_>,
) -> Result<(Joined, Analysis, Pictures), String> {
    tick("opening the study", 0, 0);
    let study = Study::open(study).map_err(sentence)?;
    let key = Key::read(key_file).map_err(sentence)?;
    tick("reading answers", 0, 0);
    let answers = answers.iter().map(|file| AnswersFile::read(file)).collect::<Result<Vec<_>, _>>().map_err(sentence)?;
    stopped(cancel)?;
    let name = key_file.display().to_string();
    let joined = join_answers(&study, &key, &name, &answers, &Bounds::default(), PROGRAM).map_err(sentence)?;
    tick("analysing", 0, 0);
    let analysis = analyse(&joined.readings, &joined.context, &Options::default()).map_err(sentence)?;
    stopped(cancel)?;
    let pictures = pictures(&study, &key, &analysis)?;
    Ok((joined, analysis, pictures))
}

/// Writes the joined answers beside the study, so that they can be opened again and `chexgen study report` works with them.
pub(super) fn keep(joined: &Joined, path: &Path) -> Result<(), String> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    joined.write(path).map_err(|error| format!("The joined answers are shown, but not kept: {}", sentence(error)))
}

/// Analyses joined answers from their file; with images where the study and its key are there.
pub(super) fn open(path: &Path, study: &Path, key: &Path, tick: Tick<'_>) -> Result<(Joined, Analysis, Pictures), String> {
    tick("analysing", 0, 0);
    let joined = Joined::read(path).map_err(sentence)?;
    let analysis = analyse(&joined.readings, &joined.context, &Options::default()).map_err(sentence)?;
    let mut found = pictures_of(&joined, study, key, &analysis)?;
    if found.is_empty() {
        for study in beside(path) {
            found = pictures_of(&joined, &study, &study.with_extension("cxkey"), &analysis)?;
            if !found.is_empty() {
                break;
            }
        }
    }
    Ok((joined, analysis, found))
}

/// Sealed studies with their keys in the folder of joined answers.
fn beside(joined: &Path) -> Vec<PathBuf> {
    let folder = joined.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "cxstudy") && path.with_extension("cxkey").is_file())
        .collect();
    found.sort();
    // Each is read to its end; a folder of many studies is not searched.
    found.truncate(MOST_BESIDE);
    found
}

/// Images where the study of these answers and its key are there; none otherwise.
fn pictures_of(joined: &Joined, study: &Path, key: &Path, analysis: &Analysis) -> Result<Pictures, String> {
    match (Study::open(study), Key::read(key)) {
        (Ok(study), Ok(key)) if study.hash() == joined.context.hashes.study && key.fits(&study, "the key").is_ok() => {
            pictures(&study, &key, analysis)
        }
        _ => Ok(Vec::new()),
    }
}

/// Images of the cases where readers differ, as the readers saw them.
pub(super) fn pictures(study: &Study, key: &Key, analysis: &Analysis) -> Result<Pictures, String> {
    let mut found: Pictures = Vec::new();
    for differing in &analysis.differing {
        // A case can be listed for several criteria or sets of images.
        if found.iter().any(|((case, _), _)| *case == differing.case) {
            continue;
        }
        for (place, arm) in analysis.arms.iter().enumerate() {
            let of = |image: &study::key::KeyImage| {
                image.case == differing.case && image.arm.as_ref() == Some(arm) && !image.scrambled
            };
            if let Some((id, _)) = key.images.iter().find(|(_, image)| of(image)) {
                found.push(((differing.case.clone(), place), Arc::new(study.image(id).map_err(sentence)?)));
            }
        }
    }
    Ok(found)
}

/// The readings of cases with a finding, by its code; with an empty code, of cases without any.
pub(super) fn part(joined: &Joined, finding: &str, study: &Path, key: &Path) -> Result<(Analysis, Pictures), String> {
    let has = |reading: &&Reading| {
        if finding.is_empty() { reading.findings.is_empty() } else { reading.findings.iter().any(|code| code == finding) }
    };
    let readings: Vec<Reading> = joined.readings.iter().filter(has).cloned().collect();
    let mut context = joined.context.clone();
    // What was planned is known of the whole study only.
    context.readers.iter_mut().for_each(|reader| reader.planned = 0);
    let analysis = analyse(&readings, &context, &Options::default()).map_err(sentence)?;
    let found = pictures_of(joined, study, key, &analysis)?;
    Ok((analysis, found))
}

/// Writes the long table and its dictionary.
pub(super) fn table(joined: &Joined, folder: &Path) -> Result<String, String> {
    make(folder)?;
    let files = [
        ("readings.csv", report::csv(&joined.readings, &joined.context).map_err(sentence)?),
        ("dictionary.csv", report::dictionary(&joined.context).map_err(sentence)?),
    ];
    for (name, bytes) in files {
        write_atomic(&folder.join(name), &bytes).map_err(sentence)?;
    }
    Ok(format!("Wrote readings.csv, one row an answer, and its dictionary ({}).", folder.display()))
}

/// Writes the report into a folder. The page comes last: it implies the others.
pub(super) fn report(
    joined: &Joined,
    analysis: &Analysis,
    folder: &Path,
    cancel: &Cancel,
    tick: Tick<'_>,
) -> Result<String, String> {
    let mut drawn = |done, of| tick("drawing figures", done, of);
    let mut files =
        report::files(&joined.readings, analysis, &joined.context, &fonts::FILES, SCALE, cancel, &mut drawn).map_err(sentence)?;
    stopped(cancel)?;
    files.sort_by_key(|file| file.name.ends_with(".html"));
    make(&folder.join("figures"))?;
    for (done, file) in files.iter().enumerate() {
        tick("writing the report", done, files.len());
        write_atomic(&folder.join(&file.name), &file.bytes).map_err(sentence)?;
    }
    Ok(format!("Wrote report.html with tables and figures, {} files ({}).", files.len(), folder.display()))
}

fn make(folder: &Path) -> Result<(), String> {
    if folder.as_os_str().is_empty() {
        return Err("Name a folder for the report.".to_owned());
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}.", folder.display()))
}
