//! One image to make: its words, its control, its seed; and the request it becomes.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use engine::domain::{Annotation, Finding, GenerateRequest, Mask, Seed, Source};
use engine::imageio::png::read_mask;
use engine::pipeline::ModelCard;

use super::acts::Acts;
use super::begin::Begin;
use super::boxes::{self, BoxSpec};
use super::class::finding_in;
use super::mask_spec::MaskSpec;
use super::settings::Settings;
use crate::text_file::{self, LIST_BYTES};

/// A case, not yet bound to a model. Its pictures are read when they are needed, for there may be many.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// The name as given.
    pub name: String,
    /// Where its files go, without ending and relative to the output folder.
    pub stem: String,
    /// The impression.
    pub impression: String,
    /// Mask files.
    pub masks: Vec<MaskSpec>,
    /// The class of masks that name none.
    pub mask_class: Option<Finding>,
    /// Boxes.
    pub boxes: Vec<BoxSpec>,
    /// How drawings act that say nothing themselves.
    pub acts: Acts,
    /// Its seed.
    pub seed: Seed,
    /// What it begins with.
    pub begin: Begin,
    /// The text of its counterfactual twin.
    pub twin: Option<String>,
    /// Its row in a file of noise.
    pub noise_row: usize,
    /// The case file it stands in; `None` if it was told by arguments.
    pub file: Option<String>,
}

impl Case {
    /// The request to a model, and a note where an image had to be resized. What needs the model to run first, a
    /// fork's latents or an image's inverted noise, is not in it yet.
    ///
    /// # Errors
    /// Names the case and the field: an impression without words, a mask that cannot be read or has no class, a
    /// box outside the image, an image that cannot be read.
    pub fn request(&self, card: &ModelCard, settings: &Settings) -> Result<(GenerateRequest, Option<String>)> {
        self.bound(card, settings).with_context(|| self.place())
    }

    fn bound(&self, card: &ModelCard, settings: &Settings) -> Result<(GenerateRequest, Option<String>)> {
        let request = match &self.begin {
            Begin::Fork(fork) => settings.forked(&fork.record.request)?,
            _ => settings.request(card, &self.impression, self.seed.0)?,
        };
        let mut request = GenerateRequest { impression: self.impression.clone(), seed: self.seed, ..request };
        request = self.begin.prepare(request, settings.names_sampler())?;
        request.check()?;
        if card.cleans_text() {
            check_words("impression", &self.impression)?;
            self.twin.iter().try_for_each(|twin| check_words(&self.field("twin"), twin))?;
        }
        let mut drawn = Vec::new();
        for spec in &self.masks {
            let annotation = self.mask_annotation(spec).with_context(|| self.field("mask"))?;
            drawn.push(spec.acts.or(self.acts).onto(annotation));
        }
        for (index, spec) in self.boxes.iter().enumerate() {
            let annotation = spec.annotation(index + 1, card.size_px).with_context(|| self.field("boxes"))?;
            drawn.push(spec.acts.or(self.acts).onto(annotation));
        }
        // A fork keeps the drawings of its run until others are told.
        if drawn.is_empty() {
            let kept = request.annotations.into_iter().map(|annotation| self.acts.onto(annotation));
            request.annotations = kept.collect();
        } else {
            request.annotations = drawn;
        }
        let mut note = None;
        if let Begin::Image(edit) = &self.begin {
            edit.check(|name| self.field(name))?;
            (request.source, note) = edit.source(card.size_px, |name| self.field(name))?;
        } else if matches!(self.begin, Begin::Fork(_)) {
            request.source = Source::Noise;
        }
        request.check()?;
        Ok((request, note))
    }

    fn mask_annotation(&self, spec: &MaskSpec) -> Result<Annotation> {
        let mask = read_mask(&spec.file)?;
        let finding = spec.class.or_else(|| self.class_of(&mask)).ok_or_else(|| {
            anyhow!(
                "the class of {} cannot be told, because the impression names no finding without denying it; add --finding with one of {}",
                spec.file.display(),
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
    pub(super) fn field(&self, name: &str) -> String {
        match (&self.file, name) {
            (Some(_), "image") => "edit_image".to_owned(),
            (Some(_), name) => name.to_owned(),
            (None, name) => format!("--{}", name.replace('_', "-")),
        }
    }
}

/// Refuses a text of which nothing is left for the model.
fn check_words(field: &str, text: &str) -> Result<()> {
    let cleaned = engine::text::clean(text).with_context(|| field.to_owned())?;
    ensure!(!cleaned.text.is_empty(), "{field} {text:?} holds no word that the model reads; write it in plain words");
    Ok(())
}

/// Boxes from JSON text or from the path of a JSON file.
///
/// # Errors
/// Names the file, the box and the field.
pub(super) fn read_boxes(text_or_path: &str) -> Result<Vec<BoxSpec>> {
    if text_or_path.trim_start().starts_with(['[', '{']) {
        return boxes::parse(text_or_path);
    }
    let text = text_file::read(Path::new(text_or_path), LIST_BYTES)
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
            seed: Seed(3),
            file: Some("cases.csv".to_owned()),
            ..Case::default()
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
            vec![MaskSpec::plain(path)]
        };
        let drawn = write("drawn.png", &Mask::from_fn(10, 20, |x, y| x < 3 && y < 3));
        let empty = write("empty.png", &Mask::empty(10, 10));
        let class = |case: &Case| case.request(&card(), &Settings::default()).unwrap().0.annotations[0].finding;
        let told = Case { masks: drawn.clone(), ..case("No effusion. Right nodule.") };
        assert_eq!(class(&told), Finding::Nodule);
        assert_eq!(class(&Case { mask_class: Some(Finding::Edema), ..told.clone() }), Finding::Edema);
        let mut named = told;
        named.masks[0].class = Some(Finding::Device);
        assert_eq!(class(&Case { mask_class: Some(Finding::Edema), ..named }), Finding::Device);
        assert_eq!(class(&Case { masks: empty, ..case("No acute findings.") }), Finding::Pneumothorax);
        let sentence = refused(&Case { masks: drawn, ..case("No acute findings.") });
        assert!(sentence.contains("cases.csv") && sentence.contains("\"a\"") && sentence.contains("--finding"), "{sentence}");
    }

    #[test]
    fn a_drawing_acts_as_it_says_and_else_as_the_run_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        std::fs::write(&path, encode_mask(&Mask::from_fn(64, 64, |x, _| x < 9), &[]).unwrap()).unwrap();
        let own = Acts { strength: Some(0.5), ..Acts::default() };
        let boxes = read_boxes(r#"{"class": "mass", "box": [0, 0, 5, 5], "area": 3}"#).unwrap();
        let masks = vec![MaskSpec { acts: own, ..MaskSpec::plain(path) }];
        let acts = Acts { strength: Some(1.5), area_px: Some(9), steps: None };
        let request = Case { masks, boxes, acts, ..case("A nodule.") }.request(&card(), &Settings::default()).unwrap().0;
        let told: Vec<_> = request.annotations.iter().map(|drawn| (drawn.strength, drawn.area_px)).collect();
        assert_eq!(told, [(0.5, Some(9)), (1.5, Some(3))]);
    }

    #[test]
    fn errors_name_case_and_field() {
        for (broken, words) in [
            (case(" "), "impression is empty"),
            (case("..."), "impression \"...\""),
            (case(&"x".repeat(20_000)), "20000 characters"),
            (Case { masks: vec![MaskSpec::plain("no/such.png".into())], ..case("A nodule.") }, "no/such.png"),
            (Case { twin: Some("...".to_owned()), ..case("A nodule.") }, "twin \"...\""),
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
