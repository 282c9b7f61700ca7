//! What the text does when nothing is drawn: its side, and whether the checker sees the finding.

use anyhow::Result;
use engine::domain::{Seed, Side};
use engine::model::checker::CLASSES;
use serde::Serialize;

use super::cases::Case;
use super::{Settings, Work};
use crate::eval::auroc::auroc;
use crate::eval::blur::gaussian;
use crate::practice::model::Order;

/// One finding's numbers.
#[derive(Clone, Debug, Serialize)]
pub struct TextRow {
    /// Class.
    pub finding: &'static str,
    /// Cases with a side.
    pub sided_cases: usize,
    /// Share of them whose change lies mostly on the named side.
    pub side_right: f64,
    /// AUROC of the checker's presence score, prompts with against prompts without.
    pub presence_auroc: f64,
}

/// Rows and pictures.
pub(super) struct Text {
    /// By finding.
    pub rows: Vec<TextRow>,
    /// Whether the change lies on the named side, one a case; `None` where none is named.
    pub side_right: Vec<Option<bool>>,
    /// Generated with the finding in the text, one a case, values in `0..=1`.
    pub with: Vec<Vec<f32>>,
    /// Generated without, same seed.
    pub without: Vec<Vec<f32>>,
}

/// Generates and measures.
///
/// # Errors
/// When the device fails, or the person asks to stop.
pub(super) fn measure(work: &Work<'_>, settings: &Settings, cases: &[Case]) -> Result<Text> {
    let model = work.model;
    let size = model.spec.size_px as usize;
    let generate = |normal: bool| {
        let orders: Vec<Order<'_>> = cases
            .iter()
            .enumerate()
            .map(|(i, c)| Order {
                prompt: if normal { &c.normal_prompt } else { &c.prompt },
                drawn: None,
                seed: Seed(settings.seed ^ 0x7e47 ^ ((i as u64) << 20)),
            })
            .collect();
        work.generate(&orders, settings.sampling())
    };
    let (with, without) = (generate(false)?, generate(true)?);
    let (seen, clean) = (model.check(&with)?, model.check(&without)?);
    let (mut rows, mut side_right) = (Vec::new(), vec![None; cases.len()]);
    for (k, class) in CLASSES.into_iter().enumerate() {
        let of_class: Vec<usize> = (0..cases.len()).filter(|&i| cases[i].finding == class).collect();
        let (mut sided, mut right) = (0usize, 0usize);
        for &i in of_class.iter().filter(|&&i| cases[i].side != Side::Both) {
            let difference: Vec<f32> = with[i].iter().zip(&without[i]).map(|(a, b)| (a - b).abs()).collect();
            let smooth = gaussian(&difference, size, 1.5);
            let energy = |left_half: bool| -> f64 {
                let of_half = smooth.iter().enumerate().filter(|(p, _)| (p % size < size / 2) == left_half);
                of_half.map(|(_, &v)| f64::from(v).powi(2)).sum()
            };
            // The left half of the picture is the patient's right.
            let side = if energy(true) > energy(false) { Side::Right } else { Side::Left };
            sided += 1;
            right += usize::from(side == cases[i].side);
            side_right[i] = Some(side == cases[i].side);
        }
        let score = |of: &[engine::adherence::Seen]| -> Vec<f32> { of_class.iter().map(|&i| of[i].presence[k]).collect() };
        rows.push(TextRow {
            finding: class.name(),
            sided_cases: sided,
            side_right: right as f64 / sided.max(1) as f64,
            presence_auroc: auroc(&score(&seen), &score(&clean)).unwrap_or(f64::NAN),
        });
    }
    Ok(Text { rows, side_right, with, without })
}
