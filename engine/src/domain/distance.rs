//! Distances on the pixel grid, and what follows from them: regions that grow, seams that fade.
//!
//! # Source
//! Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions" (2012): exact, one axis after the other.

use super::Mask;

/// Farther than any pixel of an image.
const FAR: f32 = 1e12;

impl Mask {
    /// Squared distance in pixels from every pixel's centre to the nearest centre in the mask, row by row;
    /// 0 inside. Very large everywhere when the mask is empty.
    pub fn distance_squared(&self) -> Vec<f32> {
        let (w, h) = (self.width() as usize, self.height() as usize);
        let mut grid: Vec<f32> = self.bits().iter().map(|&b| if b == 0 { FAR } else { 0.0 }).collect();
        let mut line = vec![0f32; w.max(h)];
        let mut hulls = Hulls::new(w.max(h));
        for x in 0..w {
            for y in 0..h {
                line[y] = grid[y * w + x];
            }
            hulls.transform(&mut line[..h]);
            for y in 0..h {
                grid[y * w + x] = line[y];
            }
        }
        for row in grid.chunks_exact_mut(w) {
            hulls.transform(row);
        }
        grid
    }

    /// The mask and all pixels within `radius_px` of it.
    #[must_use]
    pub fn grown(&self, radius_px: u32) -> Self {
        let reach = radius_px as f32 * radius_px as f32;
        let distance = self.distance_squared();
        let width = self.width() as usize;
        Self::from_fn(self.width(), self.height(), |x, y| distance[y as usize * width + x as usize] <= reach)
    }

    /// The pixels that are not in the mask.
    #[must_use]
    pub fn inverted(&self) -> Self {
        Self::from_fn(self.width(), self.height(), |x, y| !self.get(x, y))
    }

    /// Removes all pixels of another mask of the same size; another size changes nothing.
    pub fn subtract(&mut self, other: &Self) {
        if (self.width(), self.height()) == (other.width(), other.height()) {
            let kept = Self::from_fn(self.width(), self.height(), |x, y| self.get(x, y) && !other.get(x, y));
            *self = kept;
        }
    }
}

/// Room for the lower hull of parabolas along one line.
struct Hulls {
    source: Vec<f32>,
    places: Vec<usize>,
    bounds: Vec<f32>,
}

impl Hulls {
    fn new(longest: usize) -> Self {
        Self { source: vec![0.0; longest], places: vec![0; longest], bounds: vec![0.0; longest + 1] }
    }

    /// Replaces `f(i)` by the minimum of `f(j) + (i - j)²`.
    fn transform(&mut self, line: &mut [f32]) {
        let n = line.len();
        self.source[..n].copy_from_slice(line);
        let f = &self.source[..n];
        let meet = |i: usize, j: usize| {
            let (a, b) = (i as f32, j as f32);
            ((f[i] + a * a) - (f[j] + b * b)) / (2.0 * (a - b))
        };
        let mut last = 0;
        self.places[0] = 0;
        (self.bounds[0], self.bounds[1]) = (f32::NEG_INFINITY, f32::INFINITY);
        for i in 1..n {
            if f[i] >= FAR {
                continue;
            }
            let mut cut = meet(i, self.places[last]);
            while last > 0 && cut <= self.bounds[last] {
                last -= 1;
                cut = meet(i, self.places[last]);
            }
            if cut <= self.bounds[last] || f[self.places[last]] >= FAR {
                // The first parabola was empty.
                self.places[last] = i;
                self.bounds[last + 1] = f32::INFINITY;
                continue;
            }
            last += 1;
            self.places[last] = i;
            (self.bounds[last], self.bounds[last + 1]) = (cut, f32::INFINITY);
        }
        let mut at = 0;
        for (i, value) in line.iter_mut().enumerate() {
            while self.bounds[at + 1] < i as f32 {
                at += 1;
            }
            let from = self.places[at];
            *value = (f[from] + (i as f32 - from as f32).powi(2)).min(FAR);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn growing_a_pixel_gives_a_disc() {
        let mut mask = Mask::empty(9, 9);
        mask.set(4, 4, true);
        assert_eq!(mask.grown(0), mask);
        assert_eq!(mask.grown(1).area(), 5);
        assert_eq!(mask.grown(2).area(), 13);
        assert_eq!(mask.grown(100).area(), 81);
        assert!(Mask::empty(9, 9).grown(100).is_empty());
    }

    proptest! {
        #[test]
        fn distances_are_exact(w in 1u32..14, h in 1u32..14, bits in proptest::collection::vec(0u8..6, 196)) {
            let mask = Mask::from_fn(w, h, |x, y| bits[(y * 14 + x) as usize] == 0);
            let inside: Vec<(i64, i64)> = (0..h).flat_map(|y| (0..w).map(move |x| (x, y)))
                .filter(|&(x, y)| mask.get(x, y)).map(|(x, y)| (i64::from(x), i64::from(y))).collect();
            for (i, &got) in mask.distance_squared().iter().enumerate() {
                let (x, y) = (i as i64 % i64::from(w), i as i64 / i64::from(w));
                let want = inside.iter().map(|(a, b)| (a - x).pow(2) + (b - y).pow(2)).min();
                prop_assert!(want.map_or(got >= 1e11, |want| got == want as f32), "{x},{y}: {got} {want:?}");
            }
        }
    }

    #[test]
    fn subtracting_leaves_the_rest() {
        let all = Mask::from_fn(4, 4, |_, _| true);
        let half = Mask::from_fn(4, 4, |x, _| x < 2);
        let mut rest = all.clone();
        rest.subtract(&half);
        assert_eq!(rest, half.inverted());
        rest.subtract(&Mask::from_fn(3, 3, |_, _| true));
        assert_eq!(rest.area(), 8);
    }
}
