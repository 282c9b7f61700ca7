//! What the fused CPU forms share: access to numbers, matrix products, sums, the exponential.
//!
//! All sums run over fixed lanes and fixed blocks, so no result depends on the number of threads.

use std::ops::Deref;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, Layout, Result, Shape, Storage, StorageRef, Tensor, bail};

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

    /// The storage the numbers lie in, and where they start.
    pub(super) fn place(&self) -> Result<(&CpuStorage, usize)> {
        match &*self.storage {
            Storage::Cpu(storage) => Ok((storage, self.from)),
            _ => bail!("fused operation: tensor left the CPU"),
        }
    }

    /// These numbers as a matrix whose rows follow each other, starting at element `start`.
    pub(super) fn matrix(&self, start: usize, rows: usize, columns: usize) -> Result<Matrix<'_>> {
        let (storage, from) = self.place()?;
        Matrix::new(storage, from + start, (rows, columns), (columns, 1))
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

/// A strided matrix inside a storage, checked to lie within it.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    storage: &'a CpuStorage,
    start: usize,
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The matrix of `(rows, columns)` that starts at element `start`.
    pub(super) fn new(
        storage: &'a CpuStorage,
        start: usize,
        (rows, columns): (usize, usize),
        (row_stride, column_stride): (usize, usize),
    ) -> Result<Self> {
        let CpuStorage::F32(data) = storage else {
            bail!("fused operation: expected f32, got {:?}", storage.dtype());
        };
        let last = start + rows.saturating_sub(1) * row_stride + columns.saturating_sub(1) * column_stride;
        if rows * columns > 0 && last >= data.len() {
            bail!("fused operation: matrix {rows}×{columns} exceeds its storage");
        }
        Ok(Self { storage, start, rows, columns, row_stride, column_stride })
    }

    /// The whole storage as a matrix of `columns`.
    pub(super) fn whole(storage: &'a CpuStorage, rows: usize, columns: usize) -> Result<Self> {
        Self::new(storage, 0, (rows, columns), (columns, 1))
    }

    /// Some of the columns.
    pub(super) fn columns(self, columns: std::ops::Range<usize>) -> Result<Self> {
        let start = self.start + columns.start * self.column_stride;
        let strides = (self.row_stride, self.column_stride);
        Self::new(self.storage, start, (self.rows, columns.len()), strides)
    }

    /// The transposed matrix.
    pub(super) fn t(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    /// The product with `right`, row by row.
    pub(super) fn times(self, right: Matrix<'_>) -> Result<Vec<f32>> {
        if self.columns != right.rows {
            bail!("fused operation: product of {}×{} and {}×{}", self.rows, self.columns, right.rows, right.columns);
        }
        let sizes = (1, self.rows, right.columns, self.columns);
        if self.rows == 0 || right.columns == 0 || self.columns == 0 {
            return Ok(vec![0.; self.rows * right.columns]);
        }
        match self.storage.matmul(right.storage, sizes, &self.layout(), &right.layout())? {
            CpuStorage::F32(product) => Ok(product),
            _ => bail!("fused operation: product is not f32"),
        }
    }

    fn layout(&self) -> Layout {
        let strides = vec![self.row_stride, self.column_stride];
        Layout::new(Shape::from((self.rows, self.columns)), strides, self.start)
    }
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
