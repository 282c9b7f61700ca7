//! Straight lines through points, each group with its own height.

use super::distributions::{t_quantile, t_two_sided};

/// A common slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Change of y for each 1 of x.
    pub value: f64,
    /// 95 % interval from t with the residual degrees of freedom.
    pub ci95: (f64, f64),
    /// Two-sided p against a level line.
    pub p: f64,
    /// Points.
    pub n: usize,
}

/// Least-squares slope of `y` on `x`, the same in all groups, each group with its own mean (one-way analysis of
/// covariance). `None` where lengths differ, x has no spread in a group, or no degree of freedom is left.
pub fn common_slope(x: &[f64], y: &[f64], group: &[usize]) -> Option<Slope> {
    let n = x.len();
    if n == 0 || y.len() != n || group.len() != n {
        return None;
    }
    let groups = group.iter().max().map_or(0, |g| g + 1);
    let mut sums = vec![(0.0, 0.0, 0usize); groups];
    for ((a, b), &g) in x.iter().zip(y).zip(group) {
        let (sx, sy, count) = &mut sums[g];
        *sx += a;
        *sy += b;
        *count += 1;
    }
    let own = |g: usize| (sums[g].0 / sums[g].2 as f64, sums[g].1 / sums[g].2 as f64);
    let (mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0);
    for ((a, b), &g) in x.iter().zip(y).zip(group) {
        let (mx, my) = own(g);
        sxx += (a - mx).powi(2);
        sxy += (a - mx) * (b - my);
        syy += (b - my).powi(2);
    }
    let used = sums.iter().filter(|s| s.2 > 0).count();
    let df = n.checked_sub(used + 1).filter(|df| *df > 0)? as f64;
    let value = sxy / sxx;
    let error = ((syy - value * sxy).max(0.0) / df / sxx).sqrt();
    if !value.is_finite() || !error.is_finite() {
        return None;
    }
    let reach = t_quantile(0.025, df)? * error;
    let p = if error > 0.0 { t_two_sided(value / error, df)? } else { f64::from(u8::from(value == 0.0)) };
    Some(Slope { value, ci95: (value - reach, value + reach), p, n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_with_a_known_answer() {
        // x 1..5, y 2 4 5 4 5: slope 0.6, residual sum 2.4, error √(0.8/10), t with 3 degrees of freedom 3.18245.
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        let found = common_slope(&x, &[2.0, 4.0, 5.0, 4.0, 5.0], &[0; 5]).expect("a line");
        let reach = 3.182_446_3 * 0.08f64.sqrt();
        assert!((found.value - 0.6).abs() < 1e-12 && (found.ci95.1 - 0.6 - reach).abs() < 1e-6, "{found:?}");
        assert!((found.p - 0.124_027).abs() < 1e-5, "{}", found.p);
    }

    #[test]
    fn heights_of_groups_do_not_tilt_the_line() {
        let x = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0];
        let y = [5.0, 5.5, 6.0, 0.0, 0.5, 1.0];
        let found = common_slope(&x, &y, &[0, 0, 0, 1, 1, 1]).expect("a line");
        assert!((found.value - 0.5).abs() < 1e-12);
        assert_eq!(common_slope(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0], &[0; 3]), None);
        assert_eq!(common_slope(&[1.0, 2.0], &[1.0, 2.0], &[0; 2]), None);
    }
}
