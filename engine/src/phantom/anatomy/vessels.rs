//! Airway, hila and the branching vessels of the lungs.

use crate::phantom::curve::{Curve, spline, step};
use crate::phantom::patient::Patient;
use crate::phantom::rng::Rng;
use crate::phantom::scene::{Scene, keep_map, take_map};
use crate::phantom::tube::{Node, Pen};

use super::geometry::Geometry;

/// Draws trachea, bronchi, hila and vessels; `redistribution` (0 to 1) moves flow to the upper lungs.
pub(crate) fn paint(scene: &mut Scene, pen: &mut Pen, p: &Patient, g: &Geometry, redistribution: f32) {
    airway(scene, pen, p, g.shift);
    let mut map = std::mem::take(&mut scene.vessel);
    let tree = Tree::new(p, redistribution);
    for side in 0..2 {
        tree.grow(scene, pen, p, side, g.shift, &mut map);
    }
    // Vessels are seen where lung is.
    for (v, &c) in map.iter_mut().zip(&scene.cavity) {
        *v *= step(0.8, 6.5, c);
    }
    scene.vessel = map;
    if p.fissure {
        minor_fissure(scene, p, g);
    }
}

/// Where the trachea divides.
pub(crate) fn carina(shift: f32) -> [f32; 2] {
    [0.25 + shift, -4.9]
}

fn airway(scene: &mut Scene, pen: &mut Pen, p: &Patient, s: f32) {
    let push = 0.25 + 0.25 * p.unfold;
    let tube = |points: &[[f32; 3]]| -> Vec<Node> {
        spline(points, 6).iter().map(|v| Node { x: v[0] + s, y: v[1], r: v[2], w: 2.1 * v[2] }).collect()
    };
    let trachea = tube(&[[-s, -22.0, 0.95], [-0.85 * s, -14.0, 0.95], [-push, -7.5, 0.92], [0.15, -4.9, 0.95]]);
    let right = tube(&[[0.2, -5.2, 0.75], [-1.2, -3.9, 0.70], [-3.1, -2.0, 0.5], [-3.9, -0.4, 0.3]]);
    let left = tube(&[[0.3, -5.2, 0.68], [2.0, -3.8, 0.6], [4.2, -2.4, 0.45], [5.0, -1.2, 0.28]]);
    let mut gas = std::mem::take(&mut scene.gas);
    let mut joined = take_map(gas.len());
    for nodes in [&trachea, &right, &left] {
        pen.stroke(&scene.frame, nodes, |i, q, w| joined[i] = joined[i].max(w * (1.0 - q).sqrt()));
    }
    for (a, b) in gas.iter_mut().zip(&joined) {
        *a += b;
    }
    keep_map(joined);
    scene.gas = gas;
}

/// Path through a branch: round, a little more for thin ones, which would vanish.
fn branch_path(r: f32) -> f32 {
    2.4 * r + 0.22 * step(0.01, 0.06, r)
}

struct Tree {
    gravity: Curve,
    gain: f32,
}

/// One branch still to be drawn.
struct Twig {
    at: [f32; 2],
    angle: f32,
    r: f32,
    length: f32,
    depth: u32,
}

impl Tree {
    fn new(p: &Patient, redistribution: f32) -> Self {
        let upright = [0.55, 0.8, 1.05, 1.2];
        let weights: Vec<f32> = (0..4).map(|i| upright[i] + (upright[3 - i] * 1.25 - upright[i]) * redistribution).collect();
        Self { gravity: Curve::new(&[-12.0, -6.0, 0.0, 6.0], &weights), gain: p.vessels * (1.0 + 0.12 * redistribution) }
    }

    fn grow(&self, scene: &Scene, pen: &mut Pen, p: &Patient, side: usize, shift: f32, map: &mut [f32]) {
        let mut rng = p.rng(if side == 0 { "vessels right" } else { "vessels left" });
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let hilum = if side == 0 { [-2.7, -2.3] } else { [3.0, -3.2] };
        let hilum = [hilum[0] + shift + rng.normal(0.0, 0.2), hilum[1] + rng.normal(0.0, 0.25)];
        // The lobar trunk runs down and out.
        let lobar = 1.18 + rng.normal(0.0, 0.08);
        let trunk: Vec<[f32; 4]> = (0..5)
            .map(|i| {
                let t = i as f32 / 4.0;
                let r = 0.85 - 0.33 * t;
                let along = 3.9 * t;
                [hilum[0] + sign * along * lobar.cos() * (0.7 + 0.3 * t), hilum[1] - 0.5 + along * lobar.sin(), r, 1.35 * r]
            })
            .collect();
        let nodes: Vec<Node> = spline(&trunk, 4).iter().map(|v| Node { x: v[0], y: v[1], r: v[2], w: v[3] }).collect();
        self.stroke(scene, pen, &nodes, map);
        let arm = [hilum[0] + sign * 0.2, hilum[1] - 0.2];
        let upper: Vec<Node> = (0..5)
            .map(|i| {
                let t = i as f32 / 4.0;
                let r = 0.66 - 0.24 * t;
                Node { x: arm[0] + sign * 1.5 * t, y: arm[1] - 2.0 * t, r, w: 1.3 * r }
            })
            .collect();
        self.stroke(scene, pen, &upper, map);
        for (i, base) in [-1.25f32, -0.75, -0.25, 0.3, 0.75, 1.15].into_iter().enumerate() {
            let angle = base + rng.normal(0.0, 0.1);
            let r = rng.range(0.24, 0.38);
            let along = if i < 3 { 0.4 } else { rng.range(0.2, 0.8) };
            let at = if i < 3 {
                [arm[0] + sign * 0.6 * i as f32 * 0.5, arm[1] - 1.3 + 0.5 * i as f32]
            } else {
                let k = (along * 4.0) as usize;
                [trunk[k][0], trunk[k][1]]
            };
            self.branch(scene, pen, &mut rng, sign, Twig { at, angle, r, length: 2.3, depth: 0 }, map);
        }
    }

    fn branch(&self, scene: &Scene, pen: &mut Pen, rng: &mut Rng, sign: f32, twig: Twig, map: &mut [f32]) {
        let mut open = vec![twig];
        while let Some(t) = open.pop() {
            let length = (t.length * rng.range(0.72, 1.1)).min(3.4);
            let bend = rng.normal(0.0, 0.28);
            let end_r = t.r * 0.84;
            let mut at = t.at;
            let mut nodes = Vec::with_capacity(5);
            nodes.push(Node { x: at[0], y: at[1], r: t.r, w: branch_path(t.r) });
            let mut angle = t.angle;
            for i in 1..=3 {
                angle += bend / 3.0;
                at = [at[0] + sign * angle.cos() * length / 3.0, at[1] + angle.sin() * length / 3.0];
                let r = t.r + (end_r - t.r) * i as f32 / 3.0;
                nodes.push(Node { x: at[0], y: at[1], r, w: branch_path(r) });
            }
            self.stroke(scene, pen, &nodes, map);
            if t.depth >= 7 || end_r < 0.03 || at[0].abs() > 15.0 || at[1] > 14.0 || at[1] < -14.0 {
                continue;
            }
            let next = |angle: f32, r: f32, shrink: f32| Twig { at, angle, r, length: t.length * shrink, depth: t.depth + 1 };
            let spread = rng.range(0.18, 0.5);
            let major = end_r * rng.range(0.76, 0.9);
            let minor = end_r * rng.range(0.55, 0.78);
            let turn = if rng.chance(0.5) { 1.0 } else { -1.0 };
            let (a, b) = (rng.range(0.80, 0.95), rng.range(0.72, 0.9));
            open.push(next(angle - turn * spread * 0.45, major, a));
            open.push(next(angle + turn * spread, minor, b));
            if rng.chance(0.45) {
                let side_angle = angle - turn * rng.range(0.6, 1.1);
                open.push(next(side_angle, end_r * 0.45, 0.7));
            }
        }
    }

    fn stroke(&self, scene: &Scene, pen: &mut Pen, nodes: &[Node], map: &mut [f32]) {
        let middle = nodes.get(nodes.len() / 2).map_or(0.0, |n| n.y);
        let gain = self.gain * self.gravity.at(middle);
        pen.stroke(&scene.frame, nodes, |i, q, w| {
            let path = gain * w * (1.0 - q).sqrt();
            // Overlapping vessels add only in part, so that forks do not glow.
            map[i] = map[i].max(path) + 0.35 * map[i].min(path);
        });
    }
}

/// The horizontal fissure of the right lung, a thin line in mid height.
fn minor_fissure(scene: &mut Scene, p: &Patient, g: &Geometry) {
    let mut rng = p.rng("fissure");
    let y0 = rng.range(-2.4, -1.0);
    let rise = rng.range(-0.5, 0.8);
    let (start, end) = (g.visible_medial(0, y0) + 1.2, g.lateral(0, y0) - 0.2);
    let nodes: Vec<Node> = (0..=12)
        .map(|i| {
            let t = i as f32 / 12.0;
            let fade = step(0.0, 0.3, t) * (0.6 + 0.4 * step(0.6, 1.0, t));
            let y = y0 + rise * t - 0.5 * (t - 0.5).powi(2) * 4.0 * 0.3;
            Node { x: -(start + (end - start) * t), y, r: 0.06, w: 0.42 * fade }
        })
        .collect();
    let mut pen = Pen::new();
    pen.add(&scene.frame, &nodes, &mut scene.plus);
}
