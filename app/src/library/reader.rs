//! The thread that answers the window's questions about the library.
//!
//! It holds the [`Index`] and looks by itself whether another connection wrote; the window only ever takes finished
//! answers. Of several questions for the wall that wait, the last one is answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::details::{self, Details};
use super::diff::{self, Compared, Diff};
use super::index::Index;
use super::lineage::{self, Lineage};
use super::query::{self, Filter, Found, Order};
use super::{Change, Database, LibraryError, RunId, now_ms, runs};

/// Questions that wait at most.
const QUESTIONS: usize = 64;
/// Answers that wait for the window at most.
const ANSWERS: usize = 64;
/// How often it looks whether something was written.
const LOOK: Duration = Duration::from_millis(400);
/// How often all rows are read again at most.
const RELOAD: Duration = Duration::from_secs(3);
/// How often the size of the store is counted at most.
const COUNT_STORE: Duration = Duration::from_secs(30);

/// What the window asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// The wall for a filter and an order.
    Find(Filter, Order),
    /// Some runs were marked: the wall again.
    Changed(Vec<RunId>),
    /// Change some runs.
    Change(Vec<RunId>, Change),
    /// Something about some runs.
    About(Inquiry),
}

/// A question about some runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Inquiry {
    /// All of one run, and what it differs in from another.
    Inspect {
        /// The run.
        id: i64,
        /// The other one; its parent when none is named.
        against: Option<i64>,
    },
    /// The records of some runs, for what is done with them.
    Files(Vec<i64>, Purpose),
}

/// What files are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be restored in a new tab.
    Restore,
    /// To take the seed over.
    RecallSeed,
    /// To take the text over.
    RecallText,
    /// To take the layers over.
    RecallLayers,
    /// To copy the command lines.
    Command,
    /// To be made again and compared.
    Verify,
    /// To be exported.
    Export,
    /// To be seen side by side.
    Compare,
}

/// The wall as it is now.
#[derive(Clone, Debug, Default)]
pub struct Wall {
    /// All rows.
    pub index: Arc<Index>,
    /// What was found.
    pub found: Found,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// When it was answered, milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// Milliseconds that the person's clock is east of UTC.
    pub zone_ms: i64,
}

/// One run for the inspector.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// All that is known of it.
    pub details: Details,
    /// Its family.
    pub lineage: Lineage,
    /// The run it is compared with and what differs; A is the other one.
    pub diff: Option<(i64, Diff)>,
}

/// What the thread answers.
#[derive(Debug)]
pub enum Answer {
    /// The wall.
    Wall(Arc<Wall>),
    /// A run.
    Run(Box<Inspected>),
    /// Files that can be read, in the order asked for, and a sentence for each that cannot.
    Files(Vec<Details>, Vec<String>, Purpose),
    /// It cannot be answered, in one sentence.
    Failed(String),
}

/// A handle on the thread; dropping it ends the thread.
pub struct Reader {
    questions: Sender<Question>,
    answers: Receiver<Answer>,
}

impl Reader {
    /// Starts the thread on the library in `folder`. `wake` is called after each answer.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn spawn(folder: PathBuf, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (questions, inbox) = bounded(QUESTIONS);
        let (outbox, answers) = bounded(ANSWERS);
        let tell = move |answer: Answer| {
            let told = outbox.send(answer).is_ok();
            wake();
            told
        };
        thread::Builder::new().name("library reader".to_owned()).spawn(move || serve(&folder, &inbox, &tell))?;
        Ok(Self { questions, answers })
    }

    /// Asks; false when too much is waiting.
    pub fn ask(&self, question: Question) -> bool {
        !matches!(self.questions.try_send(question), Err(TrySendError::Full(_)))
    }

    /// The next answer, if any.
    pub fn poll(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

/// What the thread keeps between questions.
struct Desk {
    db: Database,
    index: Arc<Index>,
    version: i64,
    /// Whether rows that are known may have changed.
    stale: bool,
    loaded: Instant,
    /// Whether the last look failed.
    troubled: bool,
    asked: Option<(Filter, Order)>,
    store: Option<(Instant, u64)>,
}

fn serve(folder: &Path, inbox: &Receiver<Question>, tell: &dyn Fn(Answer) -> bool) {
    let mut desk: Option<Desk> = None;
    loop {
        let mut waiting: Vec<Question> = match inbox.recv_timeout(LOOK) {
            Ok(question) => vec![question],
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        waiting.extend(inbox.try_iter());
        if desk.is_none() && !waiting.is_empty() {
            match Desk::open(folder) {
                Ok(opened) => desk = Some(opened),
                Err(error) => {
                    if !tell(Answer::Failed(crate::jobs::sentence(&error.into()))) {
                        return;
                    }
                    continue;
                }
            }
        }
        let Some(desk) = desk.as_mut() else { continue };
        let mut answers = Vec::new();
        // Questions for the wall are answered once, by the last of them.
        let mut find = false;
        let (mut inquiries, mut marked) = (Vec::new(), Vec::new());
        for question in waiting {
            match question {
                Question::Find(filter, order) => {
                    desk.asked = Some((filter, order));
                    find = true;
                }
                Question::Changed(ids) => {
                    marked.extend(ids);
                    find = true;
                }
                Question::Change(ids, change) => match runs::change(&mut desk.db, &ids, &change) {
                    Ok(_) => {
                        marked.extend(ids);
                        find = true;
                    }
                    Err(error) => answers.push(failed(error)),
                },
                Question::About(inquiry) => inquiries.push(inquiry),
            }
        }
        match desk.look(&marked) {
            Ok(changed) => {
                find |= changed;
                desk.troubled = false;
            }
            // It looks again and again: the same trouble is told once.
            Err(error) => {
                if !std::mem::replace(&mut desk.troubled, true) {
                    answers.push(failed(error));
                }
            }
        }
        if find {
            answers.extend(desk.wall().unwrap_or_else(|e| Some(failed(e))));
        }
        for question in inquiries {
            // Files come from anywhere; whatever a reader of theirs does, the thread goes on.
            let answered = catch_unwind(AssertUnwindSafe(|| desk.answer(question)));
            answers.push(match answered {
                Ok(answer) => answer.unwrap_or_else(failed),
                Err(payload) => Answer::Failed(crate::jobs::panic_sentence(payload.as_ref())),
            });
        }
        for answer in answers {
            if !tell(answer) {
                return;
            }
        }
    }
}

fn failed(error: LibraryError) -> Answer {
    Answer::Failed(crate::jobs::sentence(&error.into()))
}

impl Desk {
    fn open(folder: &Path) -> Result<Self, LibraryError> {
        let db = Database::open(folder)?;
        let version = data_version(&db)?;
        let index = Arc::new(Index::load(&db.connection)?);
        Ok(Self { db, index, version, stale: false, loaded: Instant::now(), troubled: false, asked: None, store: None })
    }

    /// Takes in what others wrote; true when the wall changed. New runs are taken at once, and those that are known to
    /// be marked; the rest is read again no more often than it is worth.
    fn look(&mut self, marked: &[RunId]) -> Result<bool, LibraryError> {
        let mut changed = !marked.is_empty();
        if changed {
            Arc::make_mut(&mut self.index).read_again(&self.db.connection, marked)?;
        }
        let version = data_version(&self.db)?;
        if version != self.version {
            self.version = version;
            self.stale = true;
            changed |= Arc::make_mut(&mut self.index).add_new(&self.db.connection)?;
        }
        if self.stale && self.loaded.elapsed() > RELOAD {
            (self.stale, self.loaded) = (false, Instant::now());
            let again = Index::load(&self.db.connection)?;
            changed |= again.rows() != self.index.rows();
            self.index = Arc::new(again);
        }
        Ok(changed)
    }

    fn wall(&mut self) -> Result<Option<Answer>, LibraryError> {
        let Some((filter, order)) = &self.asked else { return Ok(None) };
        let (now_ms, zone_ms) = (now_ms(), zone_ms(&self.db)?);
        let found = query::find(&self.db.connection, &self.index, filter, *order, now_ms, zone_ms)?;
        let store_bytes = match self.store {
            Some((when, bytes)) if when.elapsed() < COUNT_STORE => bytes,
            _ => {
                let bytes = details::store_bytes(&self.db.folder);
                self.store = Some((Instant::now(), bytes));
                bytes
            }
        };
        Ok(Some(Answer::Wall(Arc::new(Wall { index: Arc::clone(&self.index), found, store_bytes, now_ms, zone_ms }))))
    }

    fn details(&self, id: i64) -> Result<Option<Details>, LibraryError> {
        details::details(&self.db.connection, &self.db.folder, id)
    }

    fn answer(&self, question: Inquiry) -> Result<Answer, LibraryError> {
        match question {
            Inquiry::Inspect { id, against } => {
                let Some(details) = self.details(id)? else {
                    return Ok(Answer::Failed(format!("There is no run {id} in the library.")));
                };
                let lineage = lineage::lineage(&self.db.connection, id)?;
                let other = against.or(details.row.parent_run).filter(|other| *other != id);
                let other = other.map(|other| self.details(other)).transpose()?.flatten();
                let diff = other.and_then(|a| {
                    let (ra, rb) = (a.record.as_ref().ok()?, details.record.as_ref().ok()?);
                    let of = |record, adherence| Compared { record, adherence };
                    Some((a.row.id, diff::diff(of(ra, a.row.adherence), of(rb, details.row.adherence))))
                });
                Ok(Answer::Run(Box::new(Inspected { details, lineage, diff })))
            }
            Inquiry::Files(ids, purpose) => {
                let (mut readable, mut sentences) = (Vec::new(), Vec::new());
                for id in ids {
                    match self.details(id)? {
                        Some(Details { record: Err(why), .. }) => sentences.push(format!("Run {id}: {why}")),
                        Some(details) => readable.push(details),
                        None => sentences.push(format!("There is no run {id} in the library.")),
                    }
                }
                Ok(Answer::Files(readable, sentences, purpose))
            }
        }
    }
}

/// Milliseconds that the person's clock is east of UTC now, as SQLite knows it of the system.
fn zone_ms(db: &Database) -> Result<i64, LibraryError> {
    let sql = "SELECT CAST(round((julianday('now', 'localtime') - julianday('now')) * 86400) AS INTEGER)";
    let secs: i64 = db.connection.query_row(sql, [], |r| r.get(0)).map_err(LibraryError::sql("cannot be read"))?;
    Ok(secs * 1000)
}

/// Counts the commits of other connections.
fn data_version(db: &Database) -> Result<i64, LibraryError> {
    db.connection.pragma_query_value(None, "data_version", |r| r.get(0)).map_err(LibraryError::sql("cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sample, library};
    use super::*;

    fn next(reader: &Reader) -> Answer {
        let began = Instant::now();
        loop {
            if let Some(answer) = reader.poll() {
                return answer;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no answer");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn the_wall_follows_what_others_write() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        Sample::default().insert(&db);
        let reader = Reader::spawn(dir.path().to_path_buf(), || {}).expect("a thread");
        assert!(reader.ask(Question::Find(Filter::default(), Order::Newest)));
        let Answer::Wall(wall) = next(&reader) else { panic!("a wall is answered") };
        assert_eq!(wall.found.ids, [1]);
        Sample::default().insert(&db);
        let Answer::Wall(wall) = next(&reader) else { panic!("it looks by itself") };
        assert_eq!((wall.found.ids.as_slice(), wall.index.rows().len()), ([2, 1].as_slice(), 2));
        assert!(wall.store_bytes > 0);
        db.connection.execute("UPDATE runs SET mark = 'star' WHERE id = 1", []).expect("a mark");
        assert!(reader.ask(Question::Changed(vec![1])));
        let Answer::Wall(wall) = next(&reader) else { panic!("a mark shows at once") };
        assert_eq!(wall.found.facets.states[0], 1);
        db.connection.execute("UPDATE runs SET mark = 'reject' WHERE id = 2", []).expect("a mark of another program");
        let Answer::Wall(wall) = next(&reader) else { panic!("it is found later") };
        assert_eq!(wall.found.facets.states[1], 1);
    }

    #[test]
    fn runs_without_a_file_are_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        Sample::default().insert(&db);
        let reader = Reader::spawn(dir.path().to_path_buf(), || {}).expect("a thread");
        assert!(reader.ask(Question::About(Inquiry::Inspect { id: 1, against: None })));
        let Answer::Run(run) = next(&reader) else { panic!("a run is answered") };
        assert!(run.details.record.is_err() && run.diff.is_none() && run.lineage.nodes.len() == 1);
        assert!(reader.ask(Question::About(Inquiry::Files(vec![1, 8], Purpose::Restore))));
        let Answer::Files(readable, sentences, Purpose::Restore) = next(&reader) else { panic!("files are answered") };
        assert!(readable.is_empty());
        assert!(sentences[0].starts_with("Run 1:") && sentences[1].contains("no run 8"), "{sentences:?}");
        assert!(reader.ask(Question::About(Inquiry::Inspect { id: 8, against: None })));
        assert!(matches!(next(&reader), Answer::Failed(why) if why.contains("no run 8")));
    }

    #[test]
    fn a_library_that_cannot_be_opened_is_told_each_time() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join(super::super::db::FILE_NAME), vec![7; 9000]).expect("a foreign file");
        let reader = Reader::spawn(dir.path().to_path_buf(), || {}).expect("a thread");
        for _ in 0..2 {
            assert!(reader.ask(Question::Find(Filter::default(), Order::Newest)));
            assert!(matches!(next(&reader), Answer::Failed(why) if why.starts_with("The library")));
        }
    }
}
