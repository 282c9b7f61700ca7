//! The heart: a tapered ellipse with its apex down and to the left, and the right atrium.

use crate::phantom::patient::Patient;

/// Heart in patient centimetres; its borders reach exactly the requested width.
pub(crate) struct Heart {
    center: [f32; 2],
    stretch: f32,
    cos: f32,
    sin: f32,
    long: f32,
    short: f32,
    taper: f32,
    thickness: f32,
    atrium: [f32; 4],
    atrium_path: f32,
    /// Heights outside which there is no heart.
    span: [f32; 2],
    /// Right border and left border, x in cm.
    pub(crate) borders: [f32; 2],
}

impl Heart {
    /// A heart of the given width in cm.
    pub(crate) fn new(p: &Patient, width: f32, ctr: f32) -> Self {
        let a = 0.5 * width;
        // A big heart lies flatter.
        let angle = (p.heart_angle - 0.5 * (ctr - 0.45).max(0.0)).max(0.3);
        let (sin, cos) = angle.sin_cos();
        let (long, short) = (1.12 * a, a);
        let taper = 0.10;
        let blunt = p.heart_blunt;
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for i in 0..=400 {
            let u = -1.0 + 2.0 * i as f32 / 400.0;
            let v = short * (blunt - taper * u) * (1.0 - u * u).max(0.0).sqrt();
            for v in [v, -v] {
                let x = long * u * cos - v * sin;
                low = low.min(x);
                high = high.max(x);
            }
        }
        let right = -p.heart_share * width;
        let left = (1.0 - p.heart_share) * width;
        let stretch = (left - right) / (high - low);
        let center = [right - low * stretch, p.dome[0] - p.heart_drop - 0.25 * (a - 6.1)];
        let half = 0.65 * p.heart_share * width;
        Self {
            center,
            stretch,
            cos,
            sin,
            long,
            short: short * blunt,
            taper: short * taper,
            thickness: 9.2 * a / 6.2,
            atrium: [right + half, center[1] + 0.2, half, 3.7 * (0.6 + 0.4 * a / 6.1)],
            atrium_path: 6.5 * (a / 6.1),
            span: [center[1] - long - 1.0, center[1] + long + 1.0],
            borders: [right, left],
        }
    }

    /// Depth inside the outline: 1 in the middle, 0 on the border, negative outside.
    fn depth(&self, x: f32, y: f32) -> f32 {
        let dx = (x - self.center[0]) / self.stretch;
        let dy = y - self.center[1];
        let u = (dx * self.cos + dy * self.sin) / self.long;
        let v = (-dx * self.sin + dy * self.cos) / (self.short - self.taper * u).max(0.5);
        let (u2, v2) = (u * u, v * v);
        1.0 - u2 - v2
    }

    fn atrium_depth(&self, x: f32, y: f32) -> f32 {
        let [cx, cy, rx, ry] = self.atrium;
        1.0 - ((x - cx) / rx).powi(2) - ((y - cy) / ry).powi(2)
    }

    /// Path through the heart muscle and the right atrium, in cm, with an edge softened by motion.
    pub(crate) fn path(&self, x: f32, y: f32) -> f32 {
        if !(self.span[0]..self.span[1]).contains(&y) || x < self.borders[0] - 1.0 || x > self.borders[1] + 1.0 {
            return 0.0;
        }
        let body = softened(self.depth(x, y), 0.03);
        let atrium = softened(self.atrium_depth(x, y), 0.08);
        let (a, b) = (
            if body > 0.0 { self.thickness * body.sqrt() } else { 0.0 },
            if atrium > 0.0 { self.atrium_path * atrium.sqrt() } else { 0.0 },
        );
        if b == 0.0 { a } else { smooth_max(a, b) }
    }

    /// Whether a point lies inside the drawn outline.
    pub(crate) fn contains(&self, x: f32, y: f32) -> bool {
        self.depth(x, y) > 0.0 || self.atrium_depth(x, y) > 0.0
    }

    /// Window `[x0, y0, x1, y1]` around the heart.
    pub(crate) fn window(&self) -> [f32; 4] {
        let r = self.long + 1.0;
        [self.borders[0] - 1.0, self.center[1] - r, self.borders[1] + 1.0, self.center[1] + r]
    }

    /// A point of the heart by its own axes: `u` along the long axis to the apex, `v` across, both -1 to 1.
    pub(crate) fn point(&self, u: f32, v: f32) -> [f32; 2] {
        let (a, b) = (self.long * u, (self.short - self.taper * u) * v);
        [self.center[0] + self.stretch * (a * self.cos - b * self.sin), self.center[1] + a * self.sin + b * self.cos]
    }

    /// Centre of the right atrium.
    pub(crate) fn atrium_center(&self) -> [f32; 2] {
        [self.atrium[0], self.atrium[1]]
    }
}

/// Depth with its zero crossing eased over ± `width`, so that edges do not look cut.
fn softened(depth: f32, width: f32) -> f32 {
    if depth >= width {
        depth
    } else if depth <= -width {
        0.0
    } else {
        let t = 0.5 * (depth + width) / width;
        width * t * t
    }
}

/// The fourth-power mean sum: equals the larger where the other is small, and blends where they are alike.
pub(crate) fn smooth_max(a: f32, b: f32) -> f32 {
    let (a2, b2) = (a * a, b * b);
    (a2 * a2 + b2 * b2).sqrt().sqrt()
}
