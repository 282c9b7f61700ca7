//! From what was asked to a list of cases: names, files and seeds, all checked against each other.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use engine::domain::{Finding, Seed};

use super::acts::Acts;
use super::begin::Begin;
use super::boxes::BoxSpec;
use super::case::{Case, read_boxes};
use super::edit::ImageEdit;
use super::mask_spec::MaskSpec;
use super::names::{self, Wanted};
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
    /// Masks, as they are written.
    pub masks: &'a [String],
    /// The class of masks that name none.
    pub mask_class: Option<Finding>,
    /// Boxes as JSON text or a path.
    pub boxes: Option<&'a str>,
    /// How drawings act that say nothing themselves.
    pub acts: Acts,
    /// What the images begin with.
    pub begin: Begin,
    /// The text of the twins.
    pub twin: Option<&'a str>,
    /// Seed of the first image; the others have seeds of their names under it.
    pub seed: u64,
}

impl OneImpression<'_> {
    /// Its images, `NAME-0000` and on.
    ///
    /// # Errors
    /// When the name, the masks or the boxes cannot be used.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let boxes = self.boxes.map_or(Ok(Vec::new()), read_boxes).context("--boxes")?;
        let masks = self.masks.iter().map(|text| MaskSpec::parse(text, Path::new(""))).collect::<Result<Vec<_>>>();
        let masks = masks.context("--mask")?;
        let case = |index: u32| -> Result<Case> {
            let name = format!("{}-{index:04}", self.name);
            Ok(Case {
                stem: names::stem(&name).context("--name")?,
                impression: self.impression.to_owned(),
                masks: masks.clone(),
                mask_class: self.mask_class,
                boxes: boxes.clone(),
                acts: self.acts,
                begin: self.begin.clone(),
                twin: self.twin.map(str::to_owned),
                noise_row: index as usize,
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
    /// Class of its masks that name none.
    pub mask_class: Option<Finding>,
    /// How drawings act that say nothing themselves.
    pub acts: Acts,
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
        self.bind(rows, &file)
    }

    fn bind(&self, rows: Vec<CaseRow>, file: &str) -> Result<Vec<Case>> {
        ensure!(!rows.is_empty(), "{file} holds no case; add a line with an impression");
        let mask_dir = self.mask_dir.or_else(|| self.path.parent()).unwrap_or(Path::new(""));
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let case = |(index, row): (usize, CaseRow)| -> Result<Case> {
            let place = || format!("{file}: case {:?}", row.name);
            let boxes: Vec<BoxSpec> = match &row.boxes {
                Some(text) => super::boxes::parse(text).context("boxes").with_context(place)?,
                None => Vec::new(),
            };
            let mut masks: Vec<MaskSpec> = row.mask.iter().map(|mask| MaskSpec::plain(mask_dir.join(mask))).collect();
            if let Some(text) = row.more.get("masks") {
                masks.extend(MaskSpec::parse_list(text, mask_dir).context("masks").with_context(place)?);
            }
            let edit = image_edit(&row, folder, mask_dir).with_context(place)?;
            Ok(Case {
                stem: names::stem(&row.name).with_context(|| file.to_owned())?,
                seed: row.seed.map_or_else(|| Seed::for_case(self.seed, &row.name), Seed),
                masks,
                mask_class: self.mask_class,
                acts: self.acts,
                begin: edit.map_or(Begin::Noise, |edit| Begin::Image(Box::new(edit))),
                twin: row.more.get("twin").cloned(),
                noise_row: index,
                impression: row.impression,
                boxes,
                name: row.name,
                file: Some(file.to_owned()),
            })
        };
        let cases: Vec<Case> = rows.into_iter().enumerate().map(case).collect::<Result<_>>()?;
        let wanted = |case: &Case| Wanted { twin: case.twin.is_some(), ..Wanted::default() };
        names::refuse_shared(cases.iter().map(|case| (case.name.as_str(), case.stem.as_str(), wanted(case))))
            .with_context(|| file.to_owned())?;
        Ok(cases)
    }
}

/// The image that a row changes: files of its folder, masks of the folder of masks.
fn image_edit(row: &CaseRow, folder: &Path, mask_dir: &Path) -> Result<Option<ImageEdit>> {
    let text = |name: &str| row.more.get(name).map(String::as_str);
    let Some(image) = text("edit_image") else {
        let told = ["edit_strength", "may_change", "must_not_change", "feather", "invert", "image_text"];
        return match told.into_iter().find(|name| text(name).is_some_and(|value| !(*name == "invert" && is_no(value)))) {
            Some(name) => bail!("{name} belongs to an image; add edit_image or leave {name} out"),
            None => Ok(None),
        };
    };
    let strength = text("edit_strength").map(|value| {
        value.trim().parse().ok().with_context(|| format!("edit_strength is {value:?}; choose a number from 0 to 1"))
    });
    let feather_px = text("feather").map(|value| {
        let digits = value.trim().strip_suffix(".0").unwrap_or(value.trim());
        digits.parse().ok().with_context(|| format!("feather is {value:?}; choose a whole number of pixels"))
    });
    let invert = match text("invert") {
        None => false,
        Some(value) if is_no(value) => false,
        Some(value) if ["true", "yes", "1"].contains(&value.trim().to_ascii_lowercase().as_str()) => true,
        Some(value) => bail!("invert is {value:?}; write true or false"),
    };
    Ok(Some(ImageEdit {
        image: folder.join(image),
        strength: strength.transpose()?,
        may_change: text("may_change").map(|path| mask_dir.join(path)),
        must_not_change: text("must_not_change").map(|path| mask_dir.join(path)),
        feather_px: feather_px.transpose()?,
        invert,
        text: text("image_text").map(str::to_owned),
    }))
}

fn is_no(value: &str) -> bool {
    ["false", "no", "0"].contains(&value.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::parse_cases;

    fn cases(file: &str, text: &str, seed: u64) -> Result<Vec<Case>> {
        let path = Path::new("data").join(file);
        let rows = parse_cases(file, text)?;
        CaseFile { path: &path, mask_dir: None, mask_class: None, acts: Acts::default(), seed }.bind(rows, file)
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
        assert_eq!(alone[0], Case { noise_row: 0, ..all[2].clone() }, "other cases change nothing");
        assert_ne!(cases("x.csv", text, 5).unwrap()[0].seed, all[0].seed);
    }

    #[test]
    fn masks_lie_in_the_folder_of_the_file_or_in_another() {
        let text = r#"[{"impression": "x", "mask": "m/a.png", "boxes": {"class": "mass", "box": [0, 0, 1, 1]}}]"#;
        let all = cases("x.json", text, 0).unwrap();
        assert_eq!(all[0].masks, [MaskSpec::plain("data/m/a.png".into())]);
        assert_eq!(all[0].boxes.len(), 1);
        let acts = Acts::default();
        let path = Path::new("x.json");
        let file = CaseFile { path, mask_dir: Some(Path::new("masks")), mask_class: None, acts, seed: 0 };
        let other = file.bind(parse_cases("x.json", text).unwrap(), "x.json").unwrap();
        assert_eq!(other[0].masks, [MaskSpec::plain("masks/m/a.png".into())]);
    }

    #[test]
    fn columns_of_an_edit_become_an_edit() {
        let text = "name,impression,mask,masks,edit_image,edit_strength,may_change,feather,twin\n\
                    a,x,m.png,nodule=n.png;b.png,p.jpg,0.5,r.png,3.0,No findings.\nb,x,,,,,,,\n";
        let all = cases("x.csv", text, 0).unwrap();
        let files: Vec<_> = all[0].masks.iter().map(|mask| (mask.file.to_str().unwrap(), mask.class)).collect();
        assert_eq!(files, [("data/m.png", None), ("data/n.png", Some(Finding::Nodule)), ("data/b.png", None)]);
        let edit = ImageEdit {
            image: "data/p.jpg".into(),
            strength: Some(0.5),
            may_change: Some("data/r.png".into()),
            feather_px: Some(3),
            ..ImageEdit::default()
        };
        assert_eq!(all[0].begin, Begin::Image(Box::new(edit)));
        assert_eq!((all[0].twin.as_deref(), &all[1].twin, &all[1].begin), (Some("No findings."), &None, &Begin::Noise));
        let text = r#"[{"impression": "x", "edit_image": "p.png", "invert": true, "image_text": "y", "masks": [{"file": "n.png", "area": 3}]}]"#;
        let json = &cases("x.json", text, 0).unwrap()[0];
        assert!(matches!(&json.begin, Begin::Image(edit) if edit.invert && edit.text.as_deref() == Some("y")));
        assert_eq!(json.masks[0].acts.area_px, Some(3));
    }

    #[test]
    fn files_that_cannot_be_run_are_refused() {
        for (file, text, words) in [
            ("x.csv", "impression\n", "no case"),
            ("x.csv", "name,impression\na,1\na.png,2\n", "both write"),
            ("x.csv", "name,impression\n../a,1\n", "leaves the output folder"),
            ("x.csv", "impression,feather\nx,3\n", "add edit_image"),
            ("x.csv", "impression,edit_image,feather\nx,a.png,wide\n", "feather is \"wide\""),
            ("x.csv", "impression,edit_image,invert\nx,a.png,maybe\n", "invert is \"maybe\""),
            ("x.csv", "name,impression,twin\na,1,x\na_twin,2,\n", "both write"),
            ("x.json", "[{\"impression\": \"t\", \"masks\": [{\"file\": \"a.png\", \"steps\": \"2\"}]}]", "mask 1"),
            ("x.jsonl", "{\"impression\": \"t\", \"boxes\": [{\"class\": \"mass\"}]}", "x0"),
        ] {
            let sentence = format!("{:#}", cases(file, text, 0).unwrap_err());
            assert!(sentence.starts_with(file) && sentence.contains(words), "{sentence}");
        }
    }
}
