//! A case before it is drawn, and after.

use crate::domain::{Annotation, Finding, GrayImage, Mask, RectPx, Side};

use super::config::PhantomConfig;
use super::labels::Labels;
use super::lesion::{PlannedFinding, sample};
use super::patient::{Patient, Sex, View};
use super::render::{geometry_of, render};
use super::report;

/// Patient, findings and text of a case; costs microseconds and no picture.
#[derive(Clone, Debug)]
pub struct Plan {
    config: PhantomConfig,
    pub(crate) patient: Patient,
    pub(crate) findings: Vec<PlannedFinding>,
    impression: String,
}

/// The plan of case `index`.
pub fn plan(config: &PhantomConfig, dataset_seed: u64, index: u64) -> Plan {
    let patient = Patient::draw(config, dataset_seed, index);
    let findings = sample::findings(config, &patient);
    let impression = report::impression(config, &patient, &findings);
    Plan { config: config.clone(), patient, findings, impression }
}

impl Plan {
    /// The impression.
    pub fn impression(&self) -> &str {
        &self.impression
    }

    /// The fourteen labels.
    pub fn labels(&self) -> Labels {
        Labels::of(&self.findings)
    }

    /// Sex of the patient.
    pub fn sex(&self) -> Sex {
        self.patient.sex
    }

    /// Age in whole years.
    pub fn age(&self) -> f32 {
        self.patient.age
    }

    /// Projection.
    pub fn view(&self) -> View {
        self.patient.view
    }

    /// The fictitious group tag.
    pub fn group(&self) -> char {
        self.patient.group
    }

    /// Class and side of each finding that has a class in the vocabulary.
    pub fn classes(&self) -> Vec<(Finding, Side)> {
        self.findings.iter().filter_map(|f| Some((f.class()?, f.side))).collect()
    }

    /// Demographics in the checkpoint's prompt format; the group is fictitious.
    pub fn demographic_prompt(&self) -> String {
        format!("sex:{}, age:{:.1}, race:{}. ", self.patient.sex.name(), self.patient.age, self.patient.group)
    }

    /// Width of the drawn heart over the inner width of the chest.
    pub fn cardiothoracic_ratio(&self) -> f32 {
        let geometry = geometry_of(&self.patient, &self.findings);
        let [right, left] = geometry.heart.borders;
        (left - right) / geometry.thorax_width
    }

    /// The same patient without any finding, with a normal impression.
    pub fn without_findings(&self) -> Self {
        let impression = report::impression(&self.config, &self.patient, &[]);
        Self { findings: Vec::new(), impression, ..self.clone() }
    }

    /// The same findings and text in another patient.
    pub fn in_patient(&self, dataset_seed: u64, index: u64) -> Self {
        Self { patient: Patient::draw(&self.config, dataset_seed, index), ..self.clone() }
    }

    /// Outlines of the lungs at `size_px`² pixels, the patient's right lung first.
    pub fn lungs(&self, size_px: u32) -> [Vec<(f32, f32)>; 2] {
        super::guide::outlines(&self.patient, size_px)
    }

    /// Draws the case at `size_px`² pixels.
    pub fn draw(&self, size_px: u32) -> PhantomCase {
        let drawn = render(&self.patient, &self.findings, size_px);
        let (mut findings, mut extras) = (Vec::new(), Vec::new());
        for (f, mask) in self.findings.iter().zip(drawn.masks) {
            let rect = mask.bounds().unwrap_or(RectPx { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 });
            let (side, severity) = (f.side, f.severity);
            match f.class() {
                Some(finding) => findings.push(PhantomFinding {
                    finding,
                    side,
                    zone: f.zone.name().to_owned(),
                    severity,
                    severity_word: report::severity_word(f),
                    mask,
                    rect,
                }),
                None => extras.push(PhantomExtra { class: f.extra_name(), side, severity, mask, rect }),
            }
        }
        PhantomCase {
            image: drawn.image,
            impression: self.impression.clone(),
            sex: self.patient.sex,
            age: self.patient.age,
            view: self.patient.view,
            labels: self.labels(),
            findings,
            extras,
            plan: self.clone(),
        }
    }
}

/// A drawn finding with its exact mask.
#[derive(Clone, Debug)]
pub struct PhantomFinding {
    /// The class.
    pub finding: Finding,
    /// The patient's side.
    pub side: Side,
    /// Part of the lung.
    pub zone: String,
    /// 0 to 1.
    pub severity: f32,
    /// The word used for the severity, where the class has one.
    pub severity_word: Option<&'static str>,
    /// Pixels that the finding changes.
    pub mask: Mask,
    /// Bounds of the mask in pixels.
    pub rect: RectPx,
}

impl PhantomFinding {
    /// The finding as a drawn annotation.
    pub fn annotation(&self) -> Annotation {
        Annotation::mask(self.finding, self.mask.clone())
    }
}

/// A drawn finding outside the vocabulary of classes: a wide mediastinum, a pleural scar.
#[derive(Clone, Debug)]
pub struct PhantomExtra {
    /// The class name used in files.
    pub class: &'static str,
    /// The patient's side.
    pub side: Side,
    /// 0 to 1.
    pub severity: f32,
    /// Pixels that the finding changes.
    pub mask: Mask,
    /// Bounds of the mask in pixels.
    pub rect: RectPx,
}

/// A drawn case.
#[derive(Clone, Debug)]
pub struct PhantomCase {
    /// The radiograph.
    pub image: GrayImage,
    /// What a radiologist would conclude.
    pub impression: String,
    /// Sex.
    pub sex: Sex,
    /// Age in whole years.
    pub age: f32,
    /// Projection.
    pub view: View,
    /// The fourteen labels.
    pub labels: Labels,
    /// The findings in the order of the plan.
    pub findings: Vec<PhantomFinding>,
    /// Findings that have no class of their own.
    pub extras: Vec<PhantomExtra>,
    /// What it was drawn from.
    pub plan: Plan,
}

impl PhantomCase {
    /// Demographics in the checkpoint's prompt format.
    pub fn demographic_prompt(&self) -> String {
        self.plan.demographic_prompt()
    }

    /// The same patient without findings, at the same size.
    pub fn twin(&self) -> GrayImage {
        render(&self.plan.patient, &[], self.image.width()).image
    }

    /// All masks of findings in one.
    pub fn union_mask(&self) -> Mask {
        let mut union = Mask::empty(self.image.width(), self.image.height());
        for f in &self.findings {
            union.union_with(&f.mask);
        }
        union
    }
}
