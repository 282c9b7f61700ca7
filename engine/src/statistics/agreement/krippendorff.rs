//! Krippendorff's alpha (Computing Krippendorff's Alpha-Reliability, 2011): any number of readers, gaps allowed.

/// How values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Equal or not.
    Nominal,
    /// By the ranks between them.
    Ordinal,
    /// By the square of their difference.
    Interval,
}

/// Alpha of `ratings[subject][reader]` over `k` ordered categories; `None` where no subject was read twice or all
/// readings are equal.
pub fn krippendorff_alpha(ratings: &[Vec<Option<usize>>], k: usize, level: Level) -> Option<f64> {
    // Coincidences: pairs of readings of one subject, each subject counted once per reading.
    let mut pairs = vec![vec![0.0f64; k]; k];
    for subject in ratings {
        let seen: Vec<usize> = subject.iter().flatten().copied().collect();
        if seen.iter().any(|&c| c >= k) {
            return None;
        }
        if seen.len() < 2 {
            continue;
        }
        let weight = 1.0 / (seen.len() - 1) as f64;
        for (i, &a) in seen.iter().enumerate() {
            for (j, &b) in seen.iter().enumerate() {
                if i != j {
                    pairs[a][b] += weight;
                }
            }
        }
    }
    let totals: Vec<f64> = pairs.iter().map(|row| row.iter().sum()).collect();
    let n: f64 = totals.iter().sum();
    let difference = |a: usize, b: usize| -> f64 {
        let (low, high) = (a.min(b), a.max(b));
        match level {
            Level::Nominal => f64::from(u8::from(a != b)),
            Level::Interval => (high - low) as f64 * (high - low) as f64,
            Level::Ordinal => {
                let between: f64 = totals[low..=high].iter().sum();
                (between - (totals[low] + totals[high]) / 2.0).powi(2)
            }
        }
    };
    let (mut seen, mut expected) = (0.0, 0.0);
    for a in 0..k {
        for b in 0..k {
            if a != b {
                seen += pairs[a][b] * difference(a, b);
                expected += totals[a] * totals[b] * difference(a, b);
            }
        }
    }
    (expected > 0.0).then(|| 1.0 - (n - 1.0) * seen / expected)
}
