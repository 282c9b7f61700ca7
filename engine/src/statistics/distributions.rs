//! Tails and quantiles of the distributions that tests need.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// Two-sided tail of Student's t with `df` degrees of freedom; `None` where `df` is not positive or `t` is NaN.
pub fn t_two_sided(t: f64, df: f64) -> Option<f64> {
    if t.is_nan() {
        return None;
    }
    if t.is_infinite() {
        return Some(0.0);
    }
    let law = StudentsT::new(0.0, 1.0, df).ok()?;
    Some((2.0 * law.cdf(-t.abs())).min(1.0))
}

/// The t that leaves `tail` above it.
pub fn t_quantile(tail: f64, df: f64) -> Option<f64> {
    let law = StudentsT::new(0.0, 1.0, df).ok()?;
    (0.0 < tail && tail < 1.0).then(|| law.inverse_cdf(1.0 - tail))
}

/// Upper tail of F with `df1` and `df2` degrees of freedom.
pub fn f_upper(f: f64, df1: f64, df2: f64) -> Option<f64> {
    if f.is_nan() {
        return None;
    }
    Some(FisherSnedecor::new(df1, df2).ok()?.sf(f.max(0.0)))
}

/// The F that leaves `tail` above it.
pub fn f_quantile(tail: f64, df1: f64, df2: f64) -> Option<f64> {
    let law = FisherSnedecor::new(df1, df2).ok()?;
    (0.0 < tail && tail < 1.0).then(|| law.inverse_cdf(1.0 - tail))
}

/// Lower tail of the standard normal.
pub fn normal_lower(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// Two-sided tail of the standard normal.
pub fn normal_two_sided(z: f64) -> f64 {
    (2.0 * normal_lower(-z.abs())).min(1.0)
}

/// The standard normal value with `share` below it, 0 < `share` < 1.
pub fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_tables() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} for {b}");
        close(t_two_sided(2.228_138_85, 10.0).expect("df is positive"), 0.05);
        close(t_quantile(0.025, 10.0).expect("a tail"), 2.228_138_85);
        close(f_upper(4.964_602_7, 1.0, 10.0).expect("df is positive"), 0.05);
        close(f_quantile(0.05, 1.0, 10.0).expect("a tail"), 4.964_602_7);
        close(normal_two_sided(1.959_963_985), 0.05);
        close(normal_quantile(0.975), 1.959_963_985);
        assert_eq!(t_two_sided(1.0, 0.0), None);
        assert_eq!(t_two_sided(f64::INFINITY, 3.0), Some(0.0));
    }
}
