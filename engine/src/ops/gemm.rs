//! The matrix product behind every fused CPU operation, and the only file with `unsafe` code.
//!
//! The crate `gemm` takes raw pointers; everything it will touch is checked here first. Candle's own product cannot
//! write into a part of a larger matrix, cannot add to what is there, always asks for all threads, even where the
//! caller is one of them, and asks the system for their number each time.

use std::ops::Range;

use candle_core::{Result, bail};
use gemm::Parallelism;

/// Who computes a product. The numbers do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    /// The calling thread: for callers that are one task of many.
    One,
    /// All threads of the pool.
    All,
}

/// A strided matrix inside numbers, checked to lie within them.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    numbers: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The matrix of `(rows, columns)` that begins with the first number.
    pub(super) fn new(
        numbers: &'a [f32],
        (rows, columns): (usize, usize),
        (row_stride, column_stride): (usize, usize),
    ) -> Result<Self> {
        check(numbers.len(), (rows, columns), (row_stride, column_stride))?;
        Ok(Self { numbers, rows, columns, row_stride, column_stride })
    }

    /// All numbers as rows that follow each other.
    pub(super) fn whole(numbers: &'a [f32], rows: usize, columns: usize) -> Result<Self> {
        Self::new(numbers, (rows, columns), (columns, 1))
    }

    /// Some of the columns.
    pub(super) fn columns(self, columns: Range<usize>) -> Result<Self> {
        if columns.start > columns.end || columns.end > self.columns {
            bail!("fused operation: columns {columns:?} of {}", self.columns);
        }
        let start = (columns.start * self.column_stride).min(self.numbers.len());
        let strides = (self.row_stride, self.column_stride);
        Self::new(&self.numbers[start..], (self.rows, columns.len()), strides)
    }

    /// The transposed matrix.
    pub(super) fn t(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    /// The product with `right`, row by row, by the calling thread.
    pub(super) fn times(self, right: Matrix<'_>) -> Result<Vec<f32>> {
        let mut product = vec![0.; self.rows * right.columns];
        self.times_into(right, &mut product, right.columns, Write::Replace, Threads::One)?;
        Ok(product)
    }

    /// The product with `right`, row by row, by all threads.
    pub(super) fn times_by_all(self, right: Matrix<'_>) -> Result<Vec<f32>> {
        let mut product = vec![0.; self.rows * right.columns];
        self.times_into(right, &mut product, right.columns, Write::Replace, Threads::All)?;
        Ok(product)
    }

    /// Writes the product with `right` to rows of `out` that begin `row_stride` numbers apart, or adds it to them.
    pub(super) fn times_into(
        self,
        right: Matrix<'_>,
        out: &mut [f32],
        row_stride: usize,
        write: Write,
        threads: Threads,
    ) -> Result<()> {
        let (m, n, k) = (self.rows, right.columns, self.columns);
        if k != right.rows || row_stride < n {
            bail!("fused operation: product of {m}×{k} and {}×{n} into rows of {row_stride}", right.rows);
        }
        check(out.len(), (m, n), (row_stride, 1))?;
        if m == 0 || n == 0 {
            return Ok(());
        }
        if k == 0 {
            if write == Write::Replace {
                out.chunks_mut(row_stride).take(m).for_each(|row| row[..n].fill(0.));
            }
            return Ok(());
        }
        let parallelism = match threads {
            Threads::One => Parallelism::None,
            // Zero is the number of the pool.
            Threads::All => Parallelism::Rayon(0),
        };
        raw(self, right, out, row_stride, write, parallelism);
        Ok(())
    }
}

/// What happens to the numbers that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// They are replaced.
    Replace,
    /// The product is added to them.
    Add,
}

/// Whether a strided matrix lies within `len` numbers; also that strides fit what the product takes.
fn check(len: usize, (rows, columns): (usize, usize), (row_stride, column_stride): (usize, usize)) -> Result<()> {
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    let last = (rows - 1)
        .checked_mul(row_stride)
        .zip((columns - 1).checked_mul(column_stride))
        .and_then(|(down, across)| down.checked_add(across));
    let fits =
        last.is_some_and(|last| last < len) && [row_stride, column_stride].iter().all(|stride| isize::try_from(*stride).is_ok());
    if !fits {
        bail!("fused operation: matrix {rows}×{columns} with strides {row_stride}, {column_stride} exceeds its {len} numbers");
    }
    Ok(())
}

/// `out = a b` or `out += a b`; the caller has checked all sizes.
#[allow(unsafe_code, reason = "the product's crate takes raw pointers; sizes are checked by the callers in this file")]
fn raw(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], row_stride: usize, write: Write, parallelism: Parallelism) {
    // SAFETY: `Matrix::new` proved that every element of `a` and `b` lies in their slices, which are only read, and
    // `times_into` the same of `out`, whose rows do not overlap and which nobody else can see. Strides fit `isize`.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            row_stride as isize,
            write == Write::Add,
            a.numbers.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.numbers.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + seed * 11) % 23) as f32 / 8. - 1.).collect()
    }

    proptest! {
        #[test]
        fn products_equal_sums_and_touch_nothing_else(
            (m, n, k) in (1usize..40, 1usize..40, 0usize..40),
            (turned_a, turned_b, add, all) in any::<(bool, bool, bool, bool)>(),
            gap in 0usize..5,
        ) {
            let (a, b) = (numbers(m * (k + gap), 1), numbers(k * n, 2));
            let left = match turned_a {
                // The transposed view of a `(k, m)` matrix.
                true => Matrix::whole(&a, k, m).unwrap().t(),
                false => Matrix::new(&a, (m, k), (k + gap, 1)).unwrap(),
            };
            let right = if turned_b { Matrix::whole(&b, n, k).unwrap().t() } else { Matrix::whole(&b, k, n).unwrap() };
            let before = numbers(m * (n + gap), 3);
            let mut out = before.clone();
            let write = if add { Write::Add } else { Write::Replace };
            let threads = if all { Threads::All } else { Threads::One };
            left.times_into(right, &mut out, n + gap, write, threads).unwrap();
            for i in 0..m {
                for j in 0..n + gap {
                    let at = i * (n + gap) + j;
                    if j >= n {
                        prop_assert_eq!(out[at], before[at]);
                        continue;
                    }
                    let element = |p: usize| -> f64 {
                        let x = a[if turned_a { p * m + i } else { i * (k + gap) + p }];
                        let y = b[if turned_b { j * k + p } else { p * n + j }];
                        f64::from(x) * f64::from(y)
                    };
                    let want = (0..k).map(element).sum::<f64>() + if add { f64::from(before[at]) } else { 0. };
                    prop_assert!((f64::from(out[at]) - want).abs() < 1e-4, "{} {}", out[at], want);
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let x = numbers(12, 0);
        assert!(Matrix::new(&x, (3, 4), (4, 1)).is_ok());
        assert!(Matrix::new(&x, (4, 4), (4, 1)).is_err());
        assert!(Matrix::new(&x, (3, 4), (usize::MAX, 1)).is_err());
        assert!(Matrix::new(&x, (2, 2), (1, 11)).is_err());
        let (a, b) = (Matrix::whole(&x, 3, 4).unwrap(), Matrix::whole(&x, 4, 3).unwrap());
        assert!(a.columns(2..5).is_err() && a.columns(2..4).is_ok());
        assert!(a.times(a).is_err());
        assert!(a.times_into(b, &mut [0.; 8], 3, Write::Replace, Threads::One).is_err(), "the result is too small");
        assert!(a.times_into(b, &mut [0.; 9], 2, Write::Replace, Threads::One).is_err(), "rows would overlap");
        assert_eq!(a.times(b).unwrap(), a.times_by_all(b).unwrap());
    }
}
