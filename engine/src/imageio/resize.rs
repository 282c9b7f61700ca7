//! Antialiased resizing of 8-bit pictures, level for level as the Pillow library does it.
//!
//! Separable filters widened by the reduction factor; weights in fixed point with 22 bits; the
//! horizontal pass first, rounded to 8 bits, then the vertical one. A pixel's centre lies at +0.5.
//!
//! # Source
//! Pillow, `src/libImaging/Resample.c`, restated.

/// A picture of 8-bit samples, channels interleaved, row by row from the top left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteImage {
    width: usize,
    height: usize,
    channels: usize,
    samples: Vec<u8>,
}

/// A buffer that does not fit its size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// A side or the count of channels is zero.
    #[error("a picture of {width}×{height} with {channels} channels has no pixel")]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Samples of a pixel.
        channels: usize,
    },
    /// The buffer has another length.
    #[error("a picture of {width}×{height} with {channels} channels does not have {actual} samples")]
    Length {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Samples of a pixel.
        channels: usize,
        /// Samples given.
        actual: usize,
    },
}

/// Shape of the resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Mean of the covered pixels.
    Box,
    /// Triangle.
    Bilinear,
    /// Cubic with a = -0.5.
    Bicubic,
    /// Windowed sinc over three lobes.
    Lanczos,
}

impl ByteImage {
    /// Wraps a buffer.
    ///
    /// # Errors
    /// When a size is zero or the buffer has another length.
    pub fn new(width: usize, height: usize, channels: usize, samples: Vec<u8>) -> Result<Self, ResizeError> {
        if width == 0 || height == 0 || channels == 0 {
            return Err(ResizeError::Empty { width, height, channels });
        }
        let expected = width.checked_mul(height).and_then(|n| n.checked_mul(channels));
        if expected != Some(samples.len()) {
            return Err(ResizeError::Length { width, height, channels, actual: samples.len() });
        }
        Ok(Self { width, height, channels, samples })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Samples of a pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All samples.
    pub fn samples(&self) -> &[u8] {
        &self.samples
    }

    /// The picture at another size; sides are raised to at least one pixel.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize, filter: Filter) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let wide = if width == self.width { self.clone() } else { self.horizontal(&Weights::new(self.width, width, filter)) };
        if height == self.height { wide } else { wide.vertical(&Weights::new(self.height, height, filter)) }
    }

    /// The part of `width`×`height` pixels from `(x, y)`, cut where the picture ends.
    #[must_use]
    pub fn cropped(&self, x: usize, y: usize, width: usize, height: usize) -> Self {
        let (x, y) = (x.min(self.width - 1), y.min(self.height - 1));
        let (width, height) = (width.clamp(1, self.width - x), height.clamp(1, self.height - y));
        let c = self.channels;
        let rows = self.samples.chunks_exact(self.width * c).skip(y).take(height);
        let samples = rows.flat_map(|row| &row[x * c..(x + width) * c]).copied().collect();
        Self { width, height, channels: c, samples }
    }

    fn horizontal(&self, weights: &Weights) -> Self {
        let (c, width) = (self.channels, weights.runs.len());
        let mut samples = Vec::with_capacity(width * self.height * c);
        for row in self.samples.chunks_exact(self.width * c) {
            for run in &weights.runs {
                let covered = &row[run.first * c..(run.first + run.weights.len()) * c];
                for channel in 0..c {
                    let values = covered[channel..].iter().step_by(c);
                    let sum: i32 = run.weights.iter().zip(values).map(|(w, v)| w * i32::from(*v)).sum();
                    samples.push(level(sum + HALF));
                }
            }
        }
        Self { width, samples, ..*self }
    }

    fn vertical(&self, weights: &Weights) -> Self {
        let stride = self.width * self.channels;
        let mut samples = Vec::with_capacity(weights.runs.len() * stride);
        let mut sums = vec![0i32; stride];
        for run in &weights.runs {
            sums.fill(HALF);
            // Whole rows at once: the compiler makes wide vectors of it.
            for (w, row) in run.weights.iter().zip(self.samples.chunks_exact(stride).skip(run.first)) {
                for (sum, v) in sums.iter_mut().zip(row) {
                    *sum += w * i32::from(*v);
                }
            }
            samples.extend(sums.iter().map(|sum| level(*sum)));
        }
        Self { height: weights.runs.len(), samples, ..*self }
    }
}

/// Bits after the point of a weight.
const PRECISION: u32 = 32 - 8 - 2;

/// One half in fixed point, to round with.
const HALF: i32 = 1 << (PRECISION - 1);

/// A sum in fixed point as 8 bits. Weights sum to one and their absolute values to less than two, so that 32 bits hold
/// every sum.
fn level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// For every target pixel along one axis: the first source pixel and the weights from there on.
struct Weights {
    runs: Vec<Run>,
}

struct Run {
    first: usize,
    weights: Vec<i32>,
}

impl Weights {
    fn new(from: usize, to: usize, filter: Filter) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let runs = (0..to).map(|target| {
            let centre = (target as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let raw: Vec<f64> = (first..end).map(|x| filter.at((x as f64 - centre + 0.5) / stretch)).collect();
            let total: f64 = raw.iter().sum();
            let total = if total == 0.0 { 1.0 } else { total };
            let fixed = |w: f64| (w / total * f64::from(1u32 << PRECISION)).round() as i32; // half away from zero
            Run { first, weights: raw.into_iter().map(fixed).collect() }
        });
        Self { runs: runs.collect() }
    }
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
        let d = x.abs();
        match self {
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - d).max(0.0),
            Self::Bicubic if d < 1.0 => (1.5 * d - 2.5) * d * d + 1.0,
            Self::Bicubic if d < 2.0 => (((d - 5.0) * d + 8.0) * d - 4.0) * -0.5,
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(width: usize, height: usize, channels: usize) -> ByteImage {
        let samples = (0..width * height * channels).map(|i| ((i * 37 + i / 5) % 256) as u8).collect();
        ByteImage::new(width, height, channels, samples).expect("a picture")
    }

    #[test]
    fn box_halving_is_the_mean() {
        let small = ByteImage::new(4, 2, 1, vec![0, 10, 20, 30, 40, 51, 60, 70]).expect("a picture").resized(2, 1, Filter::Box);
        // Rounded after each pass: rows (5, 25) and (46, 65), then their means, halves up.
        assert_eq!(small.samples(), [26, 45]);
    }

    #[test]
    fn flat_pictures_stay_flat() {
        for filter in [Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            let flat = ByteImage::new(13, 7, 3, vec![201; 13 * 7 * 3]).expect("a picture").resized(5, 19, filter);
            assert!(flat.samples().iter().all(|v| *v == 201), "{filter:?}");
        }
    }

    #[test]
    fn bilinear_doubling_by_hand() {
        let wide = ByteImage::new(2, 1, 1, vec![0, 100]).expect("a picture").resized(4, 1, Filter::Bilinear);
        assert_eq!(wide.samples(), [0, 25, 75, 100]);
    }

    #[test]
    fn crops_are_cut_at_the_border() {
        let part = picture(5, 4, 2).cropped(3, 2, 9, 9);
        assert_eq!((part.width(), part.height()), (2, 2));
        let whole = picture(5, 4, 2);
        assert_eq!(part.samples()[..2], whole.samples()[(2 * 5 + 3) * 2..][..2]);
    }

    #[test]
    fn buffers_must_fit() {
        assert!(ByteImage::new(0, 3, 1, vec![]).is_err());
        assert!(ByteImage::new(2, 3, 1, vec![0; 5]).is_err());
        assert!(ByteImage::new(usize::MAX, 3, 2, vec![0; 5]).is_err());
    }

    proptest! {
        #[test]
        fn any_size_works_and_transposes(w in 1usize..40, h in 1usize..40, to_w in 1usize..60, to_h in 1usize..60) {
            let out = picture(w, h, 1).resized(to_w, to_h, Filter::Bicubic);
            prop_assert_eq!(out.samples().len(), to_w * to_h);
            let single = picture(w, 1, 1).resized(to_w, 1, Filter::Lanczos);
            let upright = ByteImage::new(1, w, 1, picture(w, 1, 1).samples().to_vec()).expect("a picture").resized(1, to_w, Filter::Lanczos);
            prop_assert_eq!(single.samples(), upright.samples());
        }
    }
}
