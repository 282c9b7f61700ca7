//! Smooth curves through listed points.

/// A monotone cubic (Fritsch–Carlson) through points with rising abscissae, constant beyond the ends.
pub(crate) struct Curve {
    x: Vec<f32>,
    y: Vec<f32>,
    slope: Vec<f32>,
}

impl Curve {
    /// A curve through `(x[i], y[i])`; surplus values of the longer list are left out.
    pub(crate) fn new(x: &[f32], y: &[f32]) -> Self {
        let n = x.len().min(y.len());
        let (x, y) = (x[..n].to_vec(), y[..n].to_vec());
        let secant: Vec<f32> = (1..n).map(|i| (y[i] - y[i - 1]) / (x[i] - x[i - 1]).max(1e-6)).collect();
        let mut slope = vec![0.0; n];
        for (i, slope) in slope.iter_mut().enumerate() {
            *slope = match (i.checked_sub(1).and_then(|j| secant.get(j)), secant.get(i)) {
                (Some(&a), Some(&b)) if a * b > 0.0 => 2.0 * a * b / (a + b),
                (None, Some(&a)) | (Some(&a), None) => a,
                _ => 0.0,
            };
        }
        Self { x, y, slope }
    }

    pub(crate) fn at(&self, x: f32) -> f32 {
        let n = self.x.len();
        if n == 0 {
            return 0.0;
        }
        if x <= self.x[0] {
            return self.y[0];
        }
        if x >= self.x[n - 1] {
            return self.y[n - 1];
        }
        let mut i = 0;
        while x > self.x[i + 1] {
            i += 1;
        }
        let h = self.x[i + 1] - self.x[i];
        let t = (x - self.x[i]) / h;
        let (t2, t3) = (t * t, t * t * t);
        self.y[i] * (2.0 * t3 - 3.0 * t2 + 1.0)
            + self.slope[i] * h * (t3 - 2.0 * t2 + t)
            + self.y[i + 1] * (3.0 * t2 - 2.0 * t3)
            + self.slope[i + 1] * h * (t3 - t2)
    }
}

/// Cubic step from 0 at `a` to 1 at `b`; `a > b` gives a falling step.
pub(crate) fn step(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A Catmull–Rom polyline through the points, `per` pieces a span.
pub(crate) fn spline<const K: usize>(points: &[[f32; K]], per: usize) -> Vec<[f32; K]> {
    let n = points.len();
    if n < 2 {
        return points.to_vec();
    }
    let mut out = Vec::with_capacity((n - 1) * per + 1);
    for i in 0..n - 1 {
        let (p0, p1, p2, p3) = (points[i.saturating_sub(1)], points[i], points[i + 1], points[(i + 2).min(n - 1)]);
        for j in 0..per {
            let t = j as f32 / per as f32;
            let mut p = [0.0; K];
            for (k, v) in p.iter_mut().enumerate() {
                let (a, b, c, d) = (p0[k], p1[k], p2[k], p3[k]);
                *v = 0.5
                    * (2.0 * b
                        + (c - a) * t
                        + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
                        + (3.0 * b - a - 3.0 * c + d) * t * t * t);
            }
            out.push(p);
        }
    }
    out.push(points[n - 1]);
    out
}
