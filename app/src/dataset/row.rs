//! One patient of a data set, before anything is drawn.

use engine::domain::{Finding, Side};
use engine::phantom::{LesionSize, PlacementWish, Zone};
use serde::{Deserialize, Serialize};

use super::named;
use crate::state::{Demographics, Group, Sex, View};

/// A finding, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A chest without findings.
    Normal,
    /// One finding.
    Finding(Finding),
}

impl Class {
    /// All classes, the normal chest first.
    pub const ALL: [Self; 10] = [
        Self::Normal,
        Self::Finding(Finding::Pneumothorax),
        Self::Finding(Finding::PleuralEffusion),
        Self::Finding(Finding::Consolidation),
        Self::Finding(Finding::Nodule),
        Self::Finding(Finding::Cardiomegaly),
        Self::Finding(Finding::Atelectasis),
        Self::Finding(Finding::Edema),
        Self::Finding(Finding::Fracture),
        Self::Finding(Finding::Device),
    ];

    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Finding(finding) => finding.name(),
        }
    }

    /// The name shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Normal => "No finding",
            Self::Finding(finding) => finding.title(),
        }
    }

    /// The finding, if there is one.
    pub fn finding(self) -> Option<Finding> {
        match self {
            Self::Normal => None,
            Self::Finding(finding) => Some(finding),
        }
    }
}

fn is_unstated<T: named::Named>(value: &T) -> bool {
    value.word() == "unstated"
}

/// Most findings of a row.
pub const MOST_FINDINGS: usize = 3;

/// One finding of a row: which, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesion {
    /// The class.
    #[serde(with = "named")]
    pub finding: Finding,
    /// The patient's side; `both` where there is none.
    #[serde(with = "named", default = "both")]
    pub side: Side,
    /// Part of the lung; open when left out.
    #[serde(with = "named::option", default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Size; open when left out.
    #[serde(with = "named::option", default, skip_serializing_if = "Option::is_none")]
    pub size: Option<LesionSize>,
}

impl Lesion {
    /// Class, side, zone and size in a few words.
    pub fn title(&self) -> String {
        let mut words = self.finding.title().to_owned();
        match self.side {
            Side::Both => {}
            side => words = format!("{words}, patient's {side}"),
        }
        for word in [self.zone.map(Zone::name), self.size.map(LesionSize::name)].into_iter().flatten() {
            words = format!("{words}, {word}");
        }
        words
    }

    /// What is wished of its placement.
    pub fn wish(&self) -> PlacementWish {
        PlacementWish { finding: self.finding, side: self.side, zone: self.zone, size: self.size }
    }
}

/// One patient: who, with which findings, where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Name of the row, without seed; numbered when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The finding; of several the first.
    #[serde(rename = "finding", with = "named")]
    pub class: Class,
    /// The patient's side; `both` where there is none.
    #[serde(with = "named", default = "both")]
    pub side: Side,
    /// Part of the lung; open when left out.
    #[serde(with = "named::option", default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Size; open when left out.
    #[serde(with = "named::option", default, skip_serializing_if = "Option::is_none")]
    pub size: Option<LesionSize>,
    /// Sex.
    #[serde(with = "named", default, skip_serializing_if = "is_unstated")]
    pub sex: Sex,
    /// Age in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<u32>,
    /// Group.
    #[serde(with = "named", default, skip_serializing_if = "is_unstated")]
    pub group: Group,
    /// Projection.
    #[serde(with = "named", default, skip_serializing_if = "is_unstated")]
    pub view: View,
    /// A text of its own; written from the finding when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub impression: String,
    /// Further findings of the same patient, two at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Lesion>,
    /// A mask file of the first finding, relative to the folder of masks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mask: String,
}

fn both() -> Side {
    Side::Both
}

impl Row {
    /// A row of a class and side; all else is open.
    pub fn new(class: Class, side: Side) -> Self {
        Self {
            name: String::new(),
            class,
            side,
            zone: None,
            size: None,
            sex: Sex::Unstated,
            age: None,
            group: Group::Unstated,
            view: View::Unstated,
            impression: String::new(),
            more: Vec::new(),
            mask: String::new(),
        }
    }

    /// Fields of the prompt's prefix.
    pub fn demographics(&self) -> Demographics {
        Demographics { sex: self.sex, age: self.age, group: self.group, view: self.view }
    }

    /// All findings in their order; none of a normal chest.
    pub fn lesions(&self) -> impl Iterator<Item = Lesion> + '_ {
        let first = self.class.finding().map(|finding| Lesion { finding, side: self.side, zone: self.zone, size: self.size });
        first.into_iter().chain(self.more.iter().copied())
    }

    /// The same patient with one of the findings alone; a mask file belongs to the first.
    #[must_use]
    pub fn alone(&self, at: usize, lesion: Lesion) -> Self {
        let Lesion { finding, side, zone, size } = lesion;
        let mask = if at == 0 { self.mask.clone() } else { String::new() };
        Self { class: Class::Finding(finding), side, zone, size, mask, more: Vec::new(), ..self.clone() }
    }

    /// Puts a finding in its place among the others.
    pub fn set(&mut self, at: usize, lesion: Lesion) {
        match at.checked_sub(1) {
            None => {
                (self.class, self.side, self.zone, self.size) =
                    (Class::Finding(lesion.finding), lesion.side, lesion.zone, lesion.size)
            }
            Some(at) if at < self.more.len() => self.more[at] = lesion,
            Some(_) => self.more.push(lesion),
        }
    }

    /// Whether its findings go together.
    ///
    /// # Errors
    /// One phrase what does not.
    pub fn check(&self) -> Result<(), String> {
        if self.class == Class::Normal && !self.more.is_empty() {
            return Err("it is normal and has further findings; name one of them as its finding".to_owned());
        }
        if self.more.len() >= MOST_FINDINGS {
            return Err(format!("it has {} findings; a row takes at most {MOST_FINDINGS}", self.more.len() + 1));
        }
        let all: Vec<Finding> = self.lesions().map(|lesion| lesion.finding).collect();
        match all.iter().enumerate().find(|(i, finding)| all[..*i].contains(finding)) {
            Some((_, finding)) => Err(format!("{finding} stands twice; choose another class, or side both")),
            None => Ok(()),
        }
    }

    /// Findings with side, zone and size in a few words.
    pub fn title(&self) -> String {
        let all: Vec<String> = self.lesions().map(|lesion| lesion.title()).collect();
        if all.is_empty() { "No finding".to_owned() } else { all.join(" + ") }
    }
}
