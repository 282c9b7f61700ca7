//! The fourteen canonical labels, computed from what is drawn.

use super::lesion::{Kind, PlannedFinding};

/// Names of the labels in their canonical order.
pub const LABEL_NAMES: [&str; 14] = [
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
];

/// One truth value a label, in the order of [`LABEL_NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels(pub [bool; 14]);

impl Labels {
    pub(crate) fn of(findings: &[PlannedFinding]) -> Self {
        let mut set = [false; 14];
        for f in findings {
            match f.kind {
                Kind::WideMediastinum => set[1] = true,
                Kind::Cardiomegaly => set[2] = true,
                Kind::Nodule { .. } => set[3] = true,
                Kind::Edema => set[5] = true,
                Kind::Consolidation { pneumonia, .. } => {
                    set[4] = true;
                    set[6] = true;
                    set[7] |= pneumonia;
                }
                Kind::Atelectasis { .. } => set[8] = true,
                Kind::Pneumothorax { .. } => set[9] = true,
                Kind::Effusion { .. } => set[10] = true,
                Kind::PleuralThickening => set[11] = true,
                Kind::Fracture { .. } => set[12] = true,
                Kind::Device(_) => set[13] = true,
                Kind::Buttons { .. } => {}
            }
        }
        // A chest with a device and nothing else still has no finding.
        set[0] = !set[1..13].iter().any(|&v| v);
        Self(set)
    }

    /// Names of the labels that are true.
    pub fn names(&self) -> Vec<&'static str> {
        LABEL_NAMES.iter().zip(self.0).filter(|(_, yes)| *yes).map(|(name, _)| *name).collect()
    }
}
