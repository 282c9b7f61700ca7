//! The one vocabulary of findings and sides.

use std::fmt;
use std::str::FromStr;

/// A radiographic finding that can be drawn, named in text and scored.
///
/// The first nine are the classes of the keys 1 to 9, in key order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// Air in the pleural space.
    Pneumothorax,
    /// Fluid in the pleural space.
    PleuralEffusion,
    /// Alveoli filled by fluid or pus; pneumonia counts here.
    Consolidation,
    /// A rounded lesion: nodule (up to 3 cm) or mass.
    Nodule,
    /// An enlarged heart.
    Cardiomegaly,
    /// Collapsed lung tissue, plate-like or lobar.
    Atelectasis,
    /// Pulmonary edema.
    Edema,
    /// A broken rib.
    Fracture,
    /// Support device: pacemaker, tube, line.
    Device,
}

impl Finding {
    /// All findings in key order.
    pub const ALL: [Self; 9] = [
        Self::Pneumothorax,
        Self::PleuralEffusion,
        Self::Consolidation,
        Self::Nodule,
        Self::Cardiomegaly,
        Self::Atelectasis,
        Self::Edema,
        Self::Fracture,
        Self::Device,
    ];

    /// The name used in files, `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pneumothorax => "pneumothorax",
            Self::PleuralEffusion => "pleural_effusion",
            Self::Consolidation => "consolidation",
            Self::Nodule => "nodule",
            Self::Cardiomegaly => "cardiomegaly",
            Self::Atelectasis => "atelectasis",
            Self::Edema => "edema",
            Self::Fracture => "fracture",
            Self::Device => "device",
        }
    }

    /// The name shown to people, sentence case.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pneumothorax => "Pneumothorax",
            Self::PleuralEffusion => "Pleural effusion",
            Self::Consolidation => "Consolidation",
            Self::Nodule => "Nodule or mass",
            Self::Cardiomegaly => "Enlarged heart",
            Self::Atelectasis => "Atelectasis",
            Self::Edema => "Edema",
            Self::Fracture => "Fracture",
            Self::Device => "Device",
        }
    }

    /// The three-letter code shown beside every class colour.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pneumothorax => "PTX",
            Self::PleuralEffusion => "EFF",
            Self::Consolidation => "CON",
            Self::Nodule => "NOD",
            Self::Cardiomegaly => "CMG",
            Self::Atelectasis => "ATL",
            Self::Edema => "EDM",
            Self::Fracture => "FRX",
            Self::Device => "DEV",
        }
    }

    /// Position in [`Finding::ALL`], which is also key number minus one.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A class name that is not in the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown finding class {name:?}; known classes: {known}", known = Finding::ALL.map(Finding::name).join(", "))]
pub struct UnknownFinding {
    /// The name as given.
    pub name: String,
}

impl FromStr for Finding {
    type Err = UnknownFinding;

    /// Accepts the file name, the code, the title and common synonyms, in any case.
    fn from_str(s: &str) -> Result<Self, UnknownFinding> {
        let key = s.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        for finding in Self::ALL {
            if key == finding.name() || key == finding.code().to_ascii_lowercase() {
                return Ok(finding);
            }
        }
        match key.as_str() {
            "effusion" => Ok(Self::PleuralEffusion),
            "pneumonia" | "opacity" | "airspace_opacity" | "lung_opacity" => Ok(Self::Consolidation),
            "mass" | "lesion" | "lung_lesion" | "nodule_or_mass" => Ok(Self::Nodule),
            "heart" | "enlarged_heart" => Ok(Self::Cardiomegaly),
            "pacemaker" | "support_devices" => Ok(Self::Device),
            _ => Err(UnknownFinding { name: s.to_owned() }),
        }
    }
}

/// The patient's side, never the picture's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The patient's right: the left of the picture.
    Right,
    /// The patient's left: the right of the picture.
    Left,
    /// Both sides, or without a side.
    Both,
}

impl Side {
    /// The name used in files and in text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Left => "left",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
