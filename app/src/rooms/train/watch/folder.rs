//! What lies in a run folder beside the log: checkpoints, pictures, and whether a process works in it. Nothing is
//! written.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

/// A description of a checkpoint is small; a larger file is none.
const MAX_DESCRIPTION: u64 = 1 << 20;

/// A checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Stage.
    pub stage: String,
    /// Updates done.
    pub step: u64,
    /// When its description was written.
    pub time: Option<SystemTime>,
    /// Bytes of its tensors.
    pub bytes: u64,
    /// The name of a milestone.
    pub milestone: Option<String>,
    /// Whether its description can be read.
    pub whole: bool,
    /// Its description.
    pub path: PathBuf,
}

/// A picture of the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Stage.
    pub stage: String,
    /// Updates done; `None` for the pictures of the data, to compare with.
    pub step: Option<u64>,
    /// Its file.
    pub path: PathBuf,
}

/// Whether a process works in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// One does.
    Held,
    /// None does.
    Free,
    /// The folder has no lock, or the system does not tell.
    Unknown,
}

/// Asks for the lock without taking it from a process that wants it: it is shared, and given back at once.
pub fn lock(run: &Path) -> Lock {
    let Ok(file) = File::open(run.join("lock")) else { return Lock::Unknown };
    match file.try_lock_shared() {
        Ok(()) => Lock::Free,
        Err(TryLockError::WouldBlock) => Lock::Held,
        Err(TryLockError::Error(_)) => Lock::Unknown,
    }
}

/// What was found in a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Checkpoints by stage and update.
    pub checkpoints: Vec<Checkpoint>,
    /// Pictures by stage and update.
    pub pictures: Vec<Picture>,
    /// Stages whose last weights are there.
    pub finished: Vec<String>,
}

/// Descriptions that were read before, by file.
#[derive(Debug, Default)]
pub struct Known(BTreeMap<PathBuf, (Option<SystemTime>, Option<String>, bool)>);

#[derive(Deserialize)]
struct Description {
    milestone: Option<String>,
}

impl Known {
    /// Looks into the folders of the stages; a folder that another program changes just now is looked at again later.
    pub fn look(&mut self, run: &Path) -> Found {
        let mut found = Found::default();
        for (stage, folder) in folders(run) {
            for (name, path) in files(&folder) {
                if name == "final.safetensors" {
                    found.finished.push(stage.clone());
                } else if let Some(step) = number(&name, "step-", ".json") {
                    found.checkpoints.push(self.checkpoint(&stage, step, path));
                } else if let Some(step) = number(&name, "sheet-", ".png") {
                    found.pictures.push(Picture { stage: stage.clone(), step: Some(step), path });
                }
            }
            for (name, path) in files(&folder.join("panel")) {
                let step = number(&name, "step-", ".png");
                if step.is_some() || name == "truth.png" {
                    found.pictures.push(Picture { stage: stage.clone(), step, path });
                }
            }
        }
        found.checkpoints.sort_by(|a, b| (&a.stage, a.step).cmp(&(&b.stage, b.step)));
        found.pictures.sort_by(|a, b| (&a.stage, a.step).cmp(&(&b.stage, b.step)));
        self.0.retain(|path, _| found.checkpoints.iter().any(|checkpoint| checkpoint.path == *path));
        found
    }

    fn checkpoint(&mut self, stage: &str, step: u64, path: PathBuf) -> Checkpoint {
        let data = std::fs::metadata(&path).ok();
        let time = data.as_ref().and_then(|data| data.modified().ok());
        let fresh = self.0.get(&path).filter(|known| known.0 == time).is_none();
        if fresh {
            let small = data.is_some_and(|data| data.len() <= MAX_DESCRIPTION);
            let text = if small { std::fs::read(&path).ok() } else { None };
            let read = text.and_then(|text| serde_json::from_slice::<Description>(&text).ok());
            let whole = read.is_some();
            self.0.insert(path.clone(), (time, read.and_then(|d| d.milestone), whole));
        }
        let (_, milestone, whole) = self.0.get(&path).cloned().unwrap_or_default();
        let bytes = std::fs::metadata(path.with_extension("safetensors")).map_or(0, |data| data.len());
        Checkpoint { stage: stage.to_owned(), step, time, bytes, milestone, whole: whole && bytes > 0, path }
    }
}

/// Folders of a run by name.
fn folders(run: &Path) -> Vec<(String, PathBuf)> {
    let mut all: Vec<_> = entries(run).filter(|(_, path)| path.is_dir()).collect();
    all.sort();
    all
}

fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    entries(folder).filter(|(name, _)| !name.starts_with('.')).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
}

fn number(name: &str, before: &str, after: &str) -> Option<u64> {
    name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_tells_checkpoints_pictures_and_its_lock() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let stage = dir.path().join("text");
        std::fs::create_dir_all(stage.join("panel")).expect("writable");
        let put = |name: &str, text: &str| std::fs::write(stage.join(name), text).expect("writable");
        put("step-00000010.json", r#"{"milestone":"half","step":10}"#);
        put("step-00000010.safetensors", "tensors");
        put("step-00000020.json", "{");
        put("step-00000020.safetensors", "tensors");
        put(".writing-step-00000030.json", "{}");
        put("panel/step-00000010.png", "");
        put("panel/truth.png", "");
        put("panel/film.png", "");
        put("sheet-00000005.png", "");
        put("sheet-final.png", "");
        let mut known = Known::default();
        let found = known.look(dir.path());
        let checkpoints: Vec<_> = found.checkpoints.iter().map(|c| (c.step, c.milestone.as_deref(), c.whole)).collect();
        assert_eq!(checkpoints, [(10, Some("half"), true), (20, None, false)]);
        assert_eq!(found.pictures.iter().map(|p| p.step).collect::<Vec<_>>(), [None, Some(5), Some(10)]);
        assert!(found.finished.is_empty());
        put("final.safetensors", "weights");
        let again = known.look(dir.path());
        assert_eq!((again.finished, again.checkpoints), (vec!["text".to_owned()], found.checkpoints));

        assert_eq!(lock(dir.path()), Lock::Unknown);
        let held = File::create(dir.path().join("lock")).expect("writable");
        assert_eq!(lock(dir.path()), Lock::Free);
        held.try_lock().expect("free");
        assert_eq!(lock(dir.path()), Lock::Held);
    }
}
