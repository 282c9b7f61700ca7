//! The likelihood with readers and cases integrated out.
//!
//! Parameters: the first threshold, logarithms of the steps to the next ones, arm effects, logarithms of both
//! deviations. Given them, the joint mode of all random effects is found by Newton's method; its curvature is an
//! arrow (cases see only themselves and the readers), so a Schur complement over the few readers solves it.

use super::Score;

/// Rounds of Newton's method at most.
const ROUNDS: usize = 60;
/// A change of all effects below this is the mode.
const SETTLED: f64 = 1e-9;
/// Least logarithm of a deviation: a source without any spread.
const LEAST_LOG_SD: f64 = -7.0;

/// Scores and their sizes.
pub(super) struct Marginal<'a> {
    pub(super) scores: &'a [Score],
    pub(super) categories: usize,
    pub(super) arms: usize,
    pub(super) readers: usize,
    pub(super) cases: usize,
}

impl Marginal<'_> {
    /// Parameters to begin with: thresholds of the shares, no effects, middling deviations.
    pub(super) fn start(&self) -> Vec<f64> {
        let n = self.scores.len() as f64;
        let up_to = |c: usize| {
            let share = self.scores.iter().filter(|s| s.category <= c).count() as f64 / n;
            let share = share.clamp(0.5 / n, 1.0 - 0.5 / n);
            (share / (1.0 - share)).ln()
        };
        let cuts: Vec<f64> = (0..self.categories - 1).map(up_to).collect();
        let mut at = vec![cuts[0]];
        at.extend(cuts.windows(2).map(|w| (w[1] - w[0]).max(1e-3).ln()));
        at.extend(std::iter::repeat_n(0.0, self.arms - 1));
        at.extend([-0.7, -0.3]);
        at
    }

    pub(super) fn thresholds(&self, at: &[f64]) -> Vec<f64> {
        let mut cuts = vec![at[0]];
        for step in &at[1..self.categories - 1] {
            cuts.push(cuts[cuts.len() - 1] + step.exp());
        }
        cuts
    }

    /// Deviations of readers and of cases; of a single reader none.
    pub(super) fn deviations(&self, at: &[f64]) -> (f64, f64) {
        let of = |log: f64| log.clamp(LEAST_LOG_SD, 4.0).exp();
        let n = at.len();
        (if self.readers > 1 { of(at[n - 2]) } else { LEAST_LOG_SD.exp() }, of(at[n - 1]))
    }

    /// Minus the log-likelihood (Laplace), and the modes: readers, then cases.
    pub(super) fn negative_log(&self, at: &[f64]) -> (f64, Vec<f64>) {
        let cuts = self.thresholds(at);
        let effects = &at[self.categories - 1..self.categories + self.arms - 2];
        let (reader_sd, case_sd) = self.deviations(at);
        let (wr, wc) = (reader_sd.powi(-2), case_sd.powi(-2));
        let (nr, nc) = (self.readers, self.cases);
        let mut modes = vec![0.0; nr + nc];
        let mut joint = f64::NEG_INFINITY;
        let mut log_det = 0.0;
        for _ in 0..ROUNDS {
            let mut gradient = vec![0.0; nr + nc];
            let mut diagonal: Vec<f64> = std::iter::repeat_n(wr, nr).chain(std::iter::repeat_n(wc, nc)).collect();
            let mut cross = vec![0.0; nc * nr];
            let mut here = 0.0;
            for score in self.scores {
                let fixed = if score.arm == 0 { 0.0 } else { effects[score.arm - 1] };
                let eta = fixed + modes[score.reader] + modes[nr + score.case];
                let (log_p, slope, bend) = category(&cuts, score.category, eta);
                here += log_p;
                for i in [score.reader, nr + score.case] {
                    gradient[i] += slope;
                    diagonal[i] += bend;
                }
                cross[score.case * nr + score.reader] += bend;
            }
            for (i, mode) in modes.iter().enumerate() {
                let w = if i < nr { wr } else { wc };
                gradient[i] -= w * mode;
                here -= 0.5 * w * mode * mode;
            }
            joint = here;
            let Some((step, det)) = solve(&diagonal, &cross, &gradient, nr, nc) else { return (f64::INFINITY, modes) };
            log_det = det;
            let largest = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
            // A long step is cut, so that the logistic tails cannot throw it.
            let scale = if largest > 2.0 { 2.0 / largest } else { 1.0 };
            modes.iter_mut().zip(&step).for_each(|(m, s)| *m += scale * s);
            if largest < SETTLED {
                break;
            }
        }
        let spread = nr as f64 * reader_sd.ln() + nc as f64 * case_sd.ln();
        let value = -joint + 0.5 * log_det + spread;
        (if value.is_finite() { value } else { f64::INFINITY }, modes)
    }
}

/// Log-probability of a category at `eta`, its slope in `eta`, and minus its bend.
fn category(cuts: &[f64], c: usize, eta: f64) -> (f64, f64, f64) {
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let upper = cuts.get(c).map_or(1.0, |cut| logistic(cut - eta));
    let lower = if c == 0 { 0.0 } else { logistic(cuts[c - 1] - eta) };
    let p = (upper - lower).max(1e-300);
    // d log p / d eta = upper + lower − 1 for the logistic law.
    (p.ln(), upper + lower - 1.0, upper * (1.0 - upper) + lower * (1.0 - lower))
}

/// Newton's step and the log-determinant of the arrow matrix; `None` where it is not positive.
fn solve(diagonal: &[f64], cross: &[f64], gradient: &[f64], nr: usize, nc: usize) -> Option<(Vec<f64>, f64)> {
    let (head, tail) = diagonal.split_at(nr);
    let mut schur = vec![0.0; nr * nr];
    let mut right: Vec<f64> = gradient[..nr].to_vec();
    for i in 0..nr {
        schur[i * nr + i] = head[i];
    }
    let mut log_det = 0.0;
    for c in 0..nc {
        log_det += tail[c].ln();
        let row = &cross[c * nr..(c + 1) * nr];
        for (i, a) in row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            right[i] -= a * gradient[nr + c] / tail[c];
            for (j, b) in row.iter().enumerate() {
                schur[i * nr + j] -= a * b / tail[c];
            }
        }
    }
    let (mut step, det) = super::optimise::cholesky_solve(&schur, &right)?;
    log_det += det;
    for c in 0..nc {
        let seen: f64 = cross[c * nr..(c + 1) * nr].iter().zip(&step).map(|(a, s)| a * s).sum();
        step.push((gradient[nr + c] - seen) / tail[c]);
    }
    log_det.is_finite().then_some((step, log_det))
}
