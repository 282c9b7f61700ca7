//! Student's t test of paired values (Student 1908), as the paper reports it.

use super::distributions::{t_quantile, t_two_sided};
use super::summary::{mean, sample_sd};

/// A paired t test of x against y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedT {
    /// Mean of x − y.
    pub difference: f64,
    /// 95 % interval of the mean difference.
    pub ci95: (f64, f64),
    /// The statistic.
    pub t: f64,
    /// Degrees of freedom, n − 1.
    pub df: usize,
    /// Two-sided p.
    pub p: f64,
}

/// The test; `None` where the samples differ in length, hold fewer than two pairs, or all differences are equal.
pub fn paired_t(x: &[f64], y: &[f64]) -> Option<PairedT> {
    if x.len() != y.len() {
        return None;
    }
    let differences: Vec<f64> = x.iter().zip(y).map(|(a, b)| a - b).collect();
    let (difference, sd) = (mean(&differences)?, sample_sd(&differences)?);
    let error = sd / (differences.len() as f64).sqrt();
    if error <= 0.0 {
        return None;
    }
    let df = differences.len() - 1;
    let reach = t_quantile(0.025, df as f64)? * error;
    let t = difference / error;
    Some(PairedT { difference, ci95: (difference - reach, difference + reach), t, df, p: t_two_sided(t, df as f64)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_test_without_spread() {
        assert_eq!(paired_t(&[1.0, 2.0], &[0.0, 1.0]), None);
        assert_eq!(paired_t(&[1.0], &[0.0]), None);
        let t = paired_t(&[1.0, 3.0, 2.0], &[0.0, 1.0, 2.0]).expect("a spread");
        assert!((t.difference - 1.0).abs() < 1e-12 && t.ci95.0 < 1.0 && t.ci95.1 > 1.0);
        assert!((t.t - 3f64.sqrt()).abs() < 1e-12);
    }
}
