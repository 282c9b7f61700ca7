//! Below the domes: gastric bubble, colon gas, liver and bowel texture.

use crate::phantom::curve::step;
use crate::phantom::patient::Patient;
use crate::phantom::scene::Scene;
use crate::phantom::texture::octaves;

use super::geometry::Geometry;

/// Adds gas and soft-tissue unevenness under the diaphragm.
pub(crate) fn paint(scene: &mut Scene, p: &Patient, g: &Geometry) {
    let n = scene.frame.grid;
    let coarse = 128.min(n);
    let rough = crate::phantom::texture::resized(&octaves(&mut p.rng("bowel"), coarse, 8, 64, 0.6), coarse, n);
    scene.frame.each([-18.0, 3.5, 18.0, 24.0], |i, x, y| {
        let side = usize::from(x > 0.0);
        let below = y - g.dome(side, x.abs());
        if below > 0.3 && scene.body[i] > 0.0 {
            // The liver is even, the bowel is not.
            let liver = if side == 0 { step(9.0, 5.0, below) } else { 0.0 };
            scene.plus[i] += rough[i] * (0.55 - 0.4 * liver) * step(0.3, 2.5, below);
        }
    });
    let upright = !p.is_portable();
    let [cx, rx, ry, path] = p.bubble;
    let cy = g.dome(1, cx) + 0.9 + ry;
    bubble(scene, [cx, cy, rx, ry], path, upright.then_some(cy + 0.45 * ry));
    let mut rng = p.rng("colon");
    for _ in 0..p.colon_gas {
        let (rx, ry) = (rng.range(0.8, 1.8), rng.range(0.6, 1.1));
        let x = rng.range(7.5, 12.0) * if rng.chance(0.75) { 1.0 } else { -1.0 };
        let side = usize::from(x > 0.0);
        let y = g.dome(side, x.abs()) + rng.range(2.6, 5.0) + if side == 0 { 3.5 } else { 0.0 };
        bubble(scene, [x, y, rx, ry], rng.range(0.8, 2.2), None);
    }
}

/// A gas ellipse, cut by a fluid level where one is given.
fn bubble(scene: &mut Scene, [cx, cy, rx, ry]: [f32; 4], path: f32, level: Option<f32>) {
    scene.frame.each([cx - rx, cy - ry, cx + rx, cy + ry], |i, x, y| {
        let q = 1.0 - ((x - cx) / rx).powi(2) - ((y - cy) / ry).powi(2);
        if q > 0.0 {
            let cut = level.map_or(1.0, |l| step(l + 0.08, l - 0.08, y));
            scene.gas[i] += path * q.powf(0.7) * cut;
        }
    });
}
