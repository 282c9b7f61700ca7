//! Tubes: ribs, vessels, clavicles, catheters.
//!
//! Every segment touches only its bounding box; the smallest normalised distance wins,
//! so a bent tube never counts itself twice.

use super::frame::Frame;

/// A point of a tube in patient centimetres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// In-plane radius.
    pub(crate) r: f32,
    /// Path length through the middle, or any weight that travels along the tube.
    pub(crate) w: f32,
}

/// Scratch for strokes; one a picture.
pub(crate) struct Pen {
    q: Vec<f32>,
    w: Vec<f32>,
}

/// Radii below this many samples are widened to it and their weight lowered to match.
const MIN_RADIUS: f32 = 0.8;

impl Pen {
    pub(crate) fn new() -> Self {
        Self { q: Vec::new(), w: Vec::new() }
    }

    /// Calls `paint(index, q², w)` for every sample within the tube; `q` is distance over radius.
    pub(crate) fn stroke(&mut self, frame: &Frame, nodes: &[Node], mut paint: impl FnMut(usize, f32, f32)) {
        let limit = frame.grid as f32;
        let placed: Vec<[f32; 4]> = nodes
            .iter()
            .map(|n| {
                let [x, y] = frame.grid_of(n.x, n.y);
                let r = n.r * frame.scale;
                let wide = r.max(MIN_RADIUS);
                [x, y, wide, n.w * (r / wide).max(0.0)]
            })
            .collect();
        let mut bounds = [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY];
        for p in &placed {
            bounds[0] = bounds[0].min(p[0] - p[2]);
            bounds[1] = bounds[1].min(p[1] - p[2]);
            bounds[2] = bounds[2].max(p[0] + p[2]);
            bounds[3] = bounds[3].max(p[1] + p[2]);
        }
        let cut = |v: f32| v.clamp(0.0, limit);
        let (x0, y0) = (cut(bounds[0].floor()) as usize, cut(bounds[1].floor()) as usize);
        let (x1, y1) = (cut(bounds[2].ceil()) as usize, cut(bounds[3].ceil()) as usize);
        if x1 <= x0 || y1 <= y0 {
            return;
        }
        let width = x1 - x0;
        self.q.clear();
        self.q.resize(width * (y1 - y0), f32::INFINITY);
        self.w.resize(self.w.len().max(self.q.len()), 0.0);
        for pair in placed.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
            let inverse = 1.0 / (ex * ex + ey * ey).max(1e-9);
            let reach = a[2].max(b[2]);
            let sx0 = cut((a[0].min(b[0]) - reach).floor()) as usize;
            let sy0 = cut((a[1].min(b[1]) - reach).floor()) as usize;
            let sx1 = cut((a[0].max(b[0]) + reach).ceil()) as usize;
            let sy1 = cut((a[1].max(b[1]) + reach).ceil()) as usize;
            for y in sy0.max(y0)..sy1.min(y1) {
                let py = y as f32 + 0.5 - a[1];
                for x in sx0.max(x0)..sx1.min(x1) {
                    let px = x as f32 + 0.5 - a[0];
                    let t = ((px * ex + py * ey) * inverse).clamp(0.0, 1.0);
                    let (dx, dy) = (px - t * ex, py - t * ey);
                    let r = a[2] + (b[2] - a[2]) * t;
                    let q = (dx * dx + dy * dy) / (r * r);
                    let i = (y - y0) * width + x - x0;
                    if q < self.q[i] {
                        self.q[i] = q;
                        self.w[i] = a[3] + (b[3] - a[3]) * t;
                    }
                }
            }
        }
        for y in y0..y1 {
            let row = (y - y0) * width;
            for x in 0..width {
                let q = self.q[row + x];
                if q < 1.0 {
                    paint(y * frame.grid + x0 + x, q, self.w[row + x]);
                }
            }
        }
    }

    /// Adds a round tube of path `w` to a map.
    pub(crate) fn add(&mut self, frame: &Frame, nodes: &[Node], map: &mut [f32]) {
        self.stroke(frame, nodes, |i, q, w| map[i] += w * (1.0 - q).sqrt());
    }
}
