//! One finding where a person wants it: class, side, zone and size in, exact mask and fitting text out.

mod wish;

pub use wish::{LesionSize, PlacementError, PlacementWish, UnknownWord, has_sizes, possible_sides, possible_zones};

use crate::domain::{Finding, Mask, RectPx, Side};

use super::anatomy::bones::rib_point;
use super::anatomy::geometry::Geometry;
use super::anatomy::soft;
use super::config::PhantomConfig;
use super::frame::Frame;
use super::guide::{average, outlines};
use super::lesion::{Device, Kind, PlannedFinding, Zone, paint_all, side_index};
use super::patient::Patient;
use super::render::{frame_of, geometry_of, grid_for};
use super::report;
use super::rng::Rng;
use super::scene::Scene;
use super::tube::Pen;

/// Pixels a side of the trial on which a placement is judged, so that it does not depend on the wanted size.
const TRIAL_PX: usize = 128;
/// Trials before a wish is given up.
const TRIALS: usize = 48;

/// Which chest a finding is placed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// The average chest, whose lungs are the anatomy guide's.
    #[default]
    Average,
    /// Another chest for every index.
    Varied,
}

/// A finding in its place.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The class.
    pub finding: Finding,
    /// The patient's side.
    pub side: Side,
    /// Part of the lung.
    pub zone: Zone,
    /// Size in words, where the class has sizes.
    pub size: Option<LesionSize>,
    /// 0 to 1.
    pub severity: f32,
    /// Diameter of a nodule in cm.
    pub diameter_cm: Option<f32>,
    /// Pixels that the finding covers.
    pub mask: Mask,
    /// Bounds of the mask in pixels.
    pub rect: RectPx,
    patient: Patient,
    planned: PlannedFinding,
}

impl Placement {
    /// An impression that names class, side, zone and size as placed; at most 28 words.
    pub fn impression(&self) -> String {
        report::impression(&PhantomConfig::practice(), &self.patient, &[self.planned])
    }

    /// Outlines of the lungs around it at `size_px`² pixels, the patient's right lung first.
    pub fn lungs(&self, size_px: u32) -> [Vec<(f32, f32)>; 2] {
        outlines(&self.patient, size_px)
    }
}

fn patient(body: Body, seed: u64, index: u64) -> Patient {
    match body {
        // One anatomy for all; seed and index move the finding only.
        Body::Average => Patient { dataset_seed: seed, index, ..average(0, 0) },
        Body::Varied => Patient::draw(&PhantomConfig::practice(), seed, index),
    }
}

/// The impression of a chest without findings; it depends on seed and index only.
pub fn normal_impression(body: Body, seed: u64, index: u64) -> String {
    report::impression(&PhantomConfig::practice(), &patient(body, seed, index), &[])
}

/// Places a finding as wished, at `size_px`² pixels (cut to 16..=4096); the result depends on the arguments only.
///
/// Place, size and shape do not change with `size_px`; other indices of a seed give other shapes.
///
/// # Errors
/// When the anatomy forbids it, or this chest has no room for it.
///
/// ```
/// use engine::domain::{Finding, Side};
/// use engine::phantom::{Body, PlacementWish, Zone, place_finding};
/// let wish = PlacementWish { finding: Finding::Nodule, side: Side::Left, zone: Some(Zone::Upper), size: None };
/// let placed = place_finding(&wish, Body::Average, 7, 0, 128)?;
/// assert!(!placed.mask.is_empty() && placed.impression().to_lowercase().contains("left"));
/// # Ok::<(), engine::phantom::PlacementError>(())
/// ```
pub fn place_finding(wish: &PlacementWish, body: Body, seed: u64, index: u64, size_px: u32) -> Result<Placement, PlacementError> {
    wish.check()?;
    let patient = patient(body, seed, index);
    let mut rng = patient.rng("placement");
    for _ in 0..TRIALS {
        let planned = draw(wish, &mut rng);
        let trial = Chest::new(&patient, &planned, TRIAL_PX);
        if !trial.fits_unpainted(&patient, &planned) {
            continue;
        }
        let mask = paint(&patient, &planned, &trial.geometry, TRIAL_PX);
        if !trial.fits(&planned, &mask) {
            continue;
        }
        let mask = paint(&patient, &planned, &trial.geometry, size_px.clamp(16, 4096) as usize);
        let Some(rect) = mask.bounds() else { continue };
        let (size, diameter_cm) = measured(&planned);
        return Ok(Placement {
            finding: wish.finding,
            side: planned.side,
            zone: planned.zone,
            size,
            severity: planned.severity,
            diameter_cm,
            mask,
            rect,
            patient,
            planned,
        });
    }
    Err(PlacementError::NoRoom { finding: wish.finding })
}

/// Size in words and the diameter of a nodule.
fn measured(f: &PlannedFinding) -> (Option<LesionSize>, Option<f32>) {
    let by_severity = if f.severity < 0.4 {
        LesionSize::Small
    } else if f.severity < 0.7 {
        LesionSize::Medium
    } else {
        LesionSize::Large
    };
    match f.kind {
        Kind::Fracture { .. } | Kind::Device(_) => (None, None),
        Kind::Nodule { diameter, .. } => {
            let size = LesionSize::ALL.into_iter().find(|s| diameter <= s.diameters().1 + 0.01);
            (size, Some(diameter))
        }
        _ => (Some(by_severity), None),
    }
}

/// Numbers of a finding as wished, what is open by chance.
fn draw(wish: &PlacementWish, rng: &mut Rng) -> PlannedFinding {
    let zones = possible_zones(wish.finding);
    let mut zone = wish.zone.unwrap_or_else(|| zones[rng.below(zones.len())]);
    let size = wish.size.unwrap_or_else(|| rng.pick(LesionSize::ALL));
    if wish.finding == Finding::Pneumothorax && wish.zone.is_none() && size == LesionSize::Large {
        zone = Zone::Whole;
    }
    let (low, high) = size.severities();
    let apical = wish.finding == Finding::Pneumothorax && zone == Zone::Apical;
    let mut severity = if apical { rng.range(low.min(0.42), high.min(0.58)) } else { rng.range(low, high) };
    let kind = match wish.finding {
        Finding::Pneumothorax => Kind::Pneumothorax { tension: false },
        Finding::PleuralEffusion => Kind::Effusion { layering: false },
        Finding::Consolidation => Kind::Consolidation {
            lobar: false,
            at: spot(zone, rng),
            pneumonia: false,
            bronchogram: severity > 0.5 && rng.chance(0.5),
        },
        Finding::Nodule => {
            let (low, high) = size.diameters();
            let diameter = (rng.range(low, high) * 10.0).round() / 10.0;
            severity = ((diameter - 0.6) / 5.0).clamp(0.05, 1.0);
            Kind::Nodule { at: spot(zone, rng), diameter, spiculated: rng.chance(0.3), calcified: false }
        }
        Finding::Cardiomegaly => Kind::Cardiomegaly,
        Finding::Atelectasis => Kind::Atelectasis { plates: 1 + size as u32 },
        Finding::Edema => Kind::Edema,
        Finding::Fracture => {
            let displaced = rng.chance(0.6);
            let phi = std::f32::consts::PI * rng.range(0.24, 0.44);
            Kind::Fracture { rib: 3 + rng.below(6), phi, displaced, old: !displaced && rng.chance(0.5) }
        }
        Finding::Device if wish.side == Side::Both => Kind::Device(Device::Endotracheal { above_carina: 4.0 }),
        Finding::Device => Kind::Device(Device::Pacemaker { leads: 1 + rng.below(2) as u32 }),
    };
    PlannedFinding { side: wish.side, zone, severity, gain: 1.2, kind }
}

/// Parts of the lung's width and height within a zone.
fn spot(zone: Zone, rng: &mut Rng) -> [f32; 2] {
    match zone {
        Zone::Upper | Zone::Apical => [rng.range(0.1, 0.85), rng.range(0.14, 0.30)],
        Zone::Lower | Zone::Basal => [rng.range(0.1, 0.85), rng.range(0.70, 0.88)],
        Zone::Perihilar => [rng.range(0.0, 0.14), rng.range(0.44, 0.60)],
        Zone::Mid | Zone::Whole => [rng.range(0.1, 0.85), rng.range(0.38, 0.62)],
    }
}

fn paint(patient: &Patient, planned: &PlannedFinding, geometry: &Geometry, size: usize) -> Mask {
    let mut scene = Scene::empty(frame_of(patient, grid_for(size)));
    soft::paint(&mut scene, patient, geometry);
    let mut pen = Pen::new();
    paint_all(&mut scene, &mut pen, patient, geometry, &[*planned], size).pop().unwrap_or_else(|| Mask::empty(1, 1))
}

/// The chest in which a trial is judged.
struct Chest {
    frame: Frame,
    geometry: Geometry,
}

impl Chest {
    fn new(patient: &Patient, planned: &PlannedFinding, size: usize) -> Self {
        Self { frame: frame_of(patient, size), geometry: geometry_of(patient, &[*planned]) }
    }

    /// Height within the lung: 0 at the apex, 1 on the diaphragm.
    fn height(&self, side: usize, y: f32) -> f32 {
        let apex = self.geometry.apex[side];
        (y - apex) / (self.geometry.dome(side, 8.0) - apex)
    }

    /// What can be judged without a mask, to save the work.
    fn fits_unpainted(&self, patient: &Patient, f: &PlannedFinding) -> bool {
        let Kind::Fracture { rib, phi, .. } = f.kind else { return true };
        let side = side_index(f.side);
        let [_, y] = rib_point(patient, side, rib, phi);
        f.zone == Zone::Whole || thirds(f.zone).contains(&self.height(side, y))
    }

    /// Whether the mask lies on its side, in its zone and, where it must, inside the open lung.
    fn fits(&self, f: &PlannedFinding, mask: &Mask) -> bool {
        let width = mask.width() as usize;
        let points: Vec<[f32; 2]> = mask
            .bits()
            .iter()
            .enumerate()
            .filter(|(_, bit)| **bit != 0)
            .map(|(i, _)| self.frame.patient_of((i % width) as f32 + 0.5, (i / width) as f32 + 0.5))
            .collect();
        if points.len() < 3 {
            return false;
        }
        match f.kind {
            Kind::Cardiomegaly | Kind::Edema | Kind::Device(_) | Kind::Fracture { .. } => true,
            // Of both sides, each is judged on its own and the smaller one must still be plain.
            _ => f.sides().iter().all(|&side| {
                let own: Vec<[f32; 2]> = points.iter().copied().filter(|p| usize::from(p[0] > 0.0) == side).collect();
                // In a turned chest, lung of one side reaches a little over the midline.
                let alone = f.side == Side::Both || 20 * (points.len() - own.len()) <= points.len();
                alone && own.len() >= 3 && self.fits_side(f, side, &own)
            }),
        }
    }

    fn fits_side(&self, f: &PlannedFinding, side: usize, points: &[[f32; 2]]) -> bool {
        let n = points.len() as f32;
        let mean = points.iter().map(|p| p[1]).sum::<f32>() / n;
        let (middle, lowest) = (self.height(side, mean), points.iter().map(|p| p[1]).fold(f32::NEG_INFINITY, f32::max));
        match f.kind {
            Kind::Pneumothorax { .. } => f.zone != Zone::Apical || middle < 0.5,
            Kind::Effusion { .. } | Kind::Atelectasis { .. } => self.height(side, lowest) > 2.0 / 3.0,
            Kind::Nodule { .. } => thirds(f.zone).contains(&middle) && points.iter().all(|p| self.in_open_lung(side, *p)),
            Kind::Consolidation { .. } => thirds(f.zone).contains(&middle),
            _ => true,
        }
    }

    fn in_open_lung(&self, side: usize, [x, y]: [f32; 2]) -> bool {
        let ax = x.abs();
        let g = &self.geometry;
        y > g.apex[side] && ax < g.lateral(side, y) && y < g.dome(side, ax)
    }
}

/// Heights within the lung that belong to a zone.
fn thirds(zone: Zone) -> std::ops::Range<f32> {
    const THIRD: f32 = 1.0 / 3.0;
    match zone {
        Zone::Apical | Zone::Upper => 0.0..THIRD,
        Zone::Mid | Zone::Perihilar => THIRD..2.0 * THIRD,
        Zone::Lower | Zone::Basal => 2.0 * THIRD..1.1,
        Zone::Whole => -0.1..1.2,
    }
}

#[cfg(test)]
mod tests;
