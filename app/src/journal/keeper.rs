//! The thread that keeps open cases on disk.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use engine::domain::GrayImage;
use engine::imageio::png;
use engine::store::atomic::{remove_leftovers, write_atomic};

use super::form;
use super::log::Log;
use super::tab_list::{self, TabList};
use crate::examples::Example;
use crate::state::history::{History, Record, Snapshot};
use crate::state::tabs::CaseId;

/// Commands that wait for the thread at most; more wait in the handle.
const COMMANDS: usize = 256;
/// How long a window that closes waits for the cases to be read.
const READING: Duration = Duration::from_secs(20);

/// A case that was read.
#[derive(Debug)]
pub struct LoadedCase {
    /// Its number.
    pub id: CaseId,
    /// The case as it was left.
    pub now: Arc<Snapshot>,
    /// Its journal.
    pub history: History,
    /// The example it came from.
    pub example: Option<Example>,
    /// Its place among the tabs, for a closed one.
    pub place: usize,
}

/// Everything that was read at start.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The case that was on the canvas.
    pub open: CaseId,
    /// Open cases in their order.
    pub cases: Vec<LoadedCase>,
    /// Closed cases.
    pub closed: Vec<LoadedCase>,
}

/// What the keeper has to say.
#[derive(Debug)]
pub enum News {
    /// The cases of the session before.
    Loaded(Box<Loaded>),
    /// Something could not be kept or read, in one sentence.
    Trouble(String),
    /// Nothing is kept and nothing was read, one sentence why.
    Unusable(String),
}

enum Command {
    Records(CaseId, Vec<Record>),
    Tabs(TabList),
    Forget(CaseId),
    Flush(Sender<()>),
}

/// A handle on the thread; dropping it waits until everything is written.
pub struct Keeper {
    commands: Option<Sender<Command>>,
    /// What a disk that is slow has not taken yet: the window does not wait, and no gesture is lost.
    backlog: VecDeque<Command>,
    news: Receiver<News>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread on a folder; `wake` is called after each piece of news.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(folder: PathBuf, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (commands, inbox) = bounded(COMMANDS);
        let (outbox, news) = bounded(64);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let tell = |news: News| {
                let told = match news {
                    // There may be more trouble than anybody reads.
                    News::Trouble(_) => outbox.try_send(news).is_ok(),
                    // Without these the window would keep nothing.
                    News::Loaded(_) | News::Unusable(_) => outbox.send(news).is_ok(),
                };
                if told {
                    wake();
                }
            };
            run(&folder, &inbox, &tell);
        })?;
        Ok(Self { commands: Some(commands), backlog: VecDeque::new(), news, thread: Some(thread) })
    }

    /// Adds what happened to a case.
    pub fn records(&mut self, case: CaseId, records: Vec<Record>) {
        self.send(Command::Records(case, records));
    }

    /// Keeps the list of tabs.
    pub fn tabs(&mut self, list: TabList) {
        self.send(Command::Tabs(list));
    }

    /// Removes a case for good.
    pub fn forget(&mut self, case: CaseId) {
        self.send(Command::Forget(case));
    }

    /// Waits until everything said so far is on disk.
    pub fn flush(&mut self) {
        let (done, wait) = bounded(1);
        self.send(Command::Flush(done));
        self.hand_over();
        // An ended thread drops its end: there is nothing to wait for.
        if wait.recv().is_err() {
            tracing::debug!("the journal's thread has ended");
        }
    }

    /// The next piece of news, if any.
    pub fn poll(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Waits until the cases are read, or cannot be.
    pub fn wait_for_news(&mut self) {
        let (done, wait) = bounded(1);
        self.send(Command::Flush(done));
        // The thread answers when it has told what it read.
        if wait.recv_timeout(READING).is_err_and(|e| e.is_timeout()) {
            tracing::warn!("the cases are still being read while the window closes");
        }
    }

    fn send(&mut self, command: Command) {
        self.backlog.push_back(command);
        let Some(commands) = &self.commands else { return };
        while let Some(next) = self.backlog.pop_front() {
            match commands.try_send(next) {
                Ok(()) => {}
                Err(TrySendError::Full(next)) => {
                    self.backlog.push_front(next);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => tracing::error!("the journal's thread has ended"),
            }
        }
    }

    /// Waits until the thread has taken everything.
    fn hand_over(&mut self) {
        let Some(commands) = &self.commands else { return };
        for next in self.backlog.drain(..) {
            if commands.send(next).is_err() {
                tracing::error!("the journal's thread has ended");
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Nobody listens any more, so the thread does not wait to be heard.
        self.news = crossbeam_channel::never();
        self.hand_over();
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread stopped in the middle");
        }
    }
}

struct Store {
    folder: PathBuf,
    logs: HashMap<CaseId, Log>,
    /// Cases whose trouble was told.
    told: Vec<CaseId>,
}

fn run(folder: &Path, inbox: &Receiver<Command>, tell: &dyn Fn(News)) {
    let lock = match prepare(folder) {
        Ok(lock) => lock,
        Err(error) => {
            let why = format!("Open cases are not kept this time: {error} ({}).", folder.display());
            tell(News::Unusable(why));
            // Whoever flushes is let go; nothing else is done.
            for command in inbox {
                drop(command);
            }
            return;
        }
    };
    let mut store = Store { folder: folder.to_owned(), logs: HashMap::new(), told: Vec::new() };
    let loaded = store.load(tell);
    tell(News::Loaded(Box::new(loaded)));
    while let Ok(first) = inbox.recv() {
        let mut touched = Vec::new();
        let mut waiting = Vec::new();
        let mut tabs = None;
        for command in std::iter::once(first).chain(inbox.try_iter()) {
            match command {
                Command::Records(case, records) => {
                    if let Err(error) = store.append(case, &records) {
                        store.trouble(case, &error, tell);
                    }
                    touched.push(case);
                }
                Command::Tabs(list) => tabs = Some(list),
                Command::Forget(case) => store.forget(case),
                Command::Flush(done) => waiting.push(done),
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for case in touched {
            if let Some(Err(error)) = store.logs.get(&case).map(Log::sync) {
                store.trouble(case, &error, tell);
            }
        }
        // The list comes last: what it names lies beside it.
        if let Some(list) = tabs
            && let Err(error) = tab_list::write(&store.folder, &list)
        {
            tell(News::Trouble(format!("The list of open cases cannot be kept: {error}.")));
        }
        waiting.into_iter().for_each(drop);
    }
    drop(lock);
}

/// Makes the folder and takes it: two windows must not write the same cases.
fn prepare(folder: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder.join("images"))?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    lock.try_lock().map_err(|_| io::Error::other("another window of the studio keeps its cases there"))?;
    remove_leftovers(folder).map_err(io::Error::other)?;
    remove_leftovers(&folder.join("images")).map_err(io::Error::other)?;
    Ok(lock)
}

impl Store {
    fn path(&self, case: CaseId) -> PathBuf {
        self.folder.join(format!("{case:016x}.journal"))
    }

    fn image_path(&self, hash: &str) -> PathBuf {
        self.folder.join("images").join(format!("{hash}.png"))
    }

    fn load(&mut self, tell: &dyn Fn(News)) -> Loaded {
        let list = match tab_list::read(&self.folder) {
            Ok(list) => list,
            Err(why) => {
                tell(News::Trouble(format!("The list of open cases cannot be read ({why}); every case that was found is open.")));
                TabList { cases: self.found().into_iter().map(|id| (id, None)).collect(), ..TabList::default() }
            }
        };
        let mut loaded = Loaded { open: list.open, ..Loaded::default() };
        let mut known: HashMap<String, Arc<GrayImage>> = HashMap::new();
        for (id, example) in list.cases {
            loaded.cases.extend(self.load_case(id, example, 0, &mut known, tell));
        }
        for (id, example, place) in list.closed {
            loaded.closed.extend(self.load_case(id, example, place, &mut known, tell));
        }
        // A case whose tab was not written before a crash.
        for id in self.found() {
            if !self.logs.contains_key(&id) {
                loaded.cases.extend(self.load_case(id, None, 0, &mut known, tell));
            }
        }
        self.remove_unused_images(&known);
        loaded
    }

    fn load_case(
        &mut self,
        id: CaseId,
        example: Option<Example>,
        place: usize,
        known: &mut HashMap<String, Arc<GrayImage>>,
        tell: &dyn Fn(News),
    ) -> Option<LoadedCase> {
        let path = self.path(id);
        if !path.exists() {
            return None;
        }
        let mut image = |hash: &str| {
            if let Some(image) = known.get(hash) {
                return Some(Arc::clone(image));
            }
            let image = Arc::new(png::read_gray(&self.image_path(hash)).ok()?);
            known.insert(hash.to_owned(), Arc::clone(&image));
            Some(image)
        };
        match Log::open(&path, &mut image) {
            Ok((log, found)) => {
                let name = log.chain.now().map_or_else(String::new, |s| s.document.name.clone());
                if let Some(copy) = found.copy {
                    let file = copy.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    tell(News::Trouble(format!(
                        "The journal of {name} was damaged; what was readable is open, the rest is in {file}."
                    )));
                }
                let case = log.chain.history().zip(log.chain.now().cloned());
                self.logs.insert(id, log);
                case.map(|(history, now)| LoadedCase { id, now, history, example, place })
            }
            Err(error) => {
                tell(News::Trouble(format!("A case could not be opened: {error} ({}).", path.display())));
                None
            }
        }
    }

    fn append(&mut self, case: CaseId, records: &[Record]) -> io::Result<()> {
        for record in records {
            if let Record::Begin(s) | Record::Push(s) | Record::Amend(s) = record {
                for (hash, image) in form::images(s) {
                    let path = self.image_path(&hash);
                    if !path.exists() {
                        let bytes = png::encode_gray16(&image, &[]).map_err(io::Error::other)?;
                        write_atomic(&path, &bytes).map_err(io::Error::other)?;
                    }
                }
            }
        }
        if !self.logs.contains_key(&case) {
            let (log, _) = Log::open(&self.path(case), &mut |_| None)?;
            self.logs.insert(case, log);
        }
        match self.logs.get_mut(&case) {
            Some(log) => log.append(records),
            None => Ok(()),
        }
    }

    fn forget(&mut self, case: CaseId) {
        self.logs.remove(&case);
        if let Err(error) = std::fs::remove_file(self.path(case)) {
            tracing::debug!("a closed case was not removed: {error}");
        }
    }

    fn trouble(&mut self, case: CaseId, error: &io::Error, tell: &dyn Fn(News)) {
        if !self.told.contains(&case) {
            self.told.push(case);
            tell(News::Trouble(format!(
                "The journal of a case cannot be written: {error}; save the image, what you do now may not be there after a restart."
            )));
        }
    }

    /// Every case that has a file, in the order of their numbers.
    fn found(&self) -> Vec<CaseId> {
        let names = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|e| e.path());
        let journals = names.filter(|p| p.extension().is_some_and(|e| e == "journal"));
        let mut ids: Vec<CaseId> = journals.filter_map(|p| CaseId::from_str_radix(p.file_stem()?.to_str()?, 16).ok()).collect();
        ids.sort_unstable();
        ids
    }

    /// Images that no journal names.
    fn remove_unused_images(&self, known: &HashMap<String, Arc<GrayImage>>) {
        for entry in std::fs::read_dir(self.folder.join("images")).into_iter().flatten().flatten() {
            let path = entry.path();
            let used = path.file_stem().and_then(|s| s.to_str()).is_some_and(|hash| known.contains_key(hash));
            // Only files named by a hash are ours to remove.
            let ours = path.file_stem().and_then(|s| s.to_str()).is_some_and(engine::store::hash::is_hash);
            if !used
                && ours
                && let Err(error) = std::fs::remove_file(&path)
            {
                tracing::debug!("an unused image was not removed: {error}");
            }
        }
    }
}
