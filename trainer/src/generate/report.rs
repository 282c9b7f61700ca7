//! What a run says on standard output: one line of JSON an image, or one sentence at the end.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use engine::domain::Seed;
use serde::Serialize;

use super::names::{ResultFiles, Wanted};
use crate::ranks::share::prefix;
use crate::work::WorkShare;

/// An image's line.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    image: String,
    mask: Option<String>,
    record: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    twin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    film: Option<String>,
    seed: u64,
    /// Share of its batch's time; 0 for a skipped one.
    seconds: f64,
    skipped: bool,
}

/// The last line.
#[derive(Serialize)]
struct Summary<'a> {
    summary: Totals<'a>,
}

#[derive(Serialize)]
struct Totals<'a> {
    written: usize,
    skipped: usize,
    differing: usize,
    seconds: f64,
    interrupted: bool,
    out: &'a str,
    #[serde(flatten)]
    ranks: Option<Ranks>,
}

/// Of a rank among others.
#[derive(Serialize)]
struct Ranks {
    rank: usize,
    world: usize,
    /// Images that are there now, whoever made them.
    there: usize,
    /// Images that shall be there.
    total: usize,
}

/// Counts results and prints them to `out`.
pub(super) struct Report<W> {
    out: W,
    json: bool,
    share: WorkShare,
    begin: Instant,
    written: usize,
    skipped: usize,
    differing: usize,
}

impl<W: Write> Report<W> {
    /// A report that begins now.
    pub(super) fn new(out: W, json: bool, share: WorkShare) -> Self {
        Self { out, json, share, begin: Instant::now(), written: 0, skipped: 0, differing: 0 }
    }

    /// Notes an image that was made.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn made(
        &mut self,
        name: &str,
        files: &ResultFiles,
        has_mask: bool,
        wanted: Wanted,
        seed: Seed,
        time: Duration,
    ) -> Result<()> {
        self.written += 1;
        self.line(name, files, has_mask, wanted, seed, time, false)
    }

    /// Notes an image that was there; `differs` if it was made with other settings.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn kept(
        &mut self,
        name: &str,
        files: &ResultFiles,
        has_mask: bool,
        wanted: Wanted,
        seed: Seed,
        differs: bool,
    ) -> Result<()> {
        self.skipped += 1;
        self.differing += usize::from(differs);
        self.line(name, files, has_mask, wanted, seed, Duration::ZERO, true)
    }

    fn line(
        &mut self,
        name: &str,
        files: &ResultFiles,
        has_mask: bool,
        wanted: Wanted,
        seed: Seed,
        time: Duration,
        skipped: bool,
    ) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let shown = |path: &std::path::Path| path.display().to_string();
        let line = Line {
            name,
            image: shown(&files.image),
            mask: has_mask.then(|| shown(&files.mask)),
            record: shown(&files.record),
            twin: wanted.twin.then(|| shown(&files.twin)),
            difference: wanted.twin.then(|| shown(&files.difference)),
            words: wanted.words.then(|| shown(&files.words)),
            film: wanted.film.then(|| shown(&files.film)),
            seed: seed.0,
            seconds: (time.as_secs_f64() * 1e3).round() / 1e3,
            skipped,
        };
        self.print(&serde_json::to_string(&line)?)
    }

    /// The end: a line of JSON or a sentence. `there` is how many images are there, and how many shall be, where other
    /// processes make some of them.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn summary(&mut self, out: &str, interrupted: bool, there: Option<(usize, usize)>) -> Result<()> {
        let seconds = self.begin.elapsed().as_secs_f64();
        if self.json {
            let seconds = (seconds * 1e3).round() / 1e3;
            let (written, skipped, differing) = (self.written, self.skipped, self.differing);
            let ranks = there.map(|(there, total)| Ranks { rank: self.share.rank(), world: self.share.world(), there, total });
            let summary = Summary { summary: Totals { written, skipped, differing, seconds, interrupted, out, ranks } };
            return self.print(&serde_json::to_string(&summary)?);
        }
        let mut text = format!("{}{} written to {out} in {seconds:.1} s", prefix(self.share), images(self.written));
        if self.skipped > 0 {
            text += &format!("; {} there already and kept", verb(self.skipped));
        }
        if self.differing > 0 {
            text += &format!(" ({} made with other settings)", verb(self.differing));
        }
        match there {
            Some((there, total)) if there == total => text += &format!("; all {total} are there"),
            Some((there, total)) => text += &format!("; {there} of {total} are there, the others are for other ranks to make"),
            None => {}
        }
        if interrupted {
            text += "; stopped early, run it again to go on";
        }
        self.print(&text)
    }

    fn print(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").and_then(|()| self.out.flush()).context("cannot write to standard output")
    }
}

fn images(count: usize) -> String {
    if count == 1 { "1 image".to_owned() } else { format!("{count} images") }
}

fn verb(count: usize) -> String {
    if count == 1 { "1 was".to_owned() } else { format!("{count} were") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn run(json: bool, share: WorkShare, there: Option<(usize, usize)>) -> String {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, json, share);
        let files = |stem| ResultFiles::new(Path::new("out"), stem);
        report.kept("a.png", &files("a"), false, Wanted::default(), Seed(u64::MAX), true).unwrap();
        report
            .made("b", &files("b"), true, Wanted { twin: true, ..Wanted::default() }, Seed(2), Duration::from_millis(1500))
            .unwrap();
        report.summary("out", true, there).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_of_json() {
        let text = run(true, WorkShare::WHOLE, None);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!((&lines[0]["name"], &lines[0]["seed"]), (&"a.png".into(), &u64::MAX.into()));
        assert!(lines[0]["mask"].is_null() && lines[0]["skipped"] == true);
        assert_eq!((&lines[1]["mask"], &lines[1]["seconds"]), (&"out/b_mask.png".into(), &1.5.into()));
        assert_eq!(lines[1]["twin"], "out/b_twin.png");
        assert!(lines[0].get("twin").is_none());
        assert_eq!((&lines[2]["summary"]["written"], &lines[2]["summary"]["interrupted"]), (&1.into(), &true.into()));
        assert!(lines[2]["summary"].get("world").is_none());
        let text = run(true, WorkShare::new(1, 3).unwrap(), Some((4, 6)));
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        let told = ["rank", "world", "there", "total"].map(|name| last["summary"][name].as_u64().unwrap());
        assert_eq!(told, [1, 3, 4, 6]);
    }

    #[test]
    fn a_sentence() {
        let text = run(false, WorkShare::WHOLE, None);
        assert!(text.starts_with("1 image written to out in "), "{text}");
        assert!(text.contains("1 was there already and kept (1 was made with other settings); stopped early"), "{text}");
        assert_eq!(text.lines().count(), 1);
        let text = run(false, WorkShare::new(1, 3).unwrap(), Some((4, 6)));
        assert!(text.starts_with("rank 1 of 3: 1 image written") && text.contains("; 4 of 6 are there, the others"), "{text}");
        let text = run(false, WorkShare::new(1, 3).unwrap(), Some((6, 6)));
        assert!(text.contains("; all 6 are there; stopped"), "{text}");
    }
}
