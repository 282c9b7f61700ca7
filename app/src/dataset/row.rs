//! One patient of a data set, before anything is drawn.

use engine::domain::{Finding, Side};
use engine::phantom::{LesionSize, Zone};
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

/// One patient: who, with which finding, where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Name of the row, without seed; numbered when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The finding.
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
    /// A mask file of its own, relative to the folder of masks.
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
            mask: String::new(),
        }
    }

    /// Fields of the prompt's prefix.
    pub fn demographics(&self) -> Demographics {
        Demographics { sex: self.sex, age: self.age, group: self.group, view: self.view }
    }

    /// Finding, side, zone and size in a few words.
    pub fn title(&self) -> String {
        let Class::Finding(finding) = self.class else { return "No finding".to_owned() };
        let mut words = finding.title().to_owned();
        match self.side {
            Side::Both => {}
            side => words = format!("{words}, patient's {side}"),
        }
        for word in [self.zone.map(Zone::name), self.size.map(LesionSize::name)].into_iter().flatten() {
            words = format!("{words}, {word}");
        }
        words
    }
}
