//! Adherence rows and what the image shows, in words.

use engine::adherence::{self, Measure, Measured, Seen};
use engine::domain::{Annotation, Finding, GenerateRequest, Shape, Side};
use engine::model::checker::CLASSES;
use engine::text::findings::mentions;

use super::Look;
use crate::state::{Demographics, Document, Layer, LayerId, Region};

/// How much stronger a layer is tried again.
const MORE: f32 = 0.2;
/// Score from which the checker is taken to see a finding.
const SEEN: f32 = 0.5;

/// The number of a row, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The image is not finished.
    Pending,
    /// Nothing can measure it, with one sentence why.
    None(String),
    /// Measured.
    Measured(Measured),
}

/// A button that tries a layer again.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    /// The layer.
    pub layer: LayerId,
    /// Its number in the list.
    pub number: usize,
    /// The strength to try.
    pub strength: f32,
}

/// A row of the adherence list.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The layer's number in the list of layers, or in the request where that layer is gone.
    pub number: usize,
    /// Its class.
    pub finding: Finding,
    /// Whether it is a box.
    pub is_box: bool,
    /// The number.
    pub value: Value,
    /// One line what the number means.
    pub meaning: String,
    /// What can be tried when the image does not follow.
    pub remedy: Option<Remedy>,
}

impl Row {
    /// `1 PTX, overlap with mask`.
    pub fn title(&self) -> String {
        let what = if self.is_box { "box hit" } else { "overlap with mask" };
        format!("{} {}, {what}", self.number, self.finding.code())
    }
}

/// What the checker says of a finished image.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// Its numbers of each drawn finding of the request.
    pub measured: Vec<Option<Measured>>,
    /// Scores and what follows from them.
    pub shows: Shows,
}

impl Looked {
    /// Of a request and what the checker sees in its image.
    pub fn new(request: &GenerateRequest, seen: &Seen) -> Self {
        Self { measured: adherence::measure(&request.annotations, seen), shows: shows(request, seen) }
    }
}

/// One row for each drawn finding of a request.
pub fn adherence(document: &Document, request: &GenerateRequest, look: &Look) -> Vec<Row> {
    let measured = |k: usize| match look {
        Look::Ready(looked) => looked.measured.get(k).copied().flatten(),
        _ => None,
    };
    let layers = matching_layers(document, &request.annotations);
    let one = |(k, annotation): (usize, &Annotation)| {
        let value = match (look, measured(k)) {
            (_, Some(measured)) => Value::Measured(measured),
            (Look::Pending | Look::Busy | Look::None, _) => Value::Pending,
            (Look::Failed(why), _) => Value::None(why.clone()),
            (Look::NoChecker, _) => Value::None("Needs a checker; none fits this model.".to_owned()),
            (Look::Ready(_), None) => {
                Value::None(format!("Needs a checker; this one does not know {}.", annotation.finding.title().to_lowercase()))
            }
        };
        let layer = layers[k];
        let is_box = matches!(annotation.shape, Shape::Box { .. });
        let (meaning, remedy) = meaning(&value, annotation, is_box, layer);
        Row { number: layer.map_or(k + 1, |l| l.1), finding: annotation.finding, is_box, value, meaning, remedy }
    };
    request.annotations.iter().enumerate().map(one).collect()
}

/// Whether the layers of the open case are drawn where those of a request were; strength and steps are not drawn.
pub fn is_as_drawn(document: &Document, request: &GenerateRequest) -> bool {
    let is_sent = |l: &&Layer| document.is_active(l) && l.region.is_finding() && !l.is_empty();
    let layers: Vec<&Layer> = document.layers.iter().filter(is_sent).collect();
    let same = |layer: &Layer, annotation: &Annotation| match (&layer.region, &annotation.shape) {
        // A model of another size is in use by now; then nothing can be said.
        (Region::Mask(mask), Shape::Mask(was)) if mask.width() != was.width() => true,
        (Region::Mask(mask), Shape::Mask(was)) => **mask == *was,
        (Region::Box(Some(rect)), Shape::Box { rect: was, width, .. }) => *width != document.size_px || rect == was,
        _ => false,
    };
    let pairs = layers.iter().zip(&request.annotations);
    layers.len() == request.annotations.len() && pairs.into_iter().all(|(l, a)| l.finding == a.finding && same(l, a))
}

/// For each annotation the layer of the open case that it came from: the same class at the same place among its class.
fn matching_layers(document: &Document, annotations: &[Annotation]) -> Vec<Option<(LayerId, usize)>> {
    let of_class = |finding: Finding| {
        let layers = document.layers.iter().filter(move |l| l.finding == finding && l.region.is_finding() && !l.is_empty());
        layers.map(|l| (l.id, document.number(l.id))).collect::<Vec<_>>()
    };
    let place = |k: usize| annotations[..k].iter().filter(|a| a.finding == annotations[k].finding).count();
    (0..annotations.len()).map(|k| of_class(annotations[k].finding).get(place(k)).copied()).collect()
}

fn meaning(value: &Value, annotation: &Annotation, is_box: bool, layer: Option<(LayerId, usize)>) -> (String, Option<Remedy>) {
    let measured = match value {
        Value::Pending => return (String::new(), None),
        Value::None(why) => return (why.clone(), None),
        Value::Measured(measured) => measured,
    };
    if measured.is_followed() {
        let words = match measured.measure {
            Measure::MaskOverlap => "Found where it was drawn.",
            Measure::BoxHit => "Found in the box.",
        };
        return (words.to_owned(), None);
    }
    let shape = if is_box { "box" } else { "mask" };
    let state = match (measured.value > 0.15, measured.score >= SEEN) {
        (true, _) => "Took in part.",
        (false, true) => "Seen, but elsewhere.",
        (false, false) => "Did not take.",
    };
    let strength = (((annotation.strength + MORE) * 20.0).round() / 20.0).min(2.0);
    if strength > annotation.strength + 0.01 {
        let remedy = layer.map(|(layer, number)| Remedy { layer, number, strength });
        (format!("{state} Raise the strength to {strength:.2} or enlarge the {shape}."), remedy)
    } else {
        (format!("{state} The strength is at its end; enlarge the {shape} or try another seed."), None)
    }
}

/// What the image shows, by the checker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shows {
    /// Finding and side with the score; `None` where the checker does not know the class.
    pub scores: Vec<(String, Option<f32>)>,
    /// What follows from it, one sentence.
    pub verdict: String,
}

/// Scores by side of what was asked for, and of what was not and is seen.
fn shows(request: &GenerateRequest, seen: &Seen) -> Shows {
    let (_, text) = Demographics::parse(&request.impression);
    let said = mentions(&text);
    let mut scores = Vec::new();
    let mut verdicts = Vec::new();
    for finding in Finding::ALL {
        let drawn: Vec<Side> = request.annotations.iter().filter(|a| a.finding == finding).map(side).collect();
        let named: Vec<_> = said.iter().filter(|m| m.finding == finding).collect();
        let there: Vec<_> = named.iter().filter(|m| !m.negated()).collect();
        let asked = !drawn.is_empty() || !there.is_empty();
        let title = finding.title();
        if !CLASSES.contains(&finding) {
            if asked {
                scores.push((title.to_owned(), None));
            }
            continue;
        }
        let on = |side: Side| seen.score_on(finding, side).unwrap_or(0.0);
        let (right, left) = (on(Side::Right), on(Side::Left));
        if asked || right.max(left) >= SEEN {
            scores.push((format!("{title}, patient's right"), Some(right)));
            scores.push((format!("{title}, patient's left"), Some(left)));
        }
        let class = title.to_lowercase();
        let text_side = there.iter().find_map(|m| m.side).filter(|side| *side != Side::Both);
        let mask_side = drawn.first().copied().filter(|_| drawn.len() == 1).filter(|side| *side != Side::Both);
        if let (Some(text), Some(mask)) = (text_side, mask_side)
            && text != mask
        {
            verdicts.push(match (on(mask) >= SEEN, on(text) >= SEEN) {
                (true, false) => format!("Here the layer won over the text: {class} is on the patient's {mask}."),
                (false, true) => format!("Here the text won over the layer: {class} is on the patient's {text}."),
                (true, true) => format!("Text and layer were both followed: {class} is on both sides."),
                (false, false) => format!("Neither text nor layer was followed: no {class} is seen."),
            });
        } else if drawn.is_empty() && there.is_empty() && !named.is_empty() && right.max(left) >= SEEN {
            verdicts.push(format!("The text denies {class}, and the checker sees it."));
        } else if drawn.is_empty() && named.is_empty() && right.max(left) >= SEEN {
            verdicts.push(format!("The checker sees {class}, which nobody asked for."));
        }
    }
    Shows { scores, verdict: verdicts.join(" ") }
}

/// The side of a drawn finding.
fn side(annotation: &Annotation) -> Side {
    let (center, width) = match &annotation.shape {
        Shape::Mask(mask) => return crate::state::document::mask_side(mask).unwrap_or(Side::Both),
        Shape::Box { rect, width, .. } => (rect.center().0, *width),
    };
    engine::domain::patient_side(center, width)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::domain::{Mask, RectPx};

    use super::*;

    fn seen(finding: Finding, left: bool) -> Seen {
        let inside = |i: usize| {
            (10..20).contains(&(i / 32)) && if left { (20..28).contains(&(i % 32)) } else { (4..12).contains(&(i % 32)) }
        };
        let plane = |class: Finding| (0..32 * 32).map(|i| if class == finding && inside(i) { 6.0 } else { -6.0 }).collect();
        let presence = CLASSES.map(|class| if class == finding { 4.0 } else { -4.0 }).to_vec();
        Seen { size_px: 64, regions: CLASSES.map(plane).to_vec(), presence }
    }

    fn ready(request: &GenerateRequest, left: bool) -> Look {
        Look::Ready(Arc::new(Looked::new(request, &seen(Finding::Pneumothorax, left))))
    }

    fn request(text: &str, x0: f32) -> GenerateRequest {
        let mut request = GenerateRequest::new(text, 1);
        let mask = Mask::from_rect(64, 64, &RectPx { x0, y0: 20.0, x1: x0 + 16.0, y1: 40.0 });
        request.annotations = vec![Annotation::mask(Finding::Pneumothorax, mask)];
        request
    }

    fn case(request: &GenerateRequest) -> Document {
        let mut document = Document::empty(64);
        document.push(Finding::PleuralEffusion, Region::Box(None));
        for annotation in &request.annotations {
            if let Shape::Mask(mask) = &annotation.shape {
                document.push(annotation.finding, Region::Mask(Arc::new(mask.clone())));
            }
        }
        document
    }

    #[test]
    fn a_followed_layer_says_so_and_another_offers_a_retry() {
        let request = request("Right pneumothorax.", 8.0);
        let document = case(&request);
        let rows = |look| adherence(&document, &request, &look);
        let good = &rows(ready(&request, false))[0];
        assert_eq!((good.title().as_str(), good.meaning.as_str()), ("2 PTX, overlap with mask", "Found where it was drawn."));
        assert_eq!(good.remedy, None);
        let bad = &rows(ready(&request, true))[0];
        assert_eq!(bad.meaning, "Did not take. Raise the strength to 1.20 or enlarge the mask.");
        assert_eq!(bad.remedy.as_ref().map(|r| (r.number, r.strength)), Some((2, 1.2)));
        assert_eq!(rows(Look::Pending)[0].value, Value::Pending);
        assert_eq!(rows(Look::NoChecker)[0].value, Value::None("Needs a checker; none fits this model.".to_owned()));
    }

    #[test]
    fn what_cannot_be_measured_is_no_zero() {
        let mut request = request("Rib fracture.", 8.0);
        request.annotations[0].finding = Finding::Fracture;
        let row = &adherence(&case(&request), &request, &ready(&request, false))[0];
        assert_eq!(row.value, Value::None("Needs a checker; this one does not know fracture.".to_owned()));
    }

    #[test]
    fn the_image_says_which_of_two_sides_won() {
        let won = |left| shows(&request("Left pneumothorax.", 8.0), &seen(Finding::Pneumothorax, left)).verdict;
        assert_eq!(won(false), "Here the layer won over the text: pneumothorax is on the patient's right.");
        assert_eq!(won(true), "Here the text won over the layer: pneumothorax is on the patient's left.");
        let agreed = shows(&request("sex:Male, age:64.0. Right pneumothorax.", 8.0), &seen(Finding::Pneumothorax, false));
        assert_eq!(agreed.verdict, "");
        let names: Vec<&str> = agreed.scores.iter().map(|s| s.0.as_str()).collect();
        assert_eq!(names, ["Pneumothorax, patient's right", "Pneumothorax, patient's left"]);
        assert!(agreed.scores[0].1 > Some(0.9) && agreed.scores[1].1 < Some(0.1));
        let unasked = shows(&GenerateRequest::new("No pleural effusion.", 1), &seen(Finding::PleuralEffusion, true));
        assert_eq!(unasked.verdict, "The text denies pleural effusion, and the checker sees it.");
    }
}
