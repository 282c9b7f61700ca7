//! The bar on standard error: images done, step, time left. Hidden where no terminal is.

use engine::pipeline::Event;
use indicatif::{ProgressBar, ProgressStyle};

/// Progress of a run of images, counted in sampler steps.
pub struct Progress {
    bar: ProgressBar,
    images: u64,
    done: u64,
    steps: u64,
}

impl Progress {
    /// A bar over some images of some steps each.
    pub fn new(images: usize, steps: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {msg}  {elapsed} gone, {eta} left");
        let bar =
            ProgressBar::new(images as u64 * steps as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let progress = Self { bar, images: images as u64, done: 0, steps: steps as u64 };
        progress.show("starting");
        progress
    }

    /// Follows a batch of images through the pipeline.
    pub fn note(&self, event: &Event, batch: usize) {
        match event {
            Event::Started { .. } => self.show("step 0"),
            Event::Step { step, of, .. } => {
                self.bar.set_position(self.done * self.steps + (*step as u64) * batch as u64);
                self.show(&format!("step {step}/{of}"));
            }
            Event::Attention { .. } | Event::Paused { .. } | Event::Resumed => {}
            Event::Finished => self.show("saving"),
        }
    }

    /// Counts finished images.
    pub fn finish_images(&mut self, count: usize) {
        self.done += count as u64;
        self.bar.set_position(self.done * self.steps);
    }

    /// Runs `print` while the bar is out of the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self, what: &str) {
        self.bar.set_message(format!("{}/{} images, {what}", self.done, self.images));
    }
}
