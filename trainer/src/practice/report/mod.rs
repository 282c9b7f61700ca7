//! Measures a practice model on phantom cases it has never seen.
//!
//! One number would not do: obedience to a mask peaks early in training while contrast keeps
//! growing, so location, size of the change, outline, side, diversity and texture are all stated.

mod cases;
mod diversity;
mod pairs;
mod presets;
mod table;
mod text_only;
mod work;

use std::path::Path;

use anyhow::{Context, Result};
use engine::domain::{GrayImage, Preset};
use engine::store::atomic::write_atomic;
use engine::store::hash::hash_bytes;
use serde::Serialize;

use super::model::Sampling;
use super::sheet;

pub use cases::Case;
pub use presets::{PRESETS, compare};
pub use work::{Stopped, Work};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Cases a finding.
    pub per_finding: usize,
    /// Seed of the cases, never used in training.
    pub seed: u64,
    /// Sampler steps.
    pub num_steps: usize,
    /// Guidance strength.
    pub guidance_scale: f64,
    /// Behaviour of guidance and control; `None` is the model's own.
    #[serde(serialize_with = "preset_name")]
    pub preset: Option<Preset>,
    /// Pictures a batch.
    pub batch_size: usize,
}

impl Settings {
    fn sampling(&self) -> Sampling {
        let Self { num_steps, guidance_scale, preset, batch_size, .. } = *self;
        Sampling { num_steps, guidance_scale, preset, batch_size }
    }
}

fn preset_name<S: serde::Serializer>(preset: &Option<Preset>, to: S) -> Result<S::Ok, S::Error> {
    preset.map(Preset::name).serialize(to)
}

/// All that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the model.
    pub model: String,
    /// Hash of its network file.
    pub network_hash: String,
    /// How it was measured.
    pub settings: Settings,
    /// Masked twins and mirrored masks, by finding.
    pub masked: Vec<pairs::MaskedRow>,
    /// Text alone, by finding.
    pub text_only: Vec<text_only::TextRow>,
    /// Diversity and texture.
    pub diversity: diversity::Diversity,
    /// The checker on phantoms themselves, by finding.
    pub checker: Vec<pairs::CheckerRow>,
    /// Hash of all pictures with masks and of text alone.
    pub pictures_blake3: String,
    /// Each case's own numbers.
    pub cases: Vec<CaseRow>,
    /// A picture of each finding with its mask: the first case of each.
    #[serde(skip)]
    pub examples: Vec<Example>,
}

/// One case's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CaseRow {
    /// Class.
    pub finding: &'static str,
    /// With its mask.
    #[serde(flatten)]
    pub masked: pairs::MaskedValues,
    /// Text alone: whether the change lies on the named side.
    pub side_right: Option<bool>,
}

/// A mask and what was made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The condition picture.
    pub condition: GrayImage,
    /// The generated picture.
    pub picture: GrayImage,
}

/// Measures and writes `report.json`, `report.md` and two sheets into `out`.
///
/// # Errors
/// When the device fails, a file cannot be written, or the person asks to stop ([`Stopped`]).
pub fn run(work: &Work<'_>, settings: Settings, out: &Path) -> Result<Report> {
    let model = work.model;
    let say =
        |what: &str| work.part(&settings.preset.map_or_else(|| what.to_owned(), |preset| format!("{}: {what}", preset.name())));
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    say("drawing phantoms");
    let cases = cases::collect(settings.seed, settings.per_finding, model.spec.size_px);
    say("masked twins");
    let masked = pairs::measure(work, &settings, &cases)?;
    say("text alone");
    let text = text_only::measure(work, &settings, &cases)?;
    say("diversity and texture");
    let diversity = diversity::measure(work, &settings, &cases, &masked.with)?;
    let size = model.spec.size_px;
    let image = |values: &[f32]| GrayImage::from_unit(size, size, values);
    let row = |((case, &masked), &side_right): ((&Case, &pairs::MaskedValues), &Option<bool>)| CaseRow {
        finding: case.finding.name(),
        masked,
        side_right,
    };
    let example = |(case, made): (&Case, &Vec<f32>)| -> Result<Example> {
        Ok(Example { condition: case.condition.clone(), picture: image(made)? })
    };
    let first_of_each = cases.iter().zip(&masked.with).step_by(settings.per_finding.max(1));
    let report = Report {
        model: model.spec.name.clone(),
        network_hash: model.spec.hashes.get(model.spec.network.weights()).cloned().unwrap_or_default(),
        settings,
        masked: masked.rows.clone(),
        text_only: text.rows.clone(),
        diversity,
        checker: masked.checker.clone(),
        pictures_blake3: hash_of([&masked.with, &masked.without, &text.with, &text.without]),
        cases: cases.iter().zip(&masked.values).zip(&text.side_right).map(row).collect(),
        examples: first_of_each.map(example).collect::<Result<_>>()?,
    };
    let write = |name: &str, bytes: &[u8]| {
        let path = out.join(name);
        write_atomic(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    write("report.json", &serde_json::to_vec_pretty(&report)?)?;
    write("report.md", table::markdown(&report).as_bytes())?;
    // Best and worst by outline: phantom, condition, generated with, generated without.
    for (name, best) in [("best.png", true), ("worst.png", false)] {
        let mut tiles = Vec::new();
        for chosen in masked.extremes(&cases, 3, best) {
            let case = &cases[chosen];
            tiles.push(case.with.clone());
            tiles.push(case.condition.clone());
            tiles.push(image(&masked.with[chosen])?);
            tiles.push(image(&masked.without[chosen])?);
        }
        sheet::write(&out.join(name), &tiles, 8)?;
    }
    Ok(report)
}

/// One hash over many pictures.
fn hash_of(sets: [&Vec<Vec<f32>>; 4]) -> String {
    let hashes = sets.into_iter().flatten().map(|picture| {
        let bytes: Vec<u8> = picture.iter().flat_map(|value| value.to_le_bytes()).collect();
        hash_bytes(&bytes)
    });
    hash_bytes(hashes.collect::<Vec<_>>().concat().as_bytes())
}
