//! Ribs, clavicles, spine, scapulae, humeral heads, sternum.

use std::f32::consts::PI;

use crate::phantom::curve::{Curve, spline, step};
use crate::phantom::patient::Patient;
use crate::phantom::scene::Scene;
use crate::phantom::tube::{Node, Pen};

/// A broken rib to draw: side (0 right), rib number from 0, angle along the rib, gap and step in cm, callus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Break {
    pub(crate) side: usize,
    pub(crate) rib: usize,
    pub(crate) phi: f32,
    pub(crate) offset: f32,
    pub(crate) callus: bool,
}

const REACH: [f32; 11] = [5.0, 8.0, 9.9, 11.4, 12.5, 13.2, 13.7, 14.0, 14.1, 14.0, 13.5];

/// Draws the whole skeleton.
pub(crate) fn paint(scene: &mut Scene, pen: &mut Pen, p: &Patient, breaks: &[Break]) {
    for side in 0..2 {
        ribs(scene, pen, p, side, breaks);
        shoulder(scene, pen, p, side);
    }
    spine(scene, p);
    calcifications(scene, pen, p);
    sternum(scene, p);
}

/// Chalk in the wall of the aortic knob and in the first rib cartilages of the old.
fn calcifications(scene: &mut Scene, pen: &mut Pen, p: &Patient) {
    let mut rng = p.rng("calcification");
    if p.knob_calcified {
        let (cx, cy) = (1.75 + 0.35 * p.unfold + 0.3 * p.rotation, -6.4 - 0.6 * p.unfold);
        let start = rng.range(-1.3, -0.5);
        let arc: Vec<Node> = (0..=10)
            .map(|i| {
                let a = start + rng.range(0.12, 0.16) * i as f32;
                let r = 1.5 * p.knob;
                Node { x: cx + r * a.cos(), y: cy + r * a.sin(), r: 0.07, w: 0.22 * rng.range(0.3, 1.0) }
            })
            .collect();
        pen.add(&scene.frame, &arc, &mut scene.bone);
    }
    if p.age < 45.0 {
        return;
    }
    let amount = (0.012 * (p.age - 45.0)).min(0.5);
    for side in 0..2 {
        for k in 0..9 {
            let line = RibLine::new(p, side, k);
            let last = PI * if k == 0 { 0.86 } else { 0.80 };
            for _ in 0..5 {
                if !rng.chance(amount) {
                    continue;
                }
                let phi = last + rng.range(-0.22, 0.05);
                let [x, y, _] = line.at(phi);
                let (x, y) = (x + rng.normal(0.0, 0.1), y + rng.normal(0.0, 0.22));
                let r = rng.range(0.10, 0.26);
                let length = rng.range(0.1, 0.5);
                let spot =
                    [-0.5f32, 0.5].map(|t| Node { x: x + t * length, y: y + 0.7 * t * length, r, w: rng.range(0.05, 0.18) });
                pen.add(&scene.frame, &spot, &mut scene.bone);
            }
        }
    }
}

/// Middle line of a rib: position and depth at angle `phi`.
struct RibLine {
    sign: f32,
    reach: f32,
    start: f32,
    drop: f32,
    depth: f32,
    tilt: f32,
    shift: f32,
}

impl RibLine {
    fn new(p: &Patient, side: usize, k: usize) -> Self {
        let mut jitter = p.rng(&format!("rib {side} {k}"));
        let drop = Curve::new(&[0.0, 3.0, 6.0, 10.0], &[3.4, 8.4, 10.6, 11.0]);
        Self {
            sign: if side == 0 { -1.0 } else { 1.0 },
            reach: REACH[k] * p.lung_width[side] + jitter.normal(0.0, 0.1),
            start: -12.4 + 2.12 * k as f32 * p.rib_pitch + jitter.normal(0.0, 0.12) + 0.5 * p.apex[side],
            drop: drop.at(k as f32) * p.rib_slope + jitter.normal(0.0, 0.15),
            depth: 4.5 + 4.7 * (k as f32 / 10.0),
            tilt: jitter.normal(0.0, 0.025),
            shift: 0.5 * p.rotation,
        }
    }

    /// x, y, z in cm.
    fn at(&self, phi: f32) -> [f32; 3] {
        let out = (self.reach - 1.6) * phi.sin().max(0.0).powf(0.82);
        let x = 1.6 + out;
        let y = self.start - 0.7 - 0.55 * (2.2 * phi).sin() + self.drop * (0.5 * (1.0 - phi.cos())).powf(1.05) + self.tilt * out;
        // The back of the chest follows the spine, the front stays.
        let back = 0.5 * (1.0 + phi.cos());
        [self.sign * x + self.shift * back, y, self.depth * phi.cos()]
    }
}

/// Position of a point of a rib, for fractures.
pub(crate) fn rib_point(p: &Patient, side: usize, k: usize, phi: f32) -> [f32; 2] {
    let [x, y, _] = RibLine::new(p, side, k.min(10)).at(phi);
    [x, y]
}

fn ribs(scene: &mut Scene, pen: &mut Pen, p: &Patient, side: usize, breaks: &[Break]) {
    let end = Curve::new(&[0.0, 4.0, 8.0, 10.0], &[0.86, 0.84, 0.72, 0.5]);
    for k in 0..11 {
        let line = RibLine::new(p, side, k);
        let last = PI * end.at(k as f32);
        let broken = breaks.iter().find(|b| b.side == side && b.rib == k);
        let base_radius = if k == 0 { 0.5 } else { 0.60 + 0.006 * k as f32 };
        let steps = if broken.is_some() { 120 } else { 44 };
        let mut nodes = Vec::with_capacity(steps + 1);
        let mut before = line.at(0.05);
        for i in 0..=steps {
            let phi = 0.06 + (last - 0.06) * i as f32 / steps as f32;
            let here = line.at(phi);
            let flat = ((here[0] - before[0]).powi(2) + (here[1] - before[1]).powi(2)).sqrt();
            let deep = here[2] - before[2];
            let ratio = ((flat * flat + deep * deep).sqrt() / flat.max(1e-4)).clamp(1.0, 1.9);
            before = here;
            let front = step(0.42 * PI, 0.62 * PI, phi);
            let flattening = 0.62 - 0.12 * front;
            // Heads near the spine are thin, cartilage at the front end is not calcified.
            let head = 0.55 + 0.45 * step(0.06, 0.35, phi);
            let cartilage = 1.0 - 0.85 * step(last - 0.42, last - 0.02, phi);
            let lateral_turn = 1.0 - 0.35 * step(0.16, 0.0, (phi - 0.5 * PI).abs() / PI);
            let first = if k == 0 { 0.7 } else { 1.0 };
            let weight = flattening * ratio.powf(0.8) * head * cartilage * lateral_turn * first * (1.0 - 0.22 * front);
            nodes.push((phi, Node { x: here[0], y: here[1], r: base_radius, w: weight * base_radius }));
        }
        let parts: Vec<Vec<Node>> = match broken {
            None => vec![nodes.iter().map(|(_, n)| *n).collect()],
            Some(b) => {
                // Rounded ends reach over the cut, so the middle lines stop short of it.
                let [bx, by, _] = line.at(b.phi);
                let back = 0.85 * base_radius + 0.08;
                let clear = |n: &Node| (n.x - bx).powi(2) + (n.y - by).powi(2) > back * back;
                let near = nodes.iter().filter(|(phi, n)| *phi < b.phi && clear(n)).map(|(_, n)| *n).collect();
                let far = nodes
                    .iter()
                    .filter(|(phi, n)| *phi > b.phi && clear(n))
                    .map(|(phi, n)| {
                        let fade = step(b.phi + 0.6, b.phi + 0.05, *phi);
                        Node { y: n.y + b.offset * fade, ..*n }
                    })
                    .collect();
                vec![near, far]
            }
        };
        let bone = &mut scene.bone;
        let gain = 1.45 * p.bone;
        for part in parts {
            pen.stroke(&scene.frame, &part, |i, q, w| {
                // Outer chord minus inner chord is the cortex, the inside is spongy.
                let outer = (1.0 - q).sqrt();
                let inner = (1.0 - q * 1.66).max(0.0).sqrt() * 0.776;
                bone[i] += gain * w * (1.1 * (outer - inner) + 0.34 * inner);
            });
        }
        if let Some(b) = broken.filter(|b| b.callus) {
            let [x, y, _] = line.at(b.phi);
            let r = 0.85;
            scene.frame.each([x - r, y - r, x + r, y + r], |i, px, py| {
                let q = 1.0 - ((px - x).powi(2) + (py - y).powi(2)) / (r * r);
                if q > 0.0 {
                    scene.bone[i] += 0.28 * q;
                }
            });
        }
    }
}

fn shoulder(scene: &mut Scene, pen: &mut Pen, p: &Patient, side: usize) {
    let sign = if side == 0 { -1.0 } else { 1.0 };
    let twist = if side == 0 { p.clavicle[1] } else { -p.clavicle[1] };
    let up = p.clavicle[0] + twist;
    let w = p.lung_width[side];
    let turn = 0.8 * p.rotation;
    let points: Vec<[f32; 4]> = [
        [1.7, -10.6, 0.95, 0.62],
        [4.2, -11.2, 0.70, 0.62],
        [8.0, -12.6, 0.55, 0.60],
        [12.0, -13.9, 0.58, 0.56],
        [15.6, -13.6, 0.70, 0.50],
    ]
    .iter()
    .enumerate()
    .map(|(i, v)| [sign * v[0] * w - turn * (1.0 - 0.2 * i as f32), v[1] + up * (0.35 + 0.2 * i as f32), v[2], v[3]])
    .collect();
    let nodes: Vec<Node> = spline(&points, 8).iter().map(|v| Node { x: v[0], y: v[1], r: v[2] * 0.92, w: v[3] }).collect();
    let (bone, gain) = (&mut scene.bone, 1.25 * p.bone);
    pen.stroke(&scene.frame, &nodes, |i, q, w| {
        let outer = (1.0 - q).sqrt();
        let inner = (1.0 - q * 1.5).max(0.0).sqrt() * 0.816;
        bone[i] += gain * w * (1.5 * (outer - inner) + 0.45 * inner);
    });
    scapula(scene, pen, p, sign);
    humerus(scene, p, sign);
}

/// A thin plate with thick lateral border and spine; pulled out of the lung on PA views.
fn scapula(scene: &mut Scene, pen: &mut Pen, p: &Patient, sign: f32) {
    let dx = -p.scapula_in;
    let corner = |x: f32, y: f32| [sign * (x + dx), y];
    let (top, tip, glenoid) = (corner(12.4, -12.4), corner(13.9, 0.8), corner(17.0, -10.6));
    let polygon = [top, tip, glenoid];
    let low = polygon.iter().map(|v| v[0]).fold(f32::INFINITY, f32::min) - 0.5;
    let high = polygon.iter().map(|v| v[0]).fold(f32::NEG_INFINITY, f32::max) + 0.5;
    let soft = 0.35;
    scene.frame.each([low, -13.2, high, 1.6], |i, x, y| {
        let mut inside = f32::INFINITY;
        for k in 0..3 {
            let (a, b) = (polygon[k], polygon[(k + 1) % 3]);
            let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
            let length = (ex * ex + ey * ey).sqrt();
            let d = ((x - a[0]) * ey - (y - a[1]) * ex) / length * sign;
            inside = inside.min(d);
        }
        if inside > -soft {
            scene.bone[i] += 0.13 * p.bone * step(-soft, soft, inside);
        }
    });
    let bone = &mut scene.bone;
    for (a, b, w, r) in [(tip, glenoid, 0.38, 0.38), (top, tip, 0.12, 0.22), (top, glenoid, 0.20, 0.30)] {
        let line: Vec<Node> = (0..=6)
            .map(|i| {
                let t = i as f32 / 6.0;
                let bow = 0.5 * (t * (1.0 - t)) * 4.0 * sign * 0.35;
                let fade = 0.4 + 0.6 * step(0.0, 0.25, t);
                Node { x: a[0] + (b[0] - a[0]) * t - bow, y: a[1] + (b[1] - a[1]) * t, r, w: w * fade * p.bone }
            })
            .collect();
        pen.add(&scene.frame, &line, bone);
    }
}

fn humerus(scene: &mut Scene, p: &Patient, sign: f32) {
    let (cx, cy, r) = (sign * (18.6 - 0.4 * p.scapula_in), -10.6, 2.4);
    scene.frame.each([cx - r, cy - r, cx + r, cy + r], |i, x, y| {
        let q = 1.0 - ((x - cx).powi(2) + (y - cy).powi(2)) / (r * r);
        if q > 0.0 {
            scene.bone[i] += 0.5 * p.bone * q.sqrt();
        }
    });
}

/// Seventeen vertebrae: body, end plates, pedicles, spinous and transverse processes.
fn spine(scene: &mut Scene, p: &Patient) {
    const PITCH: f32 = 2.28;
    let phase = p.rng("spine").range(0.0, PITCH);
    let [bend, bend_phase] = p.scoliosis;
    let gain = 1.9 * p.bone;
    let ring = |d: f32, r: f32, w: f32| step(w, 0.0, (d - r).abs());
    scene.frame.each([-5.5, -22.0, 5.5, 24.0], |i, x, y| {
        let x = x - p.rotation - bend * (0.16 * y + bend_phase).sin();
        let place = (y + 30.0 - phase) / PITCH;
        let dy = (place - place.floor() - 0.5) * PITCH;
        let half = 1.45 + 0.85 * ((y + 19.0) / 36.0).clamp(0.0, 1.0);
        let ax = x.abs();
        // Waisted bodies.
        let edge = half - 0.16 * (1.0 - (dy / 0.98).powi(2)).max(0.0);
        let within = step(edge + 0.12, edge - 0.12, ax);
        let tall = step(1.02, 0.90, dy.abs());
        let mut bone = 0.17 * within * tall;
        bone += 0.10 * within * ring(dy.abs(), 0.93, 0.13);
        bone += 0.05 * tall * ring(ax, edge - 0.08, 0.14);
        let pedicle = (((ax - 0.62 * half) / 0.34).powi(2) + ((dy + 0.30) / 0.46).powi(2)).sqrt();
        bone += 0.14 * ring(pedicle, 0.85, 0.45);
        let spinous = ((x / 0.26).powi(2) + ((dy - 0.62) / 0.62).powi(2)).sqrt();
        bone += 0.20 * step(1.15, 0.6, spinous);
        let process = ((dy + 0.15 + 0.12 * (ax - half)) / 0.40).abs();
        let along = step(half + 1.7, half + 1.2, ax) * step(half - 0.5, half - 0.1, ax);
        bone += 0.09 * along * step(1.1, 0.5, process) * step(9.0, 6.0, y);
        scene.bone[i] += gain * bone;
    });
}

fn sternum(scene: &mut Scene, p: &Patient) {
    let cx = -0.6 * p.rotation;
    scene.frame.each([cx - 3.4, -11.6, cx + 3.4, -6.0], |i, x, y| {
        let half = if y < -8.6 { 2.7 } else { 1.7 };
        let d = ((x - cx).abs() - half).max((y + 8.8).abs() - 2.5);
        scene.bone[i] += 0.07 * p.bone * step(0.3, -0.3, d);
    });
}
