//! Activations on a CPU: one pass forward, one pass backward.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::cpu::{Held, numbers, plain};

/// Numbers per parallel task.
const BLOCK: usize = 16 * 1024;

/// An activation given by two loops over equally long slices.
#[derive(Clone, Copy)]
pub(super) struct Activation {
    pub(super) name: &'static str,
    /// Writes the value of each `x`.
    pub(super) value: fn(y: &mut [f32], x: &[f32]),
    /// Writes each gradient `g` times the slope at `x`.
    pub(super) slope: fn(dx: &mut [f32], g: &[f32], x: &[f32]),
}

/// Applies an activation to a CPU tensor of any dtype.
pub(super) fn apply(x: &Tensor, activation: Activation) -> Result<Tensor> {
    plain(x)?.apply_op1(activation)?.to_dtype(x.dtype())
}

impl CustomOp1 for Activation {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = numbers(storage, layout)?;
        let mut y = vec![0.; x.len()];
        y.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(y, x)| (self.value)(y, x));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = plain(grad)?;
        let (gradient, numbers) = (Held::new(&grad)?, Held::new(x)?);
        let mut dx = vec![0.; numbers.len()];
        dx.par_chunks_mut(BLOCK)
            .zip(gradient.par_chunks(BLOCK).zip(numbers.par_chunks(BLOCK)))
            .for_each(|(dx, (g, x))| (self.slope)(dx, g, x));
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}
