//! Where the practice model lies that comes with the programs.

use std::path::{Path, PathBuf};

/// The practice model is in none of the usual places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the practice model was not found; name a model folder, or put the practice model into {}", first.display())]
pub struct NoPracticeModel {
    /// The first place that was looked at.
    pub first: PathBuf,
}

/// The folder of the practice model: beside the program, among its shared files, in the working folder,
/// or in the source tree it was built from.
///
/// `exe` is the running program, `source_tree` the root of the sources; a folder counts if it holds a
/// `model.toml`.
///
/// # Errors
/// When there is none.
pub fn practice_model_dir(exe: Option<&Path>, source_tree: &Path) -> Result<PathBuf, NoPracticeModel> {
    let mut places = Vec::new();
    if let Some(dir) = exe.and_then(Path::parent) {
        places.push(dir.join("assets/practice"));
        places.push(dir.join("../share/chexgen-studio/practice"));
    }
    places.push(PathBuf::from("assets/practice"));
    places.push(source_tree.join("assets/practice"));
    match places.iter().find(|dir| dir.join("model.toml").is_file()) {
        Some(dir) => Ok(dir.clone()),
        None => Err(NoPracticeModel { first: places.swap_remove(0) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_model_is_taken_and_none_is_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let exe = dir.path().join("bin/chexgen");
        let tree = dir.path().join("tree");
        let error = practice_model_dir(Some(&exe), &tree).unwrap_err().to_string();
        assert!(error.contains("bin/assets/practice"), "{error}");
        let shared = dir.path().join("bin/../share/chexgen-studio/practice");
        for place in [tree.join("assets/practice"), shared] {
            // `..` needs its folder.
            std::fs::create_dir_all(dir.path().join("bin")).unwrap();
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("model.toml"), "").unwrap();
            assert_eq!(practice_model_dir(Some(&exe), &tree).unwrap(), place, "the later one is nearer");
        }
    }
}
