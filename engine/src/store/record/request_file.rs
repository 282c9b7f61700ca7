//! A request alone as JSON, for work that is still to be done: the fields and the strictness of a run record.

use serde::{Deserialize, Serialize};

use super::RecordError;
use super::v1::RequestV1;
use crate::domain::GenerateRequest;

/// Value of the field `format`.
const FORMAT: &str = "chexgen-request";
/// Value of the field `version`.
const VERSION: u64 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    format: String,
    version: u64,
    request: RequestV1,
}

/// A request as one line of JSON, edited images and kept latents included.
///
/// # Errors
/// Only if a number is not finite, which [`GenerateRequest::check`] excludes, or an edited image cannot be packed.
pub fn request_to_json(request: &GenerateRequest) -> Result<String, serde_json::Error> {
    let request = RequestV1::try_from(request).map_err(serde::ser::Error::custom)?;
    serde_json::to_string(&RequestFile { format: FORMAT.to_owned(), version: VERSION, request })
}

/// Reads a request from JSON; `name` is used in errors.
///
/// # Errors
/// When the text is no request, of a later version, or a field is missing, unknown or impossible.
pub fn request_from_json(text: &str, name: &str) -> Result<GenerateRequest, RecordError> {
    let name = name.to_owned();
    let value: serde_json::Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Err(RecordError::NotJson { name, reason: error.to_string() }),
    };
    let field = |reason: String| RecordError::Field { name: name.clone(), reason };
    if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
        return Err(field(format!("it is no request of ChexGen: its field `format` is not {FORMAT:?}")));
    }
    match value.get("version") {
        Some(version) if version.as_u64() == Some(VERSION) => {}
        other => {
            let version = other.map_or_else(|| "none".to_owned(), ToString::to_string);
            return Err(field(format!("its version is {version}, and this program reads version {VERSION}; use a newer one")));
        }
    }
    let file: RequestFile = serde_path_to_error::deserialize(value).map_err(|error| field(error.to_string()))?;
    GenerateRequest::try_from(file.request).map_err(field)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Annotation, Finding, GrayImage, LatentValues, Mask, Source};

    fn requests() -> Vec<GenerateRequest> {
        let mut drawn = GenerateRequest::new("Small left effusion.", u64::MAX);
        let mask = Mask::from_fn(9, 7, |x, y| x > 4 && y % 2 == 0);
        drawn.annotations.push(Annotation {
            strength: 0.4,
            area_px: Some(5),
            ..Annotation::mask(Finding::PleuralEffusion, mask)
        });
        let image = Arc::new(GrayImage::new(2, 2, vec![1, 2, 3, 65535]).unwrap());
        let may_change = Arc::new(Mask::from_fn(2, 2, |x, _| x == 1));
        let edited = Source::Region { image, may_change, strength: 0.5, feather_px: 1, kept: None };
        let latent = LatentValues::new(1, 1, 2, vec![0.1, -2.5]).unwrap();
        let forked = Source::Latent { latent, step: 3 };
        let with = |source| GenerateRequest { source, ..GenerateRequest::new("Clear lungs.", 7) };
        vec![drawn, with(edited), with(forked)]
    }

    #[test]
    fn a_request_is_one_line_and_comes_back() {
        for request in requests() {
            let text = request_to_json(&request).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(request_from_json(&text, "a").unwrap(), request);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let text = request_to_json(&requests()[0]).unwrap();
        let said = |text: &str| request_from_json(text, "line 3").unwrap_err().to_string();
        for (from, to, word) in [
            ("chexgen-request", "chexgen-run", "format"),
            ("\"version\":1", "\"version\":2", "version is 2"),
            ("\"karras\"", "\"karas\"", "karas"),
            ("\"num_steps\":25", "\"num_steps\":0", "steps is 0"),
        ] {
            let error = said(&text.replace(from, to));
            assert!(error.starts_with("line 3") && error.contains(word), "{error}");
        }
        assert!(said("{").contains("line 3"));
    }
}
