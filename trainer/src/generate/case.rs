//! One image to make: its words, its control, its seed; and the request it becomes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use engine::domain::{Annotation, Finding, GenerateRequest, Mask, Seed};
use engine::imageio::png::read_mask;
use engine::pipeline::ModelCard;

use super::boxes::{self, BoxSpec};
use super::class::finding_in;
use super::settings::Settings;

/// A case, not yet bound to a model. Its mask is read when it is needed, for there may be many.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The name as given.
    pub name: String,
    /// Where its files go, without ending and relative to the output folder.
    pub stem: String,
    /// The impression.
    pub impression: String,
    /// The mask file.
    pub mask: Option<PathBuf>,
    /// The mask's class, if one was named.
    pub mask_class: Option<Finding>,
    /// Boxes.
    pub boxes: Vec<BoxSpec>,
    /// Its seed.
    pub seed: Seed,
    /// The case file it stands in; `None` if it was told by arguments.
    pub file: Option<String>,
}

impl Case {
    /// The request to a model.
    ///
    /// # Errors
    /// Names the case and the field: an impression without words, a mask that cannot be read or has no class, a
    /// box outside the image.
    pub fn request(&self, card: &ModelCard, settings: &Settings) -> Result<GenerateRequest> {
        self.bound(card, settings).with_context(|| self.place())
    }

    fn bound(&self, card: &ModelCard, settings: &Settings) -> Result<GenerateRequest> {
        let mut request = settings.request(card, &self.impression, self.seed.0)?;
        request.check()?;
        if card.cleans_text() {
            let cleaned = engine::text::clean(&self.impression).context("impression")?;
            ensure!(
                !cleaned.text.is_empty(),
                "impression {:?} holds no word that the model reads; write it in plain words",
                self.impression
            );
        }
        if let Some(path) = &self.mask {
            request.annotations.push(self.mask_annotation(path).with_context(|| self.field("mask"))?);
        }
        for (index, spec) in self.boxes.iter().enumerate() {
            request.annotations.push(spec.annotation(index + 1, card.size_px).with_context(|| self.field("boxes"))?);
        }
        request.check()?;
        Ok(request)
    }

    fn mask_annotation(&self, path: &Path) -> Result<Annotation> {
        let mask = read_mask(path)?;
        let finding = self.class_of(&mask).ok_or_else(|| {
            anyhow!(
                "the class of {} cannot be told, because the impression names no finding without denying it; add --finding with one of {}",
                path.display(),
                Finding::ALL.map(Finding::name).join(", ")
            )
        })?;
        Ok(Annotation::mask(finding, mask))
    }

    /// The class that was named, else the finding of the impression; an empty mask draws nothing in any class.
    fn class_of(&self, mask: &Mask) -> Option<Finding> {
        let told = self.mask_class.or_else(|| finding_in(&self.impression));
        told.or_else(|| mask.is_empty().then_some(Finding::Pneumothorax))
    }

    /// Where an error lies, in front of it.
    pub fn place(&self) -> String {
        match &self.file {
            Some(file) => format!("{file}: case {:?}", self.name),
            None => format!("image {:?}", self.name),
        }
    }

    /// A field as it is called where the case comes from.
    fn field(&self, name: &str) -> String {
        if self.file.is_some() { name.to_owned() } else { format!("--{name}") }
    }
}

/// Boxes from JSON text or from the path of a JSON file.
///
/// # Errors
/// Names the file, the box and the field.
pub(super) fn read_boxes(text_or_path: &str) -> Result<Vec<BoxSpec>> {
    if text_or_path.trim_start().starts_with(['[', '{']) {
        return boxes::parse(text_or_path);
    }
    let text = std::fs::read_to_string(text_or_path)
        .with_context(|| format!("{text_or_path} cannot be read (JSON text begins with [)"))?;
    boxes::parse(&text).with_context(|| text_or_path.to_owned())
}

#[cfg(test)]
mod tests {
    use engine::imageio::png::encode_mask;

    use super::super::testing::card;
    use super::*;

    fn case(impression: &str) -> Case {
        Case {
            name: "a".to_owned(),
            stem: "a".to_owned(),
            impression: impression.to_owned(),
            mask: None,
            mask_class: None,
            boxes: Vec::new(),
            seed: Seed(3),
            file: Some("cases.csv".to_owned()),
        }
    }

    fn refused(case: &Case) -> String {
        format!("{:#}", case.request(&card(), &Settings::default()).unwrap_err())
    }

    #[test]
    fn the_class_of_a_mask_is_named_or_read_from_the_impression() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, mask: &Mask| {
            let path = dir.path().join(name);
            std::fs::write(&path, encode_mask(mask, &[]).unwrap()).unwrap();
            Some(path)
        };
        let drawn = write("drawn.png", &Mask::from_fn(10, 20, |x, y| x < 3 && y < 3));
        let empty = write("empty.png", &Mask::empty(10, 10));
        let class = |case: &Case| case.request(&card(), &Settings::default()).unwrap().annotations[0].finding;
        let told = Case { mask: drawn.clone(), ..case("No effusion. Right nodule.") };
        assert_eq!(class(&told), Finding::Nodule);
        assert_eq!(class(&Case { mask_class: Some(Finding::Edema), ..told }), Finding::Edema);
        assert_eq!(class(&Case { mask: empty, ..case("No acute findings.") }), Finding::Pneumothorax);
        let sentence = refused(&Case { mask: drawn, ..case("No acute findings.") });
        assert!(sentence.contains("cases.csv") && sentence.contains("\"a\"") && sentence.contains("--finding"), "{sentence}");
    }

    #[test]
    fn errors_name_case_and_field() {
        for (broken, words) in [
            (case(" "), "impression is empty"),
            (case("..."), "impression \"...\""),
            (case(&"x".repeat(20_000)), "20000 characters"),
            (Case { mask: Some("no/such.png".into()), ..case("A nodule.") }, "no/such.png"),
            (Case { boxes: read_boxes(r#"{"class": "mass", "box": [0, 0, 65, 1]}"#).unwrap(), ..case("A mass.") }, "64×64"),
        ] {
            let sentence = refused(&broken);
            assert!(sentence.starts_with("cases.csv: case \"a\"") && sentence.contains(words), "{sentence}");
        }
    }

    #[test]
    fn boxes_are_text_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boxes.json");
        std::fs::write(&path, r#"[{"class": "mass", "box": [0, 0, 1, 1]}]"#).unwrap();
        assert_eq!(read_boxes(path.to_str().unwrap()).unwrap().len(), 1);
        std::fs::write(&path, r#"[{"class": "mass"}]"#).unwrap();
        let sentence = format!("{:#}", read_boxes(path.to_str().unwrap()).unwrap_err());
        assert!(sentence.contains("boxes.json") && sentence.contains("x0"), "{sentence}");
        assert!(read_boxes("none.json").is_err());
    }
}
