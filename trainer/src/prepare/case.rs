//! One case of a source, before anything of it is read but the tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::domain::RectPx;
use engine::masks::run_length::RunOrder;
use engine::store::hash::hash_bytes;

/// How the beam went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum View {
    Pa,
    Ap,
    ApSupine,
    Lateral,
    #[default]
    Unknown,
}

impl View {
    /// The name in settings and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pa => "PA",
            Self::Ap => "AP",
            Self::ApSupine => "AP_SUPINE",
            Self::Lateral => "LATERAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The words of public tables; what is not known stays unknown.
    pub(crate) fn of(word: &str) -> Self {
        match word.trim().to_ascii_uppercase().replace([' ', '-'], "_").as_str() {
            "PA" | "POSTERO_ANTERIOR" => Self::Pa,
            "AP" | "AP_PORTABLE" | "ANTERO_POSTERIOR" => Self::Ap,
            "AP_HORIZONTAL" | "AP_SUPINE" => Self::ApSupine,
            "L" | "LL" | "RL" | "LATERAL" | "XTABLE_LATERAL" => Self::Lateral,
            _ => Self::Unknown,
        }
    }
}

/// Which part of an experiment a case belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Split {
    Train,
    Val,
    Test,
}

impl Split {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validate" | "validation" | "dev" => Some(Self::Val),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Where the words come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Words {
    /// No text; labels may speak instead.
    #[default]
    None,
    /// The caption itself.
    Caption(String),
    /// A report, whose sections are told apart when it is read.
    Report(PathBuf),
    /// The text of a report.
    ReportText(String),
}

/// Where something is, in pixels of the source picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// A box.
    Box(RectPx),
    /// A box on a grid of its own, such as 1024² for a picture that was reduced to it.
    BoxOn(RectPx, u32, u32),
    /// Run lengths on the grid of the picture; several belong together.
    Runs(Vec<String>, RunOrder),
    /// A picture, bright inside.
    File(PathBuf),
    /// The whole picture.
    All,
}

/// What a region shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegionKind {
    Finding,
    Anatomy,
}

/// A region of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Region {
    pub(crate) kind: RegionKind,
    /// The class in the words of the source.
    pub(crate) class: String,
    pub(crate) place: Place,
    /// 0 to 1, where known.
    pub(crate) severity: Option<f32>,
}

/// What a case begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A picture; of several spellings the first that exists.
    Picture(Vec<PathBuf>),
    /// Latents and embeddings of the release's preparation.
    Release { image: PathBuf, text: PathBuf, condition: Option<PathBuf> },
}

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    /// What it is called in messages about rejects: a path in its data set.
    pub(crate) name: String,
    pub(crate) input: Input,
    /// Empty where the source has none; then the case is its own group.
    pub(crate) patient: String,
    pub(crate) view: View,
    pub(crate) sex: String,
    pub(crate) age: Option<f32>,
    pub(crate) race: String,
    pub(crate) labels: BTreeMap<String, i8>,
    pub(crate) words: Words,
    pub(crate) regions: Vec<Region>,
    /// As the makers of the set split it.
    pub(crate) split: Option<Split>,
    /// Whether the tables speak of masks or boxes of this case, be it that there are none.
    pub(crate) annotated: bool,
}

impl Case {
    pub(crate) fn new(name: &str, input: Input) -> Self {
        Self {
            name: name.to_owned(),
            input,
            patient: String::new(),
            view: View::Unknown,
            sex: String::new(),
            age: None,
            race: String::new(),
            labels: BTreeMap::new(),
            words: Words::None,
            regions: Vec::new(),
            split: None,
            annotated: false,
        }
    }

    /// What must not be torn apart by a split.
    pub(crate) fn group(&self) -> &str {
        if self.patient.is_empty() { &self.name } else { &self.patient }
    }
}

/// A pseudonym for a patient: the same for the same salt, space of numbers and patient, and not to be turned back
/// without the salt.
pub(crate) fn pseudonym(salt: &str, space: &str, patient: &str) -> String {
    let text = format!("chexgen patient\n{}\n{salt}\n{space}\n{patient}", salt.len());
    hash_bytes(text.as_bytes())[..16].to_owned()
}

/// `M`, `F` or nothing.
pub(crate) fn sex_of(word: &str) -> String {
    match word.trim().to_ascii_lowercase().as_str() {
        "m" | "male" => "M",
        "f" | "female" => "F",
        _ => "",
    }
    .to_owned()
}

/// Years of a cell such as `47`, `034Y` or `11M`; above 110 it is a slip of the pen.
pub(crate) fn age_of(text: &str) -> Option<f32> {
    let text = text.trim().to_ascii_uppercase();
    let first = text.split_whitespace().next().unwrap_or_default();
    let (digits, per_year) = match first.chars().last() {
        Some('Y') => (&first[..first.len() - 1], 1.0),
        Some('M') => (&first[..first.len() - 1], 12.0),
        Some('W') => (&first[..first.len() - 1], 52.18),
        Some('D') => (&first[..first.len() - 1], 365.25),
        _ => (first, 1.0),
    };
    let years = digits.parse::<f32>().ok()? / per_year;
    (years > 0.0 && years <= 110.0).then_some(years)
}

/// The label of a cell with 1, 0, -1 or nothing.
pub(crate) fn label_of(cell: &str) -> Option<i8> {
    match cell.parse::<f32>() {
        Ok(1.0) => Some(1),
        Ok(0.0) => Some(0),
        Ok(-1.0) => Some(-1),
        _ => None,
    }
}

/// One name for a label that goes by several.
pub(crate) fn label_name(name: &str) -> String {
    match name.trim().to_ascii_lowercase().replace('_', " ").as_str() {
        "lung opacity" | "airspace opacity" => "Lung Opacity".to_owned(),
        "effusion" | "pleural effusion" => "Pleural Effusion".to_owned(),
        "infiltrate" => "Infiltration".to_owned(),
        _ => name.trim().replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_public_tables_become_ours() {
        assert_eq!(
            (View::of("antero-posterior"), View::of("AP_horizontal"), View::of("LL")),
            (View::Ap, View::ApSupine, View::Lateral)
        );
        assert_eq!((View::of("PA"), View::of(""), View::of("COSTAL")), (View::Pa, View::Unknown, View::Unknown));
        for (text, years) in
            [("47", Some(47.0)), ("034Y", Some(34.0)), ("412", None), ("0", None), ("85 or more", Some(85.0)), ("x", None)]
        {
            assert_eq!(age_of(text), years, "{text}");
        }
        assert!((age_of("011M").unwrap() - 0.9167).abs() < 1e-3);
        assert_eq!((label_of("1.0"), label_of("-1.0"), label_of(""), label_of("2")), (Some(1), Some(-1), None, None));
        assert_eq!(label_name("Airspace Opacity"), label_name("lung opacity"));
        assert_eq!((sex_of("Male"), sex_of("Unknown")), ("M".to_owned(), String::new()));
        assert_eq!(Split::of("validate"), Some(Split::Val));
    }

    #[test]
    fn pseudonyms_tell_patients_apart_and_hide_them() {
        let a = pseudonym("s", "mimic", "10999999");
        assert_eq!(a, pseudonym("s", "mimic", "10999999"));
        assert!(a.len() == 16 && !a.contains("10999999"));
        assert_ne!(a, pseudonym("s", "nih", "10999999"));
        assert_ne!(a, pseudonym("t", "mimic", "10999999"));
        assert_ne!(pseudonym("a\nb", "c", "d"), pseudonym("a", "b\nc", "d"));
    }
}
