//! From the name of a case to its files: sub-folders stay, an image ending goes, nothing leaves the folder.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail, ensure};

/// Endings of pictures that a name in a case file may carry; they are taken off.
const IMAGE_ENDINGS: [&str; 9] = ["png", "jpg", "jpeg", "dcm", "dicom", "tif", "tiff", "bmp", "webp"];
/// Longest part of a path that file systems take, in bytes.
const MAX_PART_BYTES: usize = 255;
/// What is added to a stem at most.
const LONGEST_ADDITION: usize = "_difference.png".len();

/// The files of one result, relative to the output folder or joined to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultFiles {
    /// The radiograph.
    pub image: PathBuf,
    /// The condition picture the model saw; written only where there was one.
    pub mask: PathBuf,
    /// The run record.
    pub record: PathBuf,
    /// The counterfactual twin, its record inside; written only where one is asked for.
    pub twin: PathBuf,
    /// How far image and twin differ.
    pub difference: PathBuf,
    /// Maps of attention to the words.
    pub words: PathBuf,
    /// What the rows and columns of those are.
    pub legend: PathBuf,
    /// Pictures of the steps.
    pub film: PathBuf,
}

/// Which further files a result has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Twin and difference.
    pub(super) twin: bool,
    /// Maps of attention and their legend.
    pub(super) words: bool,
    /// Pictures of the steps.
    pub(super) film: bool,
}

impl ResultFiles {
    /// The files of a stem inside `dir`.
    pub fn new(dir: &Path, stem: &str) -> Self {
        let file = |ending: &str| dir.join(format!("{stem}{ending}"));
        Self {
            image: file(".png"),
            mask: file("_mask.png"),
            record: file(".json"),
            twin: file("_twin.png"),
            difference: file("_difference.png"),
            words: file("_words.png"),
            legend: file("_words.json"),
            film: file("_steps.png"),
        }
    }

    /// The further files that are wanted.
    pub(super) fn further(&self, wanted: Wanted) -> Vec<&Path> {
        let all = [
            (&self.twin, wanted.twin),
            (&self.difference, wanted.twin),
            (&self.words, wanted.words),
            (&self.legend, wanted.words),
            (&self.film, wanted.film),
        ];
        all.into_iter().filter(|(_, wanted)| *wanted).map(|(path, _)| path.as_path()).collect()
    }
}

/// The stem of a name: relative, with `/` between folders, without an image ending.
///
/// # Errors
/// When the name is empty, leaves the folder, or cannot be a file name everywhere.
pub(super) fn stem(name: &str) -> Result<String> {
    ensure!(!name.trim().is_empty(), "name is empty; give the case a name");
    if let Some(odd) = name.chars().find(|c| c.is_control() || *c == '\\') {
        bail!("name {name:?} holds {odd:?}, which cannot be part of a file name; separate folders by /");
    }
    ensure!(!name.ends_with('/'), "name {name:?} names a folder; add a file name");
    let mut parts: Vec<&str> = Vec::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
            Component::CurDir => {}
            _ => bail!("name {name:?} leaves the output folder; use a relative name without .."),
        }
    }
    let Some(last) = parts.last_mut() else { bail!("name {name:?} names no file; give the case another name") };
    if let Some((stem, ending)) = last.rsplit_once('.')
        // `..png` is no picture named `.`.
        && stem.chars().any(|c| c != '.')
        && IMAGE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
    {
        *last = stem;
    }
    if let Some(long) = parts.iter().find(|part| part.len() > MAX_PART_BYTES - LONGEST_ADDITION) {
        let shown: String = long.chars().take(24).collect();
        bail!(
            "name {shown}… has {} bytes, and a file name has room for {}; shorten it",
            long.len(),
            MAX_PART_BYTES - LONGEST_ADDITION
        );
    }
    Ok(parts.join("/"))
}

/// Refuses two cases that would write the same file; `cases` are names, their stems and their further files.
///
/// # Errors
/// Names both cases and the file.
pub(super) fn refuse_shared<'a>(cases: impl Iterator<Item = (&'a str, &'a str, Wanted)>) -> Result<()> {
    let mut owners: HashMap<String, &str> = HashMap::new();
    for (name, stem, wanted) in cases {
        let files = ResultFiles::new(Path::new(""), stem);
        let own = [files.image.as_path(), files.mask.as_path(), files.record.as_path()];
        for file in own.into_iter().chain(files.further(wanted)) {
            let shown = file.display().to_string();
            // These systems take `A.png` and `a.png` for one file.
            let key = if cfg!(any(windows, target_os = "macos")) { shown.to_lowercase() } else { shown.clone() };
            if let Some(other) = owners.insert(key, name) {
                bail!("cases {other:?} and {name:?} would both write {shown}; rename one of them");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folders_stay_and_image_endings_go() {
        for (name, expected) in [
            ("a", "a"),
            ("a.png", "a"),
            ("sub/c.PNG", "sub/c"),
            ("./sub//c.jpg", "sub/c"),
            ("1.2.276.0.7230010.dcm", "1.2.276.0.7230010"),
            ("1.2.276", "1.2.276"),
            (".png", ".png"),
            ("...png", "...png"),
            ("a b/ü", "a b/ü"),
        ] {
            assert_eq!(stem(name).unwrap(), expected, "{name}");
        }
        let files = ResultFiles::new(Path::new("out"), "sub/1.2");
        assert_eq!(files.image, Path::new("out/sub/1.2.png"));
        assert_eq!(files.mask, Path::new("out/sub/1.2_mask.png"));
        assert_eq!(files.record, Path::new("out/sub/1.2.json"));
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["", "  ", "..", "../a", "a/../../b", "/a", "a/", ".", "a\\b", "a\0b", "a\nb", &"x".repeat(300)] {
            assert!(stem(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn two_cases_never_share_a_file() {
        let wanting = |names: &[&str], wanted: Wanted| {
            let stems: Vec<String> = names.iter().map(|name| stem(name).unwrap()).collect();
            refuse_shared(names.iter().zip(&stems).map(|(name, stem)| (*name, stem.as_str(), wanted)))
        };
        let shared = |names: &[&str]| wanting(names, Wanted::default());
        let twins = Wanted { twin: true, ..Wanted::default() };
        assert!(shared(&["a", "a_twin"]).is_ok() && wanting(&["a", "b"], twins).is_ok());
        assert!(wanting(&["a", "a_twin"], twins).unwrap_err().to_string().contains("a_twin.png"));
        assert!(shared(&["a", "b", "sub/a"]).is_ok());
        let error = shared(&["a.png", "b", "a.jpg"]).unwrap_err().to_string();
        assert!(error.contains("a.png") && error.contains("a.jpg"), "{error}");
        let error = shared(&["a", "a_mask"]).unwrap_err().to_string();
        assert!(error.contains("a_mask.png"), "{error}");
    }

    proptest! {
        #[test]
        fn a_stem_stays_inside_and_is_stable(name in "([.]{1,2}|/|\\\\|[a-z]{1,6}|[.]png|\\PC){0,12}") {
            if let Ok(stem_text) = stem(&name) {
                let path = Path::new(&stem_text);
                prop_assert!(path.components().all(|c| matches!(c, Component::Normal(_))), "{}", stem_text);
                let files = ResultFiles::new(Path::new("out"), &stem_text);
                for file in [&files.image, &files.mask, &files.record] {
                    prop_assert!(file.starts_with("out") && file.file_name().is_some());
                }
                prop_assert_ne!(files.image, files.mask);
            }
        }
    }
}
