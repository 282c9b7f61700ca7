//! Measures a practice model on phantom cases it has never seen.
//!
//! One number would not do: obedience to a mask peaks early in training while contrast keeps
//! growing, so location, size of the change, outline, side, diversity and texture are all stated.

mod cases;
mod diversity;
mod pairs;
mod table;
mod text_only;

use std::path::Path;

use anyhow::{Context, Result};
use engine::cancel::Cancel;
use engine::domain::GrayImage;
use engine::store::atomic::write_atomic;
use serde::Serialize;

use super::model::PracticeModel;
use super::sheet;

pub use cases::Case;

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
    /// Pictures a batch.
    pub batch_size: usize,
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
}

/// Measures and writes `report.json`, `report.md` and two sheets into `out`.
///
/// # Errors
/// When the device fails, a file cannot be written, or `cancel` is raised.
pub fn run(model: &PracticeModel, settings: Settings, out: &Path, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<Report> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    say("drawing phantoms");
    let cases = cases::collect(settings.seed, settings.per_finding, model.spec.size_px);
    say("masked twins");
    let masked = pairs::measure(model, &settings, &cases, cancel)?;
    say("text alone");
    let text = text_only::measure(model, &settings, &cases, cancel)?;
    say("diversity and texture");
    let diversity = diversity::measure(model, &settings, &cases, &masked.with, cancel)?;
    let report = Report {
        model: model.spec.name.clone(),
        network_hash: model.spec.hashes.get(model.spec.network.weights()).cloned().unwrap_or_default(),
        settings,
        masked: masked.rows.clone(),
        text_only: text,
        diversity,
        checker: masked.checker.clone(),
    };
    let write = |name: &str, bytes: &[u8]| {
        let path = out.join(name);
        write_atomic(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    write("report.json", &serde_json::to_vec_pretty(&report)?)?;
    write("report.md", table::markdown(&report).as_bytes())?;
    let size = model.spec.size_px;
    let image = |values: &[f32]| GrayImage::from_unit(size, size, values);
    // Best and worst by outline: phantom, condition, generated with, generated without.
    for (name, best) in [("best.png", true), ("worst.png", false)] {
        let mut tiles = Vec::new();
        for chosen in masked.extremes(3, best) {
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
