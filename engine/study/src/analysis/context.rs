//! What is known of a study besides its readings: names, plan, hashes and what went otherwise than planned.
//!
//! Filled by the join; everything here is text and counts, so that a report can be made of a plain table of readings too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::template::Template;

/// Facts of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The study's title.
    pub title: String,
    /// Which kind of study.
    pub template: Template,
    /// What the readers were asked, word for word.
    pub question: String,
    /// The arms in the order of the design; the first is compared with the others. They are lettered A, B, C …
    ///
    /// In assisted reading the arms are the two conditions: without help first, then with help.
    pub arms: Vec<String>,
    /// The arm of real images, where there is one; a quartet needs it, or the right place in each reading's truth.
    pub real_arm: Option<String>,
    /// Image criteria of visual grading, in order; empty for other kinds.
    pub criteria: Vec<String>,
    /// The readers in the order of the design.
    pub readers: Vec<ReaderFacts>,
    /// Impression of each case, by case id; may hold only some, or none.
    pub impressions: BTreeMap<String, String>,
    /// How the study was planned.
    pub plan: PlanFacts,
    /// Digests by which the files are known.
    pub hashes: Hashes,
    /// What was checked when the key was joined.
    pub integrity: Vec<Check>,
    /// What went otherwise than planned.
    pub deviations: Vec<Deviation>,
    /// What the leak audit found before sealing; `None` where none was made.
    pub audit: Option<AuditFacts>,
    /// Whether a program gave the answers.
    pub simulated: bool,
    /// Program and version that made the analysis.
    pub program: String,
}

/// One reader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderFacts {
    /// Code in the study.
    pub code: String,
    /// Experience as the reader gave it, such as "12 years, chest radiology"; empty where not asked.
    pub experience: String,
    /// Answers that the plan asks for and that count; 0 where no plan is known.
    pub planned: usize,
}

/// How the study was planned. Zeros and `None` are left out of the methods text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFacts {
    /// Seed of the plan.
    pub seed: Option<u64>,
    /// Blocks of each reader.
    pub blocks: usize,
    /// Least number of trials between two images of one case.
    pub separation: usize,
    /// Hidden repeats of each reader.
    pub repeats: usize,
    /// Catch trials of each reader.
    pub catches: usize,
    /// Practice trials of each reader, which are not analysed.
    pub practice: usize,
    /// Rounds of the study.
    pub rounds: u32,
    /// Hours between rounds, enforced by the clock.
    pub washout_hours: Option<f64>,
    /// Whether a locked answer may be changed with a reason.
    pub changes_allowed: bool,
    /// What the images were equalised to before sealing, such as "a side of 1024 px, 16 bits of grey and no metadata"; empty
    /// where they were not.
    pub equalised: String,
}

/// Digests of the files, in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    /// The sealed study.
    pub study: String,
    /// The key.
    pub key: String,
    /// Reader and the head of that reader's event chain or the digest of the answers.
    pub answers: Vec<(String, String)>,
}

/// One check at joining.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Whether it passed.
    pub passed: bool,
    /// What was checked, as a sentence without full stop.
    pub text: String,
}

/// Something that went otherwise than planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// Whose; `None` of the whole study.
    pub reader: Option<String>,
    /// A sentence.
    pub text: String,
}

/// What the leak audit found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFacts {
    /// What was measured, such as "area under the ROC curve".
    pub measure: String,
    /// How well the strongest probe guesses the arm in the sealed images.
    pub guess: f64,
    /// Where guessing by chance lies.
    pub chance: (f64, f64),
    /// The strongest probe.
    pub probe: String,
    /// The same before the images were equalised; `None` where they were not.
    pub before: Option<f64>,
}

impl Context {
    /// A study of which only names are known.
    pub fn plain(title: &str, template: Template, arms: &[&str], readers: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        Self {
            title: title.to_owned(),
            template,
            question: template.question().to_owned(),
            arms: owned(arms),
            real_arm: None,
            criteria: Vec::new(),
            readers: owned(readers).into_iter().map(|code| ReaderFacts { code, ..ReaderFacts::default() }).collect(),
            impressions: BTreeMap::new(),
            plan: PlanFacts::default(),
            hashes: Hashes::default(),
            integrity: Vec::new(),
            deviations: Vec::new(),
            audit: None,
            simulated: false,
            program: String::new(),
        }
    }

    /// The letter of an arm: A of the first.
    pub fn letter(&self, arm: usize) -> String {
        letter(arm)
    }
}

/// The letter of an arm: A of the first, AA after Z.
pub fn letter(arm: usize) -> String {
    let last = char::from(b'A' + (arm % 26) as u8);
    if arm < 26 { last.to_string() } else { format!("{}{last}", letter(arm / 26 - 1)) }
}
