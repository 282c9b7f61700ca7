//! What the number of cases is chosen for: `[power]` of the design.

use serde::{Deserialize, Serialize};

use super::Design;
use crate::power::{Against, Assumed, Assumptions, Scores, Shares};
use crate::template::Template;

/// What is expected, for an estimate of power: scores where answers stand on a scale, shares elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerAssumed {
    /// Scores of the arm that is expected to be better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Scores>,
    /// Scores of the other arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Scores>,
    /// Share of choices for the first arm, of quartets whose real image is found, or of right answers with help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Share of right answers without help; assisted reading only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<f64>,
    /// Level of the two-sided test.
    #[serde(default = "usual_level")]
    pub level: f64,
}

fn usual_level() -> f64 {
    0.05
}

impl Default for PowerAssumed {
    fn default() -> Self {
        Self { first: None, second: None, share: None, without: None, level: usual_level() }
    }
}

impl Design {
    /// What an estimate of power assumes. Without `[power]`: of scores the figures of the paper's study at the same places of
    /// this scale, of shares usual ones.
    pub fn assumptions(&self) -> Assumed {
        let given = self.power.clone().unwrap_or_default();
        let readers = self.readers.len();
        let shares = |share: f64, against: Against| {
            let usual = Shares::usual(readers, given.share.unwrap_or(share), against);
            Assumed::Shares(Shares { level: given.level, ..usual })
        };
        match self.template {
            Template::PairwiseChoice => shares(0.65, Against::Guessing(0.5)),
            Template::Quartet => shares(0.40, Against::Guessing(0.25)),
            Template::AssistedReading => shares(0.80, Against::Without(given.without.unwrap_or(0.70))),
            _ => {
                let choices = self.template.choices();
                let (low, high) = (choices.first().map_or(0, |c| c.value), choices.last().map_or(0, |c| c.value));
                let paper = Assumptions::default();
                let moved = |scores: Scores| Scores { mean: scores.mean + f64::from(low - paper.scale.0), ..scores };
                let first = given.first.unwrap_or_else(|| moved(paper.first));
                let second = given.second.unwrap_or_else(|| moved(paper.second));
                Assumed::Scores(Assumptions { readers, first, second, scale: (low, high), level: given.level, ..paper })
            }
        }
    }

    /// Checks `[power]`, where it is given.
    pub(super) fn check_power(&self) -> Result<(), String> {
        let Some(given) = &self.power else { return Ok(()) };
        let assumed = self.assumptions();
        let name = self.template.name();
        match assumed {
            Assumed::Scores(_) if given.share.is_some() || given.without.is_some() => {
                return Err(format!("power.share: {name:?} asks for scores; give first and second with mean and sd"));
            }
            Assumed::Shares(_) if given.first.is_some() || given.second.is_some() => {
                return Err(format!("power.first: {name:?} has no scores to compare; give share, such as share = 0.7"));
            }
            Assumed::Shares(shares) if given.without.is_some() && !matches!(shares.against, Against::Without(_)) => {
                return Err("power.without: only assisted reading has answers without help; leave it out".to_owned());
            }
            _ => {}
        }
        assumed.check().map_err(|error| error.to_string())
    }
}
