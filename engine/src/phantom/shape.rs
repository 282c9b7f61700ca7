//! The shape library: where a finding of a class could lie in the average chest, as a mask and nothing else.

use std::f32::consts::PI;

use crate::domain::{Finding, Mask, Side};

use super::LesionSize;
use super::Zone;
use super::anatomy::soft;
use super::guide::average;
use super::lesion::{Device, Kind, PlannedFinding, paint_all};
use super::render::{frame_of, geometry_of};
use super::rng::Rng;
use super::scene::Scene;
use super::tube::Pen;

/// Side of the grid on which shapes are drawn; larger masks are drawn here and enlarged.
const GRID: u32 = 512;

/// Which shape is wanted. Unlike a [`super::PlacementWish`] it refuses nothing: what the anatomy forbids becomes the
/// nearest that it allows, for a person puts the shape where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeWish {
    /// The class.
    pub finding: Finding,
    /// How large; a fracture has no size, a device becomes a larger one.
    pub size: LesionSize,
    /// The patient's side; the heart and edema are on both whatever is asked.
    pub side: Side,
    /// The part of the lung, for classes that can lie anywhere in it; others have their own place.
    pub zone: Zone,
    /// Another seed gives another shape.
    pub seed: u64,
}

/// The shape at `size_px`² pixels; it depends on the arguments and on nothing else.
pub fn lesion_shape(wish: &ShapeWish, size_px: u32) -> Mask {
    let size = size_px.clamp(16, 4096);
    let grid = size.min(GRID);
    let p = average(wish.seed, 0);
    let finding = planned(wish);
    let frame = frame_of(&p, if grid <= 256 { grid as usize * 2 } else { grid as usize });
    let geometry = geometry_of(&p, &[finding]);
    let mut scene = Scene::empty(frame);
    soft::paint(&mut scene, &p, &geometry);
    let mask = paint_all(&mut scene, &mut Pen::new(), &p, &geometry, &[finding], grid as usize).pop();
    let mask = mask.unwrap_or_else(|| Mask::empty(grid, grid));
    if size == grid { mask } else { mask.resized(size, size).smoothed(size / grid) }
}

fn planned(wish: &ShapeWish) -> PlannedFinding {
    let mut rng = Rng::new(wish.seed, wish.size as u64, "shape");
    let rng = &mut rng;
    let (mildest, gravest) = wish.size.severities();
    let mut severity = rng.range(mildest, gravest);
    // Where along the lung's height: 0 at the apex, 1 on the diaphragm.
    let (low, high) = match wish.zone {
        Zone::Apical => (0.05, 0.16),
        Zone::Upper => (0.17, 0.33),
        Zone::Mid | Zone::Perihilar => (0.43, 0.58),
        Zone::Lower => (0.70, 0.87),
        Zone::Basal => (0.84, 0.95),
        Zone::Whole => (0.15, 0.90),
    };
    let at = [rng.range(0.12, 0.85), rng.range(low, high)];
    let mut side = wish.side;
    let mut zone = wish.zone;
    let kind = match wish.finding {
        Finding::Pneumothorax => {
            zone = if matches!(zone, Zone::Apical | Zone::Upper) { Zone::Apical } else { Zone::Whole };
            Kind::Pneumothorax { tension: false }
        }
        Finding::PleuralEffusion => {
            zone = Zone::Basal;
            Kind::Effusion { layering: false }
        }
        Finding::Consolidation => Kind::Consolidation { lobar: false, at, pneumonia: false, bronchogram: false },
        Finding::Nodule => {
            let (low, high) = wish.size.diameters();
            let diameter = rng.range(low, high);
            severity = ((diameter - 0.6) / 5.0).clamp(0.05, 1.0);
            if side == Side::Both {
                side = rng.pick([Side::Right, Side::Left]);
            }
            Kind::Nodule { at, diameter, spiculated: rng.chance(0.3), calcified: false }
        }
        Finding::Cardiomegaly => {
            side = Side::Both;
            Kind::Cardiomegaly
        }
        Finding::Edema => {
            side = Side::Both;
            Kind::Edema
        }
        Finding::Atelectasis => {
            zone = Zone::Basal;
            Kind::Atelectasis { plates: wish.size as u32 + 1 }
        }
        Finding::Fracture => {
            // Ribs count from the apex; the zone chooses among those that cross it.
            let rib = match zone {
                Zone::Apical | Zone::Upper => 3,
                Zone::Lower | Zone::Basal => 7,
                _ => 5,
            } + rng.below(2);
            if side == Side::Both {
                side = rng.pick([Side::Right, Side::Left]);
            }
            Kind::Fracture { rib, phi: PI * rng.range(0.24, 0.44), displaced: true, old: false }
        }
        Finding::Device => Kind::Device(match wish.size {
            LesionSize::Small => Device::Central { jugular: rng.chance(0.6), atrium: rng.chance(0.12) },
            LesionSize::Medium => Device::Pacemaker { leads: 1 },
            LesionSize::Large => Device::Pacemaker { leads: 2 },
        }),
    };
    if matches!(kind, Kind::Device(_)) && side == Side::Both {
        side = if rng.chance(0.8) { Side::Left } else { Side::Right };
    }
    PlannedFinding { side, zone, severity, gain: 1.2, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::lung_guide;

    fn wish(finding: Finding, size: LesionSize, side: Side, seed: u64) -> ShapeWish {
        ShapeWish { finding, size, side, zone: Zone::Mid, seed }
    }

    #[test]
    fn every_class_has_shapes_on_the_side_that_was_asked_for() {
        for finding in Finding::ALL {
            for side in [Side::Right, Side::Left] {
                let mask = lesion_shape(&wish(finding, LesionSize::Medium, side, 3), 128);
                assert!(mask.area() > 8, "{finding} {side}: {} pixels", mask.area());
                let (right, left) = mask.halves();
                let (here, there) = if side == Side::Right { (right, left) } else { (left, right) };
                let both = matches!(finding, Finding::Cardiomegaly | Finding::Edema | Finding::Device);
                assert!(both || here > 20 * there, "{finding} {side}: {right} right, {left} left");
            }
        }
    }

    #[test]
    fn larger_is_larger_and_another_seed_is_another_shape() {
        for finding in [Finding::Pneumothorax, Finding::PleuralEffusion, Finding::Consolidation, Finding::Nodule] {
            let area = |size| lesion_shape(&wish(finding, size, Side::Left, 5), 128).area();
            assert!(
                area(LesionSize::Small) < area(LesionSize::Medium) && area(LesionSize::Medium) < area(LesionSize::Large),
                "{finding}"
            );
            let shape = |seed| lesion_shape(&wish(finding, LesionSize::Medium, Side::Left, seed), 128);
            assert_eq!(shape(5), shape(5));
            assert_ne!(shape(5), shape(6), "{finding}");
        }
    }

    #[test]
    fn nodules_lie_in_the_lung_and_keep_their_place_at_any_size() {
        let [right, _] = lung_guide(256);
        let mut lung = Mask::empty(256, 256);
        lung.fill_polygon(&right, true);
        for seed in 0..12 {
            let nodule = lesion_shape(&wish(Finding::Nodule, LesionSize::Medium, Side::Right, seed), 256);
            let mut outside = nodule.clone();
            outside.subtract(&lung);
            assert!(outside.area() * 4 < nodule.area(), "seed {seed}: {} of {} outside", outside.area(), nodule.area());
        }
        let small = lesion_shape(&wish(Finding::Nodule, LesionSize::Large, Side::Right, 1), 512);
        let large = lesion_shape(&wish(Finding::Nodule, LesionSize::Large, Side::Right, 1), 1024);
        assert!(small.resized(1024, 1024).dice(&large) > 0.97);
    }
}
