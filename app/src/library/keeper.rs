//! The thread through which the window speaks to the library: commands go in, news come out.
//!
//! It opens the library, takes it for this window, brings the queue of the last session back, and from then on writes
//! what the person decides. A panic becomes a sentence and the thread goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::jobs::{self, Counts, NewGroup};
use super::owner::Owner;
use super::rows::{JobId, JobRow, RunId, RunRow};
use super::runs::{self, Change, NewRun};
use super::{Database, LibraryError, now_ms, transfer};
use crate::jobs::{Opened, files, panic_sentence, sentence};

/// Commands that wait at most.
const COMMANDS: usize = 256;
/// News that wait for the window at most.
const NEWS: usize = 1024;
/// Ended jobs that are told at start.
const ENDED: usize = 64;
/// How long a window that closes waits for what is being written.
const CLOSING: Duration = Duration::from_secs(8);
/// How often a library that another window is just leaving is asked for, and how long between.
const KNOCKS: (usize, Duration) = (20, Duration::from_millis(50));
/// Results of the last session that are shown again.
const RESULTS: usize = 12;

/// What the library is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Put jobs into the queue.
    Enqueue(NewGroup),
    /// Take back jobs that wait or are paused.
    Cancel(Vec<JobId>),
    /// Take back everything that waits; the news name it, so that it can be put back.
    Clear,
    /// Put cancelled jobs back where they were.
    PutBack(Vec<JobId>),
    /// Let failed jobs wait once more.
    Again(Vec<JobId>),
    /// Let paused jobs wait for their turn.
    Resume,
    /// Move jobs before another one, or to the end.
    Move(Vec<JobId>, Option<JobId>),
    /// Change runs.
    Change(Vec<RunId>, Change),
    /// Put runs without a job into the library, such as imported ones.
    Add(Vec<NewRun>),
    /// Write everything that waits into a file, one job a line.
    Export(PathBuf),
    /// Put the jobs of such a file into the queue.
    Import(PathBuf),
    /// Tell how long a step takes with a model and a size, from earlier runs.
    Pace(String, u32),
    /// Tell the queue as it is.
    Look,
    /// Tell how many jobs there are of each kind.
    Count,
}

/// What the library tells.
#[derive(Debug)]
pub enum News {
    /// It is open and belongs to this window.
    Opened(Box<AtStart>),
    /// It cannot be used, one sentence.
    Unusable(String),
    /// Jobs that were added or changed.
    Jobs(Vec<JobRow>),
    /// Jobs that were just put into the queue, as a group.
    Enqueued(Vec<JobRow>),
    /// Jobs that were paused and wait for their turn now; the queue may go on.
    Resumed(Vec<JobRow>),
    /// Jobs that were taken back by one command.
    Cleared(Vec<JobRow>),
    /// Runs that were added or changed.
    Runs(Vec<RunRow>),
    /// So many jobs were written into a file.
    Exported(usize, PathBuf),
    /// Seconds a step takes with a model and a size; `None` before the first run.
    Pace(String, u32, Option<f64>),
    /// How many jobs there are of each kind.
    Counts(Counts),
    /// A group or a file was not taken into the queue, one sentence why.
    NotEnqueued(String),
    /// Another command was refused, one sentence.
    Refused(String),
}

/// What there is when the library is opened.
#[derive(Debug)]
pub struct AtStart {
    /// Jobs whose image is still to come, in the order of the queue.
    pub open: Vec<JobRow>,
    /// The jobs that ended last, newest first.
    pub ended: Vec<JobRow>,
    /// How many jobs there are of each kind.
    pub counts: Counts,
    /// The newest runs whose files could be read, newest first.
    pub results: Vec<(RunRow, Opened)>,
    /// The library's folder.
    pub folder: PathBuf,
}

/// A handle on the library's thread.
#[derive(Debug)]
pub struct Keeper {
    /// Gone when the window closes, which ends the thread.
    commands: Option<Sender<Command>>,
    news: Receiver<News>,
    ended: Receiver<()>,
}

impl Keeper {
    /// Starts the thread on the library in `folder`; `wake` is called after each piece of news.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn spawn(folder: PathBuf, wake: impl Fn() + Send + 'static) -> anyhow::Result<Self> {
        let (commands, inbox) = bounded(COMMANDS);
        let (outbox, news) = bounded(NEWS);
        let (ending, ended) = bounded(0);
        let tell = move |news: News| {
            let told = outbox.send(news).is_ok();
            wake();
            told
        };
        thread::Builder::new()
            .name("library".to_owned())
            .spawn(move || {
                keep(&folder, &inbox, &tell);
                drop(ending);
            })
            .context("the library's thread could not be started")?;
        Ok(Self { commands: Some(commands), news, ended })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When the library is not open or too much is waiting.
    pub fn send(&self, command: Command) -> anyhow::Result<()> {
        let sent = self.commands.as_ref().map(|commands| commands.try_send(command));
        sent.filter(Result::is_ok)
            .map(drop)
            .ok_or_else(|| anyhow::anyhow!("the library takes nothing more now; start the studio again, your files are saved"))
    }

    /// The next piece of news, if any.
    pub fn poll(&self) -> Option<News> {
        self.news.try_recv().ok()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.commands = None;
        // What was asked for is written before the library is given up.
        if self.ended.recv_timeout(CLOSING).is_err_and(|e| e.is_timeout()) {
            tracing::warn!("the library is still being written while the window closes");
        }
    }
}

fn keep(folder: &Path, inbox: &Receiver<Command>, tell: &dyn Fn(News) -> bool) {
    let opened = catch_unwind(AssertUnwindSafe(|| open(folder)));
    let (mut db, _owner) = match opened {
        Ok(Ok((db, owner, start))) => {
            if !tell(News::Opened(Box::new(start))) {
                return;
            }
            (db, owner)
        }
        Ok(Err(error)) => {
            tell(News::Unusable(sentence(&error.into())));
            return;
        }
        Err(payload) => {
            tell(News::Unusable(panic_sentence(payload.as_ref())));
            return;
        }
    };
    for command in inbox {
        let enqueues = matches!(command, Command::Enqueue(_) | Command::Import(_));
        let refused = |why| if enqueues { News::NotEnqueued(why) } else { News::Refused(why) };
        let news = match catch_unwind(AssertUnwindSafe(|| obey(&mut db, command))) {
            Ok(Ok(news)) => news,
            Ok(Err(error)) => (refused(sentence(&error)), Vec::new()),
            Err(payload) => (refused(panic_sentence(payload.as_ref())), Vec::new()),
        };
        let (news, marked) = news;
        let counts = matches!(news, News::Jobs(_) | News::Enqueued(_) | News::Cleared(_) | News::Resumed(_))
            .then(|| jobs::counts(&db.connection));
        let told = tell(news) && (marked.is_empty() || tell(News::Runs(marked)));
        if !told || matches!(counts, Some(Ok(counts)) if !tell(News::Counts(counts))) {
            return;
        }
    }
}

fn take(folder: &Path) -> Result<Owner, LibraryError> {
    for _ in 1..KNOCKS.0 {
        match Owner::take(folder) {
            Err(LibraryError::InUse { .. }) => thread::sleep(KNOCKS.1),
            other => return other,
        }
    }
    Owner::take(folder)
}

fn open(folder: &Path) -> Result<(Database, Owner, AtStart), LibraryError> {
    let owner = take(folder)?;
    let mut db = Database::open(folder)?;
    jobs::recover(&mut db)?;
    let newest = runs::newest(&db.connection, RESULTS)?;
    let results = newest.into_iter().filter_map(|run| {
        // A file that was moved away is missed where it is asked for by name.
        let opened = files::open(&runs::path(folder, &run)).ok()?;
        Some((run, opened))
    });
    let start = AtStart {
        open: jobs::open(&db.connection)?,
        ended: jobs::ended(&db.connection, ENDED)?,
        counts: jobs::counts(&db.connection)?,
        results: results.collect(),
        folder: folder.to_path_buf(),
    };
    Ok((db, owner, start))
}

/// Does what is asked; gives the news, and runs that a rule marked because of it.
fn obey(db: &mut Database, command: Command) -> anyhow::Result<(News, Vec<RunRow>)> {
    let now = now_ms();
    let mut marked = Vec::new();
    let news = match command {
        Command::Enqueue(group) => News::Enqueued(jobs::enqueue(db, &group, now)?),
        Command::Cancel(ids) => {
            let ended = jobs::cancel(db, &ids, now)?;
            marked = ended.marked;
            News::Jobs(ended.jobs)
        }
        Command::Clear => {
            let ids: Vec<JobId> = jobs::open(&db.connection)?.iter().map(|row| row.id).collect();
            let ended = jobs::cancel(db, &ids, now)?;
            marked = ended.marked;
            News::Cleared(ended.jobs)
        }
        Command::PutBack(ids) => News::Jobs(jobs::put_back(db, &ids)?),
        Command::Again(ids) => News::Jobs(jobs::again(db, &ids)?),
        Command::Resume => News::Resumed(jobs::resume(db)?),
        Command::Move(ids, before) => News::Jobs(jobs::move_before(db, &ids, before)?),
        Command::Change(ids, change) => News::Runs(runs::change(db, &ids, &change)?),
        Command::Add(new) => {
            let added = new.iter().map(|run| runs::add(db, run));
            News::Runs(added.collect::<Result<_, _>>()?)
        }
        Command::Export(path) => {
            let written = transfer::export(&db.connection, &path)?;
            News::Exported(written, path)
        }
        Command::Import(path) => {
            let group = transfer::import(&path)?;
            News::Enqueued(jobs::enqueue(db, &group, now)?)
        }
        Command::Look => {
            let mut rows = jobs::ended(&db.connection, ENDED)?;
            rows.reverse();
            rows.extend(jobs::open(&db.connection)?);
            News::Jobs(rows)
        }
        Command::Count => News::Counts(jobs::counts(&db.connection)?),
        Command::Pace(model_hash, size_px) => {
            let pace = runs::secs_per_step(&db.connection, &model_hash, size_px)?;
            News::Pace(model_hash, size_px, pace)
        }
    };
    Ok((news, marked))
}
