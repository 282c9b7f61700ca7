//! Making the pictures of a report: each is kept until the report is whole, so that a rerun makes only what is missing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine::cancel::Cancel;
use engine::domain::GrayImage;
use engine::imageio::png::{Text, encode_gray16, read_gray};
use engine::model::checker::CLASSES;
use engine::pipeline::Event;
use engine::store::atomic::{ensure_writable_dir, remove_leftovers, write_atomic};
use engine::store::record::SYNTHETIC_MARK;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::{Settings, diversity};
use crate::practice::model::{Order, PracticeModel, Sampling};
use crate::run::lock::RunLock;
use crate::run::log::say;
use crate::run::signals::StopRequest;

/// Folder of the pictures in that of the report; hidden, and gone when the report is whole.
const KEPT: &str = ".pictures";
/// Time between two lines where no terminal can show a bar.
const A_LINE: Duration = Duration::from_secs(30);

/// The person asked to stop; what is made is kept.
#[derive(Clone, Copy, Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Stopped {}

/// Makes pictures, keeps them, tells how far it is and hears an interruption.
pub struct Work<'a> {
    /// The model.
    pub model: &'a PracticeModel,
    stop: &'a StopRequest,
    kept: PathBuf,
    _lock: RunLock,
    bar: ProgressBar,
    /// Pictures of the whole work, and those that are there.
    all: usize,
    there: Cell<usize>,
    /// Pictures that this process made, and the time it took.
    made: Cell<(usize, Duration)>,
    told: Cell<Instant>,
    part: RefCell<String>,
}

impl<'a> Work<'a> {
    /// Work for `reports` reports into `out`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn begin(
        model: &'a PracticeModel,
        settings: &Settings,
        reports: usize,
        out: &Path,
        stop: &'a StopRequest,
    ) -> Result<Self> {
        let kept = out.join(KEPT);
        ensure_writable_dir(&kept)?;
        let lock = RunLock::take_for(&kept, "chexgen practice-report")?;
        remove_leftovers(&kept)?;
        let before = std::fs::read_dir(&kept).into_iter().flatten().flatten();
        let before = before.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "png")).count();
        if before > 0 {
            say(&format!("{before} pictures of an earlier start are there"));
        }
        let of_one = CLASSES.len() * (5 * settings.per_finding + diversity::pictures_of_class(settings.per_finding));
        let all = reports * of_one;
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} pictures  {msg}");
        let bar = ProgressBar::new(all as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (there, made, told) = (Cell::new(0), Cell::new((0, Duration::ZERO)), Cell::new(Instant::now()));
        Ok(Self { model, stop, kept, _lock: lock, bar, all, there, made, told, part: RefCell::default() })
    }

    /// Names what comes next.
    pub(super) fn part(&self, what: &str) {
        self.part.replace(what.to_owned());
        self.bar.set_message(what.to_owned());
        if self.bar.is_hidden() {
            say(&format!("{what} …"));
        }
    }

    /// Pictures with values in `0..=1`, row by row, in the order of `orders`.
    ///
    /// # Errors
    /// When the device fails, a picture cannot be kept, or the person asks to stop ([`Stopped`]).
    pub(super) fn generate(&self, orders: &[Order<'_>], sampling: Sampling) -> Result<Vec<Vec<f32>>> {
        let path = |order: &Order<'_>| self.kept.join(format!("{}.png", self.model.key(order, sampling)));
        let paths: Vec<PathBuf> = orders.iter().map(path).collect();
        let side = self.model.spec.size_px;
        // A picture that was damaged meanwhile is made again.
        let found = |path: &PathBuf| read_gray(path).ok().filter(|image| (image.width(), image.height()) == (side, side));
        let mut pictures: Vec<Option<GrayImage>> = paths.iter().map(found).collect();
        let missing: Vec<usize> = (0..orders.len()).filter(|&at| pictures[at].is_none()).collect();
        self.count(orders.len() - missing.len());
        let mark = Text::Plain(SYNTHETIC_MARK.0, SYNTHETIC_MARK.1);
        for batch in missing.chunks(sampling.batch_size.max(1)) {
            let begin = Instant::now();
            for (&at, image) in batch.iter().zip(self.batch(orders, batch, sampling)?) {
                write_atomic(&paths[at], &encode_gray16(&image, &[mark])?).context("the picture of a case is not kept")?;
                pictures[at] = Some(image);
            }
            let (made, time) = self.made.get();
            self.made.set((made + batch.len(), time + begin.elapsed()));
            self.count(batch.len());
            self.tell();
        }
        Ok(pictures.iter().flatten().map(GrayImage::to_unit).collect())
    }

    /// Makes some of the pictures together.
    fn batch(&self, orders: &[Order<'_>], batch: &[usize], sampling: Sampling) -> Result<Vec<GrayImage>> {
        let some: Vec<&Order<'_>> = batch.iter().map(|&at| &orders[at]).collect();
        let cancel = Cancel::new();
        let hear = || {
            if self.stop.is_raised() {
                cancel.cancel();
            }
        };
        hear();
        let made = self.model.generate(&some, sampling, &cancel, &mut |event| {
            hear();
            if let Event::Step { step, of, .. } = event {
                self.bar.set_message(format!("{}, step {step}/{of}  {}", self.part.borrow(), self.left()));
            }
        })?;
        Ok(made.ok_or(Stopped)?)
    }

    fn count(&self, more: usize) {
        self.there.set(self.there.get() + more);
        self.bar.set_position(self.there.get() as u64);
    }

    /// How long the rest takes at the pace of now.
    fn left(&self) -> String {
        match self.made.get() {
            (0, _) => String::new(),
            (made, time) => {
                let rest = self.all.saturating_sub(self.there.get());
                format!("{:#} left", HumanDuration(time.mul_f64(rest as f64 / made as f64)))
            }
        }
    }

    /// A line where there is no bar.
    fn tell(&self) {
        if self.bar.is_hidden() && self.told.get().elapsed() >= A_LINE {
            self.told.set(Instant::now());
            say(&format!("{}: {}/{} pictures, {}", self.part.borrow(), self.there.get(), self.all, self.left()));
        }
    }

    /// What to say when the person asked to stop.
    pub fn interrupted(&self) -> String {
        self.bar.finish_and_clear();
        format!("interrupted; {} of {} pictures are kept, run it again to go on", self.there.get(), self.all)
    }

    /// Takes away what was kept, when all reports are whole.
    ///
    /// # Errors
    /// When it cannot be taken away.
    pub fn end(self) -> Result<()> {
        self.bar.finish_and_clear();
        std::fs::remove_dir_all(&self.kept).with_context(|| format!("cannot take away {}", self.kept.display()))
    }
}
