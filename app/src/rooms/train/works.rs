//! The room's threads: watched folders, pictures, the folder dialog.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use engine::imageio::png::read_gray;

use super::action::Action;
use super::watch::{Standing, View, Watcher};
use crate::jobs::chores::block_on;
use crate::jobs::panic_sentence;

/// Runs the room's work.
pub struct Works {
    outbox: Sender<Action>,
    inbox: Receiver<Action>,
    wake: Arc<dyn Fn() + Send + Sync>,
    watchers: BTreeMap<PathBuf, Watcher>,
    open: Arc<AtomicBool>,
}

impl Works {
    /// `wake` is called after each piece of news.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (outbox, inbox) = bounded(64);
        Self { outbox, inbox, wake: Arc::new(wake), watchers: BTreeMap::new(), open: Arc::default() }
    }

    /// The next piece of news, as an action.
    pub fn poll(&self) -> Option<Action> {
        self.inbox.try_recv().ok()
    }

    /// Whether the room is on the screen: runs are looked at more often then, and at once when it is opened.
    pub fn set_open(&self, open: bool) {
        if open != self.open.swap(open, Ordering::Relaxed) && open {
            self.watchers.values().for_each(Watcher::look);
        }
    }

    /// Begins to watch a folder.
    pub fn watch(&mut self, path: PathBuf) {
        let (outbox, wake, folder) = (self.outbox.clone(), Arc::clone(&self.wake), path.clone());
        let tell = move |view: View| {
            let told = outbox.send(Action::Looked(folder.clone(), Arc::new(view))).is_ok();
            wake();
            told
        };
        match Watcher::start(path.clone(), Arc::clone(&self.open), tell) {
            Ok(watcher) => drop(self.watchers.insert(path, watcher)),
            Err(error) => {
                let trouble = Some(format!("A thread for this run could not be started: {error}."));
                let view = View { standing: Standing::Unreadable, trouble, ..View::default() };
                if self.outbox.try_send(Action::Looked(path, Arc::new(view))).is_err() {
                    tracing::error!("a thread for a training could not be started: {error}");
                }
            }
        }
    }

    /// Watches a folder no longer.
    pub fn leave(&mut self, path: &Path) {
        self.watchers.remove(path);
    }

    /// Reads a picture.
    pub fn read(&self, path: PathBuf) {
        self.spawn("picture of a panel", move |tell| {
            let read = catch_unwind(AssertUnwindSafe(|| read_gray(&path).map(Arc::new).map_err(|error| error.to_string())));
            let read = read.unwrap_or_else(|payload| Err(panic_sentence(payload.as_ref())));
            tell(Action::Read(path, read.map_err(|why| format!("The panel cannot be read: {}.", why.trim_end_matches('.')))));
        });
    }

    /// Asks for a folder; the dialog is begun on this thread, as macOS wants it, and waited for on another.
    pub fn browse(&self) {
        let dialog = rfd::AsyncFileDialog::new().set_title("A run folder of chexgen train").pick_folder();
        self.spawn("folder dialog", move |tell| {
            if let Some(folder) = block_on(dialog) {
                tell(Action::Open(folder.path().to_path_buf()));
            }
        });
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&dyn Fn(Action)) + Send + 'static) {
        let (outbox, wake) = (self.outbox.clone(), Arc::clone(&self.wake));
        let body = move || {
            let tell = |action: Action| {
                if outbox.send(action).is_ok() {
                    wake();
                }
            };
            work(&tell);
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body) {
            tracing::error!("a thread for {name} could not be started: {error}");
        }
    }
}
