//! Sums over leading axes as matrix products, which a GPU does at full speed.

use candle_core::{Result, Tensor};

/// Sums `(groups, rows, width)` over the rows: `(groups, width)`.
pub(super) fn group_sums(x: &Tensor) -> Result<Tensor> {
    let (groups, rows, width) = x.dims3()?;
    if groups == 1 {
        return column_sums(&x.reshape((rows, width))?)?.reshape((1, width));
    }
    let ones = Tensor::ones((groups, 1, rows), x.dtype(), x.device())?;
    ones.matmul(x)?.reshape((groups, width))
}

/// Sums `(rows, width)` over the rows: `(width)`; in two stages, so that many sums run side by side.
pub(super) fn column_sums(x: &Tensor) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let parts = divisor(rows, (rows / 16).min(512));
    let ones = |shape: (usize, usize, usize)| Tensor::ones(shape, x.dtype(), x.device());
    let x = ones((parts, 1, rows / parts.max(1)))?.matmul(&x.reshape((parts, rows / parts.max(1), width))?)?;
    ones((1, 1, parts))?.matmul(&x.reshape((1, parts, width))?)?.reshape(width)
}

/// `aᵀ b` for `(rows, m)` and `(rows, n)`: `(m, n)`; over many rows in parts side by side.
pub(super) fn left_product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (rows, m) = a.dims2()?;
    let n = b.dim(1)?;
    let tiles = m.div_ceil(128) * n.div_ceil(128);
    let parts = divisor(rows, (rows / 256).min(128 / tiles.max(1)));
    if parts == 1 {
        return a.t()?.matmul(b);
    }
    let part = rows / parts;
    let products = a.reshape((parts, part, m))?.transpose(1, 2)?.matmul(&b.reshape((parts, part, n))?)?;
    first_sum(&products.reshape((parts, m * n))?)?.reshape((m, n))
}

/// Sums a few rows of `(rows, width)`: `(width)`.
pub(super) fn first_sum(x: &Tensor) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    Tensor::ones((1, rows), x.dtype(), x.device())?.matmul(x)?.reshape(width)
}

/// The largest power of two that divides `count` and is at most `most`; at least 1.
fn divisor(count: usize, most: usize) -> usize {
    let mut parts = 1;
    while parts * 2 <= most && count.is_multiple_of(parts * 2) {
        parts *= 2;
    }
    parts
}
