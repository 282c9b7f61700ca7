//! The command line that makes a run again, as `chexgen` takes it.
//!
//! What can be said in words becomes `chexgen generate` with every setting spelled out. Painted masks, edited images and
//! forks live in the record only; for those it is `chexgen replay` on the file.

use std::path::Path;

use engine::domain::{Annotation, RectPx, SamplerKind, Shape, Source, StepRange};
use engine::store::record::RunRecord;
use serde::Serialize;

/// The arguments, the program's name first; `model` is the folder of a model other than the practice model.
///
/// # Errors
/// One sentence, when a shell cannot be given the file's name.
pub fn arguments(record: &RunRecord, file: &Path, model: Option<&str>) -> Result<Vec<String>, String> {
    let spoken = matches!(record.request.source, Source::Noise)
        && record.noise.is_none()
        && record.request.annotations.iter().all(|a| matches!(a.shape, Shape::Box { .. }))
        && !record.request.impression.contains('\0');
    let mut arguments = if spoken { generate(record) } else { replay(record, file)? };
    if let Some(model) = model {
        arguments.push(format!("--model={model}"));
    }
    Ok(arguments)
}

/// The command as one line of a POSIX shell; a line break inside a text stays one.
pub fn line(arguments: &[String]) -> String {
    arguments.iter().map(|a| quoted(a)).collect::<Vec<_>>().join(" ")
}

fn generate(record: &RunRecord) -> Vec<String> {
    let request = &record.request;
    let mut args: Vec<String> = ["chexgen", "generate"].map(str::to_owned).to_vec();
    // With "=" no text can be taken for an option, whatever it begins with.
    let mut put = |name: &str, value: String| args.push(format!("--{name}={value}"));
    put("impression", request.impression.clone());
    put("seed", request.seed.0.to_string());
    put("steps", request.num_steps.to_string());
    put("sampler", request.sampler.name().to_owned());
    put("guidance", request.guidance_scale.to_string());
    put("preset", request.preset.name().to_owned());
    if request.sampler == SamplerKind::Ddim {
        put("eta", request.eta.to_string());
    }
    if !request.annotations.is_empty() {
        let boxes: Vec<BoxWords> = request.annotations.iter().filter_map(boxed).collect();
        // Plain numbers and names always have a JSON form.
        put("boxes", serde_json::to_string(&boxes).unwrap_or_default());
    }
    if record.device != "cpu" {
        put("device", record.device.clone());
    }
    if request.karras && request.sampler.takes_karras() {
        args.push("--karras".to_owned());
    }
    args
}

/// A box as the program reads it; numbers are written as short as they are exact.
#[derive(Serialize)]
struct BoxWords {
    class: &'static str,
    x0: f32,
    y0: f32,
    x1: f32,
    y1: f32,
    width: u32,
    height: u32,
    strength: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<u32>,
}

fn boxed(annotation: &Annotation) -> Option<BoxWords> {
    let Shape::Box { rect, width, height } = annotation.shape else { return None };
    let RectPx { x0, y0, x1, y1 } = rect;
    let (class, strength, area) = (annotation.finding.name(), annotation.strength, annotation.area_px);
    let steps = (annotation.steps != StepRange::ALL).then_some([annotation.steps.first, annotation.steps.last]);
    Some(BoxWords { class, x0, y0, x1, y1, width, height, strength, steps, area })
}

fn replay(record: &RunRecord, file: &Path) -> Result<Vec<String>, String> {
    let Some(path) = file.to_str() else {
        return Err(format!("The file's name is not plain text, so no command can name it: {}.", file.display()));
    };
    // A name that begins with a hyphen would be an option.
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let mut args = vec!["chexgen".to_owned(), "replay".to_owned(), path, "--out=again".to_owned()];
    if record.device != "cpu" {
        args.push(format!("--device={}", record.device));
    }
    Ok(args)
}

/// A word as a POSIX shell takes it: bare when nothing in it means anything, else in single quotes.
fn quoted(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | ':' | ',' | '+' | '@' | '%');
    if !word.is_empty() && word.chars().all(bare) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_when_they_must() {
        assert_eq!(quoted("--seed=12"), "--seed=12");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("$(rm -rf ~) `x` \"y\" \\ \n!*?[a]"), "'$(rm -rf ~) `x` \"y\" \\ \n!*?[a]'");
    }
}
