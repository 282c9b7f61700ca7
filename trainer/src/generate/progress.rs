//! The bar on standard error: images done, step, time left. Where no terminal is, a line now and then tells how far it is.

use std::time::{Duration, Instant};

use engine::pipeline::Event;
use indicatif::{ProgressBar, ProgressStyle};

use crate::ranks::share::prefix;
use crate::work::WorkShare;

/// Time between two lines of one of several processes, and of one alone.
const A_LINE: Duration = Duration::from_secs(10);
const A_LINE_ALONE: Duration = Duration::from_secs(60);

/// Progress of a run of images, counted in sampler steps.
pub struct Progress {
    bar: ProgressBar,
    images: u64,
    done: u64,
    steps: u64,
    prefix: String,
    begin: Instant,
    told: Instant,
}

impl Progress {
    /// A bar over some images of some steps each, of one of several processes.
    pub fn new(images: usize, steps: usize, share: WorkShare) -> Self {
        let style = ProgressStyle::with_template("{prefix}{bar:30} {msg}  {elapsed} gone, {eta} left");
        let bar =
            ProgressBar::new(images as u64 * steps as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (prefix, now) = (prefix(share), Instant::now());
        bar.set_prefix(prefix.clone());
        let progress = Self { bar, images: images as u64, done: 0, steps: steps as u64, prefix, begin: now, told: now };
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
        let pause = if self.prefix.is_empty() { A_LINE_ALONE } else { A_LINE };
        if self.bar.is_hidden() && self.told.elapsed() >= pause {
            self.told = Instant::now();
            self.tell();
        }
    }

    #[expect(clippy::print_stderr, reason = "plain progress lines where no terminal can show a bar")]
    fn tell(&self) {
        let left = self.begin.elapsed().as_secs_f64() / self.done.max(1) as f64 * self.images.saturating_sub(self.done) as f64;
        eprintln!("{}{}/{} images, {left:.0} s left", self.prefix, self.done, self.images);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_a_terminal_gets_a_line_a_minute_also_from_a_process_alone() {
        let mut progress = Progress::new(10, 5, WorkShare::WHOLE);
        progress.bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        for (secs, told) in [(61, true), (30, false)] {
            let before = Instant::now() - Duration::from_secs(secs);
            progress.told = before;
            progress.finish_images(1);
            assert_eq!(progress.told != before, told, "after {secs} s");
        }
    }
}
