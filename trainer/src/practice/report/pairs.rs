//! Same-seed twins with and without a masked finding, and the same with a mirrored mask.

use anyhow::Result;
use engine::adherence::{Seen, half_grid};
use engine::domain::{Annotation, Finding, Mask, Seed};
use engine::model::checker::CLASSES;
use serde::Serialize;

use super::cases::{Case, swap_sides};
use super::{Settings, Work};
use crate::eval::auroc::{auroc, median};
use crate::eval::blur::gaussian;
use crate::practice::model::Order;

/// One finding's numbers.
#[derive(Clone, Debug, Serialize)]
pub struct MaskedRow {
    /// Class.
    pub finding: &'static str,
    /// Cases.
    pub cases: usize,
    /// Median AUROC of the smoothed difference, inside the mask against outside.
    pub auroc_median: f64,
    /// Mean of the same.
    pub auroc_mean: f64,
    /// Share of cases whose mean change inside has the phantom's sign.
    pub sign_right: f64,
    /// Mean change inside, in 255ths of full scale.
    pub change: f64,
    /// The same in phantoms.
    pub phantom_change: f64,
    /// Median Dice of the checker's outline with the mask.
    pub dice_median: f64,
    /// Share of mirrored cases whose outline's centre lies within a tenth of the width of the mask's.
    pub moved: f64,
}

/// The checker's own accuracy on phantoms.
#[derive(Clone, Debug, Serialize)]
pub struct CheckerRow {
    /// Class.
    pub finding: &'static str,
    /// Median Dice on phantoms with the finding.
    pub dice_median: f64,
    /// AUROC of presence, with against without.
    pub auroc: f64,
}

/// Rows and pictures.
pub(super) struct Masked {
    /// By finding.
    pub rows: Vec<MaskedRow>,
    /// The checker on phantoms.
    pub checker: Vec<CheckerRow>,
    /// Generated with the finding, one a case, values in `0..=1`.
    pub with: Vec<Vec<f32>>,
    /// Generated without, same seed.
    pub without: Vec<Vec<f32>>,
    /// Each case's own numbers.
    pub values: Vec<MaskedValues>,
}

/// One case's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MaskedValues {
    /// AUROC of the smoothed difference; `None` where the mask is all or nothing.
    pub auroc: Option<f64>,
    /// Whether the mean change inside has the phantom's sign.
    pub sign_right: bool,
    /// Dice of the checker's outline with the mask.
    pub dice: f64,
    /// Whether the mirrored mask was followed.
    pub moved: bool,
}

impl Masked {
    /// Indices of the cases with the best or the worst outline, `count` of each class.
    pub(super) fn extremes(&self, cases: &[Case], count: usize, best: bool) -> Vec<usize> {
        let mut chosen = Vec::new();
        for class in CLASSES {
            let mut of_class: Vec<usize> = (0..cases.len()).filter(|&i| cases[i].finding == class).collect();
            of_class.sort_by(|&a, &b| self.values[a].dice.total_cmp(&self.values[b].dice));
            if best {
                of_class.reverse();
            }
            chosen.extend(of_class.into_iter().take(count));
        }
        chosen
    }
}

/// Generates and measures.
///
/// # Errors
/// When the device fails, or the person asks to stop.
pub(super) fn measure(work: &Work<'_>, settings: &Settings, cases: &[Case]) -> Result<Masked> {
    let model = work.model;
    let size = model.spec.size_px;
    let generate = |orders: &[Order<'_>]| work.generate(orders, settings.sampling());
    let seed = |i: usize| Seed(settings.seed ^ 0x5eed ^ ((i as u64) << 20));
    let order =
        |i: usize, prompt, mask: Mask| Order { prompt, drawn: Some(Annotation::mask(cases[i].finding, mask)), seed: seed(i) };
    let with = generate(&cases.iter().enumerate().map(|(i, c)| order(i, c.prompt.as_str(), c.mask.clone())).collect::<Vec<_>>())?;
    let without = generate(
        &cases.iter().enumerate().map(|(i, c)| order(i, c.normal_prompt.as_str(), Mask::empty(size, size))).collect::<Vec<_>>(),
    )?;
    let turned: Vec<(String, Mask)> = cases.iter().map(|c| (swap_sides(&c.prompt), c.mask.mirrored())).collect();
    let moved = generate(&turned.iter().enumerate().map(|(i, t)| order(i, t.0.as_str(), t.1.clone())).collect::<Vec<_>>())?;
    let (seen, seen_moved) = (model.check(&with)?, model.check(&moved)?);
    let truth: Vec<Vec<f32>> = cases.iter().map(|c| c.with.to_unit()).collect();
    let truth_without: Vec<Vec<f32>> = cases.iter().map(|c| c.without.to_unit()).collect();
    let (seen_truth, seen_clean) = (model.check(&truth)?, model.check(&truth_without)?);

    let mut values = Vec::new();
    for (case, checked) in cases.iter().zip(&seen) {
        let dice = outline(checked, case.finding, size).dice(&half_grid(&case.mask, size));
        values.push(MaskedValues { auroc: None, sign_right: false, dice, moved: false });
    }
    let (mut rows, mut checker) = (Vec::new(), Vec::new());
    for (k, class) in CLASSES.into_iter().enumerate() {
        let of_class: Vec<usize> = (0..cases.len()).filter(|&i| cases[i].finding == class).collect();
        let n = of_class.len().max(1) as f64;
        let (mut areas, mut right, mut change, mut phantom_change, mut near) = (Vec::new(), 0, 0.0, 0.0, 0);
        for &i in &of_class {
            let mask = &cases[i].mask;
            let difference: Vec<f32> = with[i].iter().zip(&without[i]).map(|(a, b)| a - b).collect();
            let inside = mean_inside(&difference, mask);
            let truth: Vec<f32> = truth[i].iter().zip(&truth_without[i]).map(|(a, b)| a - b).collect();
            let wanted = mean_inside(&truth, mask);
            values[i].sign_right = inside * wanted > 0.0;
            right += usize::from(values[i].sign_right);
            change += inside;
            phantom_change += wanted;
            let size_of: Vec<f32> = difference.iter().map(|d| d.abs()).collect();
            let smooth = gaussian(&size_of, size as usize, 1.5);
            let part = |inside: u8| -> Vec<f32> {
                smooth.iter().zip(mask.bits()).filter(|&(_, &b)| b == inside).map(|(&v, _)| v).collect()
            };
            values[i].auroc = auroc(&part(1), &part(0));
            areas.extend(values[i].auroc);
            let found = outline(&seen_moved[i], class, size).centroid();
            let wanted = half_grid(&turned[i].1, size).centroid();
            if let (Some(a), Some(b)) = (found, wanted) {
                values[i].moved = (a.0 - b.0).hypot(a.1 - b.1) <= 0.05 * size as f32;
                near += usize::from(values[i].moved);
            }
        }
        let own: Vec<f64> = of_class.iter().map(|&i| values[i].dice).collect();
        rows.push(MaskedRow {
            finding: class.name(),
            cases: of_class.len(),
            auroc_median: median(&areas).unwrap_or(f64::NAN),
            auroc_mean: areas.iter().sum::<f64>() / areas.len().max(1) as f64,
            sign_right: right as f64 / n,
            change: 255.0 * change / n,
            phantom_change: 255.0 * phantom_change / n,
            dice_median: median(&own).unwrap_or(f64::NAN),
            moved: near as f64 / n,
        });
        let on_truth: Vec<f64> =
            of_class.iter().map(|&i| outline(&seen_truth[i], class, size).dice(&half_grid(&cases[i].mask, size))).collect();
        let score = |seen: &[Seen]| -> Vec<f32> { of_class.iter().map(|&i| seen[i].presence[k]).collect() };
        checker.push(CheckerRow {
            finding: class.name(),
            dice_median: median(&on_truth).unwrap_or(f64::NAN),
            auroc: auroc(&score(&seen_truth), &score(&seen_clean)).unwrap_or(f64::NAN),
        });
    }
    Ok(Masked { rows, checker, with, without, values })
}

/// The checker's outline of a class on half the picture's grid; empty for a class it does not know.
fn outline(seen: &Seen, class: Finding, size: u32) -> Mask {
    seen.outline(class).unwrap_or_else(|| Mask::empty(size / 2, size / 2))
}

fn mean_inside(values: &[f32], mask: &Mask) -> f64 {
    let (mut sum, mut n) = (0f64, 0usize);
    for (&v, _) in values.iter().zip(mask.bits()).filter(|&(_, &b)| b != 0) {
        sum += f64::from(v);
        n += 1;
    }
    sum / n.max(1) as f64
}
