//! The window's side of the library's threads: questions out, answers in, small pictures as textures.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};

use super::work::Work;
use crate::library::reader::{Answer, Question, Reader};
use crate::library::thumbs::{Levels, Thumbs};

/// Pictures that are kept as textures; a large screen shows about a hundred at once.
pub const KEPT: usize = 512;
/// Pictures that become textures in one frame at most.
const UPLOADS: usize = 12;

/// A small picture on the window's side.
struct Kept {
    /// None where there is no picture.
    texture: Option<TextureHandle>,
    /// The frame that showed it last.
    seen: u64,
}

/// The threads and the pictures.
pub struct Shelf {
    folder: PathBuf,
    wake: Arc<dyn Fn() + Send + Sync>,
    reader: Option<Reader>,
    thumbs: Option<Thumbs>,
    /// Verifying, exporting, importing.
    pub work: Work,
    kept: BTreeMap<i64, Kept>,
    frame: u64,
    /// What this frame would like to show and has no picture of.
    missing: Vec<i64>,
    /// What was wished for last.
    wished: Vec<i64>,
}

impl Shelf {
    /// A shelf on the library in `folder`; the threads start at the first question. `wake` is called after each answer.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        Self {
            folder,
            work: Work::new(Arc::clone(&wake)),
            wake,
            reader: None,
            thumbs: None,
            kept: BTreeMap::new(),
            frame: 0,
            missing: Vec::new(),
            wished: Vec::new(),
        }
    }

    /// Asks the library; one sentence when it cannot be asked.
    ///
    /// # Errors
    /// When the system starts no thread, or too much is waiting.
    pub fn ask(&mut self, question: Question) -> Result<(), String> {
        if self.reader.is_none() {
            let wake = Arc::clone(&self.wake);
            let reader = Reader::spawn(self.folder.clone(), move || wake());
            self.reader = Some(reader.map_err(|e| format!("The library's thread could not be started: {e}."))?);
        }
        match &self.reader {
            Some(reader) if reader.ask(question) => Ok(()),
            _ => Err("The library is busy; try again in a moment.".to_owned()),
        }
    }

    /// Takes images with records into the library.
    pub fn import(&self, from: Vec<PathBuf>) {
        self.work.import(from, self.folder.clone());
    }

    /// The next answer, if any.
    pub fn poll(&self) -> Option<Answer> {
        self.reader.as_ref().and_then(Reader::poll)
    }

    /// The small picture of a run; `None` while it is on its way, or where there is none.
    pub fn picture(&mut self, id: i64) -> Option<TextureId> {
        match self.kept.get_mut(&id) {
            Some(kept) => {
                kept.seen = self.frame;
                kept.texture.as_ref().map(TextureHandle::id)
            }
            None => {
                self.missing.push(id);
                None
            }
        }
    }

    /// Whether a run has no picture at all.
    pub fn is_without_picture(&self, id: i64) -> bool {
        self.kept.get(&id).is_some_and(|k| k.texture.is_none())
    }

    /// Textures that are kept.
    pub fn textures(&self) -> usize {
        self.kept.len()
    }

    /// Ends a frame: takes what the thread has ready, wishes for what was missing, drops what was not seen for longest.
    pub fn end_frame(&mut self, ctx: &Context) {
        if let Some(thumbs) = &self.thumbs {
            for _ in 0..UPLOADS {
                let Some((id, levels)) = thumbs.poll() else { break };
                let texture = levels.map(|l| ctx.load_texture("run", image(&l), TextureOptions::LINEAR));
                self.kept.insert(id, Kept { texture, seen: self.frame });
                ctx.request_repaint();
            }
        }
        self.missing.sort_unstable();
        self.missing.dedup();
        if !self.missing.is_empty() && self.missing != self.wished {
            self.wish(ctx);
        }
        self.missing.clear();
        if self.kept.len() > KEPT {
            let mut by_age: Vec<(u64, i64)> = self.kept.iter().map(|(id, k)| (k.seen, *id)).collect();
            by_age.sort_unstable();
            for (_, id) in by_age.into_iter().take(self.kept.len() - KEPT) {
                self.kept.remove(&id);
            }
        }
        self.frame += 1;
    }

    fn wish(&mut self, ctx: &Context) {
        if self.thumbs.is_none() {
            let wake = Arc::clone(&self.wake);
            match Thumbs::spawn(self.folder.clone(), move || wake()) {
                Ok(thumbs) => self.thumbs = Some(thumbs),
                Err(error) => tracing::error!("the thread of small pictures could not be started: {error}"),
            }
        }
        let Some(thumbs) = &self.thumbs else { return };
        // The newest runs first, as the wall most often shows them.
        let wish: Vec<i64> = self.missing.iter().rev().copied().collect();
        if thumbs.wish(wish) {
            self.wished = std::mem::take(&mut self.missing);
        } else {
            ctx.request_repaint();
        }
    }
}

fn image(levels: &Levels) -> ColorImage {
    ColorImage::from_gray(levels.size, &levels.levels)
}
