//! Wilcoxon's signed-rank test of paired values (Wilcoxon 1945; zeros after Pratt 1959).

use super::distributions::normal_two_sided;
use super::ranks::{mean_ranks, tie_sizes};

/// What happens with pairs that do not differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zeros {
    /// They are dropped.
    #[default]
    Drop,
    /// They are ranked and then dropped.
    Pratt,
    /// They are ranked, and half of their ranks goes to each side.
    Split,
}

/// How p is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Exact for up to 50 pairs without ties and zeros, else the normal law.
    #[default]
    Auto,
    /// Exact, by counting all signs of the ranks as they are, ties with their mean rank; zeros must be dropped.
    Exact,
    /// The normal law with the variance corrected for ties; `correction` moves the statistic half a step to the middle.
    Normal {
        /// Whether the statistic is corrected for continuity.
        correction: bool,
    },
}

/// Most pairs for which [`Method::Auto`] counts.
const MAX_EXACT: usize = 50;

/// The outcome of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Pairs whose difference counts.
    pub n: usize,
    /// Sum of the ranks of positive differences.
    pub positive: f64,
    /// Sum of the ranks of negative differences.
    pub negative: f64,
    /// The normal statistic, where the normal law was used.
    pub z: Option<f64>,
    /// Two-sided p.
    pub p: f64,
    /// Matched-pairs rank-biserial correlation: (positive − negative) ÷ their sum, −1 to 1.
    pub effect: f64,
}

impl SignedRank {
    /// The smaller of both rank sums.
    pub fn statistic(&self) -> f64 {
        self.positive.min(self.negative)
    }
}

/// Tests x − y against symmetry around zero; `None` where lengths differ, a value is NaN, or no pair counts.
///
/// [`Method::Exact`] with zeros that are kept gives `None`, because its count does not hold there.
pub fn signed_rank(x: &[f64], y: &[f64], zeros: Zeros, method: Method) -> Option<SignedRank> {
    if x.len() != y.len() {
        return None;
    }
    let mut differences: Vec<f64> = x.iter().zip(y).map(|(a, b)| a - b).collect();
    if differences.iter().any(|d| d.is_nan()) {
        return None;
    }
    let zero_count = differences.iter().filter(|&&d| d == 0.0).count();
    if zeros == Zeros::Drop {
        differences.retain(|&d| d != 0.0);
    }
    let magnitudes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let ranks = mean_ranks(&magnitudes);
    let sum = |keep: fn(f64) -> bool| -> f64 { differences.iter().zip(&ranks).filter(|(d, _)| keep(**d)).map(|(_, r)| r).sum() };
    let (mut positive, mut negative) = (sum(|d| d > 0.0), sum(|d| d < 0.0));
    if zeros == Zeros::Split {
        let half = sum(|d| d == 0.0) / 2.0;
        positive += half;
        negative += half;
    }
    let n = differences.iter().filter(|&&d| d != 0.0).count();
    if n == 0 {
        return None;
    }
    let tied = zero_count > 0 || tie_sizes(&magnitudes).iter().any(|&size| size > 1);
    let exact = match method {
        Method::Exact if zero_count > 0 && zeros != Zeros::Drop => return None,
        Method::Exact => true,
        Method::Auto => !tied && n <= MAX_EXACT,
        Method::Normal { .. } => false,
    };
    let effect = (positive - negative) / (positive + negative);
    if exact {
        let p = exact_p(&ranks, positive.min(negative));
        return Some(SignedRank { n, positive, negative, z: None, p, effect });
    }
    let count = differences.len() as f64;
    let mut middle = count * (count + 1.0) / 4.0;
    let mut variance = count * (count + 1.0) * (2.0 * count + 1.0);
    if zeros == Zeros::Pratt {
        let z = zero_count as f64;
        middle -= z * (z + 1.0) / 4.0;
        variance -= z * (z + 1.0) * (2.0 * z + 1.0);
    }
    // Zeros that were ranked are no tie of differences.
    let ties: f64 = match zeros {
        Zeros::Drop | Zeros::Split => tie_sizes(&magnitudes),
        Zeros::Pratt => tie_sizes(&magnitudes.iter().copied().filter(|&m| m != 0.0).collect::<Vec<_>>()),
    }
    .iter()
    .map(|&size| (size as f64).powi(3) - size as f64)
    .sum();
    let deviation = ((variance - ties / 2.0) / 24.0).sqrt();
    let mut off = positive.min(negative) - middle;
    if matches!(method, Method::Normal { correction: true }) {
        off += 0.5 * f64::from(i8::from(off < 0.0) - i8::from(off > 0.0));
    }
    let z = off / deviation;
    if !z.is_finite() {
        return None;
    }
    Some(SignedRank { n, positive, negative, z: Some(z), p: normal_two_sided(z), effect })
}

/// Share of all 2ⁿ signs whose smaller rank sum is at most `statistic`, both sides.
fn exact_p(ranks: &[f64], statistic: f64) -> f64 {
    // Twice a mean rank is whole.
    let doubled = |rank: f64| (2.0 * rank).round() as usize;
    let most: usize = ranks.iter().map(|&rank| doubled(rank)).sum();
    // ways[s]: share of sign patterns of the ranks so far with twice the positive sum s.
    let mut ways = vec![0.0f64; most + 1];
    ways[0] = 1.0;
    for rank in ranks.iter().map(|&rank| doubled(rank)) {
        for s in (0..=most).rev() {
            let with = if s >= rank { ways[s - rank] } else { 0.0 };
            ways[s] = 0.5 * (ways[s] + with);
        }
    }
    (2.0 * ways[..=doubled(statistic).min(most)].iter().sum::<f64>()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_exact_p_halves_with_each_pair() {
        for n in 1..=12usize {
            let x: Vec<f64> = (1..=n).map(|i| i as f64).collect();
            let test = signed_rank(&x, &vec![0.0; n], Zeros::Drop, Method::Exact).expect("pairs differ");
            assert!((test.p - (2.0 / 2f64.powi(n as i32)).min(1.0)).abs() < 1e-12, "n = {n}: {}", test.p);
            assert!((test.effect - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn nothing_to_test_is_no_test() {
        assert_eq!(signed_rank(&[1.0, 2.0], &[1.0, 2.0], Zeros::Drop, Method::Auto), None);
        assert_eq!(signed_rank(&[1.0], &[1.0, 2.0], Zeros::Drop, Method::Auto), None);
        assert_eq!(signed_rank(&[f64::NAN, 2.0], &[1.0, 1.0], Zeros::Drop, Method::Auto), None);
        assert_eq!(signed_rank(&[1.0, 3.0], &[1.0, 2.0], Zeros::Pratt, Method::Exact), None, "kept zeros have no exact count");
        // Two tied pairs of one sign: one of four sign patterns on each side.
        assert_eq!(signed_rank(&[1.0, 3.0], &[0.0, 2.0], Zeros::Drop, Method::Exact).map(|t| t.p), Some(0.5));
    }

    #[test]
    fn both_methods_agree_in_large_samples() {
        let x: Vec<f64> = (0..40).map(|i| f64::from((i * 37) % 41) * 0.1 + 0.001 * f64::from(i) - 1.7).collect();
        let y = vec![0.0; x.len()];
        let exact = signed_rank(&x, &y, Zeros::Drop, Method::Exact).expect("pairs differ");
        let normal = signed_rank(&x, &y, Zeros::Drop, Method::Normal { correction: true }).expect("pairs differ");
        assert!((exact.p - normal.p).abs() < 0.005, "{} and {}", exact.p, normal.p);
    }
}
