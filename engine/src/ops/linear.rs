//! Dense layer on the last axis, as one matrix product over all rows.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::cpu::{Held, add_to, numbers, plain, vectorized};
use super::device;
use super::gemm::{Matrix, Threads, Write};

/// Rows per parallel task where a bias is added or its gradient summed.
const BLOCK: usize = 64;

/// Multiplies the last axis by a weight and adds a bias.
///
/// `x` is `(..., in)`, `w` is `(out, in)`, `b` is `(out)`; the result is `(..., out)`.
/// Weights of another dtype than `x` are converted.
///
/// # Errors
/// Shapes that do not fit.
pub fn linear(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    let (out, width) = w.dims2()?;
    let mut dims = x.dims().to_vec();
    match dims.last_mut() {
        Some(last) if *last == width => *last = out,
        _ => bail!("linear: input {:?} does not fit weight {:?}", x.dims(), w.dims()),
    }
    if !x.device().is_cpu() && x.elem_count() > 0 {
        let b = b.map(|b| b.to_dtype(x.dtype())).transpose()?;
        return device::linear(x, &w.to_dtype(x.dtype())?, b.as_ref());
    }
    let rows = x.elem_count() / width.max(1);
    // On a strided input candle would repeat the weight per batch item and sum its gradients.
    let flat = x.contiguous()?.reshape((rows, width))?; // (rows, in)
    let y = if x.device().is_cpu() {
        let (flat, w) = (plain(&flat)?, plain(w)?);
        match b {
            Some(b) => flat.apply_op3(&w, &plain(b)?, Linear)?,
            None => flat.apply_op2(&w, Linear)?,
        }
    } else {
        composed(&flat, w, b)?
    };
    y.reshape(dims)?.to_dtype(x.dtype())
}

/// `x` is `(rows, in)`.
pub(super) fn composed(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    let y = x.matmul(&w.to_dtype(x.dtype())?.t()?)?; // (rows, out)
    match b {
        Some(b) => y.broadcast_add(&b.to_dtype(y.dtype())?),
        None => Ok(y),
    }
}

struct Linear;

/// `x wᵀ + b`, in which no row depends on how many others there are.
///
/// `gemm` sums in another order for a few rows than for many; such products get rows of zeros on top
/// until it takes its ordinary path.
fn product((x, x_layout): (&CpuStorage, &Layout), (w, w_layout): (&CpuStorage, &Layout), b: Option<&[f32]>) -> Result<Vec<f32>> {
    let (rows, width) = x_layout.shape().dims2()?;
    let (out, w_width) = w_layout.shape().dims2()?;
    if w_width != width {
        bail!("linear: input {:?} does not fit weight {:?}", x_layout.dims(), w_layout.dims());
    }
    let w = Matrix::whole(numbers(w, w_layout)?, out, width)?;
    let x = numbers(x, x_layout)?;
    let enough = ordinary_rows(out, width).max(rows);
    let mut y = vec![0.; enough * out];
    let write = match b {
        Some(b) if !b.is_empty() => {
            y.par_chunks_mut(BLOCK * out).for_each(|y| y.chunks_exact_mut(out).for_each(|y| y.copy_from_slice(b)));
            Write::Add
        }
        _ => Write::Replace,
    };
    if rows == enough {
        Matrix::whole(x, rows, width)?.times_into(w.t(), &mut y, out, write, Threads::All)?;
    } else {
        let mut padded = vec![0.; enough * width];
        padded[..x.len()].copy_from_slice(x);
        Matrix::whole(&padded, enough, width)?.times_into(w.t(), &mut y, out, write, Threads::All)?;
        y.truncate(rows * out);
    }
    Ok(y)
}

/// The fewest rows for which `gemm` treats a product with `out` columns over `width` terms as it
/// treats larger ones: not as a vector, not by dot products, not in larger steps of terms.
fn ordinary_rows(out: usize, width: usize) -> usize {
    let by_area = 256 / out.max(1) + 1;
    if out <= 64 && width > 512 { by_area.max(65) } else { by_area.max(2) }
}

/// Gradients of input and weight; none for one that nobody asks for.
fn backward(x: &Tensor, w: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
    let (rows, width) = x.dims2()?;
    let out = w.dim(0)?;
    let g = Held::new(grad)?;
    let g = g.matrix(0, rows, out)?;
    let dx = if x.track_op() {
        let w = Held::new(w)?;
        let dx = g.times_by_all(w.matrix(0, out, width)?)?;
        Some(Tensor::from_vec(dx, (rows, width), grad.device())?)
    } else {
        None
    };
    let dw = if w.track_op() {
        let x = Held::new(x)?;
        let dw = g.t().times_by_all(x.matrix(0, rows, width)?)?;
        Some(Tensor::from_vec(dw, (out, width), grad.device())?)
    } else {
        None
    };
    Ok((dx, dw))
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout, w: &CpuStorage, w_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = product((x, x_layout), (w, w_layout), None)?;
        let shape = Shape::from((x_layout.dims()[0], w_layout.dims()[0]));
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        backward(x, w, &plain(grad)?)
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let b = numbers(b, b_layout)?;
        let (rows, out) = (x_layout.dims()[0], w_layout.dims()[0]);
        if b.len() != out {
            bail!("linear: weight {:?}, bias {:?}", w_layout.dims(), b_layout.dims());
        }
        let y = product((x, x_layout), (w, w_layout), Some(b))?;
        Ok((CpuStorage::F32(y), Shape::from((rows, out))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = plain(grad)?;
        let (dx, dw) = backward(x, w, &grad)?;
        let db = if b.track_op() { Some(column_sums(&grad)?) } else { None };
        Ok((dx, dw, db))
    }
}

/// Sums `(rows, out)` over the rows, in blocks of fixed size.
fn column_sums(grad: &Tensor) -> Result<Tensor> {
    let out = grad.dim(1)?;
    let mut total = vec![0.; out];
    if grad.elem_count() > 0 {
        let g = Held::new(grad)?;
        let parts: Vec<Vec<f32>> = g
            .par_chunks(BLOCK * out)
            .map(|g| {
                let mut part = vec![0.; out];
                vectorized(|| g.chunks_exact(out).for_each(|g| add_to(&mut part, g)));
                part
            })
            .collect();
        for part in &parts {
            add_to(&mut total, part);
        }
    }
    Tensor::from_vec(total, out, grad.device())?.to_dtype(DType::F32)
}
