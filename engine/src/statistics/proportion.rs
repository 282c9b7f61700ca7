//! Shares of yes-or-no answers: exact interval and tests.

use super::distributions::f_quantile;

/// A share with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Answers that count as yes.
    pub hits: usize,
    /// All answers.
    pub n: usize,
    /// `hits` ÷ `n`.
    pub value: f64,
    /// Exact 95 % interval (Clopper and Pearson 1934).
    pub ci95: (f64, f64),
}

/// The share of `hits` in `n` answers; `None` of no answers or more hits than answers.
pub fn share(hits: usize, n: usize) -> Option<Share> {
    if n == 0 || hits > n {
        return None;
    }
    let (x, rest) = (hits as f64, (n - hits) as f64);
    let low = if hits == 0 { 0.0 } else { x / (x + (rest + 1.0) * f_quantile(0.025, 2.0 * (rest + 1.0), 2.0 * x)?) };
    let high = if hits == n {
        1.0
    } else {
        let f = (x + 1.0) * f_quantile(0.025, 2.0 * (x + 1.0), 2.0 * rest)?;
        f / (rest + f)
    };
    Some(Share { hits, n, value: x / n as f64, ci95: (low, high) })
}

/// Two-sided exact p of `hits` in `n` where each is a hit with the probability `chance`: the outcomes that are at most
/// as likely as the one seen. `None` of no answers or a chance outside (0, 1).
pub fn binomial_two_sided(hits: usize, n: usize, chance: f64) -> Option<f64> {
    if n == 0 || hits > n || !(chance > 0.0 && chance < 1.0) {
        return None;
    }
    // Logarithms of the probabilities, each from the one before.
    let odds = (chance / (1.0 - chance)).ln();
    let mut logs = vec![n as f64 * (1.0 - chance).ln()];
    for k in 1..=n {
        logs.push(logs[k - 1] + ((n - k + 1) as f64 / k as f64).ln() + odds);
    }
    // Equal outcomes differ by rounding.
    let bound = logs[hits] + 1e-9;
    Some(logs.iter().filter(|&&l| l <= bound).map(|l| l.exp()).sum::<f64>().min(1.0))
}

/// McNemar's exact test (McNemar 1947) of pairs that changed: `gained` from wrong to right, `lost` from right to wrong.
/// Without any change p is 1.
pub fn mcnemar(gained: usize, lost: usize) -> f64 {
    binomial_two_sided(gained, gained + lost, 0.5).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 5e-7, "{got} for {want}");
    }

    #[test]
    fn intervals_with_a_known_answer() {
        // None of n: the upper end is 1 − 0.025^(1/n).
        let none = share(0, 20).expect("answers");
        close(none.ci95.0, 0.0);
        close(none.ci95.1, 1.0 - 0.025f64.powf(0.05));
        let all = share(20, 20).expect("answers");
        close(all.ci95.0, 0.025f64.powf(0.05));
        close(all.ci95.1, 1.0);
        // 7 of 10, as tables of the exact interval give it.
        let seven = share(7, 10).expect("answers");
        close(seven.ci95.0, 0.347_547_1);
        close(seven.ci95.1, 0.933_260_5);
        assert_eq!(share(1, 0), None);
        assert_eq!(share(3, 2), None);
    }

    #[test]
    fn tests_with_a_known_answer() {
        // 9 of 10 heads: (1 + 10) · 2 of 1024.
        close(binomial_two_sided(9, 10, 0.5).expect("a test"), 22.0 / 1024.0);
        close(binomial_two_sided(5, 10, 0.5).expect("a test"), 1.0);
        // At a quarter, of three: 0 and 1 hits have 27/64 each, 2 have 9/64, 3 have 1/64.
        close(binomial_two_sided(0, 3, 0.25).expect("a test"), 1.0);
        close(binomial_two_sided(2, 3, 0.25).expect("a test"), 10.0 / 64.0);
        close(mcnemar(9, 1), 22.0 / 1024.0);
        assert_eq!(mcnemar(0, 0), 1.0);
        assert_eq!(binomial_two_sided(1, 2, 1.0), None);
        // Large counts neither overflow nor vanish.
        let far = binomial_two_sided(3000, 5000, 0.5).expect("a test");
        assert!(far > 0.0 && far < 1e-40, "{far}");
    }
}
