//! Chance-corrected agreement: Cohen's kappa (1960, weighted 1968), Fleiss' kappa (1971), Gwet's AC1 and AC2 (2008).

use super::Weights;
use crate::statistics::distributions::{t_quantile, t_two_sided};

/// A coefficient with what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The coefficient: 1 is perfect, 0 is chance.
    pub value: f64,
    /// Weighted agreement seen.
    pub observed: f64,
    /// Weighted agreement expected by chance.
    pub expected: f64,
    /// Standard error over subjects, where the estimator has one here.
    pub error: Option<f64>,
    /// 95 % interval from t with n − 1 degrees of freedom.
    pub ci95: Option<(f64, f64)>,
    /// Two-sided p against no agreement beyond chance.
    pub p: Option<f64>,
    /// Subjects that count.
    pub n: usize,
}

impl Agreement {
    fn plain(observed: f64, expected: f64, n: usize) -> Option<Self> {
        let value = (observed - expected) / (1.0 - expected);
        value.is_finite().then_some(Self { value, observed, expected, error: None, ci95: None, p: None, n })
    }

    fn with_error(mut self, error: f64) -> Self {
        let df = self.n.saturating_sub(1) as f64;
        if error.is_finite() && error > 0.0 && df > 0.0 {
            self.error = Some(error);
            self.ci95 = t_quantile(0.025, df).map(|t| (self.value - t * error, (self.value + t * error).min(1.0)));
            self.p = t_two_sided(self.value / error, df);
        }
        self
    }
}

/// Kappa of two readers over `k` categories.
///
/// `None` where lengths differ, nothing was read, a category is outside, or chance alone explains all.
pub fn cohen_kappa(first: &[usize], second: &[usize], k: usize, weights: Weights) -> Option<Agreement> {
    let n = first.len();
    if n == 0 || second.len() != n || first.iter().chain(second).any(|&c| c >= k) {
        return None;
    }
    let share = |ratings: &[usize], c: usize| ratings.iter().filter(|&&r| r == c).count() as f64 / n as f64;
    let observed = first.iter().zip(second).map(|(&a, &b)| weights.between(a, b, k)).sum::<f64>() / n as f64;
    let mut expected = 0.0;
    for a in 0..k {
        for b in 0..k {
            expected += weights.between(a, b, k) * share(first, a) * share(second, b);
        }
    }
    Agreement::plain(observed, expected, n)
}

/// Cohen's kappa of pairs of answers in groups that belong together, such as the images of a case, with its standard
/// error over groups by linearisation (Fleiss, Cohen and Everitt, Psychological Bulletin 72, 1969, where a group is one
/// pair): what each pair adds to seen and expected disagreement, summed within its group.
///
/// `None` where fewer than two groups are given, a category is outside, or chance alone explains all.
pub fn cohen_kappa_of_groups(groups: &[&[(usize, usize)]], k: usize, weights: Weights) -> Option<(f64, f64)> {
    let pairs = || groups.iter().flat_map(|group| group.iter().copied());
    let n = pairs().count() as f64;
    if groups.len() < 2 || pairs().any(|(a, b)| a >= k || b >= k) {
        return None;
    }
    let (mut first, mut second) = (vec![0.0; k], vec![0.0; k]);
    pairs().for_each(|(a, b)| {
        first[a] += 1.0 / n;
        second[b] += 1.0 / n;
    });
    let apart = |a: usize, b: usize| 1.0 - weights.between(a, b, k);
    let of_first: Vec<f64> = (0..k).map(|a| (0..k).map(|b| apart(a, b) * second[b]).sum()).collect();
    let of_second: Vec<f64> = (0..k).map(|b| (0..k).map(|a| apart(a, b) * first[a]).sum()).collect();
    let seen = pairs().map(|(a, b)| apart(a, b)).sum::<f64>() / n;
    let expected: f64 = first.iter().zip(&of_first).map(|(share, own)| share * own).sum();
    if expected <= 0.0 {
        return None;
    }
    let adds = |&(a, b): &(usize, usize)| {
        (seen * (of_first[a] + of_second[b] - 2.0 * expected) / expected - (apart(a, b) - seen)) / (expected * n)
    };
    let squares: f64 = groups.iter().map(|group| group.iter().map(adds).sum::<f64>().powi(2)).sum();
    let m = groups.len() as f64;
    Some((1.0 - seen / expected, (squares * m / (m - 1.0)).sqrt()))
}

/// How many readers put each subject into each category; a reader may have left a subject out.
struct Counts {
    /// `(subject, category)`.
    rows: Vec<Vec<f64>>,
    /// Readers of each subject.
    readers: Vec<f64>,
}

impl Counts {
    fn of(ratings: &[Vec<Option<usize>>], k: usize) -> Option<Self> {
        let mut rows = Vec::new();
        let mut readers = Vec::new();
        for subject in ratings {
            let mut row = vec![0.0; k];
            for &c in subject.iter().flatten() {
                *row.get_mut(c)? += 1.0;
            }
            let seen: f64 = row.iter().sum();
            if seen > 0.0 {
                rows.push(row);
                readers.push(seen);
            }
        }
        (!rows.is_empty()).then_some(Self { rows, readers })
    }

    /// Mean share of each category over subjects.
    fn shares(&self, k: usize) -> Vec<f64> {
        let n = self.rows.len() as f64;
        (0..k).map(|c| self.rows.iter().zip(&self.readers).map(|(row, r)| row[c] / r).sum::<f64>() / n).collect()
    }
}

/// Gwet's AC1 (identity weights) or AC2 of any number of readers; `ratings[subject][reader]`.
///
/// `None` where no subject was read twice, or a category is outside.
pub fn gwet(ratings: &[Vec<Option<usize>>], k: usize, weights: Weights) -> Option<Agreement> {
    let counts = Counts::of(ratings, k)?;
    let pi = counts.shares(k);
    let weight_sum: f64 = (0..k).flat_map(|a| (0..k).map(move |b| weights.between(a, b, k))).sum();
    let spread: f64 = pi.iter().map(|p| p * (1.0 - p)).sum();
    let scale = weight_sum / (k * (k - 1)) as f64;
    let expected = scale * spread;
    let per_subject: Vec<Option<f64>> =
        counts.rows.iter().zip(&counts.readers).map(|(row, &r)| (r > 1.0).then(|| pairs(row, r, k, weights))).collect();
    let twice: Vec<f64> = per_subject.iter().flatten().copied().collect();
    if twice.is_empty() {
        return None;
    }
    let observed = twice.iter().sum::<f64>() / twice.len() as f64;
    let n = counts.rows.len();
    let agreement = Agreement::plain(observed, expected, n)?;
    // Linearised variance over subjects (Gwet, Handbook of Inter-Rater Reliability, chapter 5).
    let correct = n as f64 / twice.len() as f64;
    let mut sum = 0.0;
    for ((row, &r), own) in counts.rows.iter().zip(&counts.readers).zip(&per_subject) {
        let seen = own.map_or(0.0, |a| correct * (a - expected) / (1.0 - expected));
        let chance: f64 = scale * row.iter().zip(&pi).map(|(x, p)| x / r * (1.0 - p)).sum::<f64>();
        let value = seen - 2.0 * (1.0 - agreement.value) * (chance - expected) / (1.0 - expected);
        sum += (value - agreement.value).powi(2);
    }
    let error = (sum / (n as f64 * (n as f64 - 1.0))).sqrt();
    Some(agreement.with_error(error))
}

/// Fleiss' kappa; `ratings[subject][reader]`, every subject read equally often.
///
/// `None` where that is not so, fewer than two readers read, or chance alone explains all.
pub fn fleiss_kappa(ratings: &[Vec<Option<usize>>], k: usize) -> Option<Agreement> {
    let counts = Counts::of(ratings, k)?;
    let readers = *counts.readers.first()?;
    if readers < 2.0 || counts.rows.len() != ratings.len() || counts.readers.iter().any(|&r| r != readers) {
        return None;
    }
    let n = counts.rows.len();
    let own = |row: &[f64]| pairs(row, readers, k, Weights::Identity);
    let observed = counts.rows.iter().map(|row| own(row)).sum::<f64>() / n as f64;
    let expected: f64 = counts.shares(k).iter().map(|p| p * p).sum();
    Agreement::plain(observed, expected, n)
}

/// Weighted share of agreeing pairs of readers of one subject.
fn pairs(row: &[f64], readers: f64, k: usize, weights: Weights) -> f64 {
    let mut sum = 0.0;
    for (c, count) in row.iter().enumerate() {
        let near: f64 = row.iter().enumerate().map(|(d, other)| weights.between(c, d, k) * other).sum();
        sum += count * (near - 1.0);
    }
    sum / (readers * (readers - 1.0))
}
