//! Work of the room on threads of its own.

mod audit;
mod cases;
mod design;
mod dialogs;
mod example;
mod join;
mod seal;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use engine::cancel::Cancel;
use engine::domain::GrayImage;
use study::analysis::Analysis;
use study::design::Design;
use study::join::Joined;
use study::power::Power;
use study::prepare::AuditRecord;

use super::state::{Audited, Checked, Field, Hashes, Paths, Reading, Tab};
use crate::jobs::panic_sentence;
use crate::library::RunId;
use dialogs::Dialog;

/// Images of cases by case and place of the arm.
pub type Pictures = Vec<((String, usize), Arc<GrayImage>)>;

/// What a thread is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// Check a design and plan it; `asked` must still be the newest change when it is done.
    Check {
        /// The design.
        design: Box<Design>,
        /// The folder that it lies in.
        folder: PathBuf,
        /// Which change it is.
        asked: u64,
        /// The newest change.
        newest: Arc<AtomicU64>,
    },
    /// Read a design.
    Open(PathBuf),
    /// Write a design.
    Save(PathBuf, Box<Design>),
    /// Read the names of the arms from a table of cases.
    Arms(PathBuf),
    /// Make runs an arm: the design's file, the design, the arm, the runs.
    Runs(PathBuf, Box<Design>, String, Vec<RunId>),
    /// Estimate power for a number of cases.
    Power(Box<Design>, usize, Cancel),
    /// Audit a design in a folder.
    Audit(Box<Design>, PathBuf, Cancel),
    /// Seal a design.
    Seal(Box<seal::Order>),
    /// Look at a study and the answers beside it.
    Look(PathBuf),
    /// Open the reading window on a study, for a reader where one is named.
    Kiosk(PathBuf, Option<String>),
    /// Join a study, its key and answers, analyse them, and keep what was joined.
    Join(Box<Paths>, Vec<PathBuf>, Cancel),
    /// Analyse joined answers; with the study and its key for pictures.
    OpenJoined(PathBuf, PathBuf, PathBuf),
    /// Analyse the cases with a finding; with the study and its key for pictures.
    Part(Arc<Joined>, String, PathBuf, PathBuf),
    /// Write the long table and its dictionary into a folder.
    Table(Arc<Joined>, PathBuf),
    /// Write the report into a folder.
    Report(Arc<Joined>, Arc<Analysis>, PathBuf, Cancel),
    /// Make a small study with simulated readers below a folder.
    Example(PathBuf, Cancel),
    /// Ask for a path in the system's dialog.
    Pick(Field),
}

pub use seal::Order;

/// What a thread has to say.
#[derive(Debug)]
pub enum News {
    /// A design was checked.
    Checked(u64, Box<Checked>),
    /// A design was read.
    Opened(PathBuf, Box<Result<Design, String>>),
    /// A design was written.
    Saved(PathBuf, Box<Design>, Result<(), String>),
    /// The arms of a table, or why they are not known.
    Arms(Result<Vec<String>, String>),
    /// Runs became an arm: the table, its arms, and a sentence.
    Added(Result<(PathBuf, Vec<String>, String), String>),
    /// Power for the cases of the study, and the cases that 80 % need.
    Power(Result<(Power, Option<Power>), String>),
    /// An audit is done, or one that lies beside the design was read.
    Audited(Box<Result<Audited, String>>),
    /// A study was sealed.
    Sealed(Result<Hashes, String>),
    /// A study was looked at: its file and its answers.
    Looked(PathBuf, Result<Reading, String>),
    /// A reading window ended, or could not be begun.
    Closed(Result<(), String>),
    /// Answers were joined and analysed.
    Joined(Box<Result<(Joined, Analysis, Pictures), String>>),
    /// The cases with a finding were analysed.
    Part(String, Box<Result<(Analysis, Pictures), String>>),
    /// Something was written, one sentence.
    Written(Result<String, String>),
    /// A small study was made.
    Example(Box<Result<Example, String>>),
    /// A path was chosen, or none.
    Picked(Field, Option<PathBuf>),
    /// How far the work is: part, done, of.
    Tick(String, usize, usize),
    /// A thread ended by itself, one sentence.
    Broken(Tab, String),
}

/// A small study with simulated readers, all steps done.
#[derive(Debug)]
pub struct Example {
    /// The file of the design.
    pub file: PathBuf,
    /// The design.
    pub design: Design,
    /// Its audit.
    pub audit: Audited,
    /// The sealed files.
    pub hashes: Hashes,
    /// Answers.
    pub answers: Vec<PathBuf>,
    /// The joined table.
    pub joined: Joined,
    /// What came out.
    pub analysis: Analysis,
    /// Images of cases.
    pub pictures: Pictures,
}

/// Runs the room's work.
pub struct Works {
    outbox: Sender<News>,
    inbox: Receiver<News>,
    wake: Arc<dyn Fn() + Send + Sync>,
    folder: PathBuf,
}

/// Tells the window something.
pub(super) type Tell<'a> = &'a dyn Fn(News);
/// Tells how far the work is; dropped when the window is behind.
pub(super) type Tick<'a> = &'a dyn Fn(&str, usize, usize);

impl Works {
    /// `folder` is the library's; `wake` is called after each piece of news.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (outbox, inbox) = bounded(256);
        Self { outbox, inbox, wake: Arc::new(wake), folder }
    }

    /// The next piece of news, if any.
    pub fn poll(&self) -> Option<News> {
        self.inbox.try_recv().ok()
    }

    /// Does something on a thread of its own.
    pub fn start(&self, work: Work) {
        let (outbox, wake, folder) = (self.outbox.clone(), Arc::clone(&self.wake), self.folder.clone());
        let tab = work.tab();
        // Dialogs are begun on this thread, as macOS wants it, and waited for on another.
        let dialog = if let Work::Pick(field) = &work { Some((*field, Dialog::begin(*field))) } else { None };
        let body = move || {
            let tell = |news: News| {
                if outbox.send(news).is_ok() {
                    wake();
                }
            };
            let tick = |part: &str, done: usize, of: usize| {
                if outbox.try_send(News::Tick(part.to_owned(), done, of)).is_ok() {
                    wake();
                }
            };
            let done = catch_unwind(AssertUnwindSafe(|| match dialog {
                Some((field, dialog)) => tell(News::Picked(field, dialog.wait())),
                None => run(work, &folder, &tell, &tick),
            }));
            if let Err(payload) = done {
                tell(News::Broken(tab, panic_sentence(payload.as_ref())));
            }
        };
        if let Err(error) = thread::Builder::new().name("reading".to_owned()).spawn(body) {
            let why = format!("A thread for the reader study could not be started: {error}.");
            if self.outbox.try_send(News::Broken(tab, why)).is_err() {
                tracing::error!("a thread for the reader study could not be started: {error}");
            }
        }
    }
}

impl Work {
    /// The step whose sentence it ends with.
    fn tab(&self) -> Tab {
        match self {
            Self::Audit(..) => Tab::Audit,
            Self::Seal(..) => Tab::Seal,
            Self::Look(..) | Self::Kiosk(..) => Tab::Read,
            Self::Join(..) | Self::OpenJoined(..) => Tab::Join,
            Self::Part(..) | Self::Table(..) | Self::Report(..) => Tab::Analysis,
            _ => Tab::Build,
        }
    }
}

fn run(work: Work, library: &Path, tell: Tell<'_>, tick: Tick<'_>) {
    match work {
        Work::Check { design, folder, asked, newest } => {
            if let Some(checked) = design::check(&design, &folder, asked, &newest) {
                tell(News::Checked(asked, Box::new(checked)));
            }
        }
        Work::Open(path) => {
            let read = Design::read(&path).map_err(sentence);
            let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
            let kept = read.as_ref().ok().and_then(|design| audit::beside(design, &folder));
            tell(News::Opened(path, Box::new(read)));
            // An audit that was made before, here or by the headless program, is taken over.
            if let Some(kept) = kept {
                tell(News::Audited(Box::new(Ok(kept))));
            }
        }
        Work::Save(path, design) => {
            let saved = design::save(&path, &design);
            tell(News::Saved(path, design, saved));
        }
        Work::Arms(path) => tell(News::Arms(cases::arms_of(&path))),
        Work::Runs(file, design, arm, runs) => tell(News::Added(cases::add_runs(library, &file, &design, &arm, &runs))),
        Work::Power(design, cases, cancel) => tell(News::Power(design::estimate(&design, cases, &cancel, tick))),
        Work::Audit(design, folder, cancel) => {
            tell(News::Audited(Box::new(audit::audit(&design, &folder, &cancel, tick))));
        }
        Work::Seal(order) => tell(News::Sealed(seal::seal(&order, tick))),
        Work::Look(path) => {
            let looked = seal::look(&path);
            tell(News::Looked(path, looked));
        }
        Work::Kiosk(path, reader) => tell(News::Closed(seal::kiosk(&path, reader.as_deref()))),
        Work::Join(paths, answers, cancel) => {
            let found = join::join(&paths.study, &paths.key, &answers, &cancel, tick);
            let kept = found.as_ref().map_or(Ok(()), |(joined, ..)| join::keep(joined, &paths.joined));
            tell(News::Joined(Box::new(found)));
            if let Err(why) = kept {
                tell(News::Written(Err(why)));
            }
        }
        Work::OpenJoined(path, study, key) => tell(News::Joined(Box::new(join::open(&path, &study, &key, tick)))),
        Work::Part(joined, finding, study, key) => {
            let part = join::part(&joined, &finding, &study, &key);
            tell(News::Part(finding, Box::new(part)));
        }
        Work::Table(joined, folder) => tell(News::Written(join::table(&joined, &folder))),
        Work::Report(joined, analysis, folder, cancel) => {
            tell(News::Written(join::report(&joined, &analysis, &folder, &cancel, tick)));
        }
        Work::Example(folder, cancel) => tell(News::Example(Box::new(example::make(&folder, &cancel, tick)))),
        Work::Pick(field) => tell(News::Picked(field, None)),
    }
}

/// The audit of a record alone, without pictures.
pub(super) fn of_record(design: &Design, record: AuditRecord) -> Audited {
    Audited { design: design.clone(), record: Arc::new(record), done: Vec::new(), side_px: 0, pairs: Vec::new(), shown: 0 }
}

/// An error of the study as a sentence: a capital and a full stop.
pub(super) fn sentence(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    // A path keeps its first letter.
    let begins = letters.next().filter(|first| first.is_lowercase() && text.split_whitespace().next().is_some_and(is_word));
    let text = match begins {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    };
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

fn is_word(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase())
}
