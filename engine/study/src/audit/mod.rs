//! Leak audit: can something that only looks at the form of an image guess its arm?
//!
//! Each probe measures one property of form. A regularised logistic regression on its figures is trained on some
//! cases and guesses the arms of the others; the area under its ROC curve is compared with what it reaches when the
//! labels of the arms are exchanged within cases. Holm's correction over all probes keeps the rate of false alarms.
//!
//! What no audit can rule out stands in [`LIMITS`]: that the models draw chests differently is what the study is
//! about, and readers may see what no probe here measures.

mod file_probes;
mod learn;
mod pixel_probes;
mod probe;
mod spectrum;
#[cfg(test)]
mod tests;
mod trial;
mod words;

use engine::cancel::Cancel;
use engine::store::hash::hash_image;
use serde::{Deserialize, Serialize};

pub use probe::{Kind, Probe, Remedy};
pub use trial::audit;
pub use words::LIMITS;

use crate::equalise::Settings;
use crate::picture::Picture;

/// How the audit is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Seed of folds and permutations.
    pub seed: u64,
    /// Permutations of labels for each probe that is not clearly at chance.
    pub permutations: usize,
    /// Rate of false alarms over all probes together.
    pub level: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, permutations: 999, level: 0.05 }
    }
}

/// One image, measured. Images are measured one by one, so that not all are in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub(crate) arm: String,
    pub(crate) case: String,
    pub(crate) hash: String,
    pub(crate) source: Option<crate::picture::Source>,
    /// Figures of each probe of pixels, in the order of [`Probe::PIXELS`].
    pub(crate) figures: Vec<Vec<f64>>,
}

impl Sample {
    /// Measures an image of an arm.
    pub fn of(arm: &str, case: &str, picture: &Picture) -> Self {
        Self {
            arm: arm.to_owned(),
            case: case.to_owned(),
            hash: hash_image(&picture.image),
            source: picture.source.clone(),
            figures: pixel_probes::figures(&picture.image),
        }
    }
}

/// What a probe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The arm can be guessed better than by chance.
    Leaks,
    /// Nothing was found; that is not a proof that there is nothing.
    NotFound,
    /// With so few cases chance alone could do as well.
    TooFewCases,
}

impl Verdict {
    /// The verdict in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaks => "Leaks",
            Self::NotFound => "Not found",
            Self::TooFewCases => "Too few cases",
        }
    }
}

/// The outcome of one probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Which property was looked at.
    pub probe: Probe,
    /// Whether it is form, which must be made equal, or may belong to what the study compares.
    pub kind: Kind,
    /// The arm that is most easily told from the others; empty of two arms, for both are told at once.
    pub arm: String,
    /// Area under the ROC curve over cases that the guesser had not seen; 0.5 is chance, 1 is certain.
    pub auc: f64,
    /// Where 95 % of the areas lie when labels are exchanged.
    pub chance: (f64, f64),
    /// Share of exchanges that reach this area, Holm-adjusted over the probes.
    pub p: f64,
    /// What that means.
    pub verdict: Verdict,
    /// What the probe saw, in words.
    pub saw: String,
    /// What helps; empty where nothing was found.
    pub remedy: String,
    /// The setting of equalising that removes it, where there is one.
    pub removed_by: Option<Remedy>,
}

/// The whole audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// One entry a probe, in the order of [`Probe::ALL`]; the joint probe comes last.
    pub findings: Vec<Finding>,
    /// Arms, sorted.
    pub arms: Vec<String>,
    /// Cases.
    pub cases: usize,
    /// Whether files as they came were looked at, with their names and metadata, or images of the study.
    pub files: bool,
    /// Hashes of the images that were audited, sorted, so that they tell no arm.
    pub images: Vec<String>,
    /// Seed of folds and permutations.
    pub seed: u64,
}

impl Audit {
    /// Leaks of form: the study must not be sealed with them.
    pub fn must_equalise(&self) -> impl Iterator<Item = &Finding> {
        self.leaks().filter(|finding| finding.kind == Kind::Form)
    }

    /// Leaks that may belong to what the study compares; a warning.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.leaks().filter(|finding| finding.kind != Kind::Form)
    }

    fn leaks(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Leaks)
    }

    /// The settings with what removes the leaks of form switched on; `thorough` also switches on what changes
    /// contrast and detail, for leaks that may belong to what is compared.
    pub fn remedied(&self, settings: &Settings, thorough: bool) -> Settings {
        let mut settings = settings.clone();
        for finding in self.leaks().filter(|finding| thorough || finding.kind == Kind::Form) {
            if let Some(remedy) = finding.removed_by {
                remedy.switch_on(&mut settings);
            }
        }
        settings
    }

    /// One sentence for the study and its report.
    pub fn summary(&self) -> String {
        words::summary(self)
    }
}

/// Why there is no audit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// Nothing to tell apart.
    #[error("the leak audit needs images of at least two arms; {found} was given")]
    OneArm {
        /// Arms given.
        found: usize,
    },
    /// Cases without images of two arms.
    #[error("the leak audit needs at least two cases with images of two arms; {found} have them")]
    FewCases {
        /// Cases given.
        found: usize,
    },
    /// It was stopped.
    #[error("the leak audit was stopped")]
    Stopped,
}

/// Whether work is to go on.
pub(crate) fn go_on(cancel: &Cancel) -> Result<(), AuditError> {
    if cancel.is_cancelled() { Err(AuditError::Stopped) } else { Ok(()) }
}
