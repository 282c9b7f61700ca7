//! The primary analysis: a cumulative-link mixed model of the scores.
//!
//! logit P(score ≤ c) = θ_c − arm − reader − case − image, reader, case and image normal around zero, integrated over
//! cases and images by quadrature and over readers by Laplace's approximation. All readers see the same images: without
//! an effect of the image their agreement would count as evidence, and the intervals would be too short. Of one reader
//! it cannot be told from the noise of reading, and is left out. With few readers the deviation between them is
//! estimated from few values: its interval is wide, and the approximation leans to smaller deviations.
//!
//! An effect is the odds ratio for the same reader, case and image. Its error is clustered by case and its interval
//! and test take Student's t, as `engine::statistics::ordinal` says.

use engine::statistics::ordinal::{self, Score};
use serde::Serialize;

use super::effects::Test;
use super::frame::Grid;
use super::values::Estimate;
use crate::template::Template;

/// The fitted model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// One for each pair.
    pub effects: Vec<ModelEffect>,
    /// Deviation between readers in logits, n in readers; `None` of one reader.
    pub reader_sd: Option<Estimate>,
    /// Deviation between cases in logits, n in cases.
    pub case_sd: Estimate,
    /// Deviation between images beyond arm and case, n in images; `None` of one reader.
    pub image_sd: Option<Estimate>,
    /// Scores that went in.
    pub scores: usize,
}

/// The effect of one pair in the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ModelEffect {
    /// Places of the arms.
    pub pair: (usize, usize),
    /// Odds ratio for a higher score, first over second; n in scores of both arms.
    pub odds_ratio: Estimate,
    /// Its logarithm.
    pub log_odds: f64,
    /// Standard error of the logarithm, clustered by case.
    pub error: f64,
    /// Degrees of freedom of interval and test: cases less one.
    pub df: usize,
    /// Wald test on Student's t.
    pub test: Test,
}

pub(super) fn model(grid: &Grid, template: Template, pairs: &[(usize, usize)]) -> Result<Model, String> {
    let lowest = template.choices().first().map_or(0, |c| c.value);
    let mut scores = Vec::new();
    let mut of_arm = vec![0usize; grid.arms];
    for case in 0..grid.cases {
        for reader in 0..grid.readers {
            for (arm, count) in of_arm.iter_mut().enumerate() {
                if let Some(score) = grid.get(arm, reader, case) {
                    *count += 1;
                    scores.push(Score { category: usize::try_from(score - lowest).unwrap_or(0), arm, reader, case });
                }
            }
        }
    }
    if let Some(empty) = of_arm.iter().position(|n| *n == 0) {
        return Err(format!("arm {} has no score", super::letter(empty)));
    }
    let mut effects = Vec::new();
    let mut spreads = None;
    // The model gives each arm against its reference: one fit for each arm that comes first in a pair.
    let mut firsts: Vec<usize> = pairs.iter().map(|p| p.0).collect();
    firsts.dedup();
    for first in firsts {
        // Arms change places so that the first is number 0.
        let swap = |arm: usize| {
            if arm == first {
                0
            } else if arm == 0 {
                first
            } else {
                arm
            }
        };
        let turned: Vec<Score> = scores.iter().map(|s| Score { arm: swap(s.arm), ..*s }).collect();
        let fit = ordinal::fit_with_images(&turned).map_err(|e| e.to_string())?;
        for &(_, second) in pairs.iter().filter(|p| p.0 == first) {
            let found = fit.arms[swap(second) - 1];
            let log_odds = -found.log_odds;
            effects.push(ModelEffect {
                pair: (first, second),
                odds_ratio: Estimate {
                    value: log_odds.exp(),
                    interval: Some(((-found.ci95.1).exp(), (-found.ci95.0).exp())),
                    n: of_arm[first] + of_arm[second],
                },
                log_odds,
                error: found.error,
                df: found.df,
                test: Test::alone(found.p),
            });
        }
        spreads.get_or_insert(fit);
    }
    let fit = spreads.ok_or("no arms are compared")?;
    let distinct = |of: fn(&Score) -> usize| {
        let mut seen: Vec<usize> = scores.iter().map(of).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    };
    let (readers, cases) = (distinct(|s| s.reader), distinct(|s| s.case));
    let mut images: Vec<(usize, usize)> = scores.iter().map(|s| (s.case, s.arm)).collect();
    images.sort_unstable();
    images.dedup();
    Ok(Model {
        effects,
        reader_sd: (readers > 1).then_some(Estimate { value: fit.reader_sd, interval: fit.reader_sd_ci95, n: readers }),
        case_sd: Estimate { value: fit.case_sd, interval: fit.case_sd_ci95, n: cases },
        image_sd: fit.image_sd.map(|value| Estimate { value, interval: fit.image_sd_ci95, n: images.len() }),
        scores: scores.len(),
    })
}
