//! Bytes of rank 0 for all ranks before they have a connection: through files in a folder that all of them see.
//!
//! A rank says hello with a word that no other process ever said. Rank 0 first takes away whatever earlier processes
//! left, waits for all words, and answers with its bytes and all the words; a rank takes an answer only when it holds
//! its own word, so what is left of an earlier start misleads nobody.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use engine::store::atomic::write_atomic;
use serde::{Deserialize, Serialize};

const PAUSE: Duration = Duration::from_millis(50);

#[derive(Serialize, Deserialize)]
struct Answer {
    words: Vec<String>,
    bytes: Vec<u8>,
}

/// Bytes that rank 0 makes, on every rank.
///
/// # Errors
/// When the folder cannot be written, or not all ranks come within `limit`.
pub fn share(
    dir: &Path,
    (rank, world): (usize, usize),
    limit: Duration,
    make: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let meeting = Meeting { dir, limit, begin: Instant::now() };
    if rank == 0 { meeting.lead(world, make) } else { meeting.ask(rank) }
}

/// A folder in which ranks meet, and how long they wait for each other.
struct Meeting<'a> {
    dir: &'a Path,
    limit: Duration,
    begin: Instant,
}

impl Meeting<'_> {
    fn hello(&self, rank: usize) -> PathBuf {
        self.dir.join(format!("hello-{rank}"))
    }

    fn answer(&self) -> PathBuf {
        self.dir.join("answer")
    }

    /// Rank 0: waits for the words of all others and answers.
    fn lead(&self, world: usize, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let dir = self.dir;
        drop(std::fs::remove_dir_all(dir));
        let bytes = make()?;
        let words = loop {
            let words: Vec<String> = (1..world).filter_map(|rank| std::fs::read_to_string(self.hello(rank)).ok()).collect();
            if words.len() + 1 == world {
                break words;
            }
            let missing = (1..world).filter(|rank| !self.hello(*rank).exists()).map(|rank| rank.to_string());
            ensure!(
                self.begin.elapsed() < self.limit,
                "ranks {} did not come within {} s; see that all were started and see {}",
                missing.collect::<Vec<_>>().join(", "),
                self.limit.as_secs(),
                dir.display()
            );
            std::thread::sleep(PAUSE);
        };
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        write_atomic(&self.answer(), &serde_json::to_vec(&Answer { words, bytes: bytes.clone() })?)?;
        Ok(bytes)
    }

    /// Another rank: says its word until an answer holds it.
    fn ask(&self, rank: usize) -> Result<Vec<u8>> {
        let (dir, hello) = (self.dir, self.hello(rank));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let word = format!("{} {} {}", super::presence::host(), std::process::id(), now.as_nanos() + rank as u128);
        loop {
            let said = std::fs::read(self.answer()).ok().and_then(|bytes| serde_json::from_slice::<Answer>(&bytes).ok());
            if let Some(said) = said.filter(|said| said.words.contains(&word)) {
                return Ok(said.bytes);
            }
            let is_said = std::fs::read_to_string(&hello).is_ok_and(|found| found == word);
            if !is_said && std::fs::create_dir_all(dir).is_ok() {
                // Rank 0 may be taking the folder away just now; the next round tries again.
                drop(write_atomic(&hello, word.as_bytes()));
            }
            ensure!(
                self.begin.elapsed() < self.limit,
                "rank 0 did not answer within {} s in {}",
                self.limit.as_secs(),
                dir.display()
            );
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ranks_get_the_bytes_and_what_an_earlier_start_left_misleads_nobody() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("meet");
        std::fs::create_dir(&dir).unwrap();
        let old = Answer { words: vec!["somebody".to_owned()], bytes: vec![9] };
        std::fs::write(dir.join("answer"), serde_json::to_vec(&old).unwrap()).unwrap();
        for rank in 1..4 {
            std::fs::write(dir.join(format!("hello-{rank}")), "somebody").unwrap();
        }
        let limit = Duration::from_secs(300);
        std::thread::scope(|scope| {
            let dir = &dir;
            let ranks: Vec<_> = (0..4)
                .rev()
                .map(|rank| scope.spawn(move || share(dir, (rank, 4), limit, || Ok(vec![1, 2, 3])).unwrap()))
                .collect();
            for rank in ranks {
                assert_eq!(rank.join().unwrap(), [1, 2, 3]);
            }
        });
    }

    #[test]
    fn who_does_not_come_is_named() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("meet");
        let said = share(&dir, (0, 3), Duration::from_millis(1), || Ok(Vec::new())).unwrap_err().to_string();
        assert!(said.contains("ranks 1, 2 did not come"), "{said}");
        let said = share(&dir, (1, 3), Duration::from_millis(1), || Ok(Vec::new())).unwrap_err().to_string();
        assert!(said.contains("rank 0 did not answer"), "{said}");
    }
}
