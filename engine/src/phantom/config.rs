//! What kind of cases are drawn.

use crate::domain::Finding;

/// How findings are chosen for a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingMix {
    /// All findings at base rates like those of a large hospital list, with co-occurrence.
    BaseRates,
    /// For training a small model: 20 % normal, 55 % one finding, 25 % two, from
    /// pneumothorax, effusion, consolidation, nodule or mass, and device; 12 % big hearts on top.
    Practice,
}

/// Settings of the phantom; a case depends on them, the dataset seed, the index and the size.
#[derive(Clone, Debug, PartialEq)]
pub struct PhantomConfig {
    /// How findings are chosen.
    pub mix: FindingMix,
    /// When set, every case has exactly this finding (and no other that carries a mask).
    pub only: Option<Finding>,
    /// Detector noise relative to a usual exposure; 0 is noise-free.
    pub noise: f32,
    /// Share of portable AP views, 0 to 1.
    pub portable: f32,
    /// Gain on the density of lesions; 1 is natural.
    pub lesion_gain: f32,
    /// Least severity of a drawn finding, 0 to 1.
    pub min_severity: f32,
    /// Longest impression in words; clauses beyond are left out, findings never.
    pub max_words: usize,
    /// Adds noise to group B only, so that a search for bias has a known answer.
    pub planted_bias: bool,
}

impl PhantomConfig {
    /// All findings at base rates.
    pub fn full() -> Self {
        Self {
            mix: FindingMix::BaseRates,
            only: None,
            noise: 0.8,
            portable: 0.35,
            lesion_gain: 1.0,
            min_severity: 0.08,
            max_words: 60,
            planted_bias: false,
        }
    }

    /// The mix that trains the practice model: plain findings, little noise, short text.
    pub fn practice() -> Self {
        Self {
            mix: FindingMix::Practice,
            only: None,
            noise: 0.2,
            portable: 0.12,
            lesion_gain: 1.2,
            min_severity: 0.3,
            max_words: 28,
            planted_bias: false,
        }
    }

    /// The same settings with exactly one finding in every case.
    pub fn with_only(mut self, finding: Finding) -> Self {
        self.only = Some(finding);
        self
    }
}
