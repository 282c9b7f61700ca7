//! Findings: what is planned, and how each changes the path-length maps.

mod device;
mod opacity;
mod pleura;
pub(crate) mod sample;

use crate::domain::{Finding, Mask, Side};

use super::anatomy::bones::{Break, rib_point};
use super::anatomy::geometry::Geometry;
use super::patient::Patient;
use super::physics::box_down;
use super::scene::{Scene, keep_map, take_map};
use super::tube::Pen;

/// Height within a lung, or the named part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Not tied to a height.
    Whole,
    /// Top of the lung.
    Apical,
    /// Upper third.
    Upper,
    /// Middle third.
    Mid,
    /// Lower third.
    Lower,
    /// Around the hilum.
    Perihilar,
    /// On the diaphragm.
    Basal,
}

impl Zone {
    /// All zones, from above.
    pub const ALL: [Self; 7] = [Self::Whole, Self::Apical, Self::Upper, Self::Mid, Self::Lower, Self::Perihilar, Self::Basal];

    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Apical => "apical",
            Self::Upper => "upper",
            Self::Mid => "mid",
            Self::Lower => "lower",
            Self::Perihilar => "perihilar",
            Self::Basal => "basal",
        }
    }
}

/// Support devices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Device {
    /// Generator under the clavicle; the second lead ends in the atrium.
    Pacemaker { leads: u32 },
    /// Endotracheal tube, tip in cm above the carina.
    Endotracheal { above_carina: f32 },
    /// Central venous catheter through the jugular or subclavian vein.
    Central { jugular: bool, atrium: bool },
    /// Feeding tube to the stomach.
    Nasogastric,
    /// Drain in the pleural space.
    ChestTube,
    /// Wires of an opened sternum, a number of rings.
    SternalWires { rings: u32 },
}

/// The variant of a finding and its own numbers; positions are parts of the lung's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Tension pushes the mediastinum to the other side.
    Pneumothorax {
        tension: bool,
    },
    /// Layering fluid lies behind the lung of a patient on his back.
    Effusion {
        layering: bool,
    },
    /// A lobar one fills the right upper lobe down to the fissure.
    Consolidation {
        lobar: bool,
        at: [f32; 2],
        pneumonia: bool,
        bronchogram: bool,
    },
    Nodule {
        at: [f32; 2],
        diameter: f32,
        spiculated: bool,
        calcified: bool,
    },
    Cardiomegaly,
    WideMediastinum,
    Edema,
    Atelectasis {
        plates: u32,
    },
    Fracture {
        rib: usize,
        phi: f32,
        displaced: bool,
        old: bool,
    },
    PleuralThickening,
    Device(Device),
    /// Shirt buttons over the chest.
    Buttons {
        count: u32,
    },
}

/// A finding before it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlannedFinding {
    pub(crate) side: Side,
    pub(crate) zone: Zone,
    /// 0 to 1.
    pub(crate) severity: f32,
    /// Gain on lesion density.
    pub(crate) gain: f32,
    pub(crate) kind: Kind,
}

impl PlannedFinding {
    /// The class in the vocabulary, where it has one.
    pub(crate) fn class(&self) -> Option<Finding> {
        match self.kind {
            Kind::Pneumothorax { .. } => Some(Finding::Pneumothorax),
            Kind::Effusion { .. } => Some(Finding::PleuralEffusion),
            Kind::Consolidation { .. } => Some(Finding::Consolidation),
            Kind::Nodule { .. } => Some(Finding::Nodule),
            Kind::Cardiomegaly => Some(Finding::Cardiomegaly),
            Kind::Edema => Some(Finding::Edema),
            Kind::Atelectasis { .. } => Some(Finding::Atelectasis),
            Kind::Fracture { .. } => Some(Finding::Fracture),
            Kind::Device(_) => Some(Finding::Device),
            Kind::WideMediastinum | Kind::PleuralThickening | Kind::Buttons { .. } => None,
        }
    }

    /// The name used in files for classes outside the vocabulary.
    pub(crate) fn extra_name(&self) -> &'static str {
        match self.kind {
            Kind::WideMediastinum => "enlarged_cardiomediastinum",
            Kind::PleuralThickening => "pleural_thickening",
            Kind::Buttons { .. } => "foreign_object",
            _ => "other",
        }
    }

    /// The broken rib, when this is a fracture.
    pub(crate) fn rib_break(&self) -> Option<Break> {
        match self.kind {
            Kind::Fracture { rib, phi, displaced, old } => Some(Break {
                side: side_index(self.side),
                rib,
                phi,
                offset: if displaced { 0.32 + 0.3 * self.severity } else { 0.1 },
                callus: old,
            }),
            _ => None,
        }
    }

    /// The sides that are drawn, 0 right, 1 left.
    pub(crate) fn sides(&self) -> &'static [usize] {
        match self.side {
            Side::Right => &[0],
            Side::Left => &[1],
            Side::Both => &[0, 1],
        }
    }
}

pub(crate) fn side_index(side: Side) -> usize {
    usize::from(side == Side::Left)
}

/// What painters share: maps, outlines, the change made so far by the finding at hand.
pub(crate) struct Canvas<'a> {
    pub(crate) scene: &'a mut Scene,
    pub(crate) pen: &'a mut Pen,
    pub(crate) patient: &'a Patient,
    pub(crate) geometry: &'a Geometry,
    /// Change of the finding at hand on the sampling grid: path in cm, or coverage for thin things.
    pub(crate) delta: Vec<f32>,
}

/// Draws all findings and returns their masks at `size`² pixels, in the given order.
pub(crate) fn paint_all(
    scene: &mut Scene,
    pen: &mut Pen,
    patient: &Patient,
    geometry: &Geometry,
    findings: &[PlannedFinding],
    size: usize,
) -> Vec<Mask> {
    let n = scene.frame.grid;
    let mut masks = vec![Mask::empty(size as u32, size as u32); findings.len()];
    if findings.is_empty() {
        return masks;
    }
    let mut canvas = Canvas { scene, pen, patient, geometry, delta: take_map(n * n) };
    // Lesions of the lung before fluid, fluid before air, devices on top.
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|&i| rank(&findings[i].kind));
    for i in order {
        canvas.delta.fill(0.0);
        let threshold = paint(&mut canvas, &findings[i], i);
        let down = box_down(&canvas.delta, n, size);
        let w = size as u32;
        masks[i] = Mask::from_fn(w, w, |x, y| down[(y * w + x) as usize] > threshold);
    }
    keep_map(canvas.delta);
    masks
}

fn rank(kind: &Kind) -> u32 {
    match kind {
        Kind::Edema => 0,
        Kind::Consolidation { .. } | Kind::Nodule { .. } | Kind::Atelectasis { .. } => 1,
        Kind::Effusion { .. } => 2,
        Kind::PleuralThickening => 3,
        Kind::Pneumothorax { .. } => 4,
        _ => 5,
    }
}

/// Draws one finding into the maps and `delta`; returns the threshold of its mask.
fn paint(c: &mut Canvas<'_>, f: &PlannedFinding, order: usize) -> f32 {
    match f.kind {
        Kind::Pneumothorax { .. } => pleura::pneumothorax(c, f),
        Kind::Effusion { layering: false } => pleura::effusion(c, f),
        Kind::Effusion { layering: true } => pleura::layering(c, f),
        Kind::PleuralThickening => pleura::thickening(c, f),
        Kind::Consolidation { at, bronchogram, lobar, .. } => opacity::consolidation(c, f, at, bronchogram, lobar, order),
        Kind::Nodule { at, diameter, spiculated, calcified } => opacity::nodule(c, f, at, diameter, spiculated, calcified, order),
        Kind::Edema => opacity::edema(c, f),
        Kind::Atelectasis { plates } => opacity::atelectasis(c, f, plates),
        Kind::Device(device) => device::paint(c, f, device),
        Kind::Buttons { count } => device::buttons(c, count),
        Kind::Cardiomegaly => heart_mask(c),
        Kind::WideMediastinum => band_mask(c),
        Kind::Fracture { rib, phi, .. } => {
            // The bone itself is cut while the skeleton is drawn.
            let [x, y] = rib_point(c.patient, side_index(f.side), rib, phi);
            let delta = &mut c.delta;
            c.scene.frame.each([x - 0.9, y - 0.9, x + 0.9, y + 0.9], |i, px, py| {
                if (px - x).powi(2) + (py - y).powi(2) < 0.81 {
                    delta[i] = 1.0;
                }
            });
            0.5
        }
    }
}

fn heart_mask(c: &mut Canvas<'_>) -> f32 {
    let heart = &c.geometry.heart;
    let shift = c.geometry.shift;
    let mut window = heart.window();
    window[0] += shift;
    window[2] += shift;
    let delta = &mut c.delta;
    c.scene.frame.each(window, |i, x, y| {
        if heart.contains(x - shift, y) {
            delta[i] = 1.0;
        }
    });
    0.5
}

fn band_mask(c: &mut Canvas<'_>) -> f32 {
    let geometry = c.geometry;
    let shift = c.geometry.shift;
    let delta = &mut c.delta;
    c.scene.frame.each([-7.0, -11.0, 7.0, -1.0], |i, x, y| {
        if (x - shift).abs() < geometry.row(y)[super::anatomy::geometry::BAND] {
            delta[i] = 1.0;
        }
    });
    0.5
}
