//! Power of a planned study, by simulation: how often it would find a difference that is there.
//!
//! Scores of an arm have an assumed mean and deviation on the template's scale. A study is drawn: hidden normal
//! values of case, image, reader and reading add up and are cut into scores so that each arm has its mean and
//! deviation. It is tested as the report does it: the mean of the readers, paired by case, by Wilcoxon's signed-rank
//! test. The share of drawn studies with p below the level is the power.

mod law;
mod shares;
#[cfg(test)]
mod tests;

use engine::cancel::Cancel;
use engine::statistics::distributions::normal_quantile;
use engine::statistics::{Method, Zeros, signed_rank};
use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Use};
use law::Cuts;
pub use shares::{Against, Shares};

/// Most cases that are tried.
pub const MAX_CASES: usize = 5000;

/// Mean and deviation of the scores of one arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Mean score.
    pub mean: f64,
    /// Deviation of single scores.
    pub sd: f64,
}

/// What is assumed. The default is the paper's study: its two models, two readers, scores from −2 to +2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Assumptions {
    /// Readers, each of whom scores every image.
    pub readers: usize,
    /// Scores of the arm that is expected to be better.
    pub first: Scores,
    /// Scores of the other arm.
    pub second: Scores,
    /// Lowest and highest value of the scale.
    pub scale: (i32, i32),
    /// Share of the hidden variance that a case gives to its images of all arms: hard cases.
    pub case_share: f64,
    /// Share that an image gives to all readers: images that failed.
    pub image_share: f64,
    /// Share between readers: strict and mild ones.
    pub reader_share: f64,
    /// Level of the two-sided test.
    pub level: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            readers: 2,
            first: Scores { mean: 1.41, sd: 1.01 },
            second: Scores { mean: 0.73, sd: 1.31 },
            scale: (-2, 2),
            case_share: 0.25,
            image_share: 0.30,
            reader_share: 0.05,
            level: 0.05,
        }
    }
}

/// What is assumed of a study, by what its answers are.
#[derive(Clone, Debug, PartialEq)]
pub enum Assumed {
    /// Scores on a scale.
    Scores(Assumptions),
    /// Answers that are hits or not.
    Shares(Shares),
}

impl Assumed {
    /// Checks the figures.
    ///
    /// # Errors
    /// One sentence that names the field.
    pub fn check(&self) -> Result<(), PowerError> {
        match self {
            Self::Scores(scores) => scores.check(),
            Self::Shares(shares) => shares.check(),
        }
    }

    /// In words, such as "means 1.41 and 0.73, deviations 1.01 and 1.31".
    pub fn said(&self) -> String {
        match self {
            Self::Scores(Assumptions { first, second, .. }) => {
                format!("means {} and {}, deviations {} and {}", first.mean, second.mean, first.sd, second.sd)
            }
            Self::Shares(shares) => match shares.against {
                Against::Guessing(share) => format!("a share of {}, where guessing gives {share}", shares.share),
                Against::Without(share) => format!("a share right of {share} without help and {} with help", shares.share),
            },
        }
    }
}

/// How often the difference is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// Cases of the study.
    pub cases: usize,
    /// Share of drawn studies that find it.
    pub power: f64,
    /// 95 % interval of that share, for it rests on a limited number of drawn studies (Wilson).
    pub interval: (f64, f64),
    /// Drawn studies.
    pub studies: usize,
}

/// How the simulation is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Seed of the drawn studies.
    pub seed: u64,
    /// Studies drawn for each estimate.
    pub studies: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, studies: 2000 }
    }
}

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PowerError {
    /// A figure that cannot be.
    #[error("power.{field}: {what}")]
    Assumption {
        /// Which field.
        field: &'static str,
        /// What is wrong and what would be right.
        what: String,
    },
    /// It was stopped.
    #[error("the estimate of power was stopped")]
    Stopped,
}

impl Assumptions {
    /// Checks the figures.
    ///
    /// # Errors
    /// One sentence that names the field.
    pub fn check(&self) -> Result<(), PowerError> {
        self.cuts().map(|_| ())
    }

    fn cuts(&self) -> Result<[Cuts; 2], PowerError> {
        let fault = |field, what: String| Err(PowerError::Assumption { field, what });
        if !(1..=50).contains(&self.readers) {
            return fault("readers", format!("{} readers were given; 1 to 50 are possible", self.readers));
        }
        let (low, high) = self.scale;
        if high <= low || high - low > 100 {
            return fault("scale", format!("{low} to {high} is no scale of 2 to 101 values"));
        }
        let shares = [self.case_share, self.image_share, self.reader_share];
        if shares.iter().any(|share| !(0.0..=1.0).contains(share)) || shares.iter().sum::<f64>() > 0.95 {
            return fault(
                "case_share",
                "the shares of case, image and reader must each lie in 0 to 1 and together stay below 0.95".into(),
            );
        }
        if !(0.0001..=0.5).contains(&self.level) {
            return fault("level", format!("{} was given; a level lies in 0.0001 to 0.5, usually 0.05", self.level));
        }
        let cuts = |field, scores: Scores| {
            Cuts::of(scores.mean, scores.sd, low, high).map_err(|what| PowerError::Assumption { field, what })
        };
        Ok([cuts("first", self.first)?, cuts("second", self.second)?])
    }
}

/// Power with a number of cases.
///
/// # Errors
/// When an assumption cannot be, or it was cancelled.
pub fn power(assumed: &Assumed, cases: usize, options: &Options, cancel: &Cancel) -> Result<Power, PowerError> {
    let cuts = match assumed {
        Assumed::Scores(scores) => Some(scores.cuts()?),
        Assumed::Shares(shares) => {
            shares.check()?;
            None
        }
    };
    if !(2..=MAX_CASES).contains(&cases) {
        return Err(PowerError::Assumption {
            field: "cases",
            what: format!("{cases} cases were given; 2 to {MAX_CASES} are possible"),
        });
    }
    let mut found = 0;
    for study in 0..options.studies {
        if cancel.is_cancelled() {
            return Err(PowerError::Stopped);
        }
        let (p, level) = match (assumed, &cuts) {
            (Assumed::Scores(scores), Some(cuts)) => (p(scores, cuts, cases, options.seed, study as u32), scores.level),
            (Assumed::Shares(shares), _) => (shares.p(cases, options.seed, study as u32), shares.level),
            (Assumed::Scores(_), None) => (1.0, 0.0),
        };
        found += usize::from(p < level);
    }
    Ok(Power {
        cases,
        power: found as f64 / options.studies.max(1) as f64,
        interval: wilson(found, options.studies),
        studies: options.studies,
    })
}

/// The least number of cases with at least this power; `None` where [`MAX_CASES`] do not reach it. `progress` is told
/// the number of cases that was tried and its power.
///
/// # Errors
/// As [`power`].
pub fn cases_for(
    target: f64,
    assumed: &Assumed,
    options: &Options,
    cancel: &Cancel,
    progress: &mut dyn FnMut(&Power),
) -> Result<Option<Power>, PowerError> {
    let mut tried = |cases: usize| -> Result<Power, PowerError> {
        let found = power(assumed, cases, options, cancel)?;
        progress(&found);
        Ok(found)
    };
    // Larger studies begin with the same draws as smaller ones, so that power rises with few steps back.
    let (mut below, mut above) = (4, 8);
    let mut best = loop {
        let found = tried(above)?;
        if found.power >= target {
            break found;
        }
        if above == MAX_CASES {
            return Ok(None);
        }
        below = above;
        above = (above * 2).min(MAX_CASES);
    };
    while above - below > 1 {
        let middle = below.midpoint(above);
        let found = tried(middle)?;
        if found.power >= target {
            (above, best) = (middle, found);
        } else {
            below = middle;
        }
    }
    Ok(Some(best))
}

/// p of one drawn study.
fn p(assumed: &Assumptions, cuts: &[Cuts; 2], cases: usize, seed: u64, study: u32) -> f64 {
    let mut chance = Draw::new(seed, Use::Power, study);
    let part = |share: f64| share.sqrt();
    let (case_sd, image_sd, reader_sd) = (part(assumed.case_share), part(assumed.image_share), part(assumed.reader_share));
    let rest_sd = part(1.0 - assumed.case_share - assumed.image_share - assumed.reader_share);
    let readers: Vec<f64> = (0..assumed.readers).map(|_| reader_sd * chance.normal()).collect();
    let mut means = [Vec::with_capacity(cases), Vec::with_capacity(cases)];
    for _ in 0..cases {
        let case = case_sd * chance.normal();
        for (arm, list) in means.iter_mut().enumerate() {
            let image = case + image_sd * chance.normal();
            let sum: i32 = readers.iter().map(|reader| cuts[arm].score(image + reader + rest_sd * chance.normal())).sum();
            list.push(f64::from(sum) / assumed.readers as f64);
        }
    }
    let method = Method::Normal { correction: true };
    signed_rank(&means[0], &means[1], Zeros::Drop, method).map_or(1.0, |test| test.p)
}

/// Wilson's 95 % interval of a share (Wilson 1927).
pub(crate) fn wilson(found: usize, all: usize) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    let (n, z) = (all as f64, normal_quantile(0.975));
    let share = found as f64 / n;
    let scale = 1.0 + z * z / n;
    let middle = (share + z * z / (2.0 * n)) / scale;
    let reach = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt() / scale;
    ((middle - reach).max(0.0), (middle + reach).min(1.0))
}
