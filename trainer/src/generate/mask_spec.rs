//! A mask as it is written: `[CLASS=]FILE[,strength=S][,steps=A-B][,area=PX]`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use engine::domain::Finding;
use serde_json::Value;

use super::acts::Acts;

/// Most masks of one image.
const MAX_MASKS: usize = 64;

/// A mask file, not yet read.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskSpec {
    /// The file.
    pub file: PathBuf,
    /// Its class, if one is named.
    pub class: Option<Finding>,
    /// How it acts.
    pub acts: Acts,
}

impl MaskSpec {
    /// A file without anything said of it.
    pub fn plain(file: PathBuf) -> Self {
        Self { file, class: None, acts: Acts::default() }
    }

    /// Reads the text form; files are relative to `dir`. A file of just that name comes first.
    ///
    /// # Errors
    /// Names the option or class that is unknown.
    pub fn parse(text: &str, dir: &Path) -> Result<Self> {
        if dir.join(text).is_file() {
            return Ok(Self::plain(dir.join(text)));
        }
        let (mut rest, mut acts) = (text, Acts::default());
        while let Some((head, option)) = rest.rsplit_once(',') {
            let Some((name, value)) = option.split_once('=').filter(|(name, _)| is_word(name)) else { break };
            acts.set(name.trim(), value)?;
            rest = head;
        }
        let (class, file) = match rest.split_once('=').filter(|(class, _)| is_word(class)) {
            Some((class, file)) => (Some(class.parse::<Finding>()?), file),
            None => (None, rest),
        };
        ensure!(!file.trim().is_empty(), "{text:?} names no file; write FILE or CLASS=FILE");
        Ok(Self { file: dir.join(file), class, acts })
    }

    /// Reads several: a JSON list of texts or of objects, or texts with `;` between.
    ///
    /// # Errors
    /// Names the mask and the field.
    pub(super) fn parse_list(text: &str, dir: &Path) -> Result<Vec<Self>> {
        let masks: Vec<Self> = if text.trim_start().starts_with('[') {
            let items: Vec<Value> = serde_json::from_str(text).context("is not valid JSON")?;
            let read = |(i, item): (usize, &Value)| Self::from_json(item, dir).with_context(|| format!("mask {}", i + 1));
            items.iter().enumerate().map(read).collect::<Result<_>>()?
        } else {
            let texts = text.split(';').map(str::trim).filter(|text| !text.is_empty());
            texts.map(|text| Self::parse(text, dir)).collect::<Result<_>>()?
        };
        ensure!(masks.len() <= MAX_MASKS, "has {} masks; an image takes at most {MAX_MASKS}", masks.len());
        Ok(masks)
    }

    fn from_json(item: &Value, dir: &Path) -> Result<Self> {
        let fields = match item {
            Value::String(text) => return Self::parse(text, dir),
            Value::Object(fields) => fields,
            other => bail!("is {other}; write a file name or {{\"file\": …, \"class\": …}}"),
        };
        let mut spec = Self::plain(PathBuf::new());
        for (name, value) in fields {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Array(ends) if name == "steps" && ends.len() == 2 => format!("{}-{}", ends[0], ends[1]),
                other => bail!("field {name} is {other}; it must be a text or a number"),
            };
            match name.as_str() {
                "file" => spec.file = dir.join(text),
                "class" => spec.class = Some(text.parse()?),
                _ => spec.acts.set(name, &text)?,
            }
        }
        ensure!(fields.contains_key("file"), "field file is missing; name the mask's file");
        Ok(spec)
    }
}

/// A name of an option or a class, and no part of a path.
fn is_word(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | ' '))
}

#[cfg(test)]
mod tests {
    use engine::domain::StepRange;

    use super::*;

    fn parse(text: &str) -> Result<MaskSpec> {
        MaskSpec::parse(text, Path::new("dir"))
    }

    #[test]
    fn a_file_a_class_and_options() {
        assert_eq!(parse("m/a.png").unwrap(), MaskSpec::plain("dir/m/a.png".into()));
        let spec = parse("pleural_effusion=b,c.png,strength=0.8,steps=0.2-1,area=12").unwrap();
        assert_eq!((spec.file.as_path(), spec.class), (Path::new("dir/b,c.png"), Some(Finding::PleuralEffusion)));
        let steps = Some(StepRange { first: 0.2, last: 1.0 });
        assert_eq!(spec.acts, Acts { strength: Some(0.8), steps, area_px: Some(12) });
        assert!(parse("run=3/a.png").unwrap_err().to_string().contains("run"));
        assert_eq!(parse("runs/x=3/a.png").unwrap().file, Path::new("dir/runs/x=3/a.png"));
    }

    #[test]
    fn a_file_of_just_that_name_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("nodule=a.png,area=3"), "").unwrap();
        let spec = MaskSpec::parse("nodule=a.png,area=3", dir.path()).unwrap();
        assert_eq!(spec, MaskSpec::plain(dir.path().join("nodule=a.png,area=3")));
    }

    #[test]
    fn lists_are_json_or_texts() {
        let list = |text: &str| MaskSpec::parse_list(text, Path::new("dir"));
        let texts = list("nodule=a.png,area=2; b.png").unwrap();
        assert_eq!(texts.len(), 2);
        let json = r#"[{"file": "a.png", "class": "nodule", "area": 2}, "b.png"]"#;
        assert_eq!(list(json).unwrap(), texts);
        let steps = list(r#"[{"file": "a.png", "steps": [0, 0.5]}]"#).unwrap()[0].acts.steps;
        assert_eq!(steps, Some(StepRange { first: 0.0, last: 0.5 }));
        for (text, words) in [
            ("[1]", "mask 1"),
            (r#"[{"class": "nodule"}]"#, "file is missing"),
            (r#"[{"file": "a.png", "size": 3}]"#, "size"),
            (r#"["a.png", {"file": true}]"#, "mask 2"),
            ("spleen=a.png", "spleen"),
            ("a.png,strenght=1", "strenght"),
            ("nodule=", "names no file"),
        ] {
            let sentence = format!("{:#}", list(text).unwrap_err());
            assert!(sentence.contains(words) && !sentence.contains('\n'), "{text}: {sentence}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(nodule|=|,|;|steps|area|strength|[\\[\\]{}\":]|file|[0-9.-]{1,4}|\\PC){0,30}") {
            let _masks_or_not = MaskSpec::parse_list(&text, Path::new("x"));
        }
    }
}
