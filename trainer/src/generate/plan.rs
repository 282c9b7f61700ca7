//! From what was asked to a list of cases: names, files and seeds, all checked against each other.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use engine::domain::{Finding, Seed};

use super::boxes::BoxSpec;
use super::case::{Case, read_boxes};
use super::names;
use crate::cases::{CaseRow, read_cases};

/// One impression, some images.
#[derive(Clone, Debug, Default)]
pub struct OneImpression<'a> {
    /// The text.
    pub impression: &'a str,
    /// Name before the number of each image.
    pub name: &'a str,
    /// Number of images.
    pub count: u32,
    /// The mask file.
    pub mask: Option<&'a Path>,
    /// The mask's class.
    pub mask_class: Option<Finding>,
    /// Boxes as JSON text or a path.
    pub boxes: Option<&'a str>,
    /// Seed of the first image; the others have seeds of their names under it.
    pub seed: u64,
}

impl OneImpression<'_> {
    /// Its images, `NAME-0000` and on.
    ///
    /// # Errors
    /// When the name or the boxes cannot be used.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let boxes = self.boxes.map_or(Ok(Vec::new()), read_boxes).context("--boxes")?;
        let case = |index: u32| -> Result<Case> {
            let name = format!("{}-{index:04}", self.name);
            Ok(Case {
                stem: names::stem(&name).context("--name")?,
                impression: self.impression.to_owned(),
                mask: self.mask.map(Path::to_owned),
                mask_class: self.mask_class,
                boxes: boxes.clone(),
                seed: if index == 0 { Seed(self.seed) } else { Seed::for_case(self.seed, &name) },
                file: None,
                name,
            })
        };
        (0..self.count).map(case).collect()
    }
}

/// A case file.
#[derive(Clone, Debug)]
pub struct CaseFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// Folder of its masks; `None` is the folder of the file.
    pub mask_dir: Option<&'a Path>,
    /// Class of all its masks.
    pub mask_class: Option<Finding>,
    /// The run's seed; a case without a seed has one of its name under it.
    pub seed: u64,
}

impl CaseFile<'_> {
    /// Its cases in order.
    ///
    /// # Errors
    /// Names the file, the case and the field.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let rows = read_cases(self.path)?;
        let file = self.path.file_name().map_or_else(|| self.path.to_string_lossy(), |name| name.to_string_lossy());
        self.from_rows(rows, &file)
    }

    fn from_rows(&self, rows: Vec<CaseRow>, file: &str) -> Result<Vec<Case>> {
        ensure!(!rows.is_empty(), "{file} holds no case; add a line with an impression");
        let mask_dir = self.mask_dir.or_else(|| self.path.parent()).unwrap_or(Path::new(""));
        let case = |row: CaseRow| -> Result<Case> {
            let place = || format!("{file}: case {:?}", row.name);
            let boxes: Vec<BoxSpec> = match &row.boxes {
                Some(text) => super::boxes::parse(text).context("boxes").with_context(place)?,
                None => Vec::new(),
            };
            Ok(Case {
                stem: names::stem(&row.name).with_context(|| file.to_owned())?,
                seed: row.seed.map_or_else(|| Seed::for_case(self.seed, &row.name), Seed),
                mask: row.mask.map(|mask| mask_dir.join(mask)),
                mask_class: self.mask_class,
                impression: row.impression,
                boxes,
                name: row.name,
                file: Some(file.to_owned()),
            })
        };
        let cases: Vec<Case> = rows.into_iter().map(case).collect::<Result<_>>()?;
        names::refuse_shared(cases.iter().map(|case| (case.name.as_str(), case.stem.as_str())))
            .with_context(|| file.to_owned())?;
        Ok(cases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::parse_cases;

    fn cases(file: &str, text: &str, seed: u64) -> Result<Vec<Case>> {
        let path = Path::new("data").join(file);
        let rows = parse_cases(file, text)?;
        CaseFile { path: &path, mask_dir: None, mask_class: None, seed }.from_rows(rows, file)
    }

    #[test]
    fn the_first_image_has_the_seed_and_the_others_have_seeds_of_their_names() {
        let one = OneImpression { impression: "x", name: "image", count: 3, seed: 5, ..OneImpression::default() };
        let three = one.cases().unwrap();
        assert_eq!(three.iter().map(|case| case.stem.as_str()).collect::<Vec<_>>(), ["image-0000", "image-0001", "image-0002"]);
        assert_eq!(three[0].seed, Seed(5));
        assert_eq!(three[2].seed, Seed::for_case(5, "image-0002"));
        let more = OneImpression { count: 9, ..one }.cases().unwrap();
        assert_eq!(more[..3], three, "more images change none of the others");
    }

    #[test]
    fn a_case_has_its_own_seed_or_one_of_its_name() {
        let text = "name,impression,seed\na.png,one,\nb,two,9\nsub/c,three,\n";
        let all = cases("x.csv", text, 4).unwrap();
        assert_eq!(all[0].seed, Seed::for_case(4, "a.png"));
        assert_eq!(all[1].seed, Seed(9));
        let alone = cases("x.csv", "name,impression\nsub/c,three\n", 4).unwrap();
        assert_eq!(alone[0], all[2], "other cases change nothing");
        assert_ne!(cases("x.csv", text, 5).unwrap()[0].seed, all[0].seed);
    }

    #[test]
    fn masks_lie_in_the_folder_of_the_file_or_in_another() {
        let text = r#"[{"impression": "x", "mask": "m/a.png", "boxes": {"class": "mass", "box": [0, 0, 1, 1]}}]"#;
        let all = cases("x.json", text, 0).unwrap();
        assert_eq!(all[0].mask.as_deref(), Some(Path::new("data/m/a.png")));
        assert_eq!(all[0].boxes.len(), 1);
        let file = CaseFile { path: Path::new("x.json"), mask_dir: Some(Path::new("masks")), mask_class: None, seed: 0 };
        let other = file.from_rows(parse_cases("x.json", text).unwrap(), "x.json").unwrap();
        assert_eq!(other[0].mask.as_deref(), Some(Path::new("masks/m/a.png")));
    }

    #[test]
    fn files_that_cannot_be_run_are_refused() {
        for (file, text, words) in [
            ("x.csv", "impression\n", "no case"),
            ("x.csv", "name,impression\na,1\na.png,2\n", "both write"),
            ("x.csv", "name,impression\n../a,1\n", "leaves the output folder"),
            ("x.jsonl", "{\"impression\": \"t\", \"boxes\": [{\"class\": \"mass\"}]}", "x0"),
        ] {
            let sentence = format!("{:#}", cases(file, text, 0).unwrap_err());
            assert!(sentence.starts_with(file) && sentence.contains(words), "{sentence}");
        }
    }
}
