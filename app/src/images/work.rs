//! The threads that read and write files.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use engine::imageio::dicom::Stored;
use engine::imageio::letterbox::fit_image;

use super::write::{self, Order};
use super::{Hints, News, Original, open, originals};
use crate::jobs::chores::{self, Chores};
use crate::jobs::sentence;
use crate::state::tabs::CaseId;
use crate::state::{Base, BaseOrigin};

impl Chores {
    /// Recognises and opens a file. Files are read one after the other, so that many do not fill the memory.
    pub fn open_any(&self, path: PathBuf, hints: Hints) {
        let gate = self.gate();
        let hints = Hints { folder: self.folder.clone(), ..hints };
        self.spawn("open", move |tell| {
            let found = {
                let _one = gate.lock().unwrap_or_else(PoisonError::into_inner);
                open::open(&path, &hints)
            };
            tell(chores::News::Images(Box::new(News::Opened(found))));
        });
    }

    /// Writes files.
    pub fn write(&self, order: Order) {
        let gate = self.gate();
        self.spawn_to_end("export", move |tell| {
            let written = {
                let _one = gate.lock().unwrap_or_else(PoisonError::into_inner);
                write::write(&order).map_err(|error| sentence(&error))
            };
            tell(chores::News::Images(Box::new(News::Written(written))));
        });
    }

    /// Keeps the opened image of an edit.
    pub fn keep_original(&self, original: Original) {
        let folder = self.folder.clone();
        self.spawn_to_end("keep", move |tell| {
            if let Err(error) = originals::keep(&folder, &original) {
                tell(chores::News::Images(Box::new(News::NotKept(sentence(&error)))));
            }
        });
    }

    /// Shows stored values by another of their windows.
    pub fn rewindow(&self, stored: Arc<Stored>, window: usize, size_px: u32) {
        self.spawn("window", move |tell| {
            let original = stored.image(window);
            let square = original.as_ref().and_then(|image| fit_image(image, size_px).ok());
            if let (Some(original), Some(square)) = (original, square) {
                let news = News::Rewindowed(stored, window, Arc::new(original), Arc::new(square));
                tell(chores::News::Images(Box::new(news)));
            }
        });
    }

    /// Makes an edit at the opened image's size, to be put under the layers.
    pub fn compose(&self, case: CaseId, order: Order, title: String) {
        self.spawn("compose", move |tell| {
            let base = composed(&order, title).map_err(|error| sentence(&error));
            tell(chores::News::Images(Box::new(News::Composed(case, base))));
        });
    }
}

fn composed(order: &Order, title: String) -> anyhow::Result<Box<Base>> {
    let (Some(result), Some(original)) = (&order.result, &order.original) else {
        anyhow::bail!("there is no edit to put under the layers");
    };
    let Some(full) = write::at_own_size(result, original)? else {
        anyhow::bail!("there is no edit to put under the layers");
    };
    let side = result.image.width();
    let square = fit_image(&full.image, side)?;
    let mut base = Base::placed(title, BaseOrigin::Run(0), Arc::new(full.image), Arc::new(square), original.spacing_mm);
    base.edit = true;
    base.detail = original.detail;
    Ok(Box::new(base))
}
