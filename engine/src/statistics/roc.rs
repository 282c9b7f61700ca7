//! Area under the ROC curve with DeLong's interval, and d′ of yes-or-no answers.

use std::cmp::Ordering;

use super::distributions::{normal_quantile, normal_two_sided};

/// An area with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Area under the curve, 0.5 is chance; ties count half.
    pub value: f64,
    /// Standard error (DeLong, DeLong and Clarke-Pearson 1988).
    pub error: f64,
    /// 95 % interval, cut off at 0 and 1.
    pub ci95: (f64, f64),
}

/// The area by which `positive` scores exceed `negative` ones; `None` where either has fewer than two.
pub fn area(positive: &[f64], negative: &[f64]) -> Option<Area> {
    let parts = Parts::of(positive, negative)?;
    let error = (spread(&parts.by_positive, &parts.by_positive) + spread(&parts.by_negative, &parts.by_negative)).sqrt();
    let reach = normal_quantile(0.975) * error;
    let value = parts.value;
    Some(Area { value, error, ci95: ((value - reach).max(0.0), (value + reach).min(1.0)) })
}

/// Two areas of the same cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AreaDifference {
    /// The first area less the second.
    pub value: f64,
    /// Its standard error, the correlation of both counted (DeLong, DeLong and Clarke-Pearson 1988).
    pub error: f64,
    /// 95 % interval.
    pub ci95: (f64, f64),
    /// Two-sided p; 1 where the areas are equal without any spread.
    pub p: f64,
}

/// Compares two scores of the same cases; each pair is (first, second) score of one case.
/// `None` where either kind has fewer than two cases.
pub fn compare(positive: &[(f64, f64)], negative: &[(f64, f64)]) -> Option<AreaDifference> {
    let of = |pairs: &[(f64, f64)], first: bool| -> Vec<f64> { pairs.iter().map(|p| if first { p.0 } else { p.1 }).collect() };
    let a = Parts::of(&of(positive, true), &of(negative, true))?;
    let b = Parts::of(&of(positive, false), &of(negative, false))?;
    let variance = |x: &[f64], y: &[f64]| spread(x, x) + spread(y, y) - 2.0 * spread(x, y);
    let error = (variance(&a.by_positive, &b.by_positive) + variance(&a.by_negative, &b.by_negative)).max(0.0).sqrt();
    let value = a.value - b.value;
    let reach = normal_quantile(0.975) * error;
    let p = if error > 0.0 { normal_two_sided(value / error) } else { f64::from(u8::from(value == 0.0)) };
    Some(AreaDifference { value, error, ci95: (value - reach, value + reach), p })
}

/// An area with the share that each case has in it.
struct Parts {
    value: f64,
    by_positive: Vec<f64>,
    by_negative: Vec<f64>,
}

impl Parts {
    fn of(positive: &[f64], negative: &[f64]) -> Option<Self> {
        if positive.len() < 2 || negative.len() < 2 {
            return None;
        }
        let wins = |a: f64, b: f64| match a.partial_cmp(&b) {
            Some(Ordering::Greater) => 1.0,
            Some(Ordering::Equal) => 0.5,
            _ => 0.0,
        };
        let mean = |sum: f64, others: &[f64]| sum / others.len() as f64;
        let by_positive: Vec<f64> =
            positive.iter().map(|&p| mean(negative.iter().map(|&n| wins(p, n)).sum(), negative)).collect();
        let by_negative: Vec<f64> =
            negative.iter().map(|&n| mean(positive.iter().map(|&p| wins(p, n)).sum(), positive)).collect();
        let value = mean(by_positive.iter().sum(), positive);
        Some(Self { value, by_positive, by_negative })
    }
}

/// Covariance of the means of `a` and `b`.
fn spread(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum::<f64>() / (n - 1.0) / n
}

/// Sensitivity d′ and criterion c from counts, each count with half an answer added, so that none is infinite
/// (Hautus 1995). `None` where either kind was never shown.
pub fn d_prime(hits: usize, misses: usize, false_alarms: usize, rejections: usize) -> Option<(f64, f64)> {
    if hits + misses == 0 || false_alarms + rejections == 0 {
        return None;
    }
    let rate = |yes: usize, no: usize| normal_quantile((yes as f64 + 0.5) / ((yes + no) as f64 + 1.0));
    let (h, f) = (rate(hits, misses), rate(false_alarms, rejections));
    Some((h - f, -0.5 * (h + f)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_with_a_known_answer() {
        let a = area(&[0.8, 0.6, 0.4], &[0.5, 0.3, 0.1]).expect("both kinds");
        assert!((a.value - 8.0 / 9.0).abs() < 1e-12);
        assert_eq!(area(&[1.0, 1.0], &[1.0, 1.0]).expect("both kinds").value, 0.5);
        assert_eq!(area(&[1.0], &[0.0, 0.0]), None);
    }

    #[test]
    fn two_areas_of_the_same_cases() {
        // Areas 8/9 and 6/9.
        let (positive, negative) = ([(0.8, 0.8), (0.6, 0.2), (0.4, 0.4)], [(0.5, 0.5), (0.3, 0.3), (0.1, 0.1)]);
        let found = compare(&positive, &negative).expect("both kinds");
        // Shares that each case has in both areas, first less second, by hand.
        let positives = [0.0, 2.0 / 3.0, 0.0];
        let negatives = [1.0 / 3.0, 1.0 / 3.0, 0.0];
        let variance = spread(&positives, &positives) + spread(&negatives, &negatives);
        assert!((found.value - 2.0 / 9.0).abs() < 1e-12, "{found:?}");
        assert!((found.error - variance.sqrt()).abs() < 1e-12, "{found:?}");
        let same = compare(&[(1.0, 1.0), (2.0, 2.0)], &[(0.0, 0.0), (1.5, 1.5)]).expect("both kinds");
        assert_eq!((same.value, same.p), (0.0, 1.0));
        assert_eq!(compare(&[(1.0, 1.0)], &[(0.0, 0.0), (1.0, 1.0)]), None);
    }

    #[test]
    fn no_sensitivity_is_zero() {
        let (d, c) = d_prime(50, 50, 50, 50).expect("both kinds");
        assert!(d.abs() < 1e-12 && c.abs() < 1e-12);
        assert!(d_prime(90, 10, 10, 90).expect("both kinds").0 > 2.3);
        assert_eq!(d_prime(0, 0, 1, 1), None);
    }
}
