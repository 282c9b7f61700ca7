//! Folders of results: what one command made is not mixed with what another makes.

use std::path::Path;

use anyhow::{Result, bail, ensure};

/// Files that only one kind of folder has, and what that is.
const MARKS: [(&str, &str); 5] = [
    ("dataset.json", "a prepared data set"),
    ("metrics.jsonl", "a training"),
    ("model.toml", "a model"),
    ("study.toml", "a reader study"),
    ("manifest.jsonl", "a set of phantoms"),
];

/// Refuses a folder that holds results of another command; `own` is the mark of this one's, where it has one.
///
/// # Errors
/// Names the folder, what it holds and what to do.
pub fn refuse_results_of_others(dir: &Path, own: Option<&str>) -> Result<()> {
    refuse("--out", dir, own)
}

/// As [`refuse_results_of_others`], of a folder that another flag names.
///
/// # Errors
/// As [`refuse_results_of_others`].
pub fn refuse(flag: &str, dir: &Path, own: Option<&str>) -> Result<()> {
    for (mark, what) in MARKS {
        if own != Some(mark) && dir.join(mark).is_file() {
            bail!("{flag} {} holds {what} ({mark}); choose another folder", dir.display());
        }
    }
    Ok(())
}

/// Whether a folder holds a model, or the parts of one.
pub fn holds_model(dir: &Path) -> bool {
    dir.join("model.toml").is_file()
}

/// Refuses to put a model into the place of another one.
///
/// # Errors
/// Names the folder and what to do.
pub fn refuse_model(dir: &Path) -> Result<()> {
    ensure!(
        !holds_model(dir),
        "{} holds a model already (model.toml); choose another folder, or say --replace to put this one in its place",
        dir.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_again_by_the_command_that_made_it_and_by_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(refuse_results_of_others(dir.path(), None).is_ok());
        assert!(refuse_results_of_others(&dir.path().join("new"), None).is_ok());
        std::fs::write(dir.path().join("model.toml"), "").expect("written");
        assert!(refuse_results_of_others(dir.path(), Some("model.toml")).is_ok());
        let said = refuse_results_of_others(dir.path(), Some("dataset.json")).expect_err("a model").to_string();
        assert!(said.contains("holds a model (model.toml); choose another folder"), "{said}");
    }
}
