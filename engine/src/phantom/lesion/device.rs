//! Pacemakers, tubes, lines and wires.

use crate::phantom::anatomy::vessels::carina;
use crate::phantom::curve::{spline, step};
use crate::phantom::tube::Node;

use super::{Canvas, Device, PlannedFinding, side_index};

/// Draws a device; the mask is its silhouette, widened to be seen.
pub(super) fn paint(c: &mut Canvas<'_>, f: &PlannedFinding, device: Device) -> f32 {
    let side = side_index(f.side);
    match device {
        Device::Pacemaker { leads } => pacemaker(c, side, leads),
        Device::Endotracheal { above_carina } => endotracheal(c, above_carina),
        Device::Central { jugular, atrium } => central(c, side, jugular, atrium),
        Device::Nasogastric => nasogastric(c),
        Device::ChestTube => chest_tube(c, side),
        Device::SternalWires { rings } => sternal_wires(c, rings),
    }
    0.3
}

/// A wire or tube of radiopaque path `w` along points, with its silhouette in the mask.
fn wire(c: &mut Canvas<'_>, points: &[[f32; 2]], r: f32, w: f32) {
    let nodes: Vec<Node> = spline(points, 10).iter().map(|p| Node { x: p[0], y: p[1], r, w }).collect();
    c.pen.add(&c.scene.frame, &nodes, &mut c.scene.metal);
    outline(c, &nodes, r);
}

fn outline(c: &mut Canvas<'_>, nodes: &[Node], r: f32) {
    let wide: Vec<Node> = nodes.iter().map(|n| Node { r: (r + 0.05).max(0.14), w: 1.0, ..*n }).collect();
    let delta = &mut c.delta;
    c.pen.stroke(&c.scene.frame, &wide, |i, _, _| delta[i] = 1.0);
}

fn pacemaker(c: &mut Canvas<'_>, side: usize, leads: u32) {
    let sign = if side == 0 { -1.0 } else { 1.0 };
    let mut rng = c.patient.rng("pacemaker");
    let (cx, cy) = (sign * rng.range(7.4, 9.6), rng.range(-9.8, -7.8));
    let (half_x, half_y, corner) = (rng.range(1.9, 2.3), rng.range(1.65, 2.0), rng.range(0.7, 1.3));
    let turn = rng.normal(0.0, 0.16) + sign * 0.12;
    let (sin, cos) = turn.sin_cos();
    let reach = 3.4;
    let (scene, delta) = (&mut *c.scene, &mut c.delta);
    let soft = (0.6 / scene.frame.scale).max(0.04);
    scene.frame.each([cx - reach, cy - reach, cx + reach, cy + reach], |i, x, y| {
        let (dx, dy) = (x - cx, y - cy);
        let (u, v) = (cos * dx + sin * dy, -sin * dx + cos * dy);
        let (ax, ay) = ((u.abs() - half_x + corner).max(0.0), (v.abs() - half_y + corner).max(0.0));
        let d = (ax * ax + ay * ay).sqrt() - corner;
        let can = step(soft, -soft, d);
        if can > 0.0 {
            // The connector block on top is plastic, the battery below is dense.
            let header = step(-half_y + 0.95, -half_y + 0.75, v);
            let battery = step(-0.1, 0.1, v) * step(half_x - 0.35, half_x - 0.5, u.abs());
            let rim = step(-0.22, -0.08, d);
            scene.metal[i] += can * (0.075 * header + (1.0 - header) * (0.17 + 0.10 * battery + 0.06 * rim));
            delta[i] = 1.0;
        }
    });
    let shift = c.geometry.shift;
    let exit = [cx - sign * 0.7 * half_x, cy - 0.8 * half_y];
    let vein = if side == 1 {
        [[cx - 2.6, cy - half_y - 0.9], [4.0, -11.2], [0.6, -10.2], [-1.4, -8.9]]
    } else {
        [[cx + 2.3, cy - half_y - 0.9], [-4.6, -11.5], [-2.9, -10.6], [-2.1, -9.0]]
    };
    let atrium = c.geometry.heart.atrium_center();
    let ventricle = c.geometry.heart.point(rng.range(0.52, 0.72), rng.range(0.25, 0.6));
    for lead in 0..leads {
        let apart = 0.22 * lead as f32;
        let mut points = vec![exit];
        points.extend(vein.map(|[x, y]| [x + shift, y + apart]));
        points.push([-2.15 - apart + shift, -5.6]);
        if lead == 0 {
            points.push([atrium[0] - 0.35 + shift, atrium[1] - 0.8]);
            points.push([atrium[0] + 0.35 + shift, atrium[1] + 1.6]);
            points.push([0.62 * atrium[0] + 0.38 * ventricle[0] + shift, 0.5 * (atrium[1] + ventricle[1]) + 1.6]);
            points.push([ventricle[0] + shift, ventricle[1]]);
        } else {
            points.push([atrium[0] - 0.3 + shift, atrium[1] + 0.2]);
            points.push([atrium[0] + 0.5 + shift, atrium[1] + 0.9]);
            points.push([atrium[0] + 0.9 + shift, atrium[1] - 0.8]);
        }
        wire(c, &points, 0.095, 0.085);
        if let Some(&[x, y]) = points.last() {
            wire(c, &[[x, y], [x + 0.25, y + 0.05]], 0.16, 0.12);
        }
    }
    // The spare length is coiled beside the can.
    if rng.chance(0.6) {
        let r = half_x * 1.12;
        let coil: Vec<[f32; 2]> = (0..=9)
            .map(|i| {
                let a = 0.15 + 0.36 * i as f32;
                [cx + sign * r * a.cos(), cy + (half_y * 1.12) * a.sin()]
            })
            .collect();
        wire(c, &coil, 0.085, 0.06);
    }
}

/// Path of the trachea at a height, x in cm.
fn tracheal_x(c: &Canvas<'_>, y: f32) -> f32 {
    let push = 0.25 + 0.25 * c.patient.unfold;
    c.geometry.shift * step(-15.0, -8.0, y) - push * step(-14.0, -8.0, y) * step(-4.5, -7.0, y) + 0.15 * step(-7.0, -5.0, y)
}

fn endotracheal(c: &mut Canvas<'_>, above_carina: f32) {
    let tip = carina(c.geometry.shift)[1] - above_carina;
    let line: Vec<[f32; 2]> = (0..=6)
        .map(|i| {
            let y = -22.0 + (tip + 22.0) * i as f32 / 6.0;
            [tracheal_x(c, y), y]
        })
        .collect();
    for offset in [-0.33f32, 0.33] {
        let wall: Vec<[f32; 2]> = line.iter().map(|p| [p[0] + offset, p[1] + if offset > 0.0 { 0.3 } else { 0.0 }]).collect();
        wire(c, &wall, 0.09, 0.055);
    }
    let stripe: Vec<[f32; 2]> = line.iter().map(|p| [p[0] + 0.12, p[1]]).collect();
    wire(c, &stripe, 0.08, 0.09);
    let nodes: Vec<Node> = line.iter().map(|p| Node { x: p[0], y: p[1], r: 0.40, w: 0.022 }).collect();
    c.pen.add(&c.scene.frame, &nodes, &mut c.scene.metal);
    outline(c, &nodes, 0.36);
}

fn central(c: &mut Canvas<'_>, side: usize, jugular: bool, atrium: bool) {
    let sign = if side == 0 { -1.0 } else { 1.0 };
    let shift = c.geometry.shift;
    let mut rng = c.patient.rng("central line");
    let tip = if atrium {
        let [x, y] = c.geometry.heart.atrium_center();
        [x, y - 0.6]
    } else {
        [-2.15, rng.range(-4.2, -2.4)]
    };
    let mut points: Vec<[f32; 2]> = if jugular {
        vec![[sign * 4.6, -22.0], [sign * 3.7, -15.5], [sign * 2.6, -11.2]]
    } else {
        vec![[sign * 13.5, -11.2], [sign * 9.0, -11.6], [sign * 5.0, -11.4], [sign * 2.6, -10.2]]
    };
    if side == 1 {
        points.push([0.2, -9.4]);
    }
    points.extend([[-1.75, -8.2], [-2.05, -6.0], tip]);
    points.iter_mut().for_each(|p| p[0] += shift);
    wire(c, &points, 0.12, 0.055);
}

fn nasogastric(c: &mut Canvas<'_>) {
    let shift = c.geometry.shift;
    let mut rng = c.patient.rng("feeding tube");
    let dome = c.patient.dome[1];
    let points = [
        [-0.1, -22.0],
        [0.2, -14.0],
        [0.6, -6.0],
        [0.5, 0.0],
        [0.9, dome - 0.5],
        [2.2, dome + 2.0],
        [4.3, dome + 4.0 + rng.range(-0.4, 0.6)],
        [6.2, dome + 4.4 + rng.range(-0.6, 0.8)],
    ]
    .map(|[x, y]| [x + shift, y]);
    wire(c, &points, 0.14, 0.075);
}

fn chest_tube(c: &mut Canvas<'_>, side: usize) {
    let sign = if side == 0 { -1.0 } else { 1.0 };
    let mut rng = c.patient.rng("chest tube");
    let entry = rng.range(1.5, 4.0);
    let wall = c.geometry.lateral(side, entry);
    let end = rng.range(-9.5, -6.5);
    let points = [
        [sign * (wall + 3.2), entry + 1.6],
        [sign * (wall + 0.2), entry],
        [sign * (wall - 2.0), entry - 2.6],
        [sign * (c.geometry.lateral(side, -4.0) - 2.4), -4.0],
        [sign * (c.geometry.lateral(side, end) - 2.6), end],
    ];
    let nodes: Vec<Node> = spline(&points, 10).iter().map(|p| Node { x: p[0], y: p[1], r: 0.42, w: 0.014 }).collect();
    c.pen.add(&c.scene.frame, &nodes, &mut c.scene.metal);
    outline(c, &nodes, 0.40);
    let stripe: Vec<[f32; 2]> = points.iter().map(|p| [p[0] + sign * 0.2, p[1]]).collect();
    wire(c, &stripe, 0.07, 0.05);
}

fn sternal_wires(c: &mut Canvas<'_>, rings: u32) {
    let mut rng = c.patient.rng("sternal wires");
    let cx = -0.6 * c.patient.rotation;
    for k in 0..rings {
        let y = -8.6 + 2.35 * k as f32 + rng.normal(0.0, 0.15);
        let (rx, ry) = (rng.range(0.75, 1.0), rng.range(0.35, 0.55));
        let tilt = rng.normal(0.0, 0.15);
        let ring: Vec<[f32; 2]> = (0..=10)
            .map(|i| {
                let a = 0.628 * i as f32;
                [cx + rx * a.cos(), y + ry * a.sin() + tilt * a.cos()]
            })
            .collect();
        wire(c, &ring, 0.06, 0.06);
        wire(c, &[[cx, y + ry], [cx + 0.28, y + ry + 0.28]], 0.09, 0.08);
    }
}

/// Buttons down the front: rims with four holes.
pub(super) fn buttons(c: &mut Canvas<'_>, count: u32) -> f32 {
    let mut rng = c.patient.rng("buttons");
    let (x0, y0) = (rng.range(-2.5, 2.5), rng.range(-9.0, -5.0));
    let (r, pitch) = (rng.range(0.42, 0.75), rng.range(3.2, 6.5));
    let path = rng.range(0.012, 0.03);
    for k in 0..count {
        let (cx, cy) = (x0 + rng.normal(0.0, 0.3), y0 + pitch * k as f32 + rng.normal(0.0, 0.3));
        let (scene, delta) = (&mut *c.scene, &mut c.delta);
        let frame = scene.frame;
        let soft = (0.6 / frame.scale).max(0.03);
        frame.each([cx - r - 0.2, cy - r - 0.2, cx + r + 0.2, cy + r + 0.2], |i, x, y| {
            let (dx, dy) = ((x - cx).abs(), (y - cy).abs());
            let d = (dx * dx + dy * dy).sqrt();
            let disk = step(r + soft, r - soft, d);
            if disk <= 0.0 {
                return;
            }
            let rim = step(0.72 * r, 0.8 * r, d);
            let hole = ((dx - 0.22 * r).powi(2) + (dy - 0.22 * r).powi(2)).sqrt();
            scene.metal[i] += path * disk * (0.6 + 0.7 * rim) * step(0.06 * r, 0.16 * r + soft, hole);
            delta[i] = disk;
        });
    }
    0.5
}
