//! Correlation of two samples.

use super::distributions::{normal_quantile, t_two_sided};
use super::ranks::mean_ranks;
use super::summary::mean;

/// A correlation with its test against none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlation {
    /// The coefficient, −1 to 1.
    pub r: f64,
    /// Two-sided p from t with n − 2 degrees of freedom; `None` of two values.
    pub p: Option<f64>,
    /// 95 % interval by Fisher's z; `None` of fewer than four values.
    pub ci95: Option<(f64, f64)>,
}

fn coefficient(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() != y.len() || x.len() < 2 {
        return None;
    }
    let (mx, my) = (mean(x)?, mean(y)?);
    let (mut sxy, mut sxx, mut syy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        sxy += (a - mx) * (b - my);
        sxx += (a - mx).powi(2);
        syy += (b - my).powi(2);
    }
    let r = sxy / (sxx * syy).sqrt();
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

fn test(r: f64, n: usize) -> Option<f64> {
    if n < 3 {
        return None;
    }
    let df = (n - 2) as f64;
    t_two_sided(r * (df / ((1.0 - r) * (1.0 + r))).sqrt(), df)
}

/// Pearson's product-moment correlation; `None` where the samples differ in length, or one is constant.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<Correlation> {
    let r = coefficient(x, y)?;
    let ci95 = (x.len() > 3).then(|| {
        let reach = normal_quantile(0.975) / ((x.len() - 3) as f64).sqrt();
        ((r.atanh() - reach).tanh(), (r.atanh() + reach).tanh())
    });
    Some(Correlation { r, p: test(r, x.len()), ci95 })
}

/// Spearman's rank correlation: Pearson's of the mean ranks; without an interval.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<Correlation> {
    let r = coefficient(&mean_ranks(x), &mean_ranks(y))?;
    Some(Correlation { r, p: test(r, x.len()), ci95: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_constants() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let up = pearson(&x, &[2.0, 4.0, 6.0, 8.0]).expect("a line");
        assert!((up.r - 1.0).abs() < 1e-12 && up.p.expect("four values") < 1e-6);
        assert_eq!(pearson(&x, &[5.0; 4]), None);
        assert_eq!(pearson(&x, &[1.0]), None);
        assert!((spearman(&x, &[1.0, 8.0, 27.0, 64.0]).expect("rising").r - 1.0).abs() < 1e-12);
        assert!((spearman(&x, &[4.0, 3.0, 2.0, 1.0]).expect("falling").r + 1.0).abs() < 1e-12);
    }
}
