//! Which grey each finding has in the condition picture, and how a box is drawn.

use std::str::FromStr;

use crate::domain::Finding;

/// How a box enters the condition picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxStyle {
    /// The whole rectangle.
    Filled,
    /// A frame inside the rectangle, 3 px wide at 256 px and in proportion at other sizes.
    Outline,
}

/// A grey in `0..=1` for every finding, and a box style. A model is trained with one palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    greys: [f32; Finding::ALL.len()],
    boxes: BoxStyle,
}

/// A palette that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PaletteError {
    /// A name outside the list.
    #[error("palette is {value:?}; choose release or practice")]
    UnknownName {
        /// What was given.
        value: String,
    },
    /// A grey out of range.
    #[error("palette: the grey of {finding} is {grey}; choose a number above 0, at most 1")]
    Grey {
        /// The class.
        finding: &'static str,
        /// What was given.
        grey: f32,
    },
}

impl Palette {
    /// Own greys in the order of [`Finding::ALL`].
    ///
    /// # Errors
    /// When a grey is not in `0 < grey <= 1`: black would be invisible.
    pub fn new(greys: [f32; Finding::ALL.len()], boxes: BoxStyle) -> Result<Self, PaletteError> {
        for (finding, &grey) in Finding::ALL.iter().zip(&greys) {
            if !(grey > 0.0 && grey <= 1.0) {
                return Err(PaletteError::Grey { finding: finding.name(), grey });
            }
        }
        Ok(Self { greys, boxes })
    }

    /// White for every class and filled boxes, as the published control model was trained.
    pub fn release() -> Self {
        Self { greys: [1.0; Finding::ALL.len()], boxes: BoxStyle::Filled }
    }

    /// Distinct greys and outlined boxes, as the practice model was trained.
    pub fn practice() -> Self {
        let grey = |finding| match finding {
            Finding::Pneumothorax => 1.0,
            Finding::PleuralEffusion => 0.85,
            Finding::Consolidation => 0.70,
            Finding::Nodule => 0.55,
            Finding::Device => 0.40,
            Finding::Cardiomegaly | Finding::Atelectasis | Finding::Edema | Finding::Fracture => 0.25,
        };
        Self { greys: Finding::ALL.map(grey), boxes: BoxStyle::Outline }
    }

    /// The grey of a class, `0 < grey <= 1`.
    pub fn grey(&self, finding: Finding) -> f32 {
        self.greys[finding.index()]
    }

    /// How boxes are drawn.
    pub fn boxes(&self) -> BoxStyle {
        self.boxes
    }
}

impl FromStr for Palette {
    type Err = PaletteError;

    fn from_str(s: &str) -> Result<Self, PaletteError> {
        match s {
            "release" => Ok(Self::release()),
            "practice" => Ok(Self::practice()),
            _ => Err(PaletteError::UnknownName { value: s.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_drawn_findings_have_distinct_greys() {
        use Finding::{Consolidation, Device, Nodule, PleuralEffusion, Pneumothorax};
        let palette = Palette::practice();
        let mut greys = [Pneumothorax, PleuralEffusion, Consolidation, Nodule, Device].map(|finding| palette.grey(finding));
        greys.sort_by(f32::total_cmp);
        assert!(greys.windows(2).all(|pair| pair[1] - pair[0] > 0.1), "{greys:?}");
    }

    #[test]
    fn names_and_greys_are_checked() {
        assert_eq!("release".parse::<Palette>().unwrap(), Palette::release());
        assert!("white".parse::<Palette>().unwrap_err().to_string().contains("choose release or practice"));
        let mut greys = [1.0; 9];
        greys[3] = f32::NAN;
        assert!(Palette::new(greys, BoxStyle::Filled).unwrap_err().to_string().contains("nodule"));
    }
}
