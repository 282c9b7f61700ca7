//! The first file format of a run record: JSON, unknown fields refused.
//!
//! Fields that came later are optional and left out where they say nothing new, so older files read as before.
//! A mask is kept as run lengths: row by row, the lengths of alternating runs, outside first, as text.

use serde::{Deserialize, Serialize};

use crate::domain::{Annotation, Finding, GenerateRequest, Mask, Preset, RectPx, SamplerKind, Seed, Shape, Source, StepRange};
use crate::imageio::png::PngError;

use super::source_v1::SourceV1;
use super::{FileHash, MAX_MASK_SIDE_PX, NoiseOrigin, RunRecord};
use crate::store::hash::is_hash;

/// The record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordV1 {
    format: String,
    version: u32,
    synthetic: bool,
    request: RequestV1,
    model: ModelV1,
    engine_version: String,
    device: String,
    dtype: String,
    size_px: u32,
    steps_ran: usize,
    pixels_blake3: String,
    control_blake3: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise: Option<NoiseV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    band_rows: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoiseV1 {
    blake3: String,
    row: usize,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestV1 {
    impression: String,
    seed: u64,
    num_steps: usize,
    sampler: String,
    eta: f32,
    karras: bool,
    guidance_scale: f32,
    preset: String,
    annotations: Vec<AnnotationV1>,
    /// Whether drawings of unlike strength acted apart; in records without it, all had their mean.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    apart: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<SourceV1>,
    /// Disagreements that a person left on purpose; in records without it, nobody said so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept_conflicts: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnnotationV1 {
    finding: String,
    strength: f32,
    /// First and last fraction of the run; absent for the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<[f32; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area_px: Option<u32>,
    shape: ShapeV1,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
enum ShapeV1 {
    Mask { width: u32, height: u32, runs: String },
    Box { x0: f32, y0: f32, x1: f32, y1: f32, width: u32, height: u32 },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelV1 {
    name: String,
    files: Vec<FileV1>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileV1 {
    name: String,
    blake3: String,
}

impl TryFrom<&RunRecord> for RecordV1 {
    type Error = PngError;

    fn try_from(record: &RunRecord) -> Result<Self, PngError> {
        let file = |file: &FileHash| FileV1 { name: file.name.clone(), blake3: file.blake3.clone() };
        Ok(Self {
            format: super::FORMAT.to_owned(),
            version: 1,
            synthetic: true,
            request: RequestV1::try_from(&record.request)?,
            model: ModelV1 { name: record.model_name.clone(), files: record.files.iter().map(file).collect() },
            engine_version: record.engine_version.clone(),
            device: record.device.clone(),
            dtype: record.dtype.clone(),
            size_px: record.size_px,
            steps_ran: record.steps_ran,
            pixels_blake3: record.pixels_blake3.clone(),
            control_blake3: record.control_blake3.clone(),
            noise: record.noise.clone().map(|NoiseOrigin { blake3, row }| NoiseV1 { blake3, row }),
            band_rows: record.band_rows,
        })
    }
}

impl TryFrom<&GenerateRequest> for RequestV1 {
    type Error = PngError;

    fn try_from(request: &GenerateRequest) -> Result<Self, PngError> {
        Ok(Self {
            impression: request.impression.clone(),
            seed: request.seed.0,
            num_steps: request.num_steps,
            sampler: request.sampler.name().to_owned(),
            eta: request.eta,
            karras: request.karras,
            guidance_scale: request.guidance_scale,
            preset: request.preset.name().to_owned(),
            annotations: request.annotations.iter().map(AnnotationV1::from).collect(),
            apart: mixed_strengths(&request.annotations).is_some(),
            source: SourceV1::from_source(&request.source)?,
            kept_conflicts: request.kept_conflicts.clone(),
        })
    }
}

impl From<&Annotation> for AnnotationV1 {
    fn from(annotation: &Annotation) -> Self {
        let shape = match &annotation.shape {
            Shape::Mask(mask) => ShapeV1::Mask { width: mask.width(), height: mask.height(), runs: runs_from_mask(mask) },
            Shape::Box { rect, width, height } => {
                ShapeV1::Box { x0: rect.x0, y0: rect.y0, x1: rect.x1, y1: rect.y1, width: *width, height: *height }
            }
        };
        let StepRange { first, last } = annotation.steps;
        let steps = (annotation.steps != StepRange::ALL).then_some([first, last]);
        let (finding, strength) = (annotation.finding.name().to_owned(), annotation.strength);
        Self { finding, strength, steps, area_px: annotation.area_px, shape }
    }
}

impl TryFrom<RecordV1> for RunRecord {
    /// The field and what is wrong with it.
    type Error = String;

    fn try_from(v1: RecordV1) -> Result<Self, String> {
        if !v1.synthetic {
            return Err("synthetic must be true".to_owned());
        }
        let hash = |text: &str, field: &str| {
            if is_hash(text) { Ok(()) } else { Err(format!("{field} is not a hash of 64 hexadecimal digits")) }
        };
        hash(&v1.pixels_blake3, "pixels_blake3")?;
        if let Some(control) = &v1.control_blake3 {
            hash(control, "control_blake3")?;
        }
        if let Some(noise) = &v1.noise {
            hash(&noise.blake3, "noise.blake3")?;
        }
        for file in &v1.model.files {
            hash(&file.blake3, &format!("model.files {:?} blake3", file.name))?;
        }
        let request = GenerateRequest::try_from(v1.request)?;
        Ok(Self {
            request,
            model_name: v1.model.name,
            files: v1.model.files.into_iter().map(|f| FileHash { name: f.name, blake3: f.blake3 }).collect(),
            engine_version: v1.engine_version,
            device: v1.device,
            dtype: v1.dtype,
            size_px: v1.size_px,
            steps_ran: v1.steps_ran,
            pixels_blake3: v1.pixels_blake3,
            control_blake3: v1.control_blake3,
            noise: v1.noise.map(|NoiseV1 { blake3, row }| NoiseOrigin { blake3, row }),
            band_rows: v1.band_rows,
        })
    }
}

impl TryFrom<RequestV1> for GenerateRequest {
    /// The field and what is wrong with it.
    type Error = String;

    fn try_from(r: RequestV1) -> Result<Self, String> {
        let annotations: Result<Vec<_>, String> = r
            .annotations
            .into_iter()
            .enumerate()
            .map(|(i, a)| Annotation::try_from(a).map_err(|why| format!("request.annotations[{i}]: {why}")))
            .collect();
        let mut annotations = annotations?;
        if let Some(mean) = mixed_strengths(&annotations).filter(|_| !r.apart) {
            let drawn = annotations.iter_mut().filter(|annotation| annotation.strength > 0.0);
            drawn.for_each(|annotation| annotation.strength = mean);
        }
        let named = |error: crate::domain::RequestError| format!("request.{error}");
        let request = Self {
            impression: r.impression,
            annotations,
            seed: Seed(r.seed),
            num_steps: r.num_steps,
            sampler: r.sampler.parse::<SamplerKind>().map_err(named)?,
            eta: r.eta,
            karras: r.karras,
            guidance_scale: r.guidance_scale,
            preset: r.preset.parse::<Preset>().map_err(named)?,
            source: r.source.map_or(Ok(Source::Noise), SourceV1::into_source).map_err(|why| format!("request.source: {why}"))?,
            kept_conflicts: r.kept_conflicts,
        };
        request.check().map_err(named)?;
        Ok(request)
    }
}

impl TryFrom<AnnotationV1> for Annotation {
    type Error = String;

    fn try_from(v1: AnnotationV1) -> Result<Self, String> {
        let finding: Finding = v1.finding.parse().map_err(|error: crate::domain::UnknownFinding| error.to_string())?;
        let shape = match v1.shape {
            ShapeV1::Mask { width, height, runs } => Shape::Mask(mask_from_runs(width, height, &runs)?),
            ShapeV1::Box { x0, y0, x1, y1, width, height } => Shape::Box { rect: RectPx { x0, y0, x1, y1 }, width, height },
        };
        let steps = v1.steps.map_or(StepRange::ALL, |[first, last]| StepRange { first, last });
        Ok(Self { strength: v1.strength, steps, area_px: v1.area_px, ..Self::new(finding, shape) })
    }
}

/// The mean of the strengths above 0, where they differ.
fn mixed_strengths(annotations: &[Annotation]) -> Option<f32> {
    let drawn: Vec<f64> = annotations.iter().map(|a| f64::from(a.strength)).filter(|&s| s > 0.0).collect();
    let differ = drawn.windows(2).any(|pair| pair[0] != pair[1]);
    differ.then(|| (drawn.iter().sum::<f64>() / drawn.len() as f64) as f32)
}

/// Lengths of alternating runs, outside first, as blank-separated text.
pub(super) fn runs_from_mask(mask: &Mask) -> String {
    let mut runs: Vec<String> = Vec::new();
    let (mut current, mut length) = (0u8, 0usize);
    for &bit in mask.bits() {
        if bit != current {
            runs.push(length.to_string());
            (current, length) = (bit, 0);
        }
        length += 1;
    }
    runs.push(length.to_string());
    runs.join(" ")
}

/// The mask of some run lengths.
pub(super) fn mask_from_runs(width: u32, height: u32, runs: &str) -> Result<Mask, String> {
    if width == 0 || height == 0 || width > MAX_MASK_SIDE_PX || height > MAX_MASK_SIDE_PX {
        return Err(format!("a mask of {width}×{height} is not between 1 and {MAX_MASK_SIDE_PX} pixels a side"));
    }
    let area = width as usize * height as usize;
    let mut bits = Vec::with_capacity(area);
    for (i, word) in runs.split_ascii_whitespace().enumerate() {
        let length: usize = word.parse().map_err(|_| format!("run {word:?} is not a whole number"))?;
        if length > area - bits.len() {
            return Err(format!("the runs go past the {area} pixels of {width}×{height}"));
        }
        bits.resize(bits.len() + length, (i % 2) as u8);
    }
    if bits.len() != area {
        return Err(format!("the runs cover {} of the {area} pixels of {width}×{height}", bits.len()));
    }
    Ok(Mask::from_fn(width, height, |x, y| bits[y as usize * width as usize + x as usize] == 1))
}
