//! Boxes from JSON: a list of objects with a class and two corners in pixels.
//!
//! `[{"class": "nodule", "x0": 40, "y0": 60, "x1": 80, "y1": 95}]`. Pixels are those of the model's image, or of
//! an image of the box's own `width` and `height`. `"box": [x0, y0, x1, y1]` is read too. `strength` (0 to 2),
//! `steps` (two fractions of the run) and `area` (pixels of the generated image) are optional. A single object
//! counts as a list of one.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use engine::domain::{Annotation, Finding, RectPx, StepRange};
use serde_json::{Map, Value};

use super::acts::{self, Acts};

/// Most boxes of one image.
const MAX_BOXES: usize = 256;
/// Longest side of the image a box may refer to.
const MAX_SIDE_PX: u64 = 65_536;
const KEYS: [&str; 11] = ["class", "x0", "y0", "x1", "y1", "box", "width", "height", "strength", "steps", "area"];

/// A box as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxSpec {
    /// Its class.
    pub finding: Finding,
    /// Its corners.
    pub rect: RectPx,
    /// Width and height of the image they refer to; `None` is the model's.
    pub size: Option<(u32, u32)>,
    /// How it acts.
    pub acts: Acts,
}

impl BoxSpec {
    /// The box, acting naturally, on an image of `model_px`² pixels, unless it names a size of its own.
    ///
    /// # Errors
    /// When it does not lie inside; `place` is its position in the list, from 1.
    pub fn annotation(&self, place: usize, model_px: u32) -> Result<Annotation> {
        let (width, height) = self.size.unwrap_or((model_px, model_px));
        let RectPx { x0, y0, x1, y1 } = self.rect;
        ensure!(
            self.rect.is_inside(width, height),
            "box {place} ({}): {x0},{y0} to {x1},{y1} does not lie inside the {width}×{height} image; correct its corners, or add the width and height they refer to",
            self.finding
        );
        Ok(Annotation::boxed(self.finding, self.rect, width, height))
    }
}

/// Reads JSON text.
///
/// # Errors
/// Names the box and the field.
pub(super) fn parse(text: &str) -> Result<Vec<BoxSpec>> {
    let value: Value = serde_json::from_str(text).context("is not valid JSON")?;
    let items = match value {
        Value::Array(items) => items,
        one @ Value::Object(_) => vec![one],
        _ => bail!("must be a list of boxes"),
    };
    ensure!(items.len() <= MAX_BOXES, "has {} boxes; an image takes at most {MAX_BOXES}", items.len());
    let read = |(index, item): (usize, Value)| one_box(&item).with_context(|| format!("box {}", index + 1));
    items.into_iter().enumerate().map(read).collect()
}

fn one_box(item: &Value) -> Result<BoxSpec> {
    let Value::Object(fields) = item else {
        bail!("is no object; write {{\"class\": …, \"x0\": …, \"y0\": …, \"x1\": …, \"y1\": …}}")
    };
    if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        bail!("field {unknown:?} is unknown; known are {}", KEYS.join(", "));
    }
    let class = match fields.get("class") {
        Some(Value::String(class)) => class,
        Some(_) => bail!("field class must be a text"),
        None => bail!("field class is missing; name the finding"),
    };
    let rect = corners(fields)?;
    ensure!(
        rect.is_valid(),
        "x1 must be greater than x0 and y1 greater than y0, but the corners are {},{} and {},{}",
        rect.x0,
        rect.y0,
        rect.x1,
        rect.y1
    );
    let size = match (side(fields, "width")?, side(fields, "height")?) {
        (Some(width), Some(height)) => Some((width, height)),
        (None, None) => None,
        _ => bail!("width and height go together; give both or none"),
    };
    Ok(BoxSpec { finding: class.parse()?, rect, size, acts: acts_of(fields)? })
}

fn acts_of(fields: &Map<String, Value>) -> Result<Acts> {
    let strength = fields.get("strength").map(|value| number(value, "strength")).transpose()?;
    if let Some(strength) = strength {
        ensure!((0.0..=2.0).contains(&strength), "field strength is {strength}; choose a number from 0 to 2");
    }
    let steps = match fields.get("steps") {
        None => None,
        Some(Value::String(text)) => Some(acts::steps(text)?),
        Some(Value::Array(ends)) if ends.len() == 2 => {
            let range = StepRange { first: number(&ends[0], "steps")?, last: number(&ends[1], "steps")? };
            ensure!(
                range.is_valid(),
                "field steps is {} to {}; write two fractions of the run from 0 to 1, the smaller first",
                range.first,
                range.last
            );
            Some(range)
        }
        Some(_) => bail!("field steps must be a list of two fractions of the run, such as [0.2, 1]"),
    };
    let area_px = fields.get("area").map(|value| acts::area(&value.to_string())).transpose()?;
    Ok(Acts { strength, steps, area_px })
}

fn corners(fields: &Map<String, Value>) -> Result<RectPx> {
    let [x0, y0, x1, y1] = match fields.get("box") {
        Some(Value::Array(corners)) if corners.len() == 4 => {
            ensure!(["x0", "y0", "x1", "y1"].iter().all(|key| !fields.contains_key(*key)), "has both box and x0; keep one");
            let mut four = [0.0; 4];
            for (place, corner) in four.iter_mut().zip(corners) {
                *place = number(corner, "box")?;
            }
            four
        }
        Some(_) => bail!("field box must be a list of four numbers: x0, y0, x1, y1"),
        None => {
            let mut four = [0.0; 4];
            for (place, key) in four.iter_mut().zip(["x0", "y0", "x1", "y1"]) {
                *place = number(fields.get(key).ok_or_else(|| anyhow!("field {key} is missing"))?, key)?;
            }
            four
        }
    };
    Ok(RectPx { x0, y0, x1, y1 })
}

fn number(value: &Value, field: &str) -> Result<f32> {
    let number = value.as_f64().ok_or_else(|| anyhow!("field {field} is {value}; it must be a number"))? as f32;
    ensure!(number.is_finite(), "field {field} is {value}, which is too large");
    Ok(number)
}

fn side(fields: &Map<String, Value>, field: &str) -> Result<Option<u32>> {
    let Some(value) = fields.get(field) else { return Ok(None) };
    let side = value.as_u64().filter(|side| (1..=MAX_SIDE_PX).contains(side));
    let side = side.ok_or_else(|| anyhow!("field {field} is {value}; it must be a whole number from 1 to {MAX_SIDE_PX}"))?;
    Ok(Some(u32::try_from(side)?))
}

#[cfg(test)]
mod tests {
    use engine::domain::Shape;
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn both_spellings_and_a_size_of_its_own() {
        let boxes = parse(
            r#"[{"class": "Nodule", "x0": 1, "y0": 2.5, "x1": 30, "y1": 40},
                {"class": "EFF", "box": [0, 0, 1000, 2000], "width": 1000, "height": 2000, "strength": 0.5}]"#,
        )
        .unwrap();
        let first = boxes[0].annotation(1, 64).unwrap();
        assert_eq!(first, Annotation::boxed(Finding::Nodule, RectPx { x0: 1.0, y0: 2.5, x1: 30.0, y1: 40.0 }, 64, 64));
        let second = boxes[1].annotation(2, 64).unwrap();
        assert_eq!((second.finding, boxes[1].acts.strength), (Finding::PleuralEffusion, Some(0.5)));
        let acting = parse(r#"{"class": "mass", "box": [0, 0, 1, 1], "steps": [0.25, 1], "area": 12}"#).unwrap()[0].acts;
        assert_eq!((acting.steps, acting.area_px), (Some(StepRange { first: 0.25, last: 1.0 }), Some(12)));
        assert!(matches!(second.shape, Shape::Box { width: 1000, height: 2000, .. }));
        assert!(boxes[0].annotation(1, 32).unwrap_err().to_string().contains("32×32"));
        assert_eq!(parse(r#"{"class": "mass", "box": [0, 0, 1, 1]}"#).unwrap().len(), 1);
        assert!(parse("[]").unwrap().is_empty());
    }

    #[test]
    fn errors_name_the_box_and_the_field() {
        for (text, words) in [
            ("[", "JSON"),
            ("3", "list of boxes"),
            ("[3]", "box 1"),
            (r#"[{"x0": 1}]"#, "class is missing"),
            (r#"[{"class": "spleen", "box": [0, 0, 1, 1]}]"#, "spleen"),
            (r#"[{"class": "mass", "x0": 1, "y0": 1, "x1": 2}]"#, "y1 is missing"),
            (r#"[{"class": "mass", "x0": "1", "y0": 1, "x1": 2, "y1": 2}]"#, "x0"),
            (r#"[{"class": "mass", "box": [1, 2, 3]}]"#, "four numbers"),
            (r#"[{"class": "mass", "box": [1, 2, 1, 3]}]"#, "greater"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1e300]}]"#, "too large"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1], "width": 5}]"#, "go together"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1], "width": -5, "height": 5}]"#, "width"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1], "strength": 3}]"#, "strength"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1], "steps": [1, 0]}]"#, "smaller first"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1], "steps": 3}]"#, "two fractions"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1], "area": 1.5}]"#, "area"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1], "widht": 3}]"#, "widht"),
            (r#"[{"class": "mass", "box": [0, 0, 1, 1]}, {"class": "mass", "box": [0, 0, 1, 1], "x0": 0}]"#, "box 2"),
        ] {
            let sentence = refused(text);
            assert!(sentence.contains(words) && !sentence.contains('\n'), "{text}: {sentence}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([\\[\\]{}:,\"]|class|box|x[01]|y[01]|mass|-?[0-9.e]{1,9}|\\PC){0,40}") {
            let _boxes_or_not = parse(&text);
        }

        #[test]
        fn what_is_read_lies_inside(
            class in prop::sample::select(Finding::ALL.map(Finding::name).to_vec()),
            corners in prop::array::uniform4(-10.0f64..300.0),
            side in prop::option::of(0u32..400),
        ) {
            let [x0, y0, x1, y1] = corners;
            let size = side.map_or(String::new(), |side| format!(r#", "width": {side}, "height": {side}"#));
            let text = format!(r#"[{{"class": "{class}", "x0": {x0}, "y0": {y0}, "x1": {x1}, "y1": {y1}{size}}}]"#);
            if let Ok(boxes) = parse(&text) {
                prop_assert_eq!(boxes[0].finding.name(), class);
                if let Ok(annotation) = boxes[0].annotation(1, 256) {
                    let mut request = engine::domain::GenerateRequest::new("text", 0);
                    request.annotations.push(annotation);
                    prop_assert!(request.check().is_ok());
                }
            }
        }
    }
}
