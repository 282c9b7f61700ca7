//! What `study.json` of a sealed study holds: everything a reader sees and does, and nothing that tells the arms apart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::design::{MAX_READERS, codes};
use crate::plan::{CaseId, ImageId, MAX_TRIALS, ReaderPlan, Trial};
use crate::template::Template;

/// The mark of the file.
pub(super) const FORMAT: &str = "chexgen-study";
/// The version that this program writes; it also reads those before.
pub(super) const VERSION: u32 = 2;
/// The version whose images are plain PNG files.
pub(super) const PLAIN: u32 = 1;
/// Sides of the images of a study.
const SIDES_PX: std::ops::RangeInclusive<u32> = 16..=4096;

/// A sealed study without its pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// `chexgen-study`.
    pub format: String,
    /// 2; 1 where the images are plain PNG files.
    pub version: u32,
    /// The study's name.
    pub title: String,
    /// What is asked.
    pub template: Template,
    /// The question in words.
    pub question: String,
    /// What can be answered, for whoever reads the file without this program.
    pub choices: Vec<SealedChoice>,
    /// Criteria that are scored one by one; empty where one question is asked.
    pub criteria: Vec<String>,
    /// What readers agree to.
    pub consent: String,
    /// Whether a locked answer may be changed, with a reason.
    pub may_change: bool,
    /// Side of every image in pixels.
    pub side_px: u32,
    /// Device pixels per image pixel.
    pub magnification: u32,
    /// What the leak audit found, or why there was none.
    pub audit: AuditNote,
    /// Practice, the same for all readers.
    pub practice: Vec<Trial>,
    /// What each reader does.
    pub readers: Vec<ReaderPlan>,
    /// What is shown beside images.
    pub cases: BTreeMap<CaseId, Beside>,
    /// Hash of the file of each image, as it stands in the archive.
    pub images: BTreeMap<ImageId, String>,
}

/// One possible answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedChoice {
    /// What is stored.
    pub value: i32,
    /// How it is shown.
    pub figure: String,
    /// What it means.
    pub words: String,
}

/// What is shown beside an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Beside {
    /// The impression; empty where the template hides it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub impression: String,
    /// Sex.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sex: String,
    /// Age.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub age: String,
    /// View.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub view: String,
    /// The finding in question, in words; assisted reading only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub asked: String,
}

/// What is known about leaks: what besides the content could tell the arms apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
pub enum AuditNote {
    /// An audit of exactly these images was made.
    Made {
        /// What was measured.
        measure: String,
        /// How well the strongest probe guesses the arm.
        guess: f64,
        /// Where guessing by chance lies.
        chance: (f64, f64),
        /// The strongest probe.
        probe: String,
        /// The same before the images were made equal, where they were.
        before: Option<f64>,
        /// Why the study was sealed although something leaks, in the investigator's words; empty where nothing does.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        accepted: String,
    },
    /// None was made.
    LeftOut {
        /// Why, in the investigator's words.
        reason: String,
    },
}

impl Sheet {
    /// Checks that all parts fit together. The words say what does not.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err("it is no sealed study".to_owned());
        }
        if !(PLAIN..=VERSION).contains(&self.version) {
            return Err(format!(
                "it is of version {}, and this program reads versions {PLAIN} to {VERSION}; use a later program",
                self.version
            ));
        }
        let known = sealed_choices(self.template);
        if self.choices != known {
            return Err("its choices are not those of its template".to_owned());
        }
        if !SIDES_PX.contains(&self.side_px) || !(1..=8).contains(&self.magnification) {
            return Err("its image size or magnification is out of range".to_owned());
        }
        if (self.template == Template::VisualGrading) == self.criteria.is_empty() || self.criteria.len() > 9 {
            return Err("its criteria do not fit its template".to_owned());
        }
        let names: Vec<String> = self.readers.iter().map(|plan| plan.reader.clone()).collect();
        codes("readers", &names, MAX_READERS)?;
        for id in self.images.keys().map(|id| &id.0).chain(self.cases.keys().map(|id| &id.0)) {
            if id.len() != 16 || !id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()) {
                return Err("a name of an image or a case is none of ours".to_owned());
            }
        }
        self.check_trials(&self.practice, "practice")?;
        for plan in &self.readers {
            let trials: Vec<Trial> = plan.trials().cloned().collect();
            self.check_trials(&trials, &plan.reader)?;
            check_numbers(plan)?;
        }
        Ok(())
    }

    fn check_trials(&self, trials: &[Trial], whose: &str) -> Result<(), String> {
        if trials.len() > MAX_TRIALS {
            return Err(format!("the plan of {whose} is longer than {MAX_TRIALS} trials"));
        }
        let mut seen = BTreeSet::new();
        for (index, trial) in (1u32..).zip(trials) {
            if trial.index != index || trial.images.len() != self.template.images() {
                return Err(format!("the plan of {whose} is not numbered from 1, or shows a wrong number of images"));
            }
            if !self.cases.contains_key(&trial.case) {
                return Err(format!("trial {index} of {whose} shows a case that is not there"));
            }
            for id in trial.images.iter().chain(&trial.examples) {
                if !self.images.contains_key(id) {
                    return Err(format!("trial {index} of {whose} shows an image that is not there"));
                }
            }
            if !trial.images.iter().all(|id| seen.insert(id)) {
                return Err(format!("trial {index} of {whose} shows an image that was shown before"));
            }
        }
        Ok(())
    }
}

/// Rounds and blocks are numbered from 1 and none is empty.
fn check_numbers(plan: &ReaderPlan) -> Result<(), String> {
    let rounds = plan.rounds.iter().zip(1u32..).all(|(round, number)| round.number == number && !round.blocks.is_empty());
    let mut blocks = plan.rounds.iter().flat_map(|round| &round.blocks).zip(1u32..);
    let washout = plan.rounds.iter().all(|round| round.washout_hours.is_finite() && round.washout_hours >= 0.0);
    if rounds
        && washout
        && !plan.rounds.is_empty()
        && blocks.all(|(block, number)| block.number == number && !block.trials.is_empty())
    {
        return Ok(());
    }
    Err(format!("the rounds and blocks of {} are not numbered from 1", plan.reader))
}

/// The choices of a template, as they stand in the file.
pub(super) fn sealed_choices(template: Template) -> Vec<SealedChoice> {
    let choices = template.choices().iter();
    choices
        .map(|choice| SealedChoice { value: choice.value, figure: choice.figure.to_owned(), words: choice.words.to_owned() })
        .collect()
}
