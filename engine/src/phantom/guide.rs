//! The average chest: lung outlines to draw on, and the example a newcomer meets first.

use crate::domain::{Finding, GrayImage, Mask, Side};

use super::config::PhantomConfig;
use super::frame::Frame;
use super::lesion::{Kind, PlannedFinding, Zone};
use super::patient::{Patient, Sex, View};
use super::render::{frame_of, geometry_of, render};

/// A patient at the means of all anatomy.
pub(super) fn average(seed: u64, index: u64) -> Patient {
    let mut p = Patient::draw(&PhantomConfig::practice(), seed, index);
    p.sex = Sex::Male;
    p.age = 64.0;
    p.view = View::Pa;
    p.scale = 0.98;
    p.shift = [0.0, 0.1];
    p.roll = 0.0;
    p.field_cm = 34.0;
    p.lung_width = [1.0, 0.99];
    p.lung_taper = [0.0; 2];
    p.apex = [0.0; 2];
    p.dome = [6.3, 7.4];
    p.dome_peak = [6.6, 6.9];
    p.sulcus = [3.6; 2];
    p.lobulation = [[0.05, 0.0]; 2];
    p.ctr = 0.45;
    p.rotation = 0.0;
    p
}

/// Average lung outlines at `size_px`² pixels as polygons in pixels, the patient's right lung first.
///
/// Each runs from the apex down the chest wall to the costophrenic angle, along the dome and back up
/// beside heart and mediastinum.
pub fn lung_guide(size_px: u32) -> [Vec<(f32, f32)>; 2] {
    outlines(&average(0, 0), size_px)
}

/// Lung outlines of a patient, in the order of [`lung_guide`].
pub(crate) fn outlines(p: &Patient, size_px: u32) -> [Vec<(f32, f32)>; 2] {
    let g = geometry_of(p, &[]);
    let frame: Frame = frame_of(p, size_px.max(1) as usize);
    [0usize, 1].map(|side| {
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let mut outline = Vec::new();
        let mut add = |ax: f32, y: f32| {
            let [x, y] = frame.grid_of(sign * ax, y);
            outline.push((x, y));
        };
        let (top, bottom) = (g.apex[side] + 0.1, g.costophrenic[side] - 0.2);
        for i in 0..=24 {
            let t = i as f32 / 24.0;
            let y = top + (bottom - top) * t * t.sqrt();
            add(g.lateral(side, y), y);
        }
        let outer = g.lateral(side, bottom) - 0.1;
        // The dome up to where the heart border meets it.
        let mut inner = 3.0;
        for _ in 0..4 {
            inner = g.visible_medial(side, g.dome(side, inner) - 0.1).min(outer - 2.0);
        }
        for i in 1..=16 {
            let ax = outer + (inner - outer) * i as f32 / 16.0;
            add(ax, g.dome(side, ax));
        }
        let base = g.dome(side, inner);
        for i in 1..=20 {
            let y = base + (top - base) * i as f32 / 20.0;
            let lateral = g.lateral(side, y);
            add(g.visible_medial(side, y).min(lateral - 0.4), y);
        }
        outline
    })
}

/// What a newcomer sees: a normal chest, a drawn pneumothorax and its impression.
#[derive(Clone, Debug)]
pub struct ExampleCase {
    /// The chest without the finding.
    pub image: GrayImage,
    /// The chest with the finding, as the phantom draws it.
    pub with_finding: GrayImage,
    /// Where the finding belongs.
    pub mask: Mask,
    /// Its class.
    pub finding: Finding,
    /// Its side.
    pub side: Side,
    /// The impression.
    pub impression: String,
    /// Sex for the prompt.
    pub sex: Sex,
    /// Age in years for the prompt.
    pub age: f32,
    /// Projection.
    pub view: View,
}

/// A moderate right apical pneumothorax at `size_px`² pixels.
pub fn example_case(size_px: u32) -> ExampleCase {
    let mut p = average(7, 1482);
    p.exposure.marker = None;
    p.exposure.collimator = [0.0; 4];
    let finding = PlannedFinding {
        side: Side::Right,
        zone: Zone::Whole,
        severity: 0.52,
        gain: 1.2,
        kind: Kind::Pneumothorax { tension: false },
    };
    let without = render(&p, &[], size_px);
    let with = render(&p, &[finding], size_px);
    let mask = with.masks.into_iter().next().unwrap_or_else(|| Mask::empty(size_px, size_px));
    ExampleCase {
        image: without.image,
        with_finding: with.image,
        mask,
        finding: Finding::Pneumothorax,
        side: Side::Right,
        impression: "Moderate right apical pneumothorax. No pleural effusion. Heart size is normal.".to_owned(),
        sex: p.sex,
        age: p.age,
        view: p.view,
    }
}
