//! What the room knows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use engine::cancel::Cancel;
use engine::domain::GrayImage;
use study::analysis::Analysis;
use study::design::{Design, DisplaySettings, FORMAT, PlanSettings};
use study::equalise::{Done, Settings};
use study::join::Joined;
use study::power::Power;
use study::prepare::AuditRecord;
use study::template::Template;

/// A step of a study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tab {
    /// What is asked of whom about which images.
    #[default]
    Build,
    /// What besides the content tells the arms apart.
    Audit,
    /// The study's file and its key.
    Seal,
    /// The reading window, and how far readers are.
    Read,
    /// Key and answers become one table.
    Join,
    /// What came out.
    Analysis,
}

impl Tab {
    /// All steps in order.
    pub const ALL: [Self; 6] = [Self::Build, Self::Audit, Self::Seal, Self::Read, Self::Join, Self::Analysis];

    /// Its number and name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Build => "1 Build",
            Self::Audit => "2 Leak audit",
            Self::Seal => "3 Seal",
            Self::Read => "4 Read",
            Self::Join => "5 Join key",
            Self::Analysis => "6 Analysis",
        }
    }

    /// One line what it is for, without a full stop.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Build => "Template, cases, readers, plan and power of a reader study",
            Self::Audit => "Tries to guess the arm of an image from anything but its content",
            Self::Seal => "Writes the study for the readers and the key for you",
            Self::Read => "Opens the reading window and shows how far readers are",
            Self::Join => "Joins the key and the answers, and checks them",
            Self::Analysis => "Scores, effect, agreement and the cases behind them",
        }
    }
}

/// A path of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The design, `study.toml`.
    Design,
    /// The table of cases.
    Cases,
    /// Where the sealed study is written.
    Sealed,
    /// A sealed study that is read or joined.
    Study,
    /// The key.
    Key,
    /// A file of answers.
    Answers,
    /// A file of joined answers.
    Joined,
    /// Where the report is written.
    Report,
}

/// The paths of the room; empty where none is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// The design.
    pub design: PathBuf,
    /// Where the sealed study is written.
    pub sealed: PathBuf,
    /// The sealed study.
    pub study: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Joined answers.
    pub joined: PathBuf,
    /// The folder of the report.
    pub report: PathBuf,
}

/// What a check of the design found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// What is wrong, one sentence each.
    pub faults: Vec<String>,
    /// Cases that count, and how many have images of each arm.
    pub cases: usize,
    /// Cases for practice.
    pub practice: usize,
    /// The first cases: id, impression, arms that have an image.
    pub first: Vec<(String, String, usize)>,
    /// What each reader will do.
    pub readers: Vec<Planned>,
}

/// What one reader will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The reader's code.
    pub code: String,
    /// Trials that count.
    pub scored: usize,
    /// Hidden repeats.
    pub repeats: usize,
    /// Catch trials.
    pub catches: usize,
    /// Blocks.
    pub blocks: u32,
    /// Rounds.
    pub rounds: u32,
}

impl Planned {
    /// All trials.
    pub fn trials(&self) -> usize {
        self.scored + self.repeats + self.catches
    }
}

/// An audit with the images of some cases before and after.
#[derive(Clone, Debug)]
pub struct Audited {
    /// The design that was audited.
    pub design: Design,
    /// What was found.
    pub record: Arc<AuditRecord>,
    /// What was done to the images of each arm.
    pub done: Vec<Done>,
    /// Side of all images in pixels.
    pub side_px: u32,
    /// Some cases, each arm as it came and as readers will see it.
    pub pairs: Vec<Pair>,
    /// The case that is shown.
    pub shown: usize,
}

/// The images of one case: by arm, as it came and as readers will see it.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The case's id.
    pub case: String,
    /// Arm, before, after.
    pub images: Vec<(String, Arc<GrayImage>, Arc<GrayImage>)>,
}

/// The hashes of files that were sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// The sealed study and its hash.
    pub study: (PathBuf, String),
    /// The key and its hash.
    pub key: (PathBuf, String),
}

/// A sealed study and how far its readers are. No score is among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The study's name.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// Hash of the study.
    pub hash: String,
    /// Each reader.
    pub readers: Vec<Reader>,
}

/// How far one reader is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The reader's code.
    pub code: String,
    /// Where the answers are, or would be.
    pub file: PathBuf,
    /// Answers that are locked, or one sentence why that is not known; `None` where there is no file.
    pub locked: Option<Result<usize, String>>,
    /// Trials of the plan.
    pub trials: usize,
    /// Whether a program answered.
    pub simulated: bool,
}

/// Analysed answers.
#[derive(Clone, Debug)]
pub struct Analysed {
    /// Answers with the key.
    pub joined: Arc<Joined>,
    /// All cases.
    pub whole: Arc<Analysis>,
    /// The cases with a finding, by its code; made when asked for.
    pub parts: BTreeMap<String, Arc<Analysis>>,
    /// The finding that is asked for.
    pub finding: Option<String>,
    /// The criterion that is shown.
    pub scale: usize,
    /// Whether all cases where readers differ are shown.
    pub all_cases: bool,
    /// Images of the sealed study by case and arm; empty where the study is not there.
    pub pictures: BTreeMap<(String, usize), Arc<GrayImage>>,
}

impl Analysed {
    /// What is shown: all cases, or those with the chosen finding where they are analysed.
    pub fn shown(&self) -> &Arc<Analysis> {
        self.finding.as_ref().and_then(|finding| self.parts.get(finding)).unwrap_or(&self.whole)
    }
}

/// Work in progress.
#[derive(Clone, Debug)]
pub struct Busy {
    /// What is done.
    pub what: String,
    /// So much of it.
    pub done: usize,
    /// Of so much; 0 where that is not known.
    pub of: usize,
    /// Stops it.
    pub stop: Cancel,
    /// When this part of it began, for the time left.
    pub since: std::time::Instant,
}

/// What the room knows.
#[derive(Debug)]
pub struct State {
    /// The step that is shown.
    pub tab: Tab,
    /// Whether the room was opened before.
    pub begun: bool,
    /// The design.
    pub design: Design,
    /// Whether it differs from its file.
    pub changed: bool,
    /// Designs before, for taking changes back.
    pub past: Vec<Design>,
    /// Which change is the newest.
    pub newest: Arc<AtomicU64>,
    /// What the newest check found; `None` while the first one runs.
    pub checked: Option<Checked>,
    /// The paths.
    pub paths: Paths,
    /// Name of the next arm of runs.
    pub arm: String,
    /// The estimate of power, and the cases it was asked for; the second is what 80 % need.
    pub power: Option<(Power, Option<Power>)>,
    /// The audit.
    pub audit: Option<Audited>,
    /// The audit before the settings were changed, for a comparison.
    pub audit_before: Option<Arc<AuditRecord>>,
    /// Why the study is sealed without an audit, or although something leaks.
    pub reason: String,
    /// What was sealed.
    pub sealed: Option<Hashes>,
    /// The study that is read.
    pub reading: Option<Reading>,
    /// Whether a reading window is open.
    pub kiosk: bool,
    /// Files of answers that are joined.
    pub answers: Vec<PathBuf>,
    /// The analysis.
    pub analysis: Option<Analysed>,
    /// Work in progress.
    pub busy: Option<Busy>,
    /// What the last work said, by step.
    pub said: BTreeMap<u8, Result<String, String>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tab: Tab::Build,
            begun: false,
            design: fresh(),
            changed: false,
            past: Vec::new(),
            newest: Arc::default(),
            checked: None,
            paths: Paths::default(),
            arm: String::new(),
            power: None,
            audit: None,
            audit_before: None,
            reason: String::new(),
            sealed: None,
            reading: None,
            kiosk: false,
            answers: Vec::new(),
            analysis: None,
            busy: None,
            said: BTreeMap::new(),
        }
    }
}

impl State {
    /// The folder that the design lies in.
    pub fn folder(&self) -> &Path {
        self.paths.design.parent().unwrap_or(Path::new(""))
    }

    /// The audit, where it was made of the design as it is.
    pub fn fitting_audit(&self) -> Option<&Audited> {
        let same = |audit: &&Audited| {
            let (a, b) = (&audit.design, &self.design);
            (&a.images, a.seed, &a.cases, &a.arms, a.paired) == (&b.images, b.seed, &b.cases, &b.arms, b.paired)
        };
        self.audit.as_ref().filter(same)
    }

    /// Whether nothing was begun yet.
    pub fn is_empty(&self) -> bool {
        self.design == fresh() && self.analysis.is_none() && self.reading.is_none()
    }
}

/// A design of which only the template is chosen.
pub fn fresh() -> Design {
    Design {
        format: FORMAT,
        title: "Reader study".to_owned(),
        template: Template::ReportAlignment,
        question: None,
        criteria: Vec::new(),
        seed: 20_251,
        readers: vec!["R1".to_owned(), "R2".to_owned()],
        arms: Vec::new(),
        real: None,
        paired: true,
        cases: PathBuf::new(),
        consent: "You will read chest radiographs, some or all of which were made by a program.\n\
                  The time that each answer takes is stored with it."
            .to_owned(),
        images: Settings::default(),
        display: DisplaySettings::default(),
        plan: PlanSettings::default(),
        power: None,
    }
}
