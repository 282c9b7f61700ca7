//! Cumulative-link mixed model: ordinal scores by arm, with readers and cases as random effects.
//!
//! P(score ≤ c) = logit⁻¹(θ_c − β_arm − u_reader − v_case), with u and v normal around zero (Agresti, Analysis of
//! Ordinal Categorical Data, chapter 10; the model of R's `ordinal::clmm`). The likelihood is integrated over u and v
//! by Laplace's approximation, which is what `clmm` does for crossed effects.
//!
//! Several readers see the same images. Where an image is better or worse than its arm and case say, all of them see
//! it, and a model without that takes their agreement for evidence: its errors are too small. [`fit_with_images`] has
//! a third random effect, w_(case, arm), for it.

mod laplace;
mod optimise;

use super::distributions::{normal_quantile, normal_two_sided};
use laplace::Marginal;

/// A deviation below this has vanished.
const NO_SPREAD: f64 = 1e-2;

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
    /// Its standard error, from the curvature of the likelihood.
    pub error: f64,
    /// 95 % interval.
    pub ci95: (f64, f64),
    /// Two-sided p (Wald).
    pub p: f64,
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
    /// Log-likelihood, Laplace.
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
    let start = marginal.start();
    let found = optimise::minimise(&start, |at| marginal.negative_log(at).0)?;
    let (value, modes) = marginal.negative_log(&found);
    let covariance = optimise::covariance(&found, |at| marginal.negative_log(at).0).ok_or(FitError::Separated)?;
    let reach = normal_quantile(0.975);
    let first = categories - 1;
    let effects = (0..arms - 1)
        .map(|arm| {
            let (log_odds, error) = (found[first + arm], covariance[first + arm].sqrt());
            ArmEffect {
                log_odds,
                error,
                ci95: (log_odds - reach * error, log_odds + reach * error),
                p: normal_two_sided(log_odds / error),
            }
        })
        .collect::<Vec<_>>();
    if effects.iter().any(|e| !e.error.is_finite() || e.log_odds.abs() > 15.0) {
        return Err(FitError::Separated);
    }
    let sd = marginal.deviations(&found);
    // The likelihood is nearer to a parabola in the logarithm of a deviation than in the deviation.
    let around = |sd: f64, variance: f64| {
        let factor = (reach * variance.sqrt()).exp();
        (variance.is_finite() && sd > NO_SPREAD).then(|| (sd / factor, sd * factor))
    };
    let last = found.len() - 1;
    let reader_sd_ci95 = if readers > 1 { around(sd.reader, covariance[last - 1]) } else { None };
    let image_sd_ci95 = if images { around(sd.image, covariance[last - 2]) } else { None };
    Ok(Fit {
        arms: effects,
        thresholds: marginal.thresholds(&found),
        reader_sd: sd.reader,
        reader_sd_ci95,
        case_sd: sd.case,
        case_sd_ci95: around(sd.case, covariance[last]),
        image_sd: images.then_some(sd.image),
        image_sd_ci95,
        readers: modes[..readers].to_vec(),
        log_likelihood: -value,
    })
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
