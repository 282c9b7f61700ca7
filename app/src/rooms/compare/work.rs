//! What the room does on threads: opening files, drawing sheets, asking the library for cells.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::grid;
use super::sheet::{self, Sheet};
use crate::images::{Found, Hints, open};
use crate::jobs::chores::block_on;
use crate::jobs::{panic_sentence, sentence};
use crate::state::StudioResult;
use crate::state::sight::Picture;

/// Side of the square that opening makes besides; pictures are compared at their own size.
const SQUARE_PX: u32 = 64;

/// What the room asks its threads for.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open saved images and radiographs.
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

/// The picture of a file: of a saved run with its record, of any other radiograph alone.
fn picture(path: &Path) -> Result<Box<Picture>, String> {
    match open::open(path, &Hints { size_px: SQUARE_PX, ..Hints::default() })? {
        Found::Restored(restored) => {
            let (name, artifact) = (restored.opened.name, Arc::new(restored.opened.artifact));
            let picture = Picture::of_result(&StudioResult::opened(name.clone(), artifact));
            Ok(Box::new(Picture { title: format!("{name}: {}", picture.title), ..picture }))
        }
        Found::Picture(found) => Ok(Box::new(Picture::of_file(&found.title, found.original))),
        Found::Masks(offer) => Err(format!(
            "This file holds masks ({}); open it on the canvas to get layers of them ({}).",
            offer.format, offer.name
        )),
        Found::Training(folder) => {
            Err(format!("This is the folder of a training; open it in the room Train ({}).", folder.display()))
        }
    }
}

/// What the room's threads have to say.
#[derive(Debug)]
pub enum News {
    /// The picture of a file, or why there is none.
    Opened(Result<Box<Picture>, String>),
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
                    tell(News::Opened(picture(&path)));
                }
            }),
            Effect::Pick => {
                // The dialog is begun on this thread, as macOS wants it, and waited for on another.
                let dialog = rfd::AsyncFileDialog::new().set_title("Radiographs and saved images").pick_files();
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
