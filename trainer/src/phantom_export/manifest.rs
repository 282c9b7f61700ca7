//! Lines of `manifest.jsonl`; paths are relative to the file.

use std::collections::BTreeMap;

use engine::domain::RectPx;
use engine::phantom::{LABEL_NAMES, PhantomCase};

/// One case.
#[derive(serde::Serialize, Debug)]
pub(super) struct Line {
    name: String,
    image: String,
    impression: String,
    sex: &'static str,
    age: f32,
    view: &'static str,
    labels: BTreeMap<&'static str, u8>,
    /// Findings of the vocabulary first, then those outside it.
    pub(super) findings: Vec<Entry>,
}

/// One finding of a case.
#[derive(serde::Serialize, Debug)]
pub(super) struct Entry {
    class: &'static str,
    side: &'static str,
    zone: String,
    severity: f32,
    pub(super) mask: String,
    /// Left, top, right, bottom in pixels; right and bottom are exclusive.
    #[serde(rename = "box")]
    rect: [f32; 4],
}

impl Line {
    pub(super) fn new(name: &str, image: &str, case: &PhantomCase) -> Self {
        let corners = |r: &RectPx| [r.x0, r.y0, r.x1, r.y1];
        let mask = |class: &str, k: usize| format!("masks/{name}-{k}-{class}.png");
        let mut findings: Vec<Entry> = Vec::new();
        for f in &case.findings {
            let class = f.finding.name();
            let (mask, rect) = (mask(class, findings.len()), corners(&f.rect));
            let zone = f.zone.clone();
            findings.push(Entry { class, side: f.side.name(), zone, severity: rounded(f.severity), mask, rect });
        }
        for f in &case.extras {
            let (mask, rect) = (mask(f.class, findings.len()), corners(&f.rect));
            let zone = "whole".to_owned();
            findings.push(Entry { class: f.class, side: f.side.name(), zone, severity: rounded(f.severity), mask, rect });
        }
        Self {
            name: name.to_owned(),
            image: image.to_owned(),
            impression: case.impression.clone(),
            sex: case.sex.name(),
            age: case.age,
            view: case.view.name(),
            labels: LABEL_NAMES.iter().copied().zip(case.labels.0.map(u8::from)).collect(),
            findings,
        }
    }
}

fn rounded(v: f32) -> f32 {
    (v * 1000.0).round() / 1000.0
}
