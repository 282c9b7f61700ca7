//! Bytes of rank 0 for all ranks before they have a connection: through files in a folder that all of them see.
//!
//! A rank says hello with a word that no other process ever said. Rank 0 first takes away whatever earlier processes
//! left, waits for all words, and answers with its bytes and all the words; a rank takes an answer only when it holds
//! its own word, so what is left of an earlier start misleads nobody.

use std::path::Path;
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
    let begin = Instant::now();
    let hello = |rank: usize| dir.join(format!("hello-{rank}"));
    let answer = dir.join("answer");
    if rank == 0 {
        drop(std::fs::remove_dir_all(dir));
        let bytes = make()?;
        let words = loop {
            let words: Vec<String> = (1..world).filter_map(|rank| std::fs::read_to_string(hello(rank)).ok()).collect();
            if words.len() + 1 == world {
                break words;
            }
            let missing: Vec<String> = (1..world).filter(|rank| !hello(*rank).exists()).map(|rank| rank.to_string()).collect();
            ensure!(
                begin.elapsed() < limit,
                "ranks {} did not come within {} s; see that all were started and see {}",
                missing.join(", "),
                limit.as_secs(),
                dir.display()
            );
            std::thread::sleep(PAUSE);
        };
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        write_atomic(&answer, &serde_json::to_vec(&Answer { words, bytes: bytes.clone() })?)?;
        return Ok(bytes);
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let word = format!("{} {} {}", super::presence::host(), std::process::id(), now.as_nanos() + rank as u128);
    loop {
        let said = std::fs::read(&answer).ok().and_then(|bytes| serde_json::from_slice::<Answer>(&bytes).ok());
        if let Some(said) = said.filter(|said| said.words.contains(&word)) {
            return Ok(said.bytes);
        }
        if !hello(rank).exists() || std::fs::read_to_string(hello(rank)).is_ok_and(|found| found != word) {
            // Rank 0 may be taking the folder away just now; the next round tries again.
            drop(std::fs::create_dir_all(dir).map(|()| write_atomic(&hello(rank), word.as_bytes())));
        }
        ensure!(begin.elapsed() < limit, "rank 0 did not answer within {} s in {}", limit.as_secs(), dir.display());
        std::thread::sleep(PAUSE);
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
