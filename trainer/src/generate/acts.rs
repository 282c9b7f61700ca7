//! How a drawing acts, as it is written: `strength=0.8`, `steps=0.2-1`, `area=12`.

use anyhow::{Context as _, Result, bail, ensure};
use engine::domain::{Annotation, StepRange};

/// Farthest reach of an area.
const MAX_AREA_PX: u32 = 8192;

/// How a drawing acts; what is left out is natural: full strength, in all steps, everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Acts {
    /// Control strength, 0 to 2.
    pub strength: Option<f32>,
    /// The part of the run.
    pub steps: Option<StepRange>,
    /// Reach beyond the drawing, in pixels of the generated image.
    pub area_px: Option<u32>,
}

impl Acts {
    /// These, and those of `other` where nothing is said here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            strength: self.strength.or(other.strength),
            steps: self.steps.or(other.steps),
            area_px: self.area_px.or(other.area_px),
        }
    }

    /// An annotation that acts so.
    #[must_use]
    pub fn onto(self, annotation: Annotation) -> Annotation {
        Annotation {
            strength: self.strength.unwrap_or(annotation.strength),
            steps: self.steps.unwrap_or(annotation.steps),
            area_px: self.area_px.or(annotation.area_px),
            ..annotation
        }
    }

    /// Sets one of the three from its text.
    ///
    /// # Errors
    /// When the name is unknown, was set before, or its value is out of range.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let again = match name {
            "strength" => self.strength.replace(strength(value)?).is_some(),
            "steps" => self.steps.replace(steps(value)?).is_some(),
            "area" => self.area_px.replace(area(value)?).is_some(),
            _ => bail!("option {name:?} is unknown; known are strength, steps and area"),
        };
        ensure!(!again, "{name} is given twice; keep one");
        Ok(())
    }
}

/// A strength from its text.
///
/// # Errors
/// Names what is allowed.
pub fn strength(text: &str) -> Result<f32> {
    let value: f32 = text
        .trim()
        .parse()
        .ok()
        .filter(|v| (0.0..=2.0).contains(v))
        .with_context(|| format!("strength is {text:?}; choose a number from 0 to 2"))?;
    Ok(value)
}

/// A range of steps from text such as `0.2-1`.
///
/// # Errors
/// Names what is allowed.
pub fn steps(text: &str) -> Result<StepRange> {
    let ends = text.split_once('-').and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    let range = ends.map(|(first, last)| StepRange { first, last }).filter(StepRange::is_valid);
    range.with_context(|| {
        format!("steps is {text:?}; write two fractions of the run from 0 to 1, the smaller first, such as 0.2-1")
    })
}

/// An area's reach from its text.
///
/// # Errors
/// Names what is allowed.
pub fn area(text: &str) -> Result<u32> {
    let reach = text.trim().parse().ok().filter(|px| *px <= MAX_AREA_PX);
    reach.with_context(|| format!("area is {text:?}; choose a whole number of pixels from 0 to {MAX_AREA_PX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_first_counts() {
        let mut own = Acts::default();
        own.set("strength", "0.5").unwrap();
        own.set("steps", "0.25 - 1").unwrap();
        let common = Acts { strength: Some(2.0), steps: None, area_px: Some(7) };
        let range = StepRange { first: 0.25, last: 1.0 };
        assert_eq!(own.or(common), Acts { strength: Some(0.5), steps: Some(range), area_px: Some(7) });
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (name, value, words) in [
            ("strength", "3", "0 to 2"),
            ("strength", "NaN", "NaN"),
            ("steps", "0.5", "0.2-1"),
            ("steps", "0.9-0.1", "smaller first"),
            ("steps", "0-1.5", "0 to 1"),
            ("area", "-1", "whole number"),
            ("area", "9000", "8192"),
            ("power", "1", "known are strength, steps and area"),
        ] {
            let sentence = format!("{:#}", Acts::default().set(name, value).unwrap_err());
            assert!(sentence.contains(words), "{sentence}");
        }
        let mut twice = Acts::default();
        twice.set("area", "1").unwrap();
        assert!(twice.set("area", "2").unwrap_err().to_string().contains("given twice"));
    }
}
