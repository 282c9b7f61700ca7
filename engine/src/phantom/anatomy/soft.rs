//! Body, lungs, mediastinum, breasts: everything that a sample can know from its own position.

use crate::phantom::curve::step;
use crate::phantom::patient::Patient;
use crate::phantom::scene::Scene;
use crate::phantom::texture::octaves;

use super::geometry::{BAND, BAND_PATH, BODY_DEPTH, DEPTH, Geometry, HALF_WIDTH, LATERAL, MEDIAL};

/// Samples that share one row of the outline tables.
const BLOCK: usize = 8;

/// Fills body, fat, cavity, lung and the mediastinum's share of `plus`.
pub(crate) fn paint(scene: &mut Scene, p: &Patient, g: &Geometry) {
    let frame = scene.frame;
    let n = frame.grid;
    let texture = octaves(&mut p.rng("lung texture"), n, 8, n.min(512), 0.6);
    let profile = Profile::new();
    let mut middle = Mediastinum::new(p, g.shift);
    for gy in 0..n {
        for start in (0..n).step_by(BLOCK) {
            let [_, y] = frame.patient_of((start + BLOCK / 2) as f32, gy as f32 + 0.5);
            let row = g.row(y);
            middle.at_height(y, row[BAND], row[BAND_PATH]);
            for gx in start..(start + BLOCK).min(n) {
                let [x, y] = frame.patient_of(gx as f32 + 0.5, gy as f32 + 0.5);
                let i = gy * n + gx;
                let q = (x / row[HALF_WIDTH]).powi(2);
                if q >= 1.0 {
                    continue;
                }
                let chord = (1.0 - q).sqrt();
                scene.body[i] = 2.0 * row[BODY_DEPTH] * chord;
                scene.fat[i] = 2.0 * p.fat * chord.sqrt();
                let side = usize::from(x > 0.0);
                let ax = x.abs();
                let (lateral, medial) = (row[LATERAL + 3 * side], row[MEDIAL + 3 * side]);
                let half = 0.5 * (lateral - medial);
                let u = (ax - medial - half) / half.max(0.05);
                let full = if u * u < 1.0 { 2.0 * row[DEPTH + 3 * side] * profile.at(1.0 - u * u) } else { 0.0 };
                let t = middle.path(x, y, g);
                if full > 0.0 {
                    let lung = full * g.above_dome(side, ax, y);
                    let free = (lung - t).max(0.1 * lung);
                    scene.cavity[i] = free;
                    scene.lung[i] = free * p.lung_density * (1.0 + 0.14 * texture[i]).clamp(0.5, 1.6);
                }
            }
        }
    }
    breasts(scene, p);
}

/// Depth of a lung across its width: the power 0.42 of `1 - u²`, from a table over the square root.
struct Profile([f32; 130]);

impl Profile {
    fn new() -> Self {
        Self(std::array::from_fn(|i| (i as f32 / 128.0).powf(0.84)))
    }

    /// `v` in 0..=1.
    fn at(&self, v: f32) -> f32 {
        let p = v.max(0.0).sqrt().min(1.0) * 128.0;
        let i = p as usize;
        self.0[i] + (self.0[i + 1] - self.0[i]) * (p - i as f32)
    }
}

/// Great vessels and mediastinal band; values of a row are kept between samples.
struct Mediastinum {
    shift: f32,
    band: f32,
    band_path: f32,
    /// Centre, one over the radii, and path of each ellipse.
    ellipses: [[f32; 5]; 5],
    aorta_x: [f32; 5],
    aorta_r: f32,
    aorta_now: f32,
}

const AORTA_Y: [f32; 5] = [-6.4, -3.0, 1.0, 5.0, 9.0];

impl Mediastinum {
    fn new(p: &Patient, shift: f32) -> Self {
        let (k, unfold) = (p.knob, p.unfold);
        Self {
            shift,
            band: 2.6,
            band_path: 4.0,
            ellipses: [
                // Aortic knob, pulmonary trunk, the window between them, superior vena cava, ascending aorta.
                [1.75 + 0.35 * unfold, -6.4 - 0.6 * unfold, 1.65 * k, 1.6 * k, 5.0],
                [1.95, -3.2, 1.7 * p.trunk, 1.9 * p.trunk, 4.6],
                [1.5, -4.7, 1.75, 2.5, 4.2],
                [-1.75, -6.6, 1.3, 4.8, 3.8],
                [-1.55 - 0.6 * unfold, -3.6, 1.55 + 0.3 * unfold, 3.6, 4.2],
            ]
            .map(|[x, y, rx, ry, path]| [x, y, 1.0 / rx, 1.0 / ry, path]),
            aorta_x: [2.0 + 0.7 * unfold, 2.35 + 0.6 * unfold, 2.1 + 0.3 * unfold, 1.6, 1.2],
            aorta_r: 1.25 * k,
            aorta_now: 2.0,
        }
    }

    fn at_height(&mut self, y: f32, band: f32, band_path: f32) {
        self.band = band;
        self.band_path = band_path;
        let i = AORTA_Y.iter().rposition(|&v| v <= y).unwrap_or(0).min(AORTA_Y.len() - 2);
        let t = ((y - AORTA_Y[i]) / (AORTA_Y[i + 1] - AORTA_Y[i])).clamp(0.0, 1.0);
        self.aorta_now = self.aorta_x[i] + (self.aorta_x[i + 1] - self.aorta_x[i]) * t;
    }

    /// Path of all that displaces lung in the middle, blended so that contours run into each other.
    fn path(&self, x: f32, y: f32, g: &Geometry) -> f32 {
        if !(-13.0..13.0).contains(&x) {
            return 0.0;
        }
        let x = x - self.shift;
        let mut sum = 0.0;
        let mut join = |t: f32| sum += t * t * t * t;
        let q = (x / self.band).powi(2);
        if q < 1.0 {
            join(self.band_path * (1.0 - q).sqrt());
        }
        if x.abs() < 6.0 {
            for [cx, cy, inverse_rx, inverse_ry, path] in self.ellipses {
                let (u, v) = ((x - cx) * inverse_rx, (y - cy) * inverse_ry);
                let q = u * u + v * v;
                if q < 1.0 {
                    join(path * (1.0 - q).sqrt());
                }
            }
            if y > AORTA_Y[0] {
                let q = ((x - self.aorta_now) / self.aorta_r).powi(2);
                if q < 1.0 {
                    join(2.0 * self.aorta_r * (1.0 - q).sqrt() * step(AORTA_Y[0], -5.0, y));
                }
            }
        }
        let heart = g.heart.path(x, y);
        if heart > 0.0 {
            join(heart);
        }
        if sum > 0.0 { sum.sqrt().sqrt() } else { 0.0 }
    }
}

fn breasts(scene: &mut Scene, p: &Patient) {
    let frame = scene.frame;
    for (side, sign) in [(0, -1.0), (1, 1.0)] {
        let size = p.breast[side];
        if size <= 0.0 {
            continue;
        }
        let (cx, cy) = (sign * 8.4, 4.6 + p.breast_low);
        let (rx, low) = (6.6 * size.sqrt(), 4.6 * size.sqrt());
        let high = 2.1 * low;
        frame.each([cx - rx, cy - high, cx + rx, cy + low], |i, x, y| {
            let ry = if y < cy { high } else { low };
            let q = 1.0 - ((x - cx) / rx).powi(2) - ((y - cy) / ry).powi(2);
            if q > 0.0 {
                // Dense at the lower fold, fading upwards.
                let upper = ((cy - y) / high).max(0.0);
                let path = 4.0 * size * q.powf(0.8) * (1.0 - upper);
                scene.plus[i] += 0.55 * path;
                scene.fat[i] += 0.45 * path;
            }
        });
    }
}
