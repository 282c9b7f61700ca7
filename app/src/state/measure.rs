//! How well a finished image keeps to its layers, as plain numbers.

use engine::domain::Finding;
use serde::{Deserialize, Serialize};

/// What was measured of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Overlap of the finding that was seen with the drawn mask: Dice, 0 to 1.
    Overlap,
    /// Overlap of the box around the finding that was seen with the drawn box: intersection over union, 0 to 1.
    BoxHit,
    /// How sure the checker is that the finding is there, 0 to 1.
    Score,
}

/// One layer of a finished image, measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerMeasure {
    /// Its number in the request's list of drawn findings, from 1.
    pub layer: usize,
    /// Its class.
    pub finding: Finding,
    /// What was measured.
    pub kind: MeasureKind,
    /// The value; `None` where no checker fits.
    pub value: Option<f32>,
    /// The least value that is wanted.
    pub wanted: f32,
}

/// The measure as it stands in the library.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    layer: usize,
    finding: String,
    kind: MeasureKind,
    value: Option<f32>,
    wanted: f32,
}

/// The least value of some layers: how well the image keeps to all of them. `None` where nothing was measured.
pub fn least(measures: &[LayerMeasure]) -> Option<f32> {
    measures.iter().filter_map(|m| m.value).filter(|v| v.is_finite()).reduce(f32::min)
}

/// Measures as JSON; empty for none.
pub fn to_json(measures: &[LayerMeasure]) -> String {
    if measures.is_empty() {
        return String::new();
    }
    let stored: Vec<Stored> = measures
        .iter()
        .map(|m| Stored {
            layer: m.layer,
            finding: m.finding.name().to_owned(),
            kind: m.kind,
            value: m.value.filter(|v| v.is_finite()),
            wanted: m.wanted,
        })
        .collect();
    serde_json::to_string(&stored).unwrap_or_default()
}

/// Reads measures from JSON; `None` when the text is none of ours.
pub fn from_json(text: &str) -> Option<Vec<LayerMeasure>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let stored: Vec<Stored> = serde_json::from_str(text).ok()?;
    let read = |s: Stored| {
        let finding = s.finding.parse().ok()?;
        Some(LayerMeasure { layer: s.layer, finding, kind: s.kind, value: s.value, wanted: s.wanted })
    };
    stored.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_come_back_and_the_least_counts() {
        let measure = |value, finding| LayerMeasure { layer: 1, finding, kind: MeasureKind::Overlap, value, wanted: 0.7 };
        let measures = [measure(Some(0.8), Finding::Nodule), measure(None, Finding::Device), measure(Some(0.3), Finding::Edema)];
        assert_eq!(from_json(&to_json(&measures)).as_deref(), Some(&measures[..]));
        assert_eq!(least(&measures), Some(0.3));
        assert_eq!(least(&measures[1..2]), None);
        assert_eq!((to_json(&[]).as_str(), from_json("")), ("", Some(Vec::new())));
        assert_eq!(from_json("[{\"layer\":1}]"), None);
    }
}
