//! Densities within the lung: consolidation, nodule, edema, atelectasis.

use crate::phantom::anatomy::geometry::Geometry;
use crate::phantom::curve::step;
use crate::phantom::texture::octaves;
use crate::phantom::tube::Node;

use super::{Canvas, PlannedFinding, side_index};

/// Patient position of a place given as parts of the visible lung's width and height.
pub(crate) fn place(g: &Geometry, side: usize, at: [f32; 2], margin: f32) -> [f32; 2] {
    let y = g.apex[side] + at[1] * (g.dome(side, 8.0) - g.apex[side]);
    let (inner, outer) = (g.visible_medial(side, y), g.lateral(side, y));
    let (low, high) = (inner + 0.6 * margin, outer - margin - 0.3);
    let ax = if high > low { low + at[0] * (high - low) } else { 0.5 * (inner + outer) };
    [if side == 0 { -ax } else { ax }, y]
}

/// Random field for a finding, sampled smoothly in patient centimetres.
struct Patchwork {
    field: Vec<f32>,
}

const PATCH: usize = 64;

impl Patchwork {
    fn new(c: &Canvas<'_>, name: &str, order: usize) -> Self {
        Self { field: octaves(&mut c.patient.rng(&format!("{name} {order}")), PATCH, 8, 64, 0.6) }
    }

    /// Value at a patient position; the field repeats after 22 cm.
    fn at(&self, x: f32, y: f32) -> f32 {
        let n = PATCH as f32;
        let wrap = |v: f32| {
            let p = (v / 22.0 + 8.0) * n;
            p - (p / n).floor() * n
        };
        let (u, v) = (wrap(x), wrap(y));
        let (x0, y0) = ((u as usize).min(PATCH - 1), (v as usize).min(PATCH - 1));
        let (x1, y1) = ((x0 + 1) % PATCH, (y0 + 1) % PATCH);
        let (tx, ty) = (u - x0 as f32, v - y0 as f32);
        let f = |x: usize, y: usize| self.field[y * PATCH + x];
        let top = f(x0, y0) + (f(x1, y0) - f(x0, y0)) * tx;
        let bottom = f(x0, y1) + (f(x1, y1) - f(x0, y1)) * tx;
        top + (bottom - top) * ty
    }
}

/// A patchy region where tissue takes the place of air.
pub(super) fn consolidation(
    c: &mut Canvas<'_>,
    f: &PlannedFinding,
    at: [f32; 2],
    bronchogram: bool,
    lobar: bool,
    order: usize,
) -> f32 {
    let patch = Patchwork::new(c, "consolidation", order);
    let radius = 1.9 + 1.9 * f.severity;
    for &side in f.sides() {
        let [cx, cy] = place(c.geometry, side, at, 0.55 * radius);
        let fissure = -1.6;
        let share = ((0.26 + 0.22 * f.severity) * f.gain).min(0.7);
        let (scene, delta) = (&mut *c.scene, &mut c.delta);
        let reach = 2.3 * radius;
        scene.frame.each([cx - reach, cy - reach, cx + reach, cy + reach], |i, x, y| {
            if scene.cavity[i] <= 0.0 || (x > 0.0) != (side == 1) {
                return;
            }
            let d2 = (((x - cx) / radius).powi(2) + ((y - cy) / (0.9 * radius)).powi(2)) / 1.1;
            let blob = (-d2).exp() * (1.0 + 0.42 * patch.at(x, y));
            let dense = if lobar && side == 0 {
                // The minor fissure is a sharp lower edge.
                step(0.05, 0.5, blob * 1.6) * step(fissure + 0.1, fissure - 0.1, y + 0.05 * (x + 7.0))
            } else {
                step(0.16, 1.0, blob)
            };
            if dense > 0.0 {
                let filled = share * dense * (1.0 + 0.12 * patch.at(2.1 * x, 2.1 * y)) * scene.cavity[i];
                scene.plus[i] += filled;
                scene.lung[i] *= 1.0 - (filled / scene.cavity[i]).clamp(0.0, 1.0);
                delta[i] = filled;
            }
        });
        if bronchogram {
            air_bronchogram(c, [cx, cy], side, radius);
        }
    }
    1.2
}

/// Thin air-filled bronchi within a consolidation.
fn air_bronchogram(c: &mut Canvas<'_>, [cx, cy]: [f32; 2], side: usize, radius: f32) {
    let sign = if side == 0 { -1.0 } else { 1.0 };
    let base = (cy + 2.5).atan2((cx.abs() - 3.0).max(0.5));
    let mut rng = c.patient.rng("bronchogram");
    for k in 0..3 {
        let angle = base + 0.45 * (k as f32 - 1.0) + rng.normal(0.0, 0.1);
        let nodes: Vec<Node> = (0..=5)
            .map(|i| {
                let t = i as f32 / 5.0;
                let along = (t - 0.6) * 1.7 * radius;
                Node {
                    x: cx + sign * along * angle.cos(),
                    y: cy + along * angle.sin() + 0.12 * (4.0 * t).sin(),
                    r: 0.13 - 0.07 * t,
                    w: 0.36 - 0.22 * t,
                }
            })
            .collect();
        c.pen.add(&c.scene.frame, &nodes, &mut c.scene.gas);
    }
}

/// A sphere, smooth or with spicules; its mask is its disk.
pub(super) fn nodule(
    c: &mut Canvas<'_>,
    f: &PlannedFinding,
    at: [f32; 2],
    diameter: f32,
    spiculated: bool,
    calcified: bool,
    order: usize,
) -> f32 {
    let side = side_index(f.side);
    let radius = 0.5 * diameter;
    let [cx, cy] = place(c.geometry, side, at, radius);
    let mut rng = c.patient.rng(&format!("nodule {order}"));
    let spike = if spiculated { 0.09 } else { 0.05 };
    let waves: [[f32; 3]; 5] = std::array::from_fn(|k| {
        [
            spike * rng.range(0.4, 1.0),
            if spiculated { (3 * k + 2) as f32 } else { (k + 1) as f32 },
            rng.range(0.0, std::f32::consts::TAU),
        ]
    });
    let (scene, delta) = (&mut *c.scene, &mut c.delta);
    let reach = radius * 1.4;
    scene.frame.each([cx - reach, cy - reach, cx + reach, cy + reach], |i, x, y| {
        let (dx, dy) = (x - cx, y - cy);
        let angle = dy.atan2(dx);
        let edge = waves.iter().fold(radius, |r, [a, k, p]| r + radius * a * (k * angle + p).sin());
        let q = (dx * dx + dy * dy) / (edge * edge);
        if q >= 1.0 {
            return;
        }
        let path = 2.0 * radius * 1.15 * f.gain * (1.0 - q).powf(0.45);
        scene.plus[i] += path.max(0.25);
        let displaced = path.min(0.85 * scene.lung[i]);
        scene.lung[i] -= displaced;
        if calcified {
            scene.bone[i] += 0.3 * radius.min(1.0) * (1.0 - q);
        }
        delta[i] = 1.0;
    });
    0.5
}

/// Perihilar haze like a bat's wings, with short septal lines at the bases.
pub(super) fn edema(c: &mut Canvas<'_>, f: &PlannedFinding) -> f32 {
    let patch = Patchwork::new(c, "edema", 0);
    for side in 0..2 {
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let (scene, delta) = (&mut *c.scene, &mut c.delta);
        let window = if side == 0 { [-15.0, -13.0, 0.5, 10.0] } else { [-0.5, -13.0, 15.0, 10.0] };
        scene.frame.each(window, |i, x, y| {
            if scene.cavity[i] <= 0.0 || (x > 0.0) != (side == 1) {
                return;
            }
            let d2 = ((x - sign * 4.2) / 4.6).powi(2) + ((y + 1.0) / 5.2).powi(2);
            let haze = (-0.5 * d2).exp() * (1.0 + 0.36 * patch.at(x, y) + 0.2 * patch.at(2.3 * x, 2.3 * y)).max(0.1);
            let filled = ((0.08 + 0.34 * f.severity) * f.gain * haze).min(0.6) * scene.cavity[i];
            scene.plus[i] += filled;
            scene.lung[i] *= 1.0 - (filled / scene.cavity[i]).clamp(0.0, 0.9);
            // Haze blurs the vessels within it.
            scene.vessel[i] *= 1.0 - 0.7 * haze.min(1.0) * f.severity;
            delta[i] = filled;
        });
        septal_lines(c, f, side, sign);
    }
    0.7 + 0.5 * f.severity
}

/// Kerley B lines: short, horizontal, at the lateral bases.
fn septal_lines(c: &mut Canvas<'_>, f: &PlannedFinding, side: usize, sign: f32) {
    let mut rng = c.patient.rng(if side == 0 { "kerley right" } else { "kerley left" });
    for _ in 0..(8.0 + 18.0 * f.severity) as usize {
        let y = rng.range(0.5, c.geometry.costophrenic[side] - 0.8);
        let outer = c.geometry.lateral(side, y) - rng.range(0.1, 0.3);
        let length = rng.range(0.8, 1.9);
        let rise = rng.range(-0.12, 0.12);
        let nodes = [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)].map(|(t, u)| Node {
            x: sign * (outer - length * t),
            y: y + rise * u,
            r: 0.05,
            w: 0.30 * (1.0 - 0.5 * t),
        });
        c.pen.add(&c.scene.frame, &nodes, &mut c.scene.plus);
    }
}

/// Plates of collapsed lung above the diaphragm.
pub(super) fn atelectasis(c: &mut Canvas<'_>, f: &PlannedFinding, plates: u32) -> f32 {
    for &side in f.sides() {
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let mut rng = c.patient.rng(if side == 0 { "atelectasis right" } else { "atelectasis left" });
        for k in 0..plates {
            let length = rng.range(3.2, 5.6);
            let ax = rng.range(5.2, 8.6).max(c.geometry.visible_medial(side, 4.0) + 0.4);
            let y = c.geometry.dome(side, ax + 0.4 * length) - 0.9 - 1.15 * k as f32 - rng.range(0.0, 0.4);
            let slope = rng.range(-0.22, 0.12);
            let thick = rng.range(0.28, 0.42);
            let nodes: Vec<Node> = (0..=8)
                .map(|i| {
                    let t = i as f32 / 8.0;
                    let bow = 0.25 * (t - 0.5).powi(2);
                    Node {
                        x: sign * (ax + length * t),
                        y: y + slope * length * t + bow,
                        r: thick * (0.5 + 2.0 * t * (1.0 - t)),
                        w: (1.5 + 1.6 * f.severity) * f.gain * (0.4 + 2.4 * t * (1.0 - t)).min(1.0),
                    }
                })
                .collect();
            let (scene, delta) = (&mut *c.scene, &mut c.delta);
            let frame = scene.frame;
            c.pen.stroke(&frame, &nodes, |i, q, w| {
                if scene.cavity[i] > 0.5 {
                    let path = (w * (1.0 - q)).min(0.6 * scene.cavity[i]);
                    scene.plus[i] += path;
                    delta[i] = delta[i].max(path);
                }
            });
        }
        // Volume loss leaves a faint haze over the base.
        let g = c.geometry;
        let scene = &mut *c.scene;
        let window = if side == 0 { [-14.5, -1.0, -2.0, 11.0] } else { [2.0, -1.0, 14.5, 11.0] };
        scene.frame.each(window, |i, x, y| {
            let above = g.dome(side, x.abs()) - y;
            let haze = 0.07 * f.severity * step(4.5, 0.5, above) * step(-1.0, 0.3, above);
            scene.plus[i] += haze * scene.cavity[i];
        });
    }
    0.35
}
