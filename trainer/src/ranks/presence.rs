//! Who waits: a small file for each rank that waits long, so that the others can tell who does not.
//!
//! Which partner is late is nothing that a collective call tells. A rank that has waited for more than a second notes
//! in the run folder for which call, again and again; whoever gives up looks at the notes twice, and names the ranks
//! that did not write in between.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::store::atomic::write_atomic;

/// Notes of the ranks of a run.
pub struct Presence {
    dir: PathBuf,
    rank: usize,
    beats: std::cell::Cell<u64>,
}

impl Presence {
    /// Notes under `run`; takes away what an earlier process of this rank left.
    pub fn new(run: &Path, rank: usize) -> Self {
        let presence = Self { dir: run.join("waiting"), rank, beats: std::cell::Cell::new(0) };
        presence.leave();
        presence
    }

    fn path(&self, rank: usize) -> PathBuf {
        self.dir.join(format!("rank-{rank}"))
    }

    /// Notes that this rank waits for a call. A note that cannot be written is left out: it is for a message only.
    pub fn waits_for(&self, call: u64) {
        self.beats.set(self.beats.get() + 1);
        let note = format!("{call} {}\n", self.beats.get());
        if std::fs::create_dir_all(&self.dir).is_ok() {
            drop(write_atomic(&self.path(self.rank), note.as_bytes()));
        }
    }

    /// The call and the beat of a rank's note.
    fn read(&self, rank: usize) -> Option<(u64, u64)> {
        let text = std::fs::read_to_string(self.path(rank)).ok()?;
        let mut numbers = text.split_whitespace().map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// The ranks that wait for this call or a later one and write within three times `beat`; so does this one.
    pub fn who_waits(&self, call: u64, world: usize, beat: Duration) -> Vec<usize> {
        let before: Vec<_> = (0..world).map(|rank| self.read(rank)).collect();
        for _ in 0..3 {
            self.waits_for(call);
            std::thread::sleep(beat);
        }
        let alive = |rank: &usize| self.read(*rank).is_some_and(|now| now.0 >= call && Some(now) != before[*rank]);
        (0..world).filter(alive).collect()
    }

    /// Takes the note away, and the folder when it is empty.
    pub fn leave(&self) {
        drop(std::fs::remove_file(self.path(self.rank)));
        drop(std::fs::remove_dir(&self.dir));
    }
}

/// The name of this machine.
pub fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "this machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_write_is_not_among_those_that_wait() {
        let dir = tempfile::tempdir().unwrap();
        let ranks: Vec<Presence> = (0..3).map(|rank| Presence::new(dir.path(), rank)).collect();
        ranks[1].waits_for(7);
        ranks[2].waits_for(6);
        let waiting = ranks[0].who_waits(7, 4, Duration::from_millis(1));
        assert_eq!(waiting, [0], "1 has not written since, 2 is behind, 3 never wrote");
        for rank in &ranks {
            rank.leave();
        }
        assert!(!dir.path().join("waiting").exists());
        assert!(!host().is_empty());
    }
}
