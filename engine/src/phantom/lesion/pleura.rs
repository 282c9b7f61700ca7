//! Air, fluid and scars between lung and chest wall.

use crate::phantom::anatomy::geometry::Geometry;
use crate::phantom::curve::{Curve, step};

use super::{Canvas, PlannedFinding, Zone};

/// Window of one hemithorax in patient centimetres.
fn hemithorax(g: &Geometry, side: usize) -> [f32; 4] {
    let (top, bottom) = (g.apex[side] - 0.5, g.costophrenic[side] + 5.5);
    if side == 0 { [-16.5, top, 0.5, bottom] } else { [-0.5, top, 16.5, bottom] }
}

/// Depth inside the collapsed lung, positive inside: distance to the visceral line in cm, roughly.
pub(crate) struct VisceralLine<'a> {
    g: &'a Geometry,
    side: usize,
    gap: Curve,
    drop: f32,
    severity: f32,
}

impl<'a> VisceralLine<'a> {
    pub(crate) fn new(g: &'a Geometry, side: usize, severity: f32, apical: bool) -> Self {
        let base = [3.2, 2.7, 2.2, 1.8, 1.5];
        let falling = if apical { [1.1, 0.95, 0.7, 0.42, 0.12] } else { [1.0; 5] };
        let widths: Vec<f32> = (0..5).map(|i| 1.3 * severity * base[i] * falling[i]).collect();
        let gap = Curve::new(&[g.apex[side], -9.0, -3.0, 3.0, 9.0], &widths);
        Self { g, side, gap, drop: 0.3 + 3.0 * severity, severity }
    }

    pub(crate) fn depth(&self, ax: f32, y: f32) -> f32 {
        let apex = self.g.apex[self.side];
        // The collapsed lung is the lung with its top moved down and its edge moved in.
        let moved = y - self.drop * step(2.0, apex + 2.0, y);
        let edge = self.g.lateral(self.side, moved) - self.gap.at(y) - ax;
        let top = 1.2 * (y - apex - self.drop);
        // Smooth minimum over 2 cm rounds the shoulder of the collapsed lung.
        let h = (2.0 - (edge - top).abs()).max(0.0) * 0.5;
        edge.min(top) - 0.5 * h * h * self.severity.min(1.0)
    }
}

/// Air beyond the visceral line.
pub(super) fn pneumothorax(c: &mut Canvas<'_>, f: &PlannedFinding) -> f32 {
    let aa = (0.7 / c.scene.frame.scale).max(0.05);
    for &side in f.sides() {
        let line = VisceralLine::new(c.geometry, side, f.severity, f.zone == Zone::Apical);
        let (scene, delta) = (&mut *c.scene, &mut c.delta);
        let pleura = aa.max(0.10);
        scene.frame.each(hemithorax(c.geometry, side), |i, x, y| {
            if scene.cavity[i] <= 0.0 {
                return;
            }
            let s = line.depth(x.abs(), y);
            let below = y - c.geometry.dome(side, x.abs());
            let air = step(aa, -aa, s) * step(0.5, 0.1, below);
            scene.lung[i] *= (1.0 - air) * (1.0 + 0.22 * f.severity * f.gain * step(0.0, 0.3, s));
            scene.vessel[i] *= 1.0 - air;
            let edge = s / pleura;
            if edge * edge < 1.0 && scene.cavity[i] > 0.6 {
                scene.plus[i] += 0.30 * f.gain * (1.0 - edge * edge);
            }
            delta[i] = air * step(0.2, 0.9, scene.cavity[i]);
        });
    }
    0.5
}

/// Fluid below a level with a meniscus.
pub(super) fn effusion(c: &mut Canvas<'_>, f: &PlannedFinding) -> f32 {
    for &side in f.sides() {
        let g = c.geometry;
        let mut rng = c.patient.rng(if side == 0 { "effusion right" } else { "effusion left" });
        let level = c.patient.dome[side] + 2.6 - 11.0 * f.severity;
        let rise = 1.2 + 2.4 * f.severity * rng.range(0.8, 1.3);
        let soft = rng.range(0.6, 1.1);
        let tilt = rng.range(-0.03, 0.06);
        let (scene, delta) = (&mut *c.scene, &mut c.delta);
        scene.frame.each(hemithorax(g, side), |i, x, y| {
            if scene.cavity[i] <= 0.0 {
                return;
            }
            let ax = x.abs();
            let outer = ((ax - 5.0) / 8.5).max(0.0);
            let inner = ((4.5 - ax) / 4.5).max(0.0);
            let surface = level - rise * outer * outer - 0.35 * rise * inner * inner - tilt * (8.0 - ax);
            let fluid = step(-soft, soft, y - surface);
            if fluid <= 0.0 {
                return;
            }
            let filled = 0.97 * fluid * scene.cavity[i];
            scene.plus[i] += filled;
            scene.lung[i] *= 1.0 - 0.97 * fluid;
            scene.vessel[i] *= 1.0 - 0.97 * fluid;
            delta[i] = filled;
        });
    }
    2.2
}

/// Fluid behind the lung of a patient on his back: a veil that thickens downwards.
pub(super) fn layering(c: &mut Canvas<'_>, f: &PlannedFinding) -> f32 {
    for &side in f.sides() {
        let g = c.geometry;
        let (top, bottom) = (g.apex[side], g.costophrenic[side]);
        let start = bottom - (bottom - top) * (0.45 + 0.5 * f.severity);
        let (scene, delta) = (&mut *c.scene, &mut c.delta);
        scene.frame.each(hemithorax(g, side), |i, x, y| {
            if scene.cavity[i] <= 0.0 || (x > 0.0) != (side == 1) {
                return;
            }
            let down = step(start, bottom - 1.0, y);
            let path = (3.2 + 5.5 * f.severity) * down;
            let filled = path.min(0.9 * scene.cavity[i]);
            scene.plus[i] += filled;
            scene.lung[i] *= 1.0 - (filled / scene.cavity[i]).clamp(0.0, 0.9);
            delta[i] = filled;
        });
    }
    1.0
}

/// A band of scar along the lateral wall.
pub(super) fn thickening(c: &mut Canvas<'_>, f: &PlannedFinding) -> f32 {
    for &side in f.sides() {
        let g = c.geometry;
        let width = 0.35 + 0.8 * f.severity;
        let (scene, delta) = (&mut *c.scene, &mut c.delta);
        scene.frame.each(hemithorax(g, side), |i, x, y| {
            if scene.cavity[i] <= 0.0 || y > g.costophrenic[side] {
                return;
            }
            let inside = g.lateral(side, y) - x.abs();
            let local = width * (0.7 + 0.3 * (0.9 * y).sin()) * step(-11.0, -6.0, y);
            let band = step(local + 0.12, local - 0.12, inside);
            scene.plus[i] += 0.5 * band * scene.cavity[i].max(1.5);
            delta[i] = band;
        });
    }
    0.5
}
