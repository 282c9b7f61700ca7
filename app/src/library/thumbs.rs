//! The thread that reads and decodes the small pictures of the wall.
//!
//! The window names what it shows, newest wish first; a wish replaces the one before, so that a fast scroll never leaves
//! a queue behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use engine::domain::GrayImage;
use engine::imageio::png;
use rusqlite::OptionalExtension as _;

use super::{Database, LibraryError, details};

/// Wishes that wait at most.
const WISHES: usize = 2;
/// Pictures that wait for the window at most.
const READY: usize = 32;
/// Longest side of a small picture.
pub const SIDE_PX: u32 = 160;

/// A small picture, or `None` where there is none to be had.
pub type Picture = (i64, Option<Arc<Levels>>);

/// Grey levels of 8 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Width and height in pixels.
    pub size: [usize; 2],
    /// Row by row.
    pub levels: Vec<u8>,
}

/// A handle on the thread; dropping it ends the thread.
pub struct Thumbs {
    wishes: Sender<Vec<i64>>,
    ready: Receiver<Picture>,
}

impl Thumbs {
    /// Starts the thread; it opens the library in `folder` at the first wish. `wake` is called after each picture.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn spawn(folder: PathBuf, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (wishes, inbox) = bounded::<Vec<i64>>(WISHES);
        let (outbox, ready) = bounded(READY);
        thread::Builder::new().name("thumbnails".to_owned()).spawn(move || serve(&folder, &inbox, &outbox, &wake))?;
        Ok(Self { wishes, ready })
    }

    /// Wishes for pictures; false when the thread is busy and should be asked again.
    pub fn wish(&self, ids: Vec<i64>) -> bool {
        !matches!(self.wishes.try_send(ids), Err(TrySendError::Full(_)))
    }

    /// The next picture, if any.
    pub fn poll(&self) -> Option<Picture> {
        self.ready.try_recv().ok()
    }
}

fn serve(folder: &Path, inbox: &Receiver<Vec<i64>>, outbox: &Sender<Picture>, wake: &dyn Fn()) {
    let mut db: Option<Database> = None;
    while let Ok(mut ids) = inbox.recv() {
        if db.is_none() {
            match Database::open(folder) {
                Ok(opened) => db = Some(opened),
                Err(error) => tracing::warn!("small pictures cannot be read: {error}"),
            }
        }
        let mut at = 0;
        loop {
            // The newest wish counts.
            while let Ok(newer) = inbox.try_recv() {
                (ids, at) = (newer, 0);
            }
            let Some(&id) = ids.get(at) else { break };
            at += 1;
            let made = catch_unwind(AssertUnwindSafe(|| db.as_ref().and_then(|db| picture(db, id).ok().flatten())));
            if outbox.send((id, made.unwrap_or_default().map(Arc::new))).is_err() {
                return;
            }
            wake();
        }
    }
}

/// The kept small picture of a run, or one made from its image.
fn picture(db: &Database, id: i64) -> Result<Option<Levels>, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let mut statement = db.connection.prepare_cached("SELECT png FROM thumbs WHERE run = ?1").map_err(reading())?;
    let kept: Option<Vec<u8>> = statement.query_row([id], |r| r.get(0)).optional().map_err(reading())?;
    if let Some(image) = kept.and_then(|bytes| png::decode_gray(&bytes, "a small picture").ok()) {
        return Ok(Some(shrunk(&image)));
    }
    let file = details::file_of(&db.connection, &db.folder, id)?;
    Ok(file.and_then(|path| png::read_gray(&path).ok()).map(|image| shrunk(&image)))
}

/// The picture with its longest side at most [`SIDE_PX`], by box averages.
pub fn shrunk(image: &GrayImage) -> Levels {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let longest = w.max(h).max(SIDE_PX as usize);
    let (tw, th) = ((w * SIDE_PX as usize / longest).clamp(1, w), (h * SIDE_PX as usize / longest).clamp(1, h));
    let pixels = image.pixels();
    if (tw, th) == (w, h) {
        return Levels { size: [w, h], levels: pixels.iter().map(|v| (v >> 8) as u8).collect() };
    }
    let mean = |x: usize, y: usize| {
        let (x0, x1) = (x * w / tw, ((x + 1) * w / tw).max(x * w / tw + 1));
        let (y0, y1) = (y * h / th, ((y + 1) * h / th).max(y * h / th + 1));
        let sum: u64 = (y0..y1).map(|y| pixels[y * w + x0..y * w + x1].iter().map(|&v| u64::from(v)).sum::<u64>()).sum();
        (sum / ((x1 - x0) * (y1 - y0)) as u64 / 257) as u8
    };
    Levels { size: [tw, th], levels: (0..th).flat_map(|y| (0..tw).map(move |x| (x, y))).map(|(x, y)| mean(x, y)).collect() }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::testing::{Sample, library};
    use super::*;

    #[test]
    fn pictures_come_for_the_newest_wish_and_missing_ones_are_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        let image = GrayImage::new(4, 2, vec![65535; 8]).expect("eight pixels");
        let png = png::encode_gray16(&image, &[]).expect("it encodes");
        Sample { thumb: &png, ..Sample::default() }.insert(&db);
        Sample { thumb: b"no picture", ..Sample::default() }.insert(&db);
        let large = GrayImage::new(640, 320, vec![257 * 7; 640 * 320]).expect("a large one");
        std::fs::create_dir_all(dir.path().join("images")).expect("a folder");
        std::fs::write(dir.path().join("images/3.png"), png::encode_gray16(&large, &[]).expect("it encodes")).expect("a file");
        Sample::default().insert(&db);
        let thumbs = Thumbs::spawn(dir.path().to_path_buf(), || {}).expect("a thread");
        assert!(thumbs.wish(vec![1, 2, 3, 99]));
        let mut got = Vec::new();
        let began = Instant::now();
        while got.len() < 4 && began.elapsed() < Duration::from_secs(20) {
            got.extend(thumbs.poll());
            thread::sleep(Duration::from_millis(2));
        }
        let sizes: Vec<(i64, Option<[usize; 2]>)> = got.iter().map(|(id, p)| (*id, p.as_ref().map(|l| l.size))).collect();
        assert_eq!(sizes, [(1, Some([4, 2])), (2, None), (3, Some([160, 80])), (99, None)]);
        assert!(got[0].1.as_ref().is_some_and(|l| l.levels == [255; 8]));
        assert!(got[2].1.as_ref().is_some_and(|l| l.levels.iter().all(|v| *v == 7)));
    }
}
