//! What the analysis should find of a simulation, computed and not drawn: integrals over the hidden values.

use super::{ReaderModel, World};

/// Steps of the integral over a normal value, and how far it reaches in deviations.
const STEPS: usize = 1600;
const REACH: f64 = 8.0;

/// Shares of the values of the scale (lowest first) that a reader gives to an image of hidden value `x`.
fn shares(world: &World, reader: &ReaderModel, x: f64) -> Vec<f64> {
    let up_to = |cut: f64| 1.0 / (1.0 + (-(cut - x - reader.bias) / reader.noise.max(1e-9)).exp());
    let mut below = 0.0;
    let mut out: Vec<f64> = world
        .thresholds
        .iter()
        .map(|&cut| {
            let share = up_to(cut) - below;
            below += share;
            share
        })
        .collect();
    out.push(1.0 - below);
    out
}

/// The mean of `of` over the hidden values of the images of an arm.
fn over_images(world: &World, arm: &str, mut of: impl FnMut(f64, f64)) {
    let sd = world.case_sd.hypot(world.image_sd);
    let middle = world.arms.get(arm).copied().unwrap_or(0.0);
    let step = 2.0 * REACH / STEPS as f64;
    for i in 0..=STEPS {
        let z = -REACH + step * i as f64;
        let weight = step * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        of(middle + sd * z, weight);
    }
}

/// Mean score of a reader for an arm; `lowest` is the least value of the scale.
pub(super) fn mean(world: &World, reader: &ReaderModel, arm: &str, lowest: i32) -> f64 {
    let mut sum = 0.0;
    over_images(world, arm, |x, weight| {
        let shares = shares(world, reader, x);
        sum += weight * shares.iter().enumerate().map(|(i, share)| share * f64::from(lowest + i as i32)).sum::<f64>();
    });
    sum
}

/// Quadratic-weighted kappa of a reader with the same reader, over images of these arms in equal numbers.
pub(super) fn repeatability(world: &World, reader: &ReaderModel, arms: &[String]) -> f64 {
    let k = world.thresholds.len() + 1;
    let mut joint = vec![0.0; k * k];
    for arm in arms {
        over_images(world, arm, |x, weight| {
            let shares = shares(world, reader, x);
            for (a, pa) in shares.iter().enumerate() {
                for (b, pb) in shares.iter().enumerate() {
                    joint[a * k + b] += weight * pa * pb / arms.len() as f64;
                }
            }
        });
    }
    let margin: Vec<f64> = joint.chunks_exact(k).map(|row| row.iter().sum()).collect();
    let distance = |a: usize, b: usize| (a as f64 - b as f64).powi(2);
    let (mut seen, mut chance) = (0.0, 0.0);
    for a in 0..k {
        for b in 0..k {
            seen += distance(a, b) * joint[a * k + b];
            chance += distance(a, b) * margin[a] * margin[b];
        }
    }
    1.0 - seen / chance
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn world(case_sd: f64) -> World {
        let arms = BTreeMap::from([("A".to_owned(), 0.0), ("B".to_owned(), -1.0)]);
        World { thresholds: vec![-1.5, -0.5, 0.5, 1.5], arms, findings: Vec::new(), case_sd, image_sd: 0.0 }
    }

    #[test]
    fn a_symmetric_scale_has_its_mean_in_the_middle() {
        let reader = ReaderModel::default();
        assert!(mean(&world(1.3), &reader, "A", -2).abs() < 1e-9);
        assert!(mean(&world(1.3), &reader, "B", -2) < -0.3);
        let strict = ReaderModel { bias: -1.0, ..ReaderModel::default() };
        assert!((mean(&world(0.7), &strict, "A", -2) - mean(&world(0.7), &reader, "B", -2)).abs() < 1e-9);
    }

    #[test]
    fn readers_who_see_no_difference_do_not_repeat_and_exact_ones_do() {
        let arms = ["A".to_owned()];
        assert!(repeatability(&world(0.0), &ReaderModel::default(), &arms).abs() < 1e-9);
        let exact = ReaderModel { noise: 1e-6, ..ReaderModel::default() };
        assert!(repeatability(&world(1.5), &exact, &arms) > 0.99);
    }
}
