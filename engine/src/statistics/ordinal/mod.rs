//! Cumulative-link mixed model: ordinal scores by arm, with readers and cases as random effects.
//!
//! P(score ≤ c) = logit⁻¹(θ_c − β_arm − u_reader − v_case), with u and v normal around zero (Agresti, Analysis of
//! Ordinal Categorical Data, chapter 10; the model of R's `ordinal::clmm`).
//!
//! Several readers see the same images. Where an image is better or worse than its arm and case say, all of them see
//! it, and a model without that takes their agreement for evidence: its errors are too small. [`fit_with_images`] has
//! a third random effect, w_(case, arm), for it.
//!
//! The likelihood is integrated over cases and images by quadrature, and over readers by Laplace's approximation
//! (`quadrature.rs` says why not all by the latter). Laplace's approximation of all of them is where the search begins.
//!
//! What is estimated is the logarithm of the odds ratio for the same reader, case and image, not one between the
//! averages of the arms, which is smaller. Cases are the units: the errors of the arms are those of White (1982)
//! clustered by case, with the factor n ÷ (n − 1), and intervals and tests take Student's t with n − 1 degrees of
//! freedom, n in cases, as a paired t test of the cases does (small samples: Li and Redden, BMC Medical Research
//! Methodology 15:38, 2015). They hold for the readers of the study.

mod laplace;
mod optimise;
mod quadrature;

use super::distributions::{normal_quantile, t_quantile, t_two_sided};
use laplace::Marginal;
use quadrature::Quadrature;

/// A deviation below this has vanished.
const NO_SPREAD: f64 = 1e-2;

/// Rounds of the search, each with the curvature between readers of the one before.
const ROUNDS: usize = 2;

/// One score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// The category, from 0.
    pub category: usize,
    /// The arm, from 0; arm 0 is the reference.
    pub arm: usize,
    /// The reader, from 0.
    pub reader: usize,
    /// The case, from 0.
    pub case: usize,
}

/// The effect of one arm against arm 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmEffect {
    /// Shift on the logit scale; positive means higher scores.
    pub log_odds: f64,
    /// Its standard error, clustered by case.
    pub error: f64,
    /// 95 % interval.
    pub ci95: (f64, f64),
    /// Two-sided p (Wald, Student's t).
    pub p: f64,
    /// Degrees of freedom: cases less one.
    pub df: usize,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// One for each arm but the first.
    pub arms: Vec<ArmEffect>,
    /// Thresholds between the categories that occur, rising.
    pub thresholds: Vec<f64>,
    /// Deviation between readers on the logit scale.
    pub reader_sd: f64,
    /// Its 95 % interval, from the curvature of the likelihood in its logarithm; `None` of one reader, or where the
    /// deviation vanished.
    pub reader_sd_ci95: Option<(f64, f64)>,
    /// Deviation between cases.
    pub case_sd: f64,
    /// Its 95 % interval, as for readers.
    pub case_sd_ci95: Option<(f64, f64)>,
    /// Deviation between images of a case beyond their arms; `None` of a model without it.
    pub image_sd: Option<f64>,
    /// Its 95 % interval, as for readers.
    pub image_sd_ci95: Option<(f64, f64)>,
    /// Each reader's own shift (conditional mode).
    pub readers: Vec<f64>,
    /// Log-likelihood.
    pub log_likelihood: f64,
}

/// Why no model can be fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Too little to fit.
    #[error("an ordinal model needs scores in at least two categories, two arms and two cases; {what} is one")]
    TooFew {
        /// What there is one of.
        what: &'static str,
    },
    /// One arm has its own categories, so its effect has no bound.
    #[error("the ordinal model does not settle: an arm's scores do not overlap with the reference's, so its effect has no bound")]
    Separated,
    /// The search went on too long.
    #[error("the ordinal model does not settle after {rounds} rounds")]
    NotSettled {
        /// Rounds of the search.
        rounds: usize,
    },
}

/// Fits the model. Categories that nobody chose are joined with their neighbour.
///
/// # Errors
/// When there is too little to fit, or the likelihood has no top.
pub fn fit(scores: &[Score]) -> Result<Fit, FitError> {
    fitted(scores, false)
}

/// As [`fit`], with an effect of each image, which all readers share. Where no image has two scores, it cannot be told
/// from the noise of reading, and the model is that of [`fit`].
///
/// # Errors
/// As [`fit`].
pub fn fit_with_images(scores: &[Score]) -> Result<Fit, FitError> {
    let mut images: Vec<(usize, usize)> = scores.iter().map(|s| (s.case, s.arm)).collect();
    images.sort_unstable();
    fitted(scores, images.windows(2).any(|pair| pair[0] == pair[1]))
}

fn fitted(scores: &[Score], images: bool) -> Result<Fit, FitError> {
    let scores = joined(scores);
    let distinct = |of: fn(&Score) -> usize| scores.iter().map(of).max().map_or(0, |m| m + 1);
    let (categories, arms, readers, cases) =
        (distinct(|s| s.category), distinct(|s| s.arm), distinct(|s| s.reader), distinct(|s| s.case));
    for (count, what) in [(categories, "the category"), (arms, "the arm"), (cases, "the case")] {
        if count < 2 {
            return Err(FitError::TooFew { what });
        }
    }
    let marginal = Marginal { scores: &scores, categories, arms, readers, cases, images };
    let mut found = optimise::minimise(&marginal.start(), |at| marginal.negative_log(at).0)?;
    let model = found.len();
    let modes = marginal.negative_log(&found).1;
    let mut likelihood = Quadrature::new(&marginal, &found);
    if readers > 1 {
        let sd = marginal.deviations(&found).reader;
        found.extend(modes[..readers].iter().map(|own| own / sd));
    }
    for _ in 0..ROUNDS {
        likelihood.bend_at(&found);
        found = optimise::minimise(&found, |at| likelihood.negative_log(at))?;
    }
    let value = likelihood.negative_log(&found);
    let covariance = optimise::covariance(&found, |at| likelihood.negative_log(at)).ok_or(FitError::Separated)?;
    let effects = arm_effects(&found, &covariance, &likelihood.slopes(&found), (categories - 1, arms))?;
    let sd = marginal.deviations(&found[..model]);
    let reach = normal_quantile(0.975);
    // The likelihood is nearer to a parabola in the logarithm of a deviation than in the deviation.
    let around = |sd: f64, variance: f64| {
        let factor = (reach * variance.sqrt()).exp();
        (variance.is_finite() && sd > NO_SPREAD).then(|| (sd / factor, sd * factor))
    };
    let last = model - 1;
    let variance = |i: usize| covariance[i * found.len() + i];
    let reader_sd_ci95 = if readers > 1 { around(sd.reader, variance(last - 1)) } else { None };
    let image_sd_ci95 = if images { around(sd.image, variance(last - 2)) } else { None };
    Ok(Fit {
        arms: effects,
        thresholds: marginal.thresholds(&found),
        reader_sd: sd.reader,
        reader_sd_ci95,
        case_sd: sd.case,
        case_sd_ci95: around(sd.case, variance(last)),
        image_sd: images.then_some(sd.image),
        image_sd_ci95,
        readers: likelihood.readers(&found),
        log_likelihood: -value,
    })
}

/// Effects of the arms, which stand from `first` on in the parameters: errors from the slopes of each case (White 1982).
fn arm_effects(
    found: &[f64],
    covariance: &[f64],
    slopes: &[Vec<f64>],
    (first, arms): (usize, usize),
) -> Result<Vec<ArmEffect>, FitError> {
    let (n, cases) = (found.len(), slopes.len());
    let df = cases - 1;
    let effect = |at: usize| {
        let row = &covariance[at * n..(at + 1) * n];
        // What each case adds to the estimate.
        let share = |own: &Vec<f64>| own.iter().zip(row).filter(|(_, c)| **c != 0.0).map(|(s, c)| s * c).sum::<f64>();
        let shares: Vec<f64> = slopes.iter().map(share).collect();
        let mean = shares.iter().sum::<f64>() / cases as f64;
        let squares: f64 = shares.iter().map(|s| (s - mean).powi(2)).sum();
        let error = (squares * cases as f64 / df as f64).sqrt();
        let log_odds = found[at];
        if !(row[at].is_finite() && error.is_finite() && error > 0.0) || log_odds.abs() > 15.0 {
            return Err(FitError::Separated);
        }
        let reach = t_quantile(0.025, df as f64).unwrap_or(f64::INFINITY) * error;
        let p = t_two_sided(log_odds / error, df as f64).unwrap_or(f64::NAN);
        Ok(ArmEffect { log_odds, error, ci95: (log_odds - reach, log_odds + reach), p, df })
    };
    (first..first + arms - 1).map(effect).collect()
}

/// The scores with categories, arms, readers and cases numbered without gaps.
fn joined(scores: &[Score]) -> Vec<Score> {
    let rank = |of: fn(&Score) -> usize| {
        let mut seen: Vec<usize> = scores.iter().map(of).collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    };
    let (c, a, r, k) = (rank(|s| s.category), rank(|s| s.arm), rank(|s| s.reader), rank(|s| s.case));
    let place = |list: &[usize], value: usize| list.partition_point(|&v| v < value);
    scores
        .iter()
        .map(|s| Score {
            category: place(&c, s.category),
            arm: place(&a, s.arm),
            reader: place(&r, s.reader),
            case: place(&k, s.case),
        })
        .collect()
}

#[cfg(test)]
mod tests;
