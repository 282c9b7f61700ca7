//! 3×3 convolution with 2.25 times fewer multiplications, by Winograd's F(2×2, 3×3).
//!
//! Each 2×2 square of output comes from a 4×4 square of input. Transformed, the 16 places of all
//! squares become 16 independent products of `(out, channels)` with `(channels, squares)`.
//!
//! # Source
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4.1.

use std::ops::Range;

use candle_core::Result;
use rayon::prelude::*;

use super::Shape;
use crate::ops::cpu::vectorized;
use crate::ops::gemm::Matrix;

/// Places of a transformed square.
const PLACES: usize = 16;
/// Numbers in the transformed squares of one tile. Larger than a second-level cache, because the
/// products gain more from many squares than the transforms lose.
const TILE: usize = 1 << 20;
/// Every image is cut into at least so many tiles, for as many threads.
const TILES: usize = 4;

/// Whether the transforms pay: they cost as much per channel as a few multiplications.
pub(super) fn pays(s: &Shape) -> bool {
    (s.kernel, s.stride, s.padding) == (3, 1, 1) && s.channels.min(s.out) >= 32 && s.out_height * s.out_width >= 1024
}

/// Output rows per tile, an even number.
pub(super) fn tile_rows(s: &Shape) -> usize {
    let across = s.out_width.div_ceil(2);
    let by_size = TILE / (PLACES * s.channels.max(s.out)) / across;
    let wide_enough = 64_usize.div_ceil(across);
    let by_count = s.out_height.div_ceil(2 * TILES);
    2 * by_size.min(by_count).max(wide_enough)
}

/// The kernels `(out, channels, 3, 3)` as `(16, out, channels)`.
pub(super) fn transformed_kernels(s: &Shape, w: &[f32]) -> Vec<f32> {
    let (out, channels) = (s.out, s.channels);
    let mut by_out = vec![0.; PLACES * out * channels];
    by_out.par_chunks_mut(PLACES * channels).zip(w.par_chunks(9 * channels)).for_each(|(u, w)| {
        for (channel, w) in w.chunks_exact(9).enumerate() {
            // G g, then its transpose again: G = [1 0 0; ½ ½ ½; ½ -½ ½; 0 0 1].
            let mut half = [[0.; 3]; 4];
            for column in 0..3 {
                let column_of = expand(w[column], w[3 + column], w[6 + column]);
                for (row, value) in column_of.into_iter().enumerate() {
                    half[row][column] = value;
                }
            }
            for (row, half) in half.into_iter().enumerate() {
                for (column, value) in expand(half[0], half[1], half[2]).into_iter().enumerate() {
                    u[(4 * row + column) * channels + channel] = value;
                }
            }
        }
    });
    let mut u = vec![0.; by_out.len()];
    u.par_chunks_mut(out * channels).enumerate().for_each(|(place, u)| {
        for (out, u) in u.chunks_exact_mut(channels).enumerate() {
            u.copy_from_slice(&by_out[(out * PLACES + place) * channels..][..channels]);
        }
    });
    u
}

/// One column of `G` times three numbers.
fn expand(a: f32, b: f32, c: f32) -> [f32; 4] {
    [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c]
}

/// `(out, pixels)` of the output rows `rows` of one image; `rows` starts at an even row.
pub(super) fn tile(s: &Shape, image: &[f32], kernels: &[f32], rows: Range<usize>) -> Result<Vec<f32>> {
    let (across, down) = (s.out_width.div_ceil(2), rows.len().div_ceil(2));
    let squares = across * down;
    let mut places = vec![0.; PLACES * s.channels * squares];
    let mut lines = Lines::new(across);
    for (channel, plane) in image.chunks_exact(s.pixels()).enumerate() {
        for row in 0..down {
            let start = channel * squares + row * across;
            vectorized(|| {
                lines.read(s, plane, rows.start + 2 * row);
                lines.transform(&mut places[start..], s.channels * squares);
            });
        }
    }
    let mut products = Vec::with_capacity(PLACES);
    for place in 0..PLACES {
        let size = s.out * s.channels;
        let kernels = Matrix::whole(&kernels[place * size..], s.out, s.channels)?;
        let squares_of = Matrix::whole(&places[place * s.channels * squares..], s.channels, squares)?;
        products.push(kernels.times(squares_of)?);
    }
    let mut y = vec![0.; s.out * rows.len() * s.out_width];
    let mut scratch = [(); 6].map(|()| vec![0.; across]);
    for (out, y) in y.chunks_exact_mut(rows.len() * s.out_width).enumerate() {
        for (row, y) in y.chunks_mut(2 * s.out_width).enumerate() {
            let start = out * squares + row * across;
            let (upper, lower) = y.split_at_mut(s.out_width);
            vectorized(|| back(&products, start, &mut scratch, [upper, lower]));
        }
    }
    Ok(y)
}

/// Four input lines of a row of squares, even and odd columns apart.
struct Lines {
    even: [Vec<f32>; 4],
    odd: [Vec<f32>; 4],
    /// A row of `Bᵀ d`, likewise.
    row: [Vec<f32>; 2],
}

impl Lines {
    fn new(across: usize) -> Self {
        let line = |()| vec![0.; across + 1];
        Self { even: [(); 4].map(line), odd: [(); 4].map(line), row: [(); 2].map(line) }
    }

    /// Reads the lines around output row `row`: input rows `row - 1` to `row + 2`, columns from -1.
    #[inline(always)]
    fn read(&mut self, s: &Shape, plane: &[f32], row: usize) {
        for (tap, (even, odd)) in self.even.iter_mut().zip(&mut self.odd).enumerate() {
            let source = (row + tap).checked_sub(1).filter(|source| *source < s.height);
            let Some(source) = source else {
                even.fill(0.);
                odd.fill(0.);
                continue;
            };
            let source = &plane[source * s.width..(source + 1) * s.width];
            // Column c of the picture lies at place c + 1.
            even[0] = 0.;
            let (pairs, rest) = source.as_chunks::<2>();
            for ((even, odd), pair) in even[1..].iter_mut().zip(odd.iter_mut()).zip(pairs) {
                [*odd, *even] = *pair;
            }
            odd[pairs.len()..].fill(0.);
            even[pairs.len() + 1..].fill(0.);
            if let [last] = rest {
                odd[pairs.len()] = *last;
            }
        }
    }

    /// Writes `Bᵀ d B` of every square; places lie `stride` apart.
    #[inline(always)]
    fn transform(&mut self, out: &mut [f32], stride: usize) {
        let across = self.even[0].len() - 1;
        let [even, odd] = &mut self.row;
        for (row, (a, b, sign)) in [(0, 2, -1.), (1, 2, 1.), (2, 1, -1.), (1, 3, -1.)].into_iter().enumerate() {
            // Columns -1 and 1 of a square are even places, 0 and 2 odd ones.
            for (row, lines) in [(&mut *even, &self.even), (&mut *odd, &self.odd)] {
                for ((row, x), y) in row.iter_mut().zip(&lines[a]).zip(&lines[b]) {
                    *row = x + sign * y;
                }
            }
            let (first, third) = (&even[..across], &even[1..]);
            let (second, fourth) = (&odd[..across], &odd[1..]);
            let places = out[4 * row * stride..].chunks_mut(stride);
            let pairs = [(first, third), (second, third), (third, second), (second, fourth)];
            for (column, (place, (x, y))) in places.zip(pairs).enumerate() {
                let sign = if column == 1 { 1. } else { -1. };
                for ((place, x), y) in place.iter_mut().zip(x).zip(y) {
                    *place = x + sign * y;
                }
            }
        }
    }
}

/// Writes `Aᵀ m A` of a row of squares to two lines of output; the lower may be missing.
#[inline(always)]
fn back(products: &[Vec<f32>], start: usize, scratch: &mut [Vec<f32>; 6], lines: [&mut [f32]; 2]) {
    let across = scratch[0].len();
    let place = |row: usize, column: usize| &products[4 * row + column][start..start + across];
    let [a, b, c, d, first, second] = scratch;
    for (line, target) in lines.into_iter().enumerate() {
        if target.is_empty() {
            continue;
        }
        for (column, sums) in [&mut *a, &mut *b, &mut *c, &mut *d].into_iter().enumerate() {
            if line == 0 {
                combine(sums, [0, 1, 2].map(|row| place(row, column)), [1., 1.]);
            } else {
                combine(sums, [1, 2, 3].map(|row| place(row, column)), [-1., -1.]);
            }
        }
        combine(first, [a, b, c], [1., 1.]);
        combine(second, [b, c, d], [-1., -1.]);
        let (pairs, rest) = target.as_chunks_mut::<2>();
        for ((pair, first), second) in pairs.iter_mut().zip(&*first).zip(&*second) {
            *pair = [*first, *second];
        }
        if let ([last], Some(value)) = (rest, first.last()) {
            *last = *value;
        }
    }
}

/// `x + p y + q z`, element by element.
#[inline(always)]
fn combine(sums: &mut [f32], [x, y, z]: [&[f32]; 3], [p, q]: [f32; 2]) {
    for (((sum, x), y), z) in sums.iter_mut().zip(x).zip(y).zip(z) {
        *sum = x + p * y + q * z;
    }
}
