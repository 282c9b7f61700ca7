//! How far the work before the first update is: a bar on a terminal, lines elsewhere.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::log::say;

/// Time between two lines.
const A_LINE: Duration = Duration::from_secs(10);

/// Work of a known number of pieces.
pub struct Preparing {
    what: &'static str,
    all: usize,
    bar: ProgressBar,
    begin: Instant,
    /// None on ranks that do not speak.
    told: Option<Cell<Instant>>,
}

impl Preparing {
    /// Begins; only the rank that `leads` shows something.
    pub fn begin(what: &'static str, all: usize, leads: bool) -> Self {
        let style = ProgressStyle::with_template("{prefix:>12} {bar:30} {pos}/{len}  {eta} left");
        let bar = if leads { ProgressBar::new(all as u64) } else { ProgressBar::hidden() };
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_prefix(what);
        let now = Instant::now();
        Self { what, all, bar, begin: now, told: leads.then(|| Cell::new(now)) }
    }

    /// Some pieces are done.
    pub fn at(&self, done: usize) {
        self.bar.set_position(done as u64);
        let Some(told) = self.told.as_ref().filter(|told| self.bar.is_hidden() && told.get().elapsed() >= A_LINE) else { return };
        told.set(Instant::now());
        say(&line(self.what, done, self.all, self.begin.elapsed()));
    }

    /// All are done.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// `encoding 3/12  9s left`.
fn line(what: &str, done: usize, all: usize, gone: Duration) -> String {
    let left = gone.mul_f64(all.saturating_sub(done) as f64 / done.max(1) as f64);
    format!("{what} {done}/{all}  {:#} left", HumanDuration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_pace_so_far() {
        assert_eq!(line("encoding", 3, 12, Duration::from_secs(10)), "encoding 3/12  30s left");
        assert_eq!(line("encoding", 12, 12, Duration::from_secs(10)), "encoding 12/12  0s left");
        // Nothing is known before the first piece.
        assert!(line("encoding", 0, 12, Duration::ZERO).contains("0/12"));
    }
}
