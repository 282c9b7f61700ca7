//! One image brought to the form of the study.

use engine::domain::{GrayImage, ImageError, Seed};

use super::dct::clean;
use super::grey::matching;
use super::plan::Plan;
use super::resample::resample;
use super::survey::{MIDDLE, Survey, smooth_curve};
use super::{Field, Grey};
use crate::draw::{Draw, Use};

/// Side of a covered corner as a share of the image's.
pub(super) const CORNER: f64 = 0.15;

/// Half the base of the triangle from which noise is drawn before rounding, in levels.
const DITHER: f64 = 2.0;

pub(super) fn apply(plan: &Plan, arm: &str, case: &str, image: &GrayImage) -> Result<GrayImage, ImageError> {
    let part = plan.part(&Survey::of(image), case);
    let own;
    let table = match plan.settings.grey {
        Grey::Keep => None,
        Grey::MatchArms => plan.curves.get(arm),
        Grey::MatchImages => {
            own = matching(&smooth_curve(image, MIDDLE), &plan.reference);
            Some(&own)
        }
    };
    let values: Vec<f32> = match table {
        Some(table) => image.pixels().iter().map(|&grey| table[usize::from(grey)]).collect(),
        None => image.pixels().iter().map(|&grey| f32::from(grey)).collect(),
    };
    let side = plan.side as usize;
    let long = part.width.max(part.height);
    let length = |l: f64| {
        if plan.settings.field == Field::Square { side } else { ((l / long * side as f64).round() as usize).clamp(1, side) }
    };
    let (width, height) = (length(part.width), length(part.height));
    let mut values = resample(&values, image.width() as usize, part, width, height);
    // One image has one seed, whatever the order in which images are made.
    let seed = Seed::for_case(plan.seed, &format!("{arm}\u{0}{case}")).0;
    if plan.threshold > 0.0 {
        values = clean(&values, width, plan.threshold as f32);
        let mut grain = Draw::new(seed, Use::Grain, 0);
        values.iter_mut().for_each(|v| *v += (plan.grain * grain.normal()) as f32);
    }
    let greys = rounded(&values, plan.bits, plan.dither.then(|| Draw::new(seed, Use::Dither, 0)));
    let mut pixels = vec![0u16; side * side];
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    for (y, row) in greys.chunks_exact(width).enumerate() {
        pixels[(top + y) * side + left..][..width].copy_from_slice(row);
    }
    if plan.settings.cover_corners {
        let corner = (CORNER * side as f64).ceil() as usize;
        let edge = |i: usize| i < corner || i >= side - corner;
        pixels.iter_mut().enumerate().filter(|(i, _)| edge(i % side) && edge(i / side)).for_each(|(_, v)| *v = 0);
    }
    GrayImage::new(plan.side, plan.side, pixels)
}

/// Greys on the levels of `bits`, spread over all 16; with noise of up to two steps, drawn from a triangle, where asked.
fn rounded(values: &[f32], bits: u32, mut dither: Option<Draw>) -> Vec<u16> {
    let top = f64::from((1u32 << bits.min(16)) - 1);
    let level = |value: f32| {
        let noise = dither.as_mut().map_or(0.0, |chance| DITHER * (chance.unit() + chance.unit() - 1.0));
        let level = (f64::from(value) / 65535.0 * top + noise).round().clamp(0.0, top);
        (level * 65535.0 / top).round() as u16
    };
    values.iter().copied().map(level).collect()
}
