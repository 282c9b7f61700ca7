//! What can be wished of a placement, and why some wishes are impossible.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Finding, Side};
use crate::phantom::lesion::Zone;

use super::TRIALS;

/// How large a finding is, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LesionSize {
    /// Small or mild; a nodule up to 1.5 cm.
    Small,
    /// Moderate; a nodule of 1.5 to 3 cm.
    Medium,
    /// Large or severe; a mass of 3.1 to 6 cm.
    Large,
}

impl LesionSize {
    /// All sizes, the smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// Severities that the report calls by the words of this size.
    pub(in crate::phantom) fn severities(self) -> (f32, f32) {
        match self {
            Self::Small => (0.18, 0.38),
            Self::Medium => (0.42, 0.68),
            Self::Large => (0.72, 1.0),
        }
    }

    /// Diameters of nodules in cm.
    pub(in crate::phantom) fn diameters(self) -> (f32, f32) {
        match self {
            Self::Small => (0.9, 1.5),
            Self::Medium => (1.6, 3.0),
            Self::Large => (3.2, 6.0),
        }
    }
}

impl fmt::Display for LesionSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LesionSize {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        let key = s.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|size| size.name() == key).ok_or_else(|| UnknownWord {
            what: "size",
            word: s.to_owned(),
            known: "small, medium, large".to_owned(),
        })
    }
}

impl FromStr for Zone {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        let key = s.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|zone| zone.name() == key).ok_or_else(|| UnknownWord {
            what: "zone",
            word: s.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// A word outside a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {word:?}; choose one of {known}")]
pub struct UnknownWord {
    /// The field.
    pub what: &'static str,
    /// What was given.
    pub word: String,
    /// The choices.
    pub known: String,
}

/// Why a finding cannot be placed as wished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// The class does not occur on this side.
    #[error("{finding} cannot be placed on side {side}; choose one of {choices}")]
    Side {
        /// The class.
        finding: Finding,
        /// The side asked for.
        side: Side,
        /// Sides that it can have.
        choices: String,
    },
    /// The class does not occur in this part of the lung.
    #[error("{finding} cannot lie in zone {zone}: {reason}; choose one of {choices}")]
    Zone {
        /// The class.
        finding: Finding,
        /// The zone asked for.
        zone: &'static str,
        /// Why not.
        reason: &'static str,
        /// Zones that it can have.
        choices: String,
    },
    /// The class has no such size here.
    #[error("{finding} cannot be {size} here: {reason}")]
    Size {
        /// The class.
        finding: Finding,
        /// The size asked for.
        size: LesionSize,
        /// Why not.
        reason: &'static str,
    },
    /// The body of this case has no room for it.
    #[error("{finding} found no room in this chest after {TRIALS} tries; choose another size or zone")]
    NoRoom {
        /// The class.
        finding: Finding,
    },
}

/// What is wished: a class, where it shall be and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlacementWish {
    /// The class.
    pub finding: Finding,
    /// The patient's side.
    pub side: Side,
    /// Part of the lung; `None` leaves it to chance.
    pub zone: Option<Zone>,
    /// Size; `None` leaves it to chance.
    pub size: Option<LesionSize>,
}

impl PlacementWish {
    /// Whether the anatomy allows it, before anything is drawn.
    ///
    /// # Errors
    /// Says what is impossible, why, and what can be chosen instead.
    pub fn check(&self) -> Result<(), PlacementError> {
        let finding = self.finding;
        let sides = possible_sides(finding);
        if !sides.contains(&self.side) {
            let choices = sides.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ");
            return Err(PlacementError::Side { finding, side: self.side, choices });
        }
        let zones = possible_zones(finding);
        if let Some(zone) = self.zone
            && !zones.contains(&zone)
        {
            let choices = zones.iter().map(|z| z.name()).collect::<Vec<_>>().join(", ");
            return Err(PlacementError::Zone { finding, zone: zone.name(), reason: zone_reason(finding), choices });
        }
        match (self.size, finding) {
            (Some(size), Finding::Fracture | Finding::Device) => {
                Err(PlacementError::Size { finding, size, reason: "it has no size; leave the size out" })
            }
            (Some(LesionSize::Large), Finding::Pneumothorax) if self.zone == Some(Zone::Apical) => {
                let reason = "a large one reaches below the apex; choose zone whole or a smaller size";
                Err(PlacementError::Size { finding, size: LesionSize::Large, reason })
            }
            _ => Ok(()),
        }
    }
}

/// Sides that a class can be placed on.
pub fn possible_sides(finding: Finding) -> &'static [Side] {
    match finding {
        Finding::Pneumothorax | Finding::Nodule | Finding::Fracture => &[Side::Right, Side::Left],
        Finding::PleuralEffusion | Finding::Consolidation | Finding::Atelectasis | Finding::Device => {
            &[Side::Right, Side::Left, Side::Both]
        }
        Finding::Cardiomegaly | Finding::Edema => &[Side::Both],
    }
}

/// Zones that a class can be placed in.
pub fn possible_zones(finding: Finding) -> &'static [Zone] {
    match finding {
        Finding::Pneumothorax => &[Zone::Whole, Zone::Apical],
        Finding::PleuralEffusion | Finding::Atelectasis => &[Zone::Basal],
        Finding::Consolidation => &[Zone::Upper, Zone::Mid, Zone::Lower],
        Finding::Nodule => &[Zone::Upper, Zone::Mid, Zone::Lower, Zone::Perihilar],
        Finding::Fracture => &[Zone::Whole, Zone::Mid, Zone::Lower],
        Finding::Cardiomegaly | Finding::Device => &[Zone::Whole],
        Finding::Edema => &[Zone::Perihilar],
    }
}

/// Whether sizes mean something for a class.
pub fn has_sizes(finding: Finding) -> bool {
    !matches!(finding, Finding::Fracture | Finding::Device)
}

fn zone_reason(finding: Finding) -> &'static str {
    match finding {
        Finding::Pneumothorax => "air rises to the apex of an upright patient",
        Finding::PleuralEffusion => "fluid settles at the base",
        Finding::Consolidation | Finding::Nodule => "it needs a third of the lung around it",
        Finding::Cardiomegaly => "the heart has one place",
        Finding::Atelectasis => "its plates lie above the diaphragm",
        Finding::Edema => "it spreads from both hila",
        Finding::Fracture => "only ribs 4 to 9 are broken here",
        Finding::Device => "its course is given by the vessels",
    }
}
