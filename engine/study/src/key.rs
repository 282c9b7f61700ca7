//! The key of a sealed study: which image is whose. It stays with the investigator until the last answer is locked.
//!
//! `NAME.cxkey` is one JSON file in one fixed spelling with a hash of itself; it names no path and no file.

use std::collections::BTreeMap;
use std::path::Path;

use engine::store::atomic::write_atomic;
use serde::{Deserialize, Serialize};

use crate::design::{Design, PlanSettings};
use crate::error::{StudyError, read_text};
use crate::plan::ImageId;
use crate::reading::Purpose;
use crate::sealed::{Study, short};
use crate::template::Template;

const FORMAT: &str = "chexgen-key";
const VERSION: u32 = 1;
/// Largest key that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Which image is whose, and what each trial is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// `chexgen-key`.
    pub format: String,
    /// 1.
    pub version: u32,
    /// Hash of the sealed study.
    pub study: String,
    /// The study's name.
    pub title: String,
    /// What was asked.
    pub template: Template,
    /// Arms in the order of tables.
    pub arms: Vec<String>,
    /// The arm of real radiographs, where there is one.
    pub real: Option<String>,
    /// Seed of the plan.
    pub seed: u64,
    /// What was planned.
    pub plan: PlanSettings,
    /// What was done to the images of each arm before sealing, one sentence a step.
    pub equalised: BTreeMap<String, Vec<String>>,
    /// Bits of a grey value after that; 0 where nothing was done.
    pub bits: u32,
    /// Every image of the study.
    pub images: BTreeMap<ImageId, KeyImage>,
    /// Every trial of each reader, in order.
    pub trials: BTreeMap<String, Vec<KeyTrial>>,
    /// Every case that counts, in the order of the table.
    pub cases: Vec<KeyCase>,
    /// Hash of everything above.
    pub hash: String,
}

/// Whose an image is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyImage {
    /// Id of the case in the table.
    pub case: String,
    /// The arm; `None` of an example.
    pub arm: Option<String>,
    /// Whether its tiles were shuffled for a catch trial.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scrambled: bool,
}

/// What a trial is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyTrial {
    /// Id of the case whose impression is shown.
    pub case: String,
    /// Whether it counts, repeats or checks.
    pub purpose: Purpose,
    /// The right answer, where there is one.
    pub truth: Option<i32>,
}

/// A case as the analysis needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCase {
    /// Id in the table.
    pub id: String,
    /// The impression.
    pub impression: String,
    /// Findings that are present, as class codes.
    pub findings: Vec<String>,
    /// Sex, as written.
    pub sex: String,
    /// Age, as written.
    pub age: String,
    /// View, as written.
    pub view: String,
    /// The finding in question.
    pub asked: Option<String>,
}

impl Key {
    pub(crate) fn new(
        study: &str,
        design: &Design,
        images: BTreeMap<ImageId, KeyImage>,
        trials: BTreeMap<String, Vec<KeyTrial>>,
        cases: Vec<KeyCase>,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            study: study.to_owned(),
            title: design.title.clone(),
            template: design.template,
            arms: design.arms.clone(),
            real: design.real.clone(),
            seed: design.seed,
            plan: design.plan.clone(),
            equalised: BTreeMap::new(),
            bits: 0,
            images,
            trials,
            cases,
            hash: String::new(),
        }
    }

    /// The bytes of the file; the hash is made anew.
    ///
    /// # Errors
    /// When a value has no JSON form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StudyError> {
        let text =
            |key: &Self| serde_json::to_string_pretty(key).map_err(|error| StudyError::input("the key", error.to_string()));
        let mut key = Self { hash: String::new(), ..self.clone() };
        key.hash = blake3::hash(text(&key)?.as_bytes()).to_hex().to_string();
        Ok((text(&key)? + "\n").into_bytes())
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), StudyError> {
        Ok(write_atomic(path, &self.to_bytes()?)?)
    }

    /// Reads a key and checks its hash.
    ///
    /// # Errors
    /// One sentence, when it is another file, of a later version, or was edited.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        Self::parse(&read_text(path, MAX_BYTES)?, &path.display().to_string())
    }

    /// As [`Key::read`], from text; `file` is used in errors.
    ///
    /// # Errors
    /// As [`Key::read`].
    pub fn parse(text: &str, file: &str) -> Result<Self, StudyError> {
        #[derive(Deserialize)]
        struct Mark {
            format: String,
            version: u32,
        }
        let foreign = || StudyError::input(file, "this is not the key of a study (.cxkey)");
        let mark: Mark = serde_json::from_str(text).map_err(|_| foreign())?;
        if mark.format != FORMAT {
            return Err(foreign());
        }
        if mark.version != VERSION {
            let what =
                format!("the key is of version {}, and this program reads version {VERSION}; use a later program", mark.version);
            return Err(StudyError::input(file, what));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let key: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| StudyError::changed(file, format!("{}: {}", error.path(), error.inner())))?;
        // The hash is that of the file with an empty one in its place, byte for byte.
        let (filled, empty) = (format!("\"hash\": \"{}\"\n}}\n", key.hash), "\"hash\": \"\"\n}");
        let whole = text.strip_suffix(&filled).map(|begin| blake3::hash(format!("{begin}{empty}").as_bytes()).to_hex());
        if whole.is_none_or(|hash| hash.as_str() != key.hash) {
            return Err(StudyError::changed(file, "its content does not fit its hash"));
        }
        Ok(key)
    }

    /// Checks that the key is that of a study: its hash, its readers and every image.
    ///
    /// # Errors
    /// One sentence that names both files.
    pub fn fits(&self, study: &Study, file: &str) -> Result<(), StudyError> {
        if self.study != study.hash() {
            return Err(StudyError::mismatch(
                file,
                format!(
                    "it is the key of study {} ({:?}), and {} is study {}; take the key that was sealed with it",
                    short(&self.study),
                    self.title,
                    study.file(),
                    short(study.hash())
                ),
            ));
        }
        let sheet = study.sheet();
        let trials = sheet.readers.iter().all(|plan| self.trials.get(&plan.reader).is_some_and(|list| list.len() == plan.len()));
        if !trials || self.trials.len() != sheet.readers.len() || !self.images.keys().eq(sheet.images.keys()) {
            return Err(StudyError::mismatch(file, "its images and trials are not those of the study"));
        }
        Ok(())
    }
}
