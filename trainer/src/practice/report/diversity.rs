//! Are four seeds four patients, and is the fine texture there?

use anyhow::Result;
use engine::domain::Seed;
use rayon::prelude::*;
use serde::Serialize;

use super::cases::Case;
use super::{Settings, Work};
use crate::eval::spectrum::radial_power;
use crate::eval::ssim::ssim;
use crate::practice::model::Order;

/// Pictures of one text.
const SEEDS: usize = 4;
/// Texts of each class.
const TEXTS_PER_CLASS: usize = 4;

/// Pictures of a class that has so many cases.
pub(super) fn pictures_of_class(cases: usize) -> usize {
    SEEDS * TEXTS_PER_CLASS.min(cases)
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Diversity {
    /// Texts.
    pub texts: usize,
    /// Mean structural similarity of two pictures of one text.
    pub ssim: f64,
    /// The same for phantoms of one text in different patients.
    pub phantom_ssim: f64,
    /// Generated over phantom power in dB, by whole frequency (cycles a picture), up to half of Nyquist.
    pub spectrum_db: Vec<f64>,
    /// The largest deviation of the smoothed curve, in dB.
    pub spectrum_worst_db: f64,
}

/// Generates and measures; `masked` are pictures made with masks, one a case, for the spectrum.
///
/// # Errors
/// When the device fails, or the person asks to stop.
pub(super) fn measure(work: &Work<'_>, settings: &Settings, cases: &[Case], masked: &[Vec<f32>]) -> Result<Diversity> {
    let size = work.model.spec.size_px;
    let step = settings.per_finding.max(1);
    let chosen: Vec<&Case> = cases.chunks(step).flat_map(|class| class.iter().take(TEXTS_PER_CLASS)).collect();
    let mut orders = Vec::new();
    for (i, case) in chosen.iter().enumerate() {
        for k in 0..SEEDS {
            let seed = Seed(settings.seed ^ 0xd1f ^ ((i * SEEDS + k) as u64) << 24);
            orders.push(Order { prompt: &case.prompt, drawn: None, seed });
        }
    }
    let made = work.generate(&orders, settings.sampling())?;
    let phantoms: Vec<Vec<f32>> = (0..chosen.len() * SEEDS)
        .into_par_iter()
        .map(|i| {
            let plan = chosen[i / SEEDS].plan.in_patient(settings.seed ^ 0xd1f, i as u64);
            plan.draw(size).image.to_unit()
        })
        .collect();
    let truth: Vec<Vec<f32>> = cases.par_iter().map(|c| c.with.to_unit()).collect();
    let (ours, theirs) = (mean_power(masked, size), mean_power(&truth, size));
    let limit = size as usize / 4;
    let ratio: Vec<f64> = (0..=limit).map(|k| 10.0 * (ours[k].max(1e-12) / theirs[k].max(1e-12)).log10()).collect();
    // Single frequencies are noisy; neighbours within two are averaged. The mean is left out.
    let smooth = |k: usize| {
        let (a, b) = (k.saturating_sub(2).max(1), (k + 2).min(limit));
        ratio[a..=b].iter().sum::<f64>() / (b - a + 1) as f64
    };
    let worst = (1..=limit).map(smooth).max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(f64::NAN);
    Ok(Diversity {
        texts: chosen.len(),
        ssim: pairwise(&made, size as usize),
        phantom_ssim: pairwise(&phantoms, size as usize),
        spectrum_db: ratio,
        spectrum_worst_db: worst,
    })
}

/// Mean similarity over the pairs within each group of four.
fn pairwise(pictures: &[Vec<f32>], width: usize) -> f64 {
    let pairs: Vec<(usize, usize)> = (0..pictures.len() / SEEDS)
        .flat_map(|g| (0..SEEDS).flat_map(move |a| (a + 1..SEEDS).map(move |b| (g * SEEDS + a, g * SEEDS + b))))
        .collect();
    let values: Vec<f64> = pairs.par_iter().filter_map(|&(a, b)| ssim(&pictures[a], &pictures[b], width)).collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn mean_power(pictures: &[Vec<f32>], size: u32) -> Vec<f64> {
    let spectra: Vec<Vec<f64>> = pictures.par_iter().filter_map(|p| radial_power(p, size as usize)).collect();
    let bins = size as usize / 2 + 1;
    (0..bins).map(|k| spectra.iter().map(|s| s[k]).sum::<f64>() / spectra.len().max(1) as f64).collect()
}
