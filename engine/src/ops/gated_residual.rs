//! Residual connection with a gate per image and channel, as in adaLN-zero.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::cpu::{Held, add_to, numbers, plain, vectorized};
use super::device;

/// Rows per parallel task.
const BLOCK: usize = 32;

/// `x + gate · y`.
///
/// `x` and `y` are `(batch, tokens, width)`, `gate` is `(batch, width)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn gated_residual(x: &Tensor, gate: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (batch, _, width) = x.dims3()?;
    if !x.device().is_cpu() && gate.dims() == [batch, width] && y.dims() == x.dims() {
        return device::gated_residual(x, gate, y);
    }
    let gate = gate.broadcast_as((batch, width))?;
    if x.device().is_cpu() {
        plain(x)?.apply_op3(&plain(&gate)?, &plain(y)?, GatedResidual)?.to_dtype(x.dtype())
    } else {
        composed(x, &gate, y)
    }
}

pub(super) fn composed(x: &Tensor, gate: &Tensor, y: &Tensor) -> Result<Tensor> {
    let gate = gate.to_dtype(y.dtype())?.unsqueeze(1)?; // (batch, 1, width)
    x + y.broadcast_mul(&gate)?
}

struct GatedResidual;

impl CustomOp3 for GatedResidual {
    fn name(&self) -> &'static str {
        "gated_residual"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gate: &CpuStorage,
        gate_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, tokens, width) = x_layout.shape().dims3()?;
        if y_layout.dims() != x_layout.dims() {
            bail!("gated_residual: {:?} onto {:?}", y_layout.dims(), x_layout.dims());
        }
        let (x, y) = (numbers(x, x_layout)?, numbers(y, y_layout)?);
        let gate = numbers(gate, gate_layout)?;
        let mut out = vec![0.; x.len()];
        if !out.is_empty() {
            out.par_chunks_mut(width * BLOCK.min(tokens)).enumerate().for_each(|(index, out)| {
                let first = index * BLOCK.min(tokens);
                let rows = out.chunks_exact_mut(width).enumerate();
                for (row, out) in rows.map(|(row, out)| (first + row, out)) {
                    let here = row * width..(row + 1) * width;
                    let image = row / tokens;
                    let gate = &gate[image * width..(image + 1) * width];
                    let sources = x[here.clone()].iter().zip(&y[here]);
                    vectorized(|| {
                        for ((out, (x, y)), gate) in out.iter_mut().zip(sources).zip(gate) {
                            *out = x + gate * y;
                        }
                    });
                }
            });
        }
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gate: &Tensor,
        y: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (_, tokens, width) = x.dims3()?;
        let grad = plain(grad)?;
        let mut dy = Held::new(&grad)?.to_vec();
        let numbers = Held::new(y)?;
        let gates = Held::new(gate)?;
        let mut d_gate = vec![0.; gates.len()];
        if !dy.is_empty() {
            dy.par_chunks_mut(tokens * width)
                .zip(numbers.par_chunks(tokens * width))
                .zip(gates.par_chunks(width).zip(d_gate.par_chunks_mut(width)))
                .for_each(|((g, y), (gate, d_gate))| {
                    let parts: Vec<_> = g
                        .par_chunks_mut(BLOCK * width)
                        .zip(y.par_chunks(BLOCK * width))
                        .map(|(g, y)| vectorized(|| backward(g, y, gate)))
                        .collect();
                    for part in parts {
                        add_to(d_gate, &part);
                    }
                });
        }
        Ok((
            Some(grad.clone()),
            Some(Tensor::from_vec(d_gate, gate.shape(), x.device())?),
            Some(Tensor::from_vec(dy, y.shape(), x.device())?),
        ))
    }
}

/// Turns the output's gradient in `g` into that of `y`, and returns that of the gate.
#[inline(always)]
fn backward(g: &mut [f32], y: &[f32], gate: &[f32]) -> Vec<f32> {
    let width = gate.len();
    let mut d_gate = vec![0.; width];
    for (g, y) in g.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
        for (((d, g), y), gate) in d_gate.iter_mut().zip(g).zip(y).zip(gate) {
            *d += *g * y;
            *g *= gate;
        }
    }
    d_gate
}
