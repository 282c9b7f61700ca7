//! What the room does on threads: opening files, drawing sheets, asking the library for cells.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::grid;
use super::sheet::{self, Sheet};
use crate::jobs::chores::block_on;
use crate::jobs::{Opened, files, panic_sentence, sentence};

/// What the room asks its threads for.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open saved images.
    Open(Vec<PathBuf>),
    /// Ask for files in the system's dialog.
    Pick,
    /// Draw and save a contact sheet.
    Sheet {
        /// What goes onto it.
        sheet: Sheet,
        /// Where it goes.
        folder: PathBuf,
        /// Its name without extension.
        stem: String,
    },
    /// Something for the grid.
    Grid(grid::Effect),
}

/// What the room's threads have to say.
#[derive(Debug)]
pub enum News {
    /// A file was opened, or why not.
    Opened(Result<Box<Opened>, String>),
    /// Files were chosen in the dialog.
    Picked(Vec<PathBuf>),
    /// A sheet or table was saved, or why not.
    Saved(Result<PathBuf, String>),
    /// Something about the grid.
    Grid(Box<grid::News>),
}

/// Runs the room's effects, each on a thread of its own.
pub struct Work {
    outbox: Sender<News>,
    inbox: Receiver<News>,
    wake: Arc<dyn Fn() + Send + Sync>,
    folder: PathBuf,
}

impl Work {
    /// `folder` is the studio's own; `wake` is called after each piece of news.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (outbox, inbox) = bounded(256);
        Self { outbox, inbox, wake: Arc::new(wake), folder }
    }

    /// The next piece of news, if any.
    pub fn poll(&self) -> Option<News> {
        self.inbox.try_recv().ok()
    }

    /// Runs an effect.
    pub fn run(&self, effect: Effect) {
        match effect {
            Effect::Open(paths) => self.spawn("compare files", move |tell| {
                for path in paths {
                    tell(News::Opened(files::open(&path).map(Box::new).map_err(|e| sentence(&e))));
                }
            }),
            Effect::Pick => {
                // The dialog is begun on this thread, as macOS wants it, and waited for on another.
                let dialog = rfd::AsyncFileDialog::new().add_filter("Saved images and records", &["png", "json"]).pick_files();
                self.spawn("file dialog", move |tell| {
                    let files = block_on(dialog).unwrap_or_default();
                    tell(News::Picked(files.into_iter().map(|f| f.path().to_path_buf()).collect()));
                });
            }
            Effect::Sheet { sheet, folder, stem } => self.spawn("contact sheet", move |tell| {
                tell(News::Saved(sheet::save(&sheet, &folder, &stem).map_err(|e| sentence(&e))));
            }),
            Effect::Grid(effect) => {
                let folder = self.folder.clone();
                self.spawn("grid", move |tell| grid::work(effect, &folder, tell));
            }
        }
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&dyn Fn(News)) + Send + 'static) {
        let (outbox, wake) = (self.outbox.clone(), Arc::clone(&self.wake));
        let body = move || {
            let tell = |news: News| {
                if outbox.send(news).is_ok() {
                    wake();
                }
            };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(&tell))) {
                tell(News::Saved(Err(panic_sentence(payload.as_ref()))));
            }
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body) {
            tracing::error!("a thread for {name} could not be started: {error}");
            if self.outbox.try_send(News::Saved(Err(format!("A thread for {name} could not be started: {error}.")))).is_err() {
                tracing::error!("and nobody takes the news");
            }
        }
    }
}
