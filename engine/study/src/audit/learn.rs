//! A guesser of arms: ridge logistic regression, always asked about cases that it has not seen.
//!
//! # Source
//! Le Cessie and van Houwelingen, Ridge estimators in logistic regression (1992); the steps by a fixed bound of the
//! curvature are those of Böhning and Lindsay (1988), so that exchanging labels costs no new factorisation.

use engine::statistics::ranks::mean_ranks;

/// Steps of the search; the order of the guesses settles long before.
const STEPS: usize = 8;
/// Standardised figures are cut off here, so that one odd image does not decide.
const CUT: f64 = 4.0;

/// Rows and folds, prepared for any labels.
pub(super) struct Guesser {
    folds: Vec<Fold>,
    rows: usize,
}

struct Fold {
    train: Vec<usize>,
    test: Vec<usize>,
    /// Standardised rows with a leading 1.
    seen: Vec<f64>,
    asked: Vec<f64>,
    width: usize,
    ridge: f64,
    /// Inverse of the bound of the curvature.
    inverse: Vec<f64>,
}

impl Guesser {
    /// Prepares rows of figures; `fold` says which rows are asked together. `None` where no figure varies.
    pub(super) fn new(rows: &[Vec<f64>], fold: &[usize]) -> Option<Self> {
        let count = fold.iter().max().map_or(0, |m| m + 1);
        let columns = rows.first().map_or(0, Vec::len);
        let varies: Vec<usize> = (0..columns).filter(|&c| rows.iter().any(|row| row[c] != rows[0][c])).collect();
        if varies.is_empty() {
            return None;
        }
        let folds = (0..count).filter_map(|f| Fold::new(rows, &varies, fold, f)).collect();
        Some(Self { folds, rows: rows.len() })
    }

    /// Area under the ROC curve of the guesses that a row is positive.
    pub(super) fn auc(&self, positive: &[bool]) -> f64 {
        let mut guesses = vec![0.0; self.rows];
        for fold in &self.folds {
            fold.guess(positive, &mut guesses);
        }
        area(&guesses, positive)
    }
}

/// Mann and Whitney's area: the share of pairs in which the positive has the higher guess.
pub(super) fn area(guesses: &[f64], positive: &[bool]) -> f64 {
    let ranks = mean_ranks(guesses);
    let p = positive.iter().filter(|&&is| is).count() as f64;
    let n = positive.len() as f64 - p;
    let sum: f64 = ranks.iter().zip(positive).filter(|(_, is)| **is).map(|(rank, _)| rank).sum();
    if p == 0.0 || n == 0.0 { 0.5 } else { (sum - p * (p + 1.0) / 2.0) / (p * n) }
}

impl Fold {
    fn new(rows: &[Vec<f64>], varies: &[usize], fold: &[usize], own: usize) -> Option<Self> {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|&row| fold[row] == own);
        if test.is_empty() || train.is_empty() {
            return None;
        }
        let width = varies.len() + 1;
        let moments: Vec<(f64, f64)> = varies
            .iter()
            .map(|&c| {
                let mean = train.iter().map(|&r| rows[r][c]).sum::<f64>() / train.len() as f64;
                let variance = train.iter().map(|&r| (rows[r][c] - mean).powi(2)).sum::<f64>() / train.len() as f64;
                // What did not vary where it was learnt says nothing.
                (mean, if variance > 1e-18 { variance.sqrt().recip() } else { 0.0 })
            })
            .collect();
        let standardised = |which: &[usize]| {
            let mut out = Vec::with_capacity(which.len() * width);
            for &row in which {
                out.push(1.0);
                out.extend(
                    varies.iter().zip(&moments).map(|(&c, (mean, scale))| ((rows[row][c] - mean) * scale).clamp(-CUT, CUT)),
                );
            }
            out
        };
        let (seen, asked) = (standardised(&train), standardised(&test));
        let ridge = (varies.len() as f64 / 4.0).max(1.0);
        let mut bound = vec![0.0; width * width];
        for row in seen.chunks_exact(width) {
            for i in 0..width {
                for j in 0..width {
                    bound[i * width + j] += 0.25 * row[i] * row[j];
                }
            }
        }
        for i in 0..width {
            bound[i * width + i] += if i == 0 { 1e-9 } else { ridge };
        }
        Some(Self { train, test, seen, asked, width, ridge, inverse: inverse(bound, width) })
    }

    fn guess(&self, positive: &[bool], guesses: &mut [f64]) {
        let width = self.width;
        let mut weights = vec![0.0; width];
        for _ in 0..STEPS {
            let mut slope: Vec<f64> =
                weights.iter().enumerate().map(|(i, w)| if i == 0 { 0.0 } else { -self.ridge * w }).collect();
            for (row, &label) in self.seen.chunks_exact(width).zip(&self.train) {
                let sum: f64 = row.iter().zip(&weights).map(|(x, w)| x * w).sum();
                let miss = f64::from(u8::from(positive[label])) - 1.0 / (1.0 + (-sum).exp());
                slope.iter_mut().zip(row).for_each(|(s, x)| *s += miss * x);
            }
            for (weight, line) in weights.iter_mut().zip(self.inverse.chunks_exact(width)) {
                *weight += line.iter().zip(&slope).map(|(a, s)| a * s).sum::<f64>();
            }
        }
        for (row, &at) in self.asked.chunks_exact(width).zip(&self.test) {
            guesses[at] = row.iter().zip(&weights).map(|(x, w)| x * w).sum();
        }
    }
}

/// Inverse of a symmetric positive matrix (Gauss and Jordan).
fn inverse(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    let mut out: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect();
    for i in 0..n {
        let pivot = matrix[i * n + i].recip();
        for j in 0..n {
            matrix[i * n + j] *= pivot;
            out[i * n + j] *= pivot;
        }
        for row in (0..n).filter(|&row| row != i) {
            let factor = matrix[row * n + i];
            for j in 0..n {
                matrix[row * n + j] -= factor * matrix[i * n + j];
                out[row * n + j] -= factor * out[i * n + j];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draw, Use};

    #[test]
    fn areas_with_a_known_answer() {
        assert!((area(&[0.8, 0.6, 0.4, 0.5, 0.3, 0.1], &[true, true, true, false, false, false]) - 8.0 / 9.0).abs() < 1e-12);
        assert_eq!(area(&[1.0, 1.0, 1.0], &[true, false, true]), 0.5);
        assert_eq!(area(&[1.0, 2.0], &[true, true]), 0.5);
    }

    #[test]
    fn inverses_invert() {
        let m = vec![4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0];
        let i = inverse(m.clone(), 3);
        for r in 0..3 {
            for c in 0..3 {
                let sum: f64 = (0..3).map(|k| m[r * 3 + k] * i[k * 3 + c]).sum();
                assert!((sum - f64::from(u8::from(r == c))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_weak_figure_among_noise_is_learnt_and_noise_alone_is_not() {
        let mut chance = Draw::new(5, Use::Grain, 0);
        let positive: Vec<bool> = (0..200).map(|i| i % 2 == 0).collect();
        let fold: Vec<usize> = (0..200).map(|i| i / 2 % 5).collect();
        let mut rows = |shift: f64| -> Vec<Vec<f64>> {
            positive.iter().map(|&p| (0..6).map(|c| chance.normal() + if p && c == 3 { shift } else { 0.0 }).collect()).collect()
        };
        let found = Guesser::new(&rows(1.0), &fold).expect("figures vary").auc(&positive);
        assert!((0.65..0.85).contains(&found), "{found}");
        let nothing = Guesser::new(&rows(0.0), &fold).expect("figures vary").auc(&positive);
        assert!((0.38..0.62).contains(&nothing), "{nothing}");
        assert!(Guesser::new(&vec![vec![1.0, 2.0]; 200], &fold).is_none());
    }
}
