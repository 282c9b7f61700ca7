//! Power of a picture by frequency, averaged over windowed tiles (Welch 1967, in two dimensions).

use engine::domain::GrayImage;

/// Largest side of a tile.
const TILE: usize = 64;
/// Bands of equal width from 0.0625 cycles a pixel on; the last takes what lies beyond 0.5, in the corners.
const BANDS: usize = 8;
/// Most tiles a side.
const TILES: usize = 8;

/// Mean power of tiles of a side of `n` pixels, `n × n`, the mean of each tile taken off.
pub(super) struct Spectrum {
    n: usize,
    power: Vec<f64>,
}

impl Spectrum {
    pub(super) fn of(image: &GrayImage) -> Self {
        let (w, h) = (image.width() as usize, image.height() as usize);
        let mut n = TILE;
        while n > w.min(h) && n > 1 {
            n /= 2;
        }
        let window: Vec<f64> = (0..n).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * (i as f64 + 0.5) / n as f64).cos()).collect();
        let starts = |length: usize| {
            let count = ((length - n) / (n / 2).max(1) + 1).min(TILES);
            (0..count).map(|i| if count == 1 { (length - n) / 2 } else { i * (length - n) / (count - 1) }).collect::<Vec<_>>()
        };
        let mut power = vec![0.0; n * n];
        let (rows, columns) = (starts(h), starts(w));
        for &top in &rows {
            for &left in &columns {
                let at = |i: usize| f64::from(image.pixels()[(top + i / n) * w + left + i % n]) / 257.0;
                let mean = (0..n * n).map(at).sum::<f64>() / (n * n) as f64;
                let mut re: Vec<f64> = (0..n * n).map(|i| (at(i) - mean) * window[i / n] * window[i % n]).collect();
                let mut im = vec![0.0; n * n];
                transform(&mut re, &mut im, n);
                power.iter_mut().zip(re.iter().zip(&im)).for_each(|(p, (a, b))| *p += a * a + b * b);
            }
        }
        let tiles = (rows.len() * columns.len()) as f64;
        power.iter_mut().for_each(|p| *p /= tiles);
        Self { n, power }
    }

    /// Frequency of a row or column in cycles a pixel.
    fn frequency(&self, i: usize) -> f64 {
        i.min(self.n - i) as f64 / self.n as f64
    }

    /// Logarithms of the mean power of bands as shares of the mean over all of them.
    pub(super) fn bands(&self) -> Vec<f64> {
        let (mut sum, mut count) = ([0.0; BANDS], [0.0f64; BANDS]);
        for (i, p) in self.power.iter().enumerate() {
            let radius = self.frequency(i / self.n).hypot(self.frequency(i % self.n));
            if radius >= 0.0625 {
                let band = ((radius * 16.0) as usize - 1).min(BANDS - 1);
                sum[band] += p;
                count[band] += 1.0;
            }
        }
        let logs: Vec<f64> = sum.iter().zip(count).map(|(s, c)| (s / c.max(1.0) + 1e-3).ln()).collect();
        let mean = logs.iter().sum::<f64>() / BANDS as f64;
        logs.iter().map(|l| l - mean).collect()
    }

    /// Logarithms of power at regular distances over that around it: 8, 4 and 2 pixels along rows and columns, and
    /// the crossings of the first two.
    pub(super) fn peaks(&self) -> Vec<f64> {
        let n = self.n;
        if n < 32 {
            return vec![0.0; 4];
        }
        let (eight, four, two) = (n / 8, n / 4, n / 2);
        let mean = |places: &[(usize, usize)]| places.iter().map(|&(y, x)| self.peak(y, x)).sum::<f64>() / places.len() as f64;
        vec![
            mean(&[(0, eight), (eight, 0), (0, 3 * eight), (3 * eight, 0)]),
            mean(&[(0, four), (four, 0)]),
            mean(&[(0, two), (two, 0), (two, two)]),
            mean(&[(eight, eight), (eight, four), (four, eight), (four, four), (four, two), (two, four)]),
        ]
    }

    /// Power at a place over the median of the ring three to four places away.
    fn peak(&self, y: usize, x: usize) -> f64 {
        let n = self.n;
        let at = |dy: usize, dx: usize| self.power[(y + n + dy - 4) % n * n + (x + n + dx - 4) % n];
        let mut ring: Vec<f64> = Vec::new();
        for dy in 0..9usize {
            for dx in 0..9usize {
                if dy.abs_diff(4).max(dx.abs_diff(4)) >= 3 {
                    ring.push(at(dy, dx));
                }
            }
        }
        ring.sort_by(f64::total_cmp);
        ((at(4, 4) + 1e-3) / (ring[ring.len() / 2] + 1e-3)).ln()
    }
}

/// Fourier transform of `n × n` values, `n` a power of two.
fn transform(re: &mut [f64], im: &mut [f64], n: usize) {
    let mut line_re = vec![0.0; n];
    let mut line_im = vec![0.0; n];
    let turns: Vec<(f64, f64)> = (0..n / 2).map(|k| (-std::f64::consts::TAU * k as f64 / n as f64).sin_cos()).collect();
    for (step, jump) in [(1, n), (n, 1)] {
        for line in 0..n {
            for i in 0..n {
                (line_re[i], line_im[i]) = (re[line * jump + i * step], im[line * jump + i * step]);
            }
            transform_line(&mut line_re, &mut line_im, &turns);
            for i in 0..n {
                (re[line * jump + i * step], im[line * jump + i * step]) = (line_re[i], line_im[i]);
            }
        }
    }
}

/// Cooley and Tukey's transform (1965), radix 2, in place; `turns` are sine and cosine of the half circle.
fn transform_line(re: &mut [f64], im: &mut [f64], turns: &[(f64, f64)]) {
    let n = re.len();
    let mut j = 0;
    for i in 1..n {
        let mut bit = n >> 1;
        while j & bit != 0 {
            j ^= bit;
            bit >>= 1;
        }
        j |= bit;
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut length = 2;
    while length <= n {
        let half = length / 2;
        for k in 0..half {
            let (wi, wr) = turns[k * (n / length)];
            for start in (0..n).step_by(length) {
                let (a, b) = (start + k, start + k + half);
                let (r, i) = (re[b] * wr - im[b] * wi, re[b] * wi + im[b] * wr);
                (re[b], im[b]) = (re[a] - r, im[a] - i);
                (re[a], im[a]) = (re[a] + r, im[a] + i);
            }
        }
        length *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_has_its_power_at_its_frequency() {
        let n = 16;
        let (mut re, mut im) = (vec![0.0; n * n], vec![0.0; n * n]);
        re.iter_mut().enumerate().for_each(|(i, v)| *v = (std::f64::consts::TAU * 3.0 * (i % n) as f64 / n as f64).cos());
        transform(&mut re, &mut im, n);
        let power: Vec<f64> = re.iter().zip(&im).map(|(a, b)| a.hypot(*b)).collect();
        let half = (n * n) as f64 / 2.0;
        assert!((power[3] - half).abs() < 1e-9 && (power[13] - half).abs() < 1e-9);
        assert!(power.iter().enumerate().all(|(i, p)| i == 3 || i == 13 || p.abs() < 1e-9));
    }

    #[test]
    fn a_grid_of_four_pixels_is_a_peak_there() {
        let mut noise = crate::draw::Draw::new(1, crate::draw::Use::Grain, 0);
        let mut picture = |grid: f64| {
            let pixels =
                (0..96 * 96).map(|i| (30_000.0 + 900.0 * noise.normal() + if i % 96 % 4 == 0 { grid } else { 0.0 }) as u16);
            Spectrum::of(&GrayImage::new(96, 96, pixels.collect()).expect("a picture")).peaks()
        };
        let (with, without) = (picture(1200.0), picture(0.0));
        assert!(with[1] > without[1] + 1.0, "{with:?} {without:?}");
        assert!((with[0] - without[0]).abs() < 1.0, "{with:?} {without:?}");
    }
}
