//! What already stands where a result would go: nothing, an earlier result, or a file that is not ours.

use anyhow::{Result, bail};
use engine::domain::GenerateRequest;
use engine::imageio::png::read_text;
use engine::pipeline::ModelCard;
use engine::store::record::{CONDITION_MARK, NoiseOrigin, RecordError, RunRecord};

use super::begin::Begin;
use super::names::{ResultFiles, Wanted};
use super::words;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Existing {
    /// Nothing; the result can be written.
    Nothing,
    /// An image with its record.
    Result(Box<RunRecord>),
}

/// Looks at the places of a result.
///
/// # Errors
/// When a file stands there that ChexGen did not write: it is not replaced.
pub(super) fn look(files: &ResultFiles, wanted: Wanted) -> Result<Existing> {
    if let Some(foreign) = files.further(wanted).into_iter().find(|path| path.exists() && !is_further(path)) {
        bail!("{} exists and is not a result of ChexGen; move it away or choose another --out", foreign.display());
    }
    if files.image.exists() {
        return match RunRecord::read(&files.image) {
            Ok(record) => Ok(Existing::Result(Box::new(record))),
            Err(RecordError::NoChunk { .. }) => {
                bail!("{} exists and is not a result of ChexGen; move it away or choose another --out", files.image.display())
            }
            Err(error) => bail!("{error}; move it away or choose another --out"),
        };
    }
    // A run that was killed may have left these two without their image.
    if files.record.exists()
        && let Err(error) = RunRecord::read(&files.record)
    {
        bail!("{error}; move it away or choose another --out");
    }
    if files.mask.exists() && !is_condition(&files.mask) {
        bail!("{} exists and is not a result of ChexGen; move it away or choose another --out", files.mask.display());
    }
    Ok(Existing::Nothing)
}

fn is_condition(path: &std::path::Path) -> bool {
    matches!(read_text(path, CONDITION_MARK.0), Ok(Some(text)) if text == CONDITION_MARK.1)
}

/// Whether a twin, a map or a film is one of ours.
fn is_further(path: &std::path::Path) -> bool {
    if path.extension().is_some_and(|ending| ending == "json") {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        return value["format"] == words::FORMAT;
    }
    matches!(read_text(path, CONDITION_MARK.0), Ok(Some(text)) if text.contains("ChexGen Studio"))
}

/// Whether every further file is there, and the twin is the one that is asked for.
pub(super) fn is_complete(files: &ResultFiles, wanted: Wanted, record: &RunRecord, twin: Option<&str>) -> bool {
    let twin_fits = twin.is_none_or(|text| {
        let expected = record.request.twin_without_findings(text);
        RunRecord::read(&files.twin).is_ok_and(|twin| twin.request == expected)
    });
    files.further(wanted).iter().all(|path| path.exists()) && twin_fits
}

/// The fields in which an earlier result differs from what is asked now.
pub(super) fn differences(
    record: &RunRecord,
    request: &GenerateRequest,
    begin: &Begin,
    noise: Option<&NoiseOrigin>,
    card: &ModelCard,
) -> Vec<&'static str> {
    let old = &record.request;
    let checks = [
        ("impression", old.impression != request.impression),
        ("seed", old.seed != request.seed),
        ("mask or boxes", old.annotations != request.annotations),
        ("steps", old.num_steps != request.num_steps),
        ("sampler", old.sampler != request.sampler),
        ("eta", old.eta.to_bits() != request.eta.to_bits()),
        ("karras", old.karras != request.karras),
        ("guidance", old.guidance_scale.to_bits() != request.guidance_scale.to_bits()),
        ("preset", old.preset != request.preset),
        ("beginning", !begin.began_so(&old.source, &request.source, request.calls())),
        ("noise", record.noise.as_ref() != noise),
        ("model", !record.changed_files(&card.files).is_empty()),
    ];
    checks.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use engine::domain::GrayImage;
    use engine::imageio::png::encode_gray16;
    use engine::store::record::{encode_condition_png, encode_png_with_record};

    use super::super::testing::{card, record};
    use super::*;

    #[test]
    fn results_are_known_and_strangers_are_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let files = ResultFiles::new(dir.path(), "a");
        assert_eq!(look(&files, Wanted::default()).unwrap(), Existing::Nothing);
        let record = record(&card().request("A nodule.", 1));
        let black = GrayImage::black(4, 4);
        let put = |path: &Path, bytes: &[u8]| std::fs::write(path, bytes).unwrap();
        let refused = |file: &Path| {
            let sentence = look(&files, Wanted::default()).unwrap_err().to_string();
            assert!(sentence.contains(file.to_str().unwrap()) && sentence.contains("--out"), "{sentence}");
        };

        put(&files.mask, &encode_gray16(&black, &[]).unwrap());
        refused(&files.mask);
        put(&files.mask, &encode_condition_png(&black).unwrap());
        assert_eq!(look(&files, Wanted::default()).unwrap(), Existing::Nothing, "left behind by a killed run");

        put(&files.record, b"{}");
        refused(&files.record);
        put(&files.record, record.to_json().unwrap().as_bytes());
        assert_eq!(look(&files, Wanted::default()).unwrap(), Existing::Nothing, "left behind by a killed run");

        put(&files.image, &encode_gray16(&black, &[]).unwrap());
        refused(&files.image);
        put(&files.image, b"no png");
        refused(&files.image);
        put(&files.image, &encode_png_with_record(&black, &record).unwrap());
        assert_eq!(look(&files, Wanted::default()).unwrap(), Existing::Result(Box::new(record.clone())));

        let all = Wanted { twin: true, words: true, film: true };
        assert!(!is_complete(&files, all, &record, None) && is_complete(&files, Wanted::default(), &record, None));
        for foreign in [&files.twin, &files.legend, &files.film] {
            put(foreign, b"{}");
            let sentence = look(&files, all).unwrap_err().to_string();
            assert!(sentence.contains(foreign.to_str().unwrap()), "{sentence}");
            std::fs::remove_file(foreign).unwrap();
        }
    }

    #[test]
    fn differences_are_named() {
        let request = card().request("A nodule.", 1);
        let record = record(&request);
        let differences = |record: &RunRecord, request: &GenerateRequest, card: &ModelCard| {
            super::differences(record, request, &Begin::Noise, None, card)
        };
        assert!(differences(&record, &request, &card()).is_empty());
        let mut imported = record.clone();
        imported.noise = Some(NoiseOrigin { blake3: "5".repeat(64), row: 0 });
        assert_eq!(differences(&imported, &request, &card()), ["noise"]);
        let other = GenerateRequest { num_steps: 3, guidance_scale: 1.0, ..request.clone() };
        assert_eq!(differences(&record, &other, &card()), ["steps", "guidance"]);
        let mut retrained = card();
        retrained.files[0].blake3 = "2".repeat(64);
        assert_eq!(differences(&record, &request, &retrained), ["model"]);
    }
}
