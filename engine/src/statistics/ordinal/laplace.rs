//! The likelihood with readers and cases integrated out.
//!
//! Parameters: the first threshold, logarithms of the steps to the next ones, arm effects, logarithms of the
//! deviations. Given them, the joint mode of all random effects is found by Newton's method; its curvature is an
//! arrow (images see only their case and the readers, cases only themselves and the readers), so that two Schur
//! complements, the last one over the few readers, solve it.

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
    /// Whether each image, that is each arm of a case, has an effect of its own.
    pub(super) images: bool,
}

/// Deviations of the random effects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deviations {
    pub(super) reader: f64,
    pub(super) case: f64,
    pub(super) image: f64,
}

/// Slopes and bends of the likelihood in the random effects at one place.
struct Bends {
    /// Readers, then cases, then images.
    gradient: Vec<f64>,
    diagonal: Vec<f64>,
    /// Readers of cases, and readers of images.
    of_cases: Vec<f64>,
    of_images: Vec<f64>,
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
        if self.images {
            at.push(-0.7);
        }
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

    /// Deviations of readers, cases and images; of a single reader, or without effects of images, none.
    pub(super) fn deviations(&self, at: &[f64]) -> Deviations {
        let of = |log: f64| log.clamp(LEAST_LOG_SD, 4.0).exp();
        let n = at.len();
        Deviations {
            reader: if self.readers > 1 { of(at[n - 2]) } else { LEAST_LOG_SD.exp() },
            case: of(at[n - 1]),
            image: if self.images { of(at[n - 3]) } else { 0.0 },
        }
    }

    /// Minus the log-likelihood (Laplace), and the modes: readers, then cases, then images in units of their deviation.
    pub(super) fn negative_log(&self, at: &[f64]) -> (f64, Vec<f64>) {
        let cuts = self.thresholds(at);
        let effects = &at[self.categories - 1..self.categories + self.arms - 2];
        let sd = self.deviations(at);
        let (nr, nc) = (self.readers, self.cases);
        let ni = if self.images { nc * self.arms } else { 0 };
        let mut modes = vec![0.0; nr + nc + ni];
        let mut joint = f64::NEG_INFINITY;
        let mut log_det = 0.0;
        for _ in 0..ROUNDS {
            let (here, bends) = self.bends(&cuts, effects, sd, &modes);
            joint = here;
            let Some((step, det)) = self.step(bends) else { return (f64::INFINITY, modes) };
            log_det = det;
            let largest = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
            // A long step is cut, so that the logistic tails cannot throw it.
            let scale = if largest > 2.0 { 2.0 / largest } else { 1.0 };
            modes.iter_mut().zip(&step).for_each(|(m, s)| *m += scale * s);
            if largest < SETTLED {
                break;
            }
        }
        let spread = nr as f64 * sd.reader.ln() + nc as f64 * sd.case.ln();
        let value = -joint + 0.5 * log_det + spread;
        (if value.is_finite() { value } else { f64::INFINITY }, modes)
    }

    /// The joint log-density of scores and random effects, its slopes and minus its bends.
    fn bends(&self, cuts: &[f64], effects: &[f64], sd: Deviations, modes: &[f64]) -> (f64, Bends) {
        let (nr, nc, n) = (self.readers, self.cases, modes.len());
        // Effects of images are in units of their deviation, so that it may vanish.
        let weight = |i: usize| {
            if i < nr {
                sd.reader.powi(-2)
            } else if i < nr + nc {
                sd.case.powi(-2)
            } else {
                1.0
            }
        };
        let mut bends = Bends {
            gradient: vec![0.0; n],
            diagonal: (0..n).map(weight).collect(),
            of_cases: vec![0.0; nc * nr],
            of_images: vec![0.0; (n - nr - nc) * nr],
        };
        let mut joint = 0.0;
        for score in self.scores {
            let fixed = if score.arm == 0 { 0.0 } else { effects[score.arm - 1] };
            let place = score.case * self.arms + score.arm;
            let own = if self.images { sd.image * modes[nr + nc + place] } else { 0.0 };
            let eta = fixed + modes[score.reader] + modes[nr + score.case] + own;
            let (log_p, slope, bend) = category(cuts, score.category, eta);
            joint += log_p;
            for i in [score.reader, nr + score.case] {
                bends.gradient[i] += slope;
                bends.diagonal[i] += bend;
            }
            bends.of_cases[score.case * nr + score.reader] += bend;
            if self.images {
                bends.gradient[nr + nc + place] += sd.image * slope;
                bends.diagonal[nr + nc + place] += sd.image * sd.image * bend;
                bends.of_images[place * nr + score.reader] += sd.image * bend;
            }
        }
        for (i, mode) in modes.iter().enumerate() {
            bends.gradient[i] -= weight(i) * mode;
            joint -= 0.5 * weight(i) * mode * mode;
        }
        (joint, bends)
    }

    /// Newton's step and the log-determinant of the curvature; `None` where it is not positive.
    fn step(&self, mut bends: Bends) -> Option<(Vec<f64>, f64)> {
        let (nr, nc, arms) = (self.readers, self.cases, self.arms);
        let mut head = vec![0.0; nr * nr];
        (0..nr).for_each(|i| head[i * nr + i] = bends.diagonal[i]);
        let mut log_det = 0.0;
        // Images first: each sees its case and the readers.
        let images: Vec<f64> = bends.diagonal[nr + nc..].to_vec();
        let with_case = |bends: &Bends, image: usize| bends.of_images[image * nr..(image + 1) * nr].iter().sum::<f64>();
        for (image, own) in images.iter().enumerate() {
            log_det += own.ln();
            let (case, cross) = (image / arms, with_case(&bends, image));
            let slope = bends.gradient[nr + nc + image];
            bends.diagonal[nr + case] -= cross * cross / own;
            bends.gradient[nr + case] -= cross * slope / own;
            for i in 0..nr {
                let a = bends.of_images[image * nr + i];
                bends.of_cases[case * nr + i] -= cross * a / own;
                bends.gradient[i] -= a * slope / own;
                for j in 0..nr {
                    head[i * nr + j] -= a * bends.of_images[image * nr + j] / own;
                }
            }
        }
        let (mut step, det) = solve(head, &bends.diagonal[nr..nr + nc], &bends.of_cases, &bends.gradient, nr)?;
        for (image, own) in images.iter().enumerate() {
            let of_readers = &bends.of_images[image * nr..(image + 1) * nr];
            let seen: f64 = of_readers.iter().zip(&step).map(|(a, s)| a * s).sum();
            let case = with_case(&bends, image) * step[nr + image / arms];
            step.push((bends.gradient[nr + nc + image] - seen - case) / own);
        }
        log_det += det;
        log_det.is_finite().then_some((step, log_det))
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

/// Newton's step of readers and cases and the log-determinant of their arrow matrix: `head` of the readers, `tail` of
/// the cases; `None` where it is not positive.
fn solve(head: Vec<f64>, tail: &[f64], cross: &[f64], gradient: &[f64], nr: usize) -> Option<(Vec<f64>, f64)> {
    let mut schur = head;
    let mut right: Vec<f64> = gradient[..nr].to_vec();
    let mut log_det = 0.0;
    for (c, own) in tail.iter().enumerate() {
        log_det += own.ln();
        let row = &cross[c * nr..(c + 1) * nr];
        for (i, a) in row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            right[i] -= a * gradient[nr + c] / own;
            for (j, b) in row.iter().enumerate() {
                schur[i * nr + j] -= a * b / own;
            }
        }
    }
    let (mut step, det) = super::optimise::cholesky_solve(&schur, &right)?;
    log_det += det;
    for (c, own) in tail.iter().enumerate() {
        let seen: f64 = cross[c * nr..(c + 1) * nr].iter().zip(&step).map(|(a, s)| a * s).sum();
        step.push((gradient[nr + c] - seen) / own);
    }
    log_det.is_finite().then_some((step, log_det))
}
