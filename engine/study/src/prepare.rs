//! Images on their way into a study: made equal, audited, and known again when the study is sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use engine::cancel::Cancel;
use engine::domain::GrayImage;
use engine::store::atomic::write_atomic;
use engine::store::hash::hash_image;
use serde::{Deserialize, Serialize};

use crate::audit::{self, Audit, AuditError, Sample};
use crate::cases::{Case, CaseTable, read_image};
use crate::design::Design;
use crate::equalise::{Done, Plan, Settings, Survey};
use crate::error::{StudyError, read_text};
use crate::picture::Picture;
use crate::sealed::{AuditNote, Source};
use crate::template::Template;

mod seal;

pub(crate) use self::seal::SAME_IMAGES;
pub use self::seal::{Files, Order, SealError, must_be_new, seal_files};

const FORMAT: &str = "chexgen-audit";
const VERSION: u32 = 1;
/// Largest file of an audit.
const MAX_BYTES: u64 = 256 << 20;
/// What stands in for an arm of examples, where greys are matched by arm.
const EXAMPLES: &str = "examples";

/// How the images of a study become equal, from a look at all of them.
#[derive(Clone, Debug)]
pub struct Equal {
    plan: Plan,
    sources: String,
}

/// What the leak audit of a study found, with what it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    /// `chexgen-audit`.
    format: String,
    /// 1.
    version: u32,
    /// Hash over the grey values of all images as they came, their arms and cases, and the settings.
    pub sources: String,
    /// How images are made equal.
    pub settings: Settings,
    /// The files as they came.
    pub before: Audit,
    /// The images as readers will see them.
    pub after: Audit,
}

impl Equal {
    /// Looks at every image of a study. `progress` gets the number of images that are done and that of all.
    ///
    /// # Errors
    /// When an image cannot be read or would have to be enlarged, where the sentence names it; and when it was cancelled.
    pub fn survey(
        design: &Design,
        table: &CaseTable,
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, StudyError> {
        let all: Vec<Source<'_>> = table.cases.iter().chain(&table.practice).flat_map(|case| sources(design, case)).collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(settings_text(&design.images)?.as_bytes());
        hasher.update(&design.seed.to_le_bytes());
        let mut surveys = Vec::with_capacity(all.len());
        for (done, source) in all.iter().enumerate() {
            progress(done, all.len());
            if cancel.is_cancelled() {
                return Err(StudyError::Stopped);
            }
            let picture = open(*source)?;
            let (arm, case) = labels(*source);
            for text in [arm, &case.id, &hash_image(&picture.image)] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            surveys.push((arm.to_owned(), case.id.clone(), Survey::of(&picture.image)));
        }
        progress(all.len(), all.len());
        let plan = Plan::new(&surveys, &design.images, design.seed)
            .map_err(|error| StudyError::input(design.cases.display().to_string(), error.to_string()))?;
        Ok(Self { plan, sources: hasher.finalize().to_hex().to_string() })
    }

    /// An image as readers will see it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn image(&self, source: Source<'_>) -> Result<GrayImage, StudyError> {
        self.made_equal(source, &open(source)?)
    }

    fn made_equal(&self, source: Source<'_>, picture: &Picture) -> Result<GrayImage, StudyError> {
        let (arm, case) = labels(source);
        let failed = |error: crate::equalise::EqualiseError| StudyError::input(&case.id, error.to_string());
        self.plan.apply(arm, &case.id, &picture.image).map_err(failed)
    }

    /// Side of every image of the study in pixels.
    pub fn side_px(&self) -> u32 {
        self.plan.side_px()
    }

    /// Bits of a grey value.
    pub fn bits(&self) -> u32 {
        self.plan.bits()
    }

    /// What is done to the images of each arm, in words.
    pub fn done(&self) -> &[Done] {
        self.plan.done()
    }

    /// Audits the files as they came and the images as readers will see them. `progress` gets a word for the part, and how
    /// much of it is done.
    ///
    /// # Errors
    /// When an image cannot be read, there is nothing to compare, or it was cancelled.
    pub fn audit(
        &self,
        design: &Design,
        table: &CaseTable,
        options: &audit::Options,
        cancel: &Cancel,
        progress: &mut dyn FnMut(&str, usize, usize),
    ) -> Result<AuditRecord, StudyError> {
        let failed = |error: AuditError| match error {
            AuditError::Stopped => StudyError::Stopped,
            error => StudyError::input(design.cases.display().to_string(), error.to_string()),
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (done, case) in table.cases.iter().enumerate() {
            progress("images", done, table.cases.len());
            if cancel.is_cancelled() {
                return Err(StudyError::Stopped);
            }
            for arm in case.images.keys() {
                let source = Source::Arm(case, arm);
                let picture = open(source)?;
                // Cases of one arm each are compared by their place in the arm.
                let count = counts.entry(arm).or_default();
                *count += 1;
                let label = if design.paired { case.id.clone() } else { count.to_string() };
                before.push(Sample::of(arm, &label, &picture));
                let image = self.made_equal(source, &picture)?;
                after.push(Sample::of(arm, &label, &Picture { image, source: None }));
            }
        }
        let before = audit::audit(&before, options, cancel, &mut |done, all| progress("files", done, all)).map_err(failed)?;
        let after =
            audit::audit(&after, options, cancel, &mut |done, all| progress("equal images", done, all)).map_err(failed)?;
        Ok(AuditRecord {
            format: FORMAT.to_owned(),
            version: VERSION,
            sources: self.sources.clone(),
            settings: design.images.clone(),
            before,
            after,
        })
    }

    /// Whether an audit was made of exactly these images and settings.
    pub fn was_audited(&self, record: &AuditRecord) -> bool {
        record.sources == self.sources
    }
}

/// Whether all arms show the same images, so that no audit can tell them apart.
pub fn needs_audit(design: &Design) -> bool {
    design.template != Template::AssistedReading && design.arms.len() > 1
}

/// All images of a case.
fn sources<'a>(design: &'a Design, case: &'a Case) -> Vec<Source<'a>> {
    let arms = design.arms.iter().filter(|arm| case.images.contains_key(*arm)).map(|arm| Source::Arm(case, arm));
    arms.chain((0..case.examples.len()).map(|place| Source::Example(case, place))).collect()
}

fn open(source: Source<'_>) -> Result<Picture, StudyError> {
    let path = match source {
        Source::Arm(case, arm) => case.images.get(arm),
        Source::Example(case, place) => case.examples.get(place),
    };
    let (arm, case) = labels(source);
    read_image(path.ok_or_else(|| StudyError::input(&case.id, format!("it has no image of {arm}")))?)
}

fn labels<'a>(source: Source<'a>) -> (&'a str, &'a Case) {
    match source {
        Source::Arm(case, arm) => (arm, case),
        Source::Example(case, _) => (EXAMPLES, case),
    }
}

fn settings_text(settings: &Settings) -> Result<String, StudyError> {
    serde_json::to_string(settings).map_err(|error| StudyError::input("images", error.to_string()))
}

impl AuditRecord {
    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), StudyError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| StudyError::input(path.display().to_string(), error.to_string()))?;
        Ok(write_atomic(path, text.as_bytes())?)
    }

    /// Reads a file of an audit.
    ///
    /// # Errors
    /// One sentence, when it is another file or of a later version.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let text = read_text(path, MAX_BYTES)?;
        let file = path.display().to_string();
        let mut reader = serde_json::Deserializer::from_str(&text);
        let record: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let what =
                format!("this is not what `chexgen study audit` writes ({}: {}); audit again", error.path(), error.inner());
            StudyError::input(&file, what)
        })?;
        if record.format != FORMAT || record.version != VERSION {
            return Err(StudyError::input(file, "it is no audit of this version; audit again"));
        }
        Ok(record)
    }

    /// Hashes of the images as readers will see them.
    pub fn images(&self) -> BTreeSet<&str> {
        self.after.images.iter().map(String::as_str).collect()
    }

    /// What the sealed study says about it: the probe that guesses best in the images that readers see.
    /// `accepted` is why the study is sealed although something leaks; empty where nothing does.
    pub fn note(&self, accepted: &str) -> AuditNote {
        let best = |audit: &Audit| audit.findings.iter().max_by(|a, b| a.auc.total_cmp(&b.auc)).cloned();
        let before = best(&self.before).map(|finding| finding.auc);
        match best(&self.after) {
            Some(finding) => AuditNote::Made {
                measure: "area under the ROC curve".to_owned(),
                guess: finding.auc,
                chance: finding.chance,
                probe: finding.probe.name().to_owned(),
                before,
                accepted: accepted.to_owned(),
            },
            None => AuditNote::LeftOut { reason: "no probe could be tried".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests;
