//! What differs between two runs, field by field and word by word.

use engine::domain::{Annotation, Mask, Shape, Side, Source, StepRange, patient_side};
use engine::store::record::RunRecord;

/// Most words of a text that are compared one by one.
const MAX_WORDS: usize = 1200;

/// One of the two runs.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// What made it.
    pub record: &'a RunRecord,
    /// Its adherence, where it was measured.
    pub adherence: Option<f32>,
}

/// A field with a value in either run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is called.
    pub name: String,
    /// The value in A; a dash where A has no such thing.
    pub a: String,
    /// The value in B.
    pub b: String,
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// In both.
    Same(String),
    /// Only in A.
    Gone(String),
    /// Only in B.
    New(String),
}

/// What differs, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Fields that differ, in the order of the table.
    pub changed: Vec<Field>,
    /// Fields that are the same.
    pub same: Vec<Field>,
    /// The text, A's words that went and B's that came; one piece when it is the same.
    pub text: Vec<Piece>,
}

impl Diff {
    /// Whether the text is the same.
    pub fn same_text(&self) -> bool {
        self.text.iter().all(|p| matches!(p, Piece::Same(_)))
    }

    fn put(&mut self, name: impl Into<String>, a: impl Into<String>, b: impl Into<String>) {
        let field = Field { name: name.into(), a: a.into(), b: b.into() };
        let list = if field.a == field.b { &mut self.same } else { &mut self.changed };
        list.push(field);
    }
}

/// Compares two runs.
pub fn diff(a: Compared<'_>, b: Compared<'_>) -> Diff {
    let mut diff = Diff::default();
    let (ra, rb) = (&a.record.request, &b.record.request);
    diff.text = words(&ra.impression, &rb.impression);
    diff.put("Seed", ra.seed.0.to_string(), rb.seed.0.to_string());
    diff.put("Begins with", source(&ra.source), source(&rb.source));
    for i in 0..ra.annotations.len().max(rb.annotations.len()) {
        layer(&mut diff, i + 1, ra.annotations.get(i), rb.annotations.get(i));
    }
    let mut put = |name: &str, va: String, vb: String| diff.put(name, va, vb);
    put("Steps", ra.num_steps.to_string(), rb.num_steps.to_string());
    put("Steps that ran", a.record.steps_ran.to_string(), b.record.steps_ran.to_string());
    put("Sampler", ra.sampler.name().to_owned(), rb.sampler.name().to_owned());
    put("Guidance", format!("{:.1}", ra.guidance_scale), format!("{:.1}", rb.guidance_scale));
    put("Behaviour", ra.preset.name().to_owned(), rb.preset.name().to_owned());
    put("Fresh noise", format!("{:.2}", ra.eta), format!("{:.2}", rb.eta));
    put("Karras spacing", on_off(ra.karras), on_off(rb.karras));
    let kept = |sentences: &[String]| if sentences.is_empty() { "none".to_owned() } else { sentences.join(" ") };
    put("Disagreement kept", kept(&ra.kept_conflicts), kept(&rb.kept_conflicts));
    put("Model", a.record.model_name.clone(), b.record.model_name.clone());
    put("Weights", weights(a.record), weights(b.record));
    put("Size", format!("{} px", a.record.size_px), format!("{} px", b.record.size_px));
    put("Device", a.record.device.clone(), b.record.device.clone());
    put("Number type", a.record.dtype.clone(), b.record.dtype.clone());
    put("Bands", bands(a.record), bands(b.record));
    put("Engine", a.record.engine_version.clone(), b.record.engine_version.clone());
    put("Noise from a file", noise(a.record), noise(b.record));
    let measured = |v: Option<f32>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.2}"));
    put("Adherence", measured(a.adherence), measured(b.adherence));
    diff
}

/// The fields of one layer, `n` from 1.
fn layer(diff: &mut Diff, n: usize, a: Option<&Annotation>, b: Option<&Annotation>) {
    let kind = |l: &Annotation| match l.shape {
        Shape::Mask(_) => "Mask",
        Shape::Box { .. } => "Box",
    };
    // One word in the name where both are drawn alike, as in "Mask, layer 1".
    let word = match (a.map(kind), b.map(kind)) {
        (Some(x), Some(y)) if x != y => "Region",
        (Some(word), _) | (None, Some(word)) => word,
        (None, None) => return,
    };
    let of = |layer: Option<&Annotation>, say: &dyn Fn(&Annotation) -> String| layer.map_or_else(|| "–".to_owned(), say);
    let mut put =
        |what: &str, say: &dyn Fn(&Annotation) -> String| diff.put(format!("{what}, layer {n}"), of(a, say), of(b, say));
    put("Finding", &|l| l.finding.title().to_owned());
    put(word, &|l| place(l, word == "Region"));
    put("Strength", &|l| format!("{:.2}", l.strength));
    put("Acts at", &|l| steps(l.steps));
    put("Reaches", &|l| l.area_px.map_or_else(|| "everywhere".to_owned(), |px| format!("{px} px around")));
    // Two masks may have the same side and area and lie in different places.
    if let (Some(x), Some(y)) = (a, b)
        && x.shape != y.shape
        && place(x, true) == place(y, true)
    {
        diff.put(format!("Shape, layer {n}"), "as drawn", overlap(&x.shape, &y.shape));
    }
}

fn on_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn weights(record: &RunRecord) -> String {
    // Equal lists give equal words; which of several files differ is said by their number.
    let digits: Vec<String> = record.files.iter().map(|f| f.blake3.chars().take(4).collect()).collect();
    digits.join(" ")
}

fn bands(record: &RunRecord) -> String {
    record.band_rows.map_or_else(|| "whole pictures".to_owned(), |rows| format!("{rows} rows"))
}

fn noise(record: &RunRecord) -> String {
    record
        .noise
        .as_ref()
        .map_or_else(|| "no".to_owned(), |n| format!("row {} of {}", n.row, n.blake3.chars().take(8).collect::<String>()))
}

fn source(source: &Source) -> String {
    let edit = match source {
        Source::Noise => "noise".to_owned(),
        Source::Image { strength, .. } => format!("an image, {:.0} % changed", strength * 100.0),
        Source::Region { strength, may_change, feather_px, .. } => {
            format!("a region of {} px, {:.0} % changed, seam {feather_px} px", may_change.area(), strength * 100.0)
        }
        Source::Latent { step, .. } => return format!("step {step} of another run"),
    };
    match source.kept() {
        Some((_, step)) => format!("{edit}, from step {step} of another edit"),
        None => edit,
    }
}

fn steps(range: StepRange) -> String {
    if range == StepRange::ALL {
        "all steps".to_owned()
    } else {
        format!("{:.0}–{:.0} %", range.first * 100.0, range.last * 100.0)
    }
}

/// Patient's side and size of a layer.
fn place(layer: &Annotation, with_kind: bool) -> String {
    let (kind, side, area) = match &layer.shape {
        Shape::Mask(mask) => ("mask ", mask_side(mask), share(mask.area() as f64, mask.width(), mask.height())),
        Shape::Box { rect, width, height } => {
            let area = f64::from(rect.width() * rect.height());
            ("box ", Some(patient_side(rect.center().0, *width)), share(area, *width, *height))
        }
    };
    let side = match side {
        Some(Side::Both) => "both sides",
        Some(side) => side.name(),
        None => "empty",
    };
    format!("{}{side}, {area}", if with_kind { kind } else { "" })
}

fn share(area: f64, width: u32, height: u32) -> String {
    format!("{:.1} %", 100.0 * area / (f64::from(width) * f64::from(height)).max(1.0))
}

/// As the layer list says it: both sides when more than a fifth lies beyond the midline.
fn mask_side(mask: &Mask) -> Option<Side> {
    let half = (mask.width() / 2) as usize;
    let (mut right, mut left) = (0usize, 0usize);
    for row in mask.bits().chunks(mask.width().max(1) as usize) {
        let (r, l) = row.split_at(half.min(row.len()));
        right += r.iter().filter(|b| **b != 0).count();
        left += l.iter().filter(|b| **b != 0).count();
    }
    match (right, left) {
        (0, 0) => None,
        _ if right.min(left) * 5 > right + left => Some(Side::Both),
        _ => Some(if right > left { Side::Right } else { Side::Left }),
    }
}

fn overlap(a: &Shape, b: &Shape) -> String {
    match (a, b) {
        (Shape::Mask(a), Shape::Mask(b)) if (a.width(), a.height()) == (b.width(), b.height()) => {
            format!("moved or redrawn, overlap {:.2}", a.dice(b))
        }
        _ => "moved or redrawn".to_owned(),
    }
}

/// The words of two texts, pieces of the same kind joined.
pub fn words(a: &str, b: &str) -> Vec<Piece> {
    if a == b {
        return vec![Piece::Same(a.to_owned())];
    }
    let (wa, wb): (Vec<&str>, Vec<&str>) = (a.split_whitespace().collect(), b.split_whitespace().collect());
    if wa.len() > MAX_WORDS || wb.len() > MAX_WORDS {
        return vec![Piece::Gone(wa.join(" ")), Piece::New(wb.join(" "))];
    }
    // Longest common subsequence, from the end, so that the pieces come out in order.
    let width = wb.len() + 1;
    let mut longest = vec![0u16; (wa.len() + 1) * width];
    for i in (0..wa.len()).rev() {
        for j in (0..wb.len()).rev() {
            longest[i * width + j] = if wa[i] == wb[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pieces: Vec<Piece> = Vec::new();
    while i < wa.len() || j < wb.len() {
        if i < wa.len() && j < wb.len() && wa[i] == wb[j] {
            join(&mut pieces, Piece::Same(wa[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j == wb.len() || (i < wa.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            join(&mut pieces, Piece::Gone(wa[i].to_owned()));
            i += 1;
        } else {
            join(&mut pieces, Piece::New(wb[j].to_owned()));
            j += 1;
        }
    }
    pieces
}

fn join(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.last_mut(), piece) {
        (Some(Piece::Same(last)), Piece::Same(word))
        | (Some(Piece::Gone(last)), Piece::Gone(word))
        | (Some(Piece::New(last)), Piece::New(word)) => {
            last.push(' ');
            last.push_str(&word);
        }
        (_, piece) => pieces.push(piece),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::cancel::Cancel;
    use engine::domain::{Finding, GenerateRequest, RectPx, Seed};

    use super::*;
    use crate::jobs::Generator;
    use crate::testing::FakeModel;

    fn record(request: &GenerateRequest) -> RunRecord {
        let model = FakeModel::new(32, Duration::ZERO);
        model.generate(request, &Cancel::new(), &mut |_| {}).expect("the fake model obeys").expect("it was not cancelled").record
    }

    fn side(x0: u32, x1: u32) -> Annotation {
        Annotation::mask(Finding::Pneumothorax, Mask::from_fn(32, 32, |x, y| x >= x0 && x < x1 && y < 8))
    }

    #[test]
    fn a_run_is_the_same_as_itself() {
        let mut request = GenerateRequest::new("Right pneumothorax.", 1);
        request.annotations = vec![side(2, 10)];
        let record = record(&request);
        let one = Compared { record: &record, adherence: Some(0.5) };
        let diff = diff(one, one);
        assert_eq!(diff.changed, []);
        assert_eq!(diff.same.len(), 24);
        assert!(diff.same_text());
    }

    #[test]
    fn only_what_changed_is_listed() {
        let mut request = GenerateRequest::new("Right pneumothorax.", 1476);
        request.annotations =
            vec![side(2, 10), Annotation::boxed(Finding::Nodule, RectPx::from_corners(2.0, 2.0, 6.0, 6.0), 32, 32)];
        let a = record(&request);
        request.seed = Seed(1482);
        request.annotations[0] = side(20, 30);
        request.annotations[1].strength = 0.8;
        request.annotations[1].steps = StepRange { first: 0.0, last: 0.72 };
        request.impression = "Left pneumothorax.".to_owned();
        let b = record(&request);
        let diff = diff(Compared { record: &a, adherence: Some(0.74) }, Compared { record: &b, adherence: Some(0.64) });
        let changed: Vec<(&str, &str, &str)> =
            diff.changed.iter().map(|f| (f.name.as_str(), f.a.as_str(), f.b.as_str())).collect();
        let expected = [
            ("Seed", "1476", "1482"),
            ("Mask, layer 1", "right, 6.2 %", "left, 7.8 %"),
            ("Strength, layer 2", "1.00", "0.80"),
            ("Acts at, layer 2", "all steps", "0–72 %"),
            ("Adherence", "0.74", "0.64"),
        ];
        assert_eq!(changed, expected);
        assert_eq!(diff.text, [Piece::Gone("Right".into()), Piece::New("Left".into()), Piece::Same("pneumothorax.".into())]);
    }

    #[test]
    fn layers_that_are_missing_or_moved_are_said() {
        let mut request = GenerateRequest::new("x", 1);
        request.annotations = vec![side(2, 10)];
        let a = record(&request);
        request.annotations[0] = side(3, 11);
        let moved = record(&request);
        let of = |record| Compared { record, adherence: None };
        let changed = diff(of(&a), of(&moved)).changed;
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert!(changed[0].name == "Shape, layer 1" && changed[0].b.contains("0.88"), "{changed:?}");
        request.annotations.clear();
        let none = record(&request);
        let changed = diff(of(&a), of(&none)).changed;
        assert!(changed.iter().any(|f| f.name == "Mask, layer 1" && f.b == "–"), "{changed:?}");
    }

    #[test]
    fn long_and_strange_texts_end() {
        let long = "word ".repeat(20_000);
        assert_eq!(words(&long, "word").len(), 2);
        assert_eq!(words("", ""), [Piece::Same(String::new())]);
        assert_eq!(words("", "a b"), [Piece::New("a b".into())]);
        assert_eq!(words("a  b", "a\nb"), [Piece::Same("a b".into())], "blanks are no words");
    }
}
