//! Short work off the window's thread: files, dialogs, drawing the examples' pictures.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use engine::domain::{Finding, GrayImage, Mask};
use engine::phantom::{ShapeWish, lesion_shape};

use super::files::{self, Artifact, Saved};
use super::{panic_sentence, sentence};
use crate::examples::Example;
use crate::state::LayerId;
use crate::state::tabs::CaseId;

/// What a chore has to say.
pub enum News {
    /// Something about opened images, masks and exports.
    Images(Box<crate::images::News>),
    /// An image was saved, or why not.
    Saved(Result<Saved, String>),
    /// A file was chosen in the dialog.
    Picked(Option<PathBuf>),
    /// A folder was chosen in the dialog.
    PickedFolder(Option<PathBuf>),
    /// A file for the queue was chosen, to be written or read.
    PickedQueue(bool, Option<PathBuf>),
    /// A shape of the library is drawn, for a layer of a case or a new one of its class.
    Shape(CaseId, Option<LayerId>, Finding, Mask),
    /// An example's picture is drawn.
    Example(Example, Arc<GrayImage>),
    /// A chore stopped in the middle.
    Failed(String),
}

/// Runs chores, each on a thread of its own.
pub struct Chores {
    outbox: Sender<News>,
    inbox: Receiver<News>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// The studio's own folder.
    pub(crate) folder: PathBuf,
    /// Held while a file is read or written.
    gate: Arc<Mutex<()>>,
    /// Files that are being written; a window that closes waits for them.
    writing: Arc<Writing>,
}

/// How long a window that closes waits for files.
const CLOSING: Duration = Duration::from_secs(20);

/// How many files are being written.
#[derive(Default)]
struct Writing {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Writing {
    fn add(&self, one: impl FnOnce(usize) -> usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = one(*count);
        self.changed.notify_all();
    }
}

/// One file that is being written, until it is dropped.
struct OneWritten(Arc<Writing>);

impl OneWritten {
    fn begin(writing: &Arc<Writing>) -> Self {
        writing.add(|n| n + 1);
        Self(Arc::clone(writing))
    }
}

impl Drop for OneWritten {
    fn drop(&mut self) {
        self.0.add(|n| n.saturating_sub(1));
    }
}

impl Drop for Chores {
    fn drop(&mut self) {
        // Nobody listens any more, so nobody waits to be heard.
        self.inbox = crossbeam_channel::never();
        let count = self.writing.count.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.writing.changed.wait_timeout_while(count, CLOSING, |n| *n > 0);
        if left.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            tracing::warn!("files are still being written while the window closes");
        }
    }
}

impl Chores {
    /// `folder` is the studio's own; `wake` is called after each piece of news.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (outbox, inbox) = bounded(64);
        Self { outbox, inbox, wake: Arc::new(wake), folder, gate: Arc::new(Mutex::new(())), writing: Arc::default() }
    }

    /// The next piece of news, if any.
    pub fn poll(&self) -> Option<News> {
        self.inbox.try_recv().ok()
    }

    /// One at a time goes through it.
    pub(crate) fn gate(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.gate)
    }

    pub(crate) fn spawn(&self, name: &str, work: impl FnOnce(&dyn Fn(News)) + Send + 'static) {
        let (outbox, wake) = (self.outbox.clone(), Arc::clone(&self.wake));
        let body = move || {
            let tell = |news: News| {
                if outbox.send(news).is_ok() {
                    wake();
                }
            };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(&tell))) {
                tell(News::Failed(panic_sentence(payload.as_ref())));
            }
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body)
            && self.outbox.try_send(News::Failed(format!("A thread for {name} could not be started: {error}."))).is_err()
        {
            tracing::error!("a thread for {name} could not be started: {error}");
        }
    }

    /// As [`Chores::spawn`], for what writes files: a window that closes waits for it.
    pub(crate) fn spawn_to_end(&self, name: &str, work: impl FnOnce(&dyn Fn(News)) + Send + 'static) {
        let one = OneWritten::begin(&self.writing);
        self.spawn(name, move |tell| {
            let _until_written = one;
            work(tell);
        });
    }

    /// Saves an image under a new name.
    pub fn save(&self, name: String, artifact: Arc<Artifact>, folder: PathBuf) {
        self.spawn_to_end("save", move |tell| {
            let stem = files::stem(&name, artifact.request.seed.0);
            tell(News::Saved(files::save_new(&artifact, &folder, &stem).map_err(|e| sentence(&e))));
        });
    }

    /// Draws the pictures of examples, in their order.
    pub fn draw_examples(&self, examples: Vec<Example>, size_px: u32) {
        self.spawn("examples", move |tell| {
            for example in examples {
                tell(News::Example(example, Arc::new(example.picture(size_px))));
            }
        });
    }

    /// Draws a shape of the library on the square of a document.
    pub fn draw_shape(&self, case: CaseId, layer: Option<LayerId>, wish: ShapeWish, size_px: u32) {
        self.spawn("shape", move |tell| {
            tell(News::Shape(case, layer, wish.finding, lesion_shape(&wish, size_px)));
        });
    }

    /// Asks for a file in the system's dialog.
    pub fn pick_file(&self) {
        // The dialog is begun on this thread, as macOS wants it, and waited for on another.
        let dialog = rfd::AsyncFileDialog::new()
            .add_filter("Images, masks and records", &["png", "jpg", "jpeg", "dcm", "json", "csv", "txt", "nii", "gz"])
            .add_filter("All files", &["*"])
            .pick_file();
        self.spawn("file dialog", move |tell| tell(News::Picked(block_on(dialog).map(|f| f.path().to_path_buf()))));
    }

    /// Asks for the file of a queue: to write one, else to read one.
    pub fn pick_queue(&self, write: bool) {
        let dialog =
            rfd::AsyncFileDialog::new().add_filter("Queue, one job a line", &["jsonl", "txt"]).add_filter("All files", &["*"]);
        // Both are begun on this thread, as macOS wants it.
        let (save, open) =
            if write { (Some(dialog.set_file_name("queue.jsonl").save_file()), None) } else { (None, Some(dialog.pick_file())) };
        self.spawn("queue dialog", move |tell| {
            let chosen = save.and_then(block_on).or_else(|| open.and_then(block_on));
            tell(News::PickedQueue(write, chosen.map(|file| file.path().to_path_buf())));
        });
    }

    /// Asks for a folder in the system's dialog.
    pub fn pick_folder(&self, start: PathBuf) {
        let dialog = rfd::AsyncFileDialog::new().set_directory(start).pick_folder();
        self.spawn("folder dialog", move |tell| tell(News::PickedFolder(block_on(dialog).map(|f| f.path().to_path_buf()))));
    }
}

/// Wakes a parked thread.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A seed that nobody chose, short enough to be read out.
pub fn random_seed() -> u64 {
    random_number() % 1_000_000
}

/// A number that nobody chose.
pub fn random_number() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
