//! What the fused CPU forms share: access to numbers, vector instructions, sums, the exponential.
//!
//! All sums run over fixed lanes and fixed blocks, so no result depends on the number of threads.

use std::ops::Deref;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, Layout, Result, Storage, StorageRef, Tensor, bail};

use super::gemm::Matrix;

/// Independent partial sums; a multiple of every vector width.
const LANES: usize = 16;

/// The tensor as the fused forms want it: `f32`, without gaps.
pub(super) fn plain(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(DType::F32)?.contiguous()
}

/// The numbers of a contiguous `f32` operand.
pub(super) fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(data) = storage else {
        bail!("fused operation: expected f32, got {:?}", storage.dtype());
    };
    match layout.contiguous_offsets().and_then(|(from, to)| data.get(from..to)) {
        Some(numbers) => Ok(numbers),
        None => bail!("fused operation: strided operand {:?}", layout.shape()),
    }
}

/// A contiguous `f32` CPU tensor, held readable.
pub(super) struct Held<'a> {
    storage: StorageRef<'a>,
    from: usize,
    to: usize,
}

impl<'a> Held<'a> {
    /// Borrows the numbers of a tensor.
    pub(super) fn new(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("fused operation: strided tensor {:?}", tensor.dims());
        };
        match &*storage {
            Storage::Cpu(CpuStorage::F32(data)) if to <= data.len() => {}
            _ => bail!("fused operation: expected f32 on the CPU, got {:?}", tensor.dtype()),
        }
        Ok(Self { storage, from, to })
    }

    /// These numbers as a matrix whose rows follow each other, starting at element `start`.
    pub(super) fn matrix(&self, start: usize, rows: usize, columns: usize) -> Result<Matrix<'_>> {
        Matrix::new(self.get(start..).unwrap_or(&[]), (rows, columns), (columns, 1))
    }
}

impl Deref for Held<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(data)) => data.get(self.from..self.to).unwrap_or(&[]),
            _ => &[],
        }
    }
}

/// Runs loops in the widest vector instructions that this processor has.
///
/// Nothing but the width changes: sums go over fixed lanes, and products and sums are never fused into one rounding.
#[inline(always)]
pub(super) fn vectorized<R>(loops: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(loops)
}

/// The sum of all numbers.
#[inline(always)]
pub(super) fn sum(x: &[f32]) -> f32 {
    let mut lanes = [0_f32; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane += x;
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
    fold(lanes)
}

/// Replaces every number by `map` of it and returns the sum of the new ones.
#[inline(always)]
pub(super) fn map_and_sum(x: &mut [f32], map: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0_f32; LANES];
    let (blocks, rest) = x.as_chunks_mut::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *x = map(*x);
            *lane += *x;
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *x = map(*x);
        *lane += *x;
    }
    fold(lanes)
}

/// The sum of all products `x · y`.
#[inline(always)]
pub(super) fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0_f32; LANES];
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
        *lane += x * y;
    }
    fold(lanes)
}

/// The sum of all `(x - centre)²`.
#[inline(always)]
pub(super) fn sum_square_deviations(x: &[f32], centre: f32) -> f32 {
    let mut lanes = [0_f32; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane += (x - centre) * (x - centre);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += (x - centre) * (x - centre);
    }
    fold(lanes)
}

/// The largest number, minus infinity for none.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Adds `y` to `x`, element by element.
#[inline(always)]
pub(super) fn add_to(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// Adds the lanes as a balanced tree.
#[inline(always)]
fn fold(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// `exp(x)` within 1.2e-7 relative, in a form the compiler turns into vector code.
///
/// Below -87.3 it stays at the smallest normal number, above 88 at `exp(88)`.
///
/// # Source
/// Cody and Waite's range reduction, and the polynomial of Moshier's Cephes library.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Adding this leaves the nearest integer in the low bits of the sum.
    const ROUND: f32 = 12_582_912.;
    let x = x.clamp(-87.3, 88.);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let y = p * r * r + r + 1.;
    y * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// `exp(x)` for `x ≤ 0`, exactly zero far below, as masked scores need.
#[inline(always)]
pub(super) fn exp_down_to_zero(x: f32) -> f32 {
    let y = exp(x);
    if x < -87. { 0. } else { y }
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1. / (1. + exp(-x))
}
