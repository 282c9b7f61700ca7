//! The thread that owns the model.
//!
//! Commands go in, events come out; a panic in the engine becomes a failed job. The event channel is
//! bounded: should the window stop draining, the sampler waits and nothing grows. Dropping the
//! [`Worker`] cancels the run and ends the thread after its current step.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, bounded};
use engine::cancel::Cancel;
use engine::domain::{GenerateRequest, GrayImage, LatentValues};
use engine::pipeline::AttentionMap;

use super::{Artifact, Generator, Opener, Progress, files, panic_sentence, sentence};
use crate::state::JobId;

/// Events that wait for the window at most.
const EVENTS: usize = 256;
/// Commands that wait for the worker at most.
const COMMANDS: usize = 16;

/// How long the window has to let go of a model before another is opened.
const LET_GO: Duration = Duration::from_secs(3);

/// What the worker is asked to do.
enum Command {
    /// Make an image.
    Run(Run),
    /// Give the model back and open another.
    Open(Opener),
}

/// An image to be made.
struct Run {
    job: JobId,
    name: String,
    request: GenerateRequest,
    cancel: Cancel,
}

/// What the worker tells the window.
pub enum Event {
    /// Weights are being read.
    Loading(Instant),
    /// The model can be used.
    Ready(Arc<dyn Generator>),
    /// The model cannot be used.
    OpenFailed(String),
    /// A run begins.
    Started {
        /// Which.
        job: JobId,
        /// Steps in all.
        steps: usize,
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
    /// An image is made, and saved unless `unsaved` says why not.
    Done {
        /// Which run.
        job: JobId,
        /// The image with its record.
        artifact: Arc<Artifact>,
        /// Why the automatic save failed.
        unsaved: Option<String>,
    },
    /// A run stopped because it was asked to.
    Cancelled(JobId),
    /// A run failed, with one sentence why.
    Failed(JobId, String),
}

/// A handle on the worker thread.
pub struct Worker {
    commands: Sender<Command>,
    events: Receiver<Event>,
    cancel: Option<Cancel>,
}

impl Worker {
    /// Starts the thread; it opens the model first.
    ///
    /// `wake` is called after each event so that the window draws it. Each image is saved into
    /// `session_dir` before it is reported as done.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn spawn(opener: Opener, session_dir: Option<PathBuf>, wake: impl Fn() + Send + 'static) -> anyhow::Result<Self> {
        let (commands, inbox) = bounded::<Command>(COMMANDS);
        let (outbox, events) = bounded(EVENTS);
        thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || run(opener, session_dir.as_deref(), &inbox, &Out { outbox, wake: Box::new(wake) }))
            .context("the engine thread could not be started")?;
        Ok(Self { commands, events, cancel: None })
    }

    /// Asks for an image.
    ///
    /// # Errors
    /// When the worker is gone or too much is waiting.
    pub fn generate(&mut self, job: JobId, name: String, request: GenerateRequest, cancel: Cancel) -> anyhow::Result<()> {
        self.cancel = Some(cancel.clone());
        self.commands
            .try_send(Command::Run(Run { job, name, request, cancel }))
            .map_err(|_| anyhow::anyhow!("the engine takes no more work now; start the studio again, your files are saved"))
    }

    /// Asks for another model, after the run in progress; the old one's memory is given back first.
    ///
    /// # Errors
    /// When the worker is gone or too much is waiting.
    pub fn open(&mut self, opener: Opener) -> anyhow::Result<()> {
        self.commands
            .try_send(Command::Open(opener))
            .map_err(|_| anyhow::anyhow!("the engine takes no other model now; start the studio again, your files are saved"))
    }

    /// The next event, if any.
    pub fn poll(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
    }
}

struct Out {
    outbox: Sender<Event>,
    wake: Box<dyn Fn() + Send>,
}

impl Out {
    /// False when the window is gone.
    fn send(&self, event: Event) -> bool {
        let sent = self.outbox.send(event).is_ok();
        (self.wake)();
        sent
    }
}

fn run(opener: Opener, session_dir: Option<&std::path::Path>, inbox: &Receiver<Command>, out: &Out) {
    let Some(mut model) = open(opener, out) else { return };
    for command in inbox {
        let event = match (command, &model) {
            (Command::Open(opener), _) => {
                match reopen(model.take(), opener, out) {
                    Some(opened) => model = opened,
                    None => return,
                }
                continue;
            }
            (Command::Run(run), None) => Event::Failed(run.job, "There is no model; choose one in the room Train.".to_owned()),
            (Command::Run(run), Some(model)) => {
                let job = run.job;
                match catch_unwind(AssertUnwindSafe(|| generate(model.as_ref(), session_dir, run, out))) {
                    Ok(event) => event,
                    Err(payload) => Event::Failed(job, panic_sentence(payload.as_ref())),
                }
            }
        };
        if !out.send(event) {
            return;
        }
    }
}

/// Opens a model and says so; the inner `None` is a model that cannot be used, the outer one a window that is gone.
fn open(opener: Opener, out: &Out) -> Option<Option<Arc<dyn Generator>>> {
    if !out.send(Event::Loading(Instant::now())) {
        return None;
    }
    load(opener, out)
}

fn load(opener: Opener, out: &Out) -> Option<Option<Arc<dyn Generator>>> {
    let (model, event) = match catch_unwind(AssertUnwindSafe(opener)) {
        Ok(Ok(model)) => (Some(Arc::clone(&model)), Event::Ready(model)),
        Ok(Err(error)) => (None, Event::OpenFailed(sentence(&error))),
        Err(payload) => (None, Event::OpenFailed(panic_sentence(payload.as_ref()))),
    };
    out.send(event).then_some(model)
}

/// Gives a model back and opens another: the window lets go of the old one when it hears that another is loading.
fn reopen(old: Option<Arc<dyn Generator>>, opener: Opener, out: &Out) -> Option<Option<Arc<dyn Generator>>> {
    if !out.send(Event::Loading(Instant::now())) {
        return None;
    }
    if let Some(old) = old {
        let left = Arc::downgrade(&old);
        drop(old);
        let began = Instant::now();
        while left.strong_count() > 0 && began.elapsed() < LET_GO {
            thread::sleep(Duration::from_millis(10));
        }
    }
    load(opener, out)
}

fn generate(model: &dyn Generator, session_dir: Option<&std::path::Path>, run: Run, out: &Out) -> Event {
    let Run { job, name, request, cancel } = run;
    let began = Instant::now();
    let mut on_progress = |progress: Progress| {
        let alive = match progress {
            Progress::Started { steps } => out.send(Event::Started { job, steps }),
            Progress::Attention(map) => out.send(Event::Attention(job, Arc::new(map))),
            Progress::Step { step, of, preview, latent } => {
                let elapsed_secs = began.elapsed().as_secs_f64();
                out.send(Event::Step { job, step, of, preview: Arc::new(preview), latent, elapsed_secs })
            }
        };
        if !alive {
            cancel.cancel();
        }
    };
    match model.generate(&request, &cancel, &mut on_progress) {
        Ok(Some(artifact)) => {
            let unsaved = session_dir.and_then(|dir| {
                files::save_new(&artifact, dir, &files::stem(&name, artifact.request.seed.0)).err().map(|e| sentence(&e))
            });
            Event::Done { job, artifact: Arc::new(artifact), unsaved }
        }
        Ok(None) => Event::Cancelled(job),
        Err(error) => Event::Failed(job, sentence(&error)),
    }
}
