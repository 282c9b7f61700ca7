//! From the patient's centimetres to the sampling grid.

/// A similarity: scale, roll and shift. Patient x points to the picture's right (the patient's left), y down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Side of the square grid in samples.
    pub(crate) grid: usize,
    /// Samples a patient centimetre.
    pub(crate) scale: f32,
    cos: f32,
    sin: f32,
    origin: [f32; 2],
}

impl Frame {
    /// A frame for a `grid`² picture of `field_cm` a side.
    pub(crate) fn new(grid: usize, field_cm: f32, body_scale: f32, shift_cm: [f32; 2], roll: f32) -> Self {
        let per_cm = grid as f32 / field_cm;
        let half = 0.5 * grid as f32;
        Self {
            grid,
            scale: per_cm * body_scale,
            cos: roll.cos(),
            sin: roll.sin(),
            origin: [half + shift_cm[0] * per_cm, half + shift_cm[1] * per_cm],
        }
    }

    /// Grid position of a patient point; sample `(i, j)` covers `i..i+1`.
    pub(crate) fn grid_of(&self, x: f32, y: f32) -> [f32; 2] {
        [(self.cos * x - self.sin * y) * self.scale + self.origin[0], (self.sin * x + self.cos * y) * self.scale + self.origin[1]]
    }

    /// Patient point of a grid position.
    pub(crate) fn patient_of(&self, gx: f32, gy: f32) -> [f32; 2] {
        let (u, v) = ((gx - self.origin[0]) / self.scale, (gy - self.origin[1]) / self.scale);
        [self.cos * u + self.sin * v, -self.sin * u + self.cos * v]
    }

    /// Calls `f(index, x, y)` with the patient position of each sample of a patient-space window.
    pub(crate) fn each(&self, window: [f32; 4], mut f: impl FnMut(usize, f32, f32)) {
        let [x0, y0, x1, y1] = self.bounds(window);
        let (dx, dy) = (self.cos / self.scale, -self.sin / self.scale);
        for row in y0..y1 {
            let [sx, sy] = self.patient_of(x0 as f32 + 0.5, row as f32 + 0.5);
            for (k, i) in (row * self.grid + x0..row * self.grid + x1).enumerate() {
                f(i, sx + k as f32 * dx, sy + k as f32 * dy);
            }
        }
    }

    /// Grid bounds `[x0, y0, x1, y1]` of a patient-space window `[x0, y0, x1, y1]`, cut to the grid.
    pub(crate) fn bounds(&self, w: [f32; 4]) -> [usize; 4] {
        let corners = [(w[0], w[1]), (w[2], w[1]), (w[0], w[3]), (w[2], w[3])].map(|(x, y)| self.grid_of(x, y));
        let limit = self.grid as f32;
        let low = |k: usize| corners.iter().map(|c| c[k]).fold(f32::INFINITY, f32::min).floor().clamp(0.0, limit);
        let high = |k: usize| corners.iter().map(|c| c[k]).fold(f32::NEG_INFINITY, f32::max).ceil().clamp(0.0, limit);
        [low(0) as usize, low(1) as usize, high(0) as usize, high(1) as usize]
    }
}
