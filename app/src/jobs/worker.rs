//! The thread that owns the model and works on the queue.
//!
//! It takes one job after the other from the library, tells the window each step, saves each image and puts it into the
//! library before it says that it is done. The window speaks to it by wishes that it reads between jobs, and by a handle
//! on the job in progress that counts within a step. A panic in the engine becomes a failed job. Dropping the [`Worker`]
//! keeps the job in progress on disk, where its model can, and ends the thread.

mod job;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, bounded};
use engine::cancel::Cancel;
use engine::domain::{GenerateRequest, GrayImage, LatentValues};
use engine::pipeline::AttentionMap;

use super::outbox::Outbox;
use super::{Artifact, Card, Generator, Opener, panic_sentence, sentence};
use crate::library::{Database, JobId, JobRow, RunRow, jobs, now_ms};

/// How long a window that closes waits for the step in progress, so that the run can be kept.
const CLOSING: Duration = Duration::from_secs(8);

/// How long the window has to let go of a model before another is opened.
const LET_GO: Duration = Duration::from_secs(3);

/// What the worker tells the window.
pub enum Event {
    /// Weights are being read.
    Loading(Instant),
    /// The model can be used.
    Ready(Arc<dyn Generator>),
    /// The model cannot be used.
    OpenFailed(String),
    /// The model's memory is free; it is read again when the queue goes on.
    Unloaded(Box<Card>),
    /// A run begins, or goes on from where it was kept.
    Started {
        /// Its row.
        row: Box<JobRow>,
        /// What is asked for.
        request: Box<GenerateRequest>,
        /// Stops it.
        cancel: Cancel,
    },
    /// Text and condition are ready.
    Steps {
        /// Of which run.
        job: JobId,
        /// Steps in all.
        of: usize,
    },
    /// A step is done.
    Step {
        /// Of which run.
        job: JobId,
        /// Which, from 1.
        step: usize,
        /// Steps in all.
        of: usize,
        /// The predicted clean image.
        preview: Arc<GrayImage>,
        /// The latents that the next step begins with.
        latent: Option<LatentValues>,
        /// Seconds since the run began.
        elapsed_secs: f64,
    },
    /// Where the words acted in the step just told.
    Attention(JobId, Arc<AttentionMap>),
    /// A run is paused: kept on disk, or, where its model cannot keep it, waiting in memory.
    Paused {
        /// Its row.
        row: Box<JobRow>,
        /// Whether it waits in memory, with one sentence why.
        in_memory: Option<String>,
    },
    /// A run that waited in memory goes on.
    Resumed(JobId),
    /// An image is made, saved and in the library.
    Done {
        /// Its run.
        run: Box<RunRow>,
        /// The image with its record.
        artifact: Arc<Artifact>,
        /// Jobs that changed: the finished one first, then those that its rule added.
        jobs: Vec<JobRow>,
        /// Further runs that changed, because a rule marked them.
        marked: Vec<RunRow>,
    },
    /// A run stopped because it was asked to.
    Cancelled(Box<JobRow>, Vec<RunRow>),
    /// A run failed; its row says why.
    Failed(Box<JobRow>, Vec<RunRow>),
    /// Jobs that changed by themselves.
    Jobs(Vec<JobRow>),
    /// The queue stopped, one sentence why.
    Stuck(String),
    /// News were left out because the window did not look; the library knows them.
    Missed,
}

/// What the window wants; read between jobs.
#[derive(Default)]
struct Wishes {
    /// The library, once it belongs to this window.
    folder: Option<PathBuf>,
    /// No further job is taken.
    held: bool,
    /// The model's memory is wanted back.
    free: bool,
    /// A model to be opened instead.
    opener: Option<Opener>,
    /// The job in progress.
    current: Option<(JobId, Cancel)>,
    /// Jobs to be stopped that were not yet in progress when that was asked.
    unwanted: BTreeSet<JobId>,
    /// The window closes.
    closing: bool,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Wishes>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle on the worker thread.
pub struct Worker {
    shared: Shared,
    nudge: Sender<()>,
    outbox: Outbox,
    ended: Receiver<()>,
}

impl Worker {
    /// Starts the thread; it opens the model first and takes jobs once it is given a library.
    ///
    /// `wake` is called after each event so that the window draws it.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn spawn(opener: Opener, wake: impl Fn() + Send + Sync + 'static) -> anyhow::Result<Self> {
        let (nudge, inbox) = bounded(1);
        let (ending, ended) = bounded(0);
        let (shared, outbox) = (Shared::default(), Outbox::new(wake));
        let (wishes, out) = (shared.clone(), outbox.clone());
        thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || {
                Thread { shared: wishes, inbox, out, opener, model: Model::None, library: None }.run();
                drop(ending);
            })
            .context("the engine thread could not be started")?;
        Ok(Self { shared, nudge, outbox, ended })
    }

    /// Gives the library whose queue it works on; the queue is held until [`Worker::go`] if `held`.
    pub fn work_on(&self, folder: PathBuf, held: bool) {
        {
            let mut wishes = self.shared.lock();
            wishes.folder = Some(folder);
            wishes.held |= held;
        }
        self.nudge();
    }

    /// There is something new in the queue.
    pub fn nudge(&self) {
        // A full channel holds a nudge already.
        if self.nudge.try_send(()).is_err() {
            tracing::trace!("the worker was nudged already");
        }
    }

    /// Stops the queue: the job in progress pauses after its step. `free` gives the model's memory back too.
    pub fn hold(&self, free: bool) {
        {
            let mut wishes = self.shared.lock();
            wishes.held = true;
            wishes.free |= free;
            if let Some((_, cancel)) = &wishes.current {
                cancel.pause();
            }
        }
        self.nudge();
    }

    /// Lets the queue go on.
    pub fn go(&self) {
        {
            let mut wishes = self.shared.lock();
            wishes.held = false;
            wishes.free = false;
            if let Some((_, cancel)) = &wishes.current {
                cancel.resume();
            }
        }
        self.nudge();
    }

    /// Stops a job within its step, or as soon as it begins.
    pub fn cancel(&self, job: JobId) {
        let mut wishes = self.shared.lock();
        wishes.unwanted.insert(job);
        if let Some((_, cancel)) = wishes.current.as_ref().filter(|(current, _)| *current == job) {
            cancel.cancel();
        }
    }

    /// A job that was to be stopped may run again.
    pub fn allow(&self, job: JobId) {
        self.shared.lock().unwanted.remove(&job);
    }

    /// Asks for another model, after the run in progress; the old one's memory is given back first.
    ///
    /// # Errors
    /// When the worker is gone.
    pub fn open(&self, opener: Opener) -> anyhow::Result<()> {
        self.shared.lock().opener = Some(opener);
        match self.nudge.try_send(()) {
            Err(error) if error.is_disconnected() => {
                Err(anyhow::anyhow!("the engine takes no other model now; start the studio again, your files are saved"))
            }
            _ => Ok(()),
        }
    }

    /// The next event, if any.
    pub fn poll(&self) -> Option<Event> {
        self.outbox.take()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let busy = {
            let mut wishes = self.shared.lock();
            wishes.closing = true;
            wishes.held = true;
            wishes.current.as_ref().inspect(|(_, cancel)| cancel.pause()).is_some()
        };
        self.nudge();
        if busy && self.ended.recv_timeout(CLOSING).is_err_and(|e| e.is_timeout()) {
            // Its step is long: the run begins again at the next start.
            if let Some((_, cancel)) = &self.shared.lock().current {
                cancel.cancel();
            }
        }
    }
}

/// The model as the thread has it.
enum Model {
    /// Not opened yet.
    None,
    /// In memory.
    Loaded(Arc<dyn Generator>),
    /// Given back; opened again when there is work.
    Freed,
    /// Could not be opened.
    Failed,
}

struct Thread {
    shared: Shared,
    inbox: Receiver<()>,
    out: Outbox,
    opener: Opener,
    model: Model,
    library: Option<Database>,
}

impl Thread {
    fn run(mut self) {
        self.load();
        loop {
            let (closing, held, free, opener) = {
                let mut wishes = self.shared.lock();
                (wishes.closing, wishes.held, std::mem::take(&mut wishes.free), wishes.opener.take())
            };
            if closing {
                return;
            }
            if let Some(opener) = opener {
                self.opener = opener;
                self.out.tell(Event::Loading(Instant::now()));
                self.let_go();
                self.load();
            }
            if free {
                self.unload();
            }
            if !held && self.work() {
                continue;
            }
            if self.inbox.recv().is_err() {
                return;
            }
        }
    }

    fn load(&mut self) {
        self.out.tell(Event::Loading(Instant::now()));
        let opener = &self.opener;
        let opened = catch_unwind(AssertUnwindSafe(opener));
        let failed = match opened {
            Ok(Ok(model)) => {
                self.model = Model::Loaded(Arc::clone(&model));
                self.out.tell(Event::Ready(model));
                return;
            }
            Ok(Err(error)) => sentence(&error),
            Err(payload) => panic_sentence(payload.as_ref()),
        };
        self.model = Model::Failed;
        self.out.tell(Event::OpenFailed(failed));
    }

    fn unload(&mut self) {
        if let Model::Loaded(model) = &self.model {
            let card = Box::new(model.card().clone());
            self.out.tell(Event::Unloaded(card));
            self.let_go();
            self.model = Model::Freed;
        }
    }

    /// Gives the model back: the window lets go of it when it hears so.
    fn let_go(&mut self) {
        if let Model::Loaded(old) = std::mem::replace(&mut self.model, Model::None) {
            let left = Arc::downgrade(&old);
            drop(old);
            let began = Instant::now();
            while left.strong_count() > 0 && began.elapsed() < LET_GO && !self.shared.lock().closing {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// Does the next job; false when there is none that can be done now.
    fn work(&mut self) -> bool {
        let Some(folder) = self.shared.lock().folder.clone() else { return false };
        if self.library.is_none() {
            match Database::open(&folder) {
                Ok(db) => self.library = Some(db),
                Err(error) => {
                    self.stick(&error.into());
                    return false;
                }
            }
        }
        if matches!(self.model, Model::Freed) && self.is_work_waiting() {
            self.load();
        }
        let (Model::Loaded(model), Some(db)) = (&self.model, &mut self.library) else { return false };
        let model = Arc::clone(model);
        let claimed = match jobs::claim(db, &model.card().hash, now_ms()) {
            Ok(Some(claimed)) => claimed,
            Ok(None) => {
                match jobs::explain_foreign(db, &model.card().hash) {
                    Ok(rows) if rows.is_empty() => {}
                    Ok(rows) => self.out.tell(Event::Jobs(rows)),
                    Err(error) => self.stick(&error.into()),
                }
                return false;
            }
            Err(error) => {
                self.stick(&error.into());
                return false;
            }
        };
        if let Some(why) = job::run(model.as_ref(), db, claimed, &self.shared, &self.out) {
            self.stick(&why);
            return false;
        }
        true
    }

    fn is_work_waiting(&self) -> bool {
        let open = self.library.as_ref().map(|db| jobs::open(&db.connection));
        open.is_some_and(|rows| rows.is_ok_and(|rows| !rows.is_empty()))
    }

    /// Holds the queue and says why.
    fn stick(&self, error: &anyhow::Error) {
        self.shared.lock().held = true;
        self.out.tell(Event::Stuck(sentence(error)));
    }
}
