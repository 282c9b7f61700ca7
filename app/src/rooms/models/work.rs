//! The room's work on threads: looking, testing, importing, asking for a folder.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use eframe::egui::Context;
use engine::cancel::Cancel;
use engine::device::{DeviceKind, Memory};
use engine::domain::GrayImage;
use engine::import::{self, ImportRequest};
use engine::pipeline::MemoryPlan;
use engine::pipeline::self_test::{Verdict, self_test};

use super::{Action, Known, list};
use crate::jobs::chores::block_on;
use crate::jobs::{Worker, engine_model, panic_sentence, sentence};
use crate::state::{Level, Messages};

/// Steps of the test image of a model without a reference.
const TEST_STEPS: usize = 2;

/// What the room asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Look into a folder.
    Look(Known),
    /// Open a model.
    Open(Known),
    /// Ask for a folder.
    Pick,
    /// Ask for a path of the import.
    PickPart(Part),
    /// Make the test image.
    Test(Known),
    /// Import published weights.
    Import(Box<ImportForm>),
    /// Stop the import.
    StopImport,
}

/// What a test showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// How it did, one sentence.
    pub words: String,
    /// The image that was made.
    pub image: Arc<GrayImage>,
}

/// A path of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The released checkpoint, a file.
    Checkpoint,
    /// The text encoder's folder.
    Text,
    /// The autoencoder's folder.
    Autoencoder,
    /// The folder to make.
    Out,
}

impl Part {
    /// All parts in the order of the form.
    pub const ALL: [Self; 4] = [Self::Checkpoint, Self::Text, Self::Autoencoder, Self::Out];

    /// What its field is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Checkpoint => "Released checkpoint (.pth or .safetensors)",
            Self::Text => "T5 text encoder folder",
            Self::Autoencoder => "Autoencoder folder",
            Self::Out => "Model folder to make",
        }
    }
}

/// The fields of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportForm {
    /// The released checkpoint.
    pub checkpoint: String,
    /// The T5 folder.
    pub text: String,
    /// The autoencoder folder.
    pub autoencoder: String,
    /// The model folder to make.
    pub out: String,
}

impl ImportForm {
    /// The field of a part.
    pub fn of(&mut self, part: Part) -> &mut String {
        match part {
            Part::Checkpoint => &mut self.checkpoint,
            Part::Text => &mut self.text,
            Part::Autoencoder => &mut self.autoencoder,
            Part::Out => &mut self.out,
        }
    }

    /// What is not filled in yet.
    pub fn missing(&self) -> Option<&'static str> {
        [
            (&self.checkpoint, "the released checkpoint"),
            (&self.text, "the folder of the T5 text encoder"),
            (&self.autoencoder, "the folder of the autoencoder"),
            (&self.out, "the folder to write the model into"),
        ]
        .into_iter()
        .find(|(path, _)| path.trim().is_empty())
        .map(|(_, what)| what)
    }
}

/// Runs the room's jobs, each on a thread of its own.
pub struct Works {
    outbox: Sender<Action>,
    inbox: Receiver<Action>,
    wake: Arc<dyn Fn() + Send + Sync>,
    import: Option<Cancel>,
}

impl Works {
    /// The window is drawn again after each piece of news.
    pub fn new(ctx: &Context) -> Self {
        let (outbox, inbox) = bounded(64);
        let ctx = ctx.clone();
        Self { outbox, inbox, wake: Arc::new(move || ctx.request_repaint()), import: None }
    }

    /// The next piece of news, as an action.
    pub fn poll(&self) -> Option<Action> {
        self.inbox.try_recv().ok()
    }

    /// Begins a job; a model to open goes to the worker.
    pub fn run(&mut self, job: Job, worker: Option<&mut Worker>, messages: &mut Messages) {
        match job {
            Job::Look(known) => self.spawn("look at a model", move |tell| tell(Action::Found(Box::new(list::look(&known))))),
            Job::Test(known) => self.spawn("test a model", move |tell| {
                let verdict = catch_unwind(|| test(&known)).unwrap_or_else(|payload| Err(panic_sentence(payload.as_ref())));
                tell(Action::Tested(known.clone(), verdict));
            }),
            Job::Pick => {
                // The dialog is begun on this thread, as macOS wants it, and waited for on another.
                let dialog = rfd::AsyncFileDialog::new().set_title("A model folder").pick_folder();
                self.spawn("folder dialog", move |tell| {
                    if let Some(folder) = block_on(dialog) {
                        tell(Action::Add(folder.path().to_path_buf()));
                    }
                });
            }
            Job::PickPart(part) => {
                let dialog = rfd::AsyncFileDialog::new().set_title(part.title());
                let chosen = async move {
                    match part {
                        Part::Checkpoint => dialog.pick_file().await,
                        Part::Text | Part::Autoencoder | Part::Out => dialog.pick_folder().await,
                    }
                };
                self.spawn("path dialog", move |tell| {
                    tell(Action::Picked(part, block_on(chosen).map(|chosen| chosen.path().to_path_buf())));
                });
            }
            Job::Import(form) => {
                let cancel = Cancel::new();
                self.import = Some(cancel.clone());
                self.spawn("import", move |tell| {
                    let end = catch_unwind(AssertUnwindSafe(|| run_import(&form, &cancel, tell)))
                        .unwrap_or_else(|payload| Some(Err(panic_sentence(payload.as_ref()))));
                    tell(Action::Imported(end));
                });
            }
            Job::StopImport => {
                if let Some(cancel) = &self.import {
                    cancel.cancel();
                }
            }
            Job::Open(known) => {
                let asked = known.folder().and_then(|folder| match worker {
                    Some(worker) => worker.open(engine_model::opener(Some(folder))).map_err(|e| sentence(&e)),
                    None => Err("The engine thread is not running; start the studio again.".to_owned()),
                });
                if let Err(why) = asked {
                    messages.push(Level::Error, why);
                }
            }
        }
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&dyn Fn(Action)) + Send + 'static) {
        let (outbox, wake) = (self.outbox.clone(), Arc::clone(&self.wake));
        let body = move || {
            let tell = |action: Action| {
                if outbox.send(action).is_ok() {
                    wake();
                }
            };
            if catch_unwind(AssertUnwindSafe(|| work(&tell))).is_err() {
                tracing::error!("a job of the models' room stopped in the middle");
            }
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body) {
            tracing::error!("a thread for {name} could not be started: {error}");
        }
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        if let Some(cancel) = &self.import {
            cancel.cancel();
        }
    }
}

fn test(known: &Known) -> Result<Tested, String> {
    let folder = known.folder()?;
    let plan = MemoryPlan::of(&folder).map_err(|e| sentence(&e.into()))?;
    if let Some(free) = Memory::now().map(|m| m.available_bytes).filter(|free| *free < plan.peak()) {
        return Err(format!(
            "The test needs {:.1} GB, {:.1} GB are free; close other programs, or open this model instead and make an image.",
            gigabytes(plan.peak()),
            gigabytes(free)
        ));
    }
    let began = Instant::now();
    let (verdict, image) = self_test(&folder, DeviceKind::Cpu, TEST_STEPS, &Cancel::new()).map_err(|e| sentence(&e.into()))?;
    let secs = began.elapsed().as_secs_f64();
    let words = match verdict {
        Verdict::Equal => format!("It made its reference image again, bit for bit, in {secs:.1} s."),
        Verdict::Close { device, difference } => {
            format!("It made the reference image of {device} up to rounding ({difference} of 65535) in {secs:.1} s.")
        }
        Verdict::Works { .. } => format!("It made a test image in {secs:.1} s; it has no reference image to compare with."),
    };
    Ok(Tested { words, image: Arc::new(image) })
}

fn run_import(form: &ImportForm, cancel: &Cancel, tell: &dyn Fn(Action)) -> Option<Result<PathBuf, String>> {
    let path = |text: &str| PathBuf::from(text.trim());
    let request = ImportRequest::published(path(&form.checkpoint), path(&form.text), path(&form.autoencoder), path(&form.out));
    let mut told = Instant::now().checked_sub(Duration::from_secs(1));
    let end = import::run(&request, cancel, &mut |progress| {
        if told.is_none_or(|t| t.elapsed() > Duration::from_millis(200)) {
            told = Some(Instant::now());
            let share = progress.done_bytes as f64 / progress.total_bytes.max(1) as f64;
            tell(Action::Importing(progress.part.to_owned(), share as f32));
        }
    });
    match end {
        Ok(import::Outcome::Cancelled) => None,
        Ok(import::Outcome::Done(_)) => Some(Ok(request.out)),
        Err(error) => Some(Err(sentence(&error.into()))),
    }
}

/// Bytes in units of 10⁹.
pub fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
