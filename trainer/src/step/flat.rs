//! Many variables as one flat `f32` vector, in a fixed order.
//!
//! Optimiser, clipping and averages work on the flat vector: a handful of tensor operations for the
//! whole network instead of a handful for each of its variables.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, InplaceOp2, InplaceOp3, Layout, Shape, Tensor, Var};
use rayon::prelude::*;

/// Names, shapes and places of variables in a flat vector.
#[derive(Clone, Debug)]
pub struct FlatLayout {
    vars: Vec<(String, Var)>,
    shapes: Vec<Shape>,
    offsets: Vec<usize>,
    len: usize,
    device: Device,
}

impl FlatLayout {
    /// Lays the variables out one after another in the order given.
    ///
    /// # Errors
    /// When there is none, when a name occurs twice or when they lie on different devices.
    pub fn new(vars: Vec<(String, Var)>) -> anyhow::Result<Self> {
        let Some((_, first)) = vars.first() else { bail!("there is no variable to train") };
        let device = first.device().clone();
        let (mut offsets, mut len) = (Vec::with_capacity(vars.len()), 0);
        let mut names = std::collections::BTreeSet::new();
        for (name, var) in &vars {
            if !names.insert(name.as_str()) {
                bail!("the variable {name} is listed twice");
            }
            if !var.device().same_device(&device) {
                bail!("the variable {name} lies on another device");
            }
            offsets.push(len);
            len += var.elem_count();
        }
        let shapes = vars.iter().map(|(_, var)| var.shape().clone()).collect();
        Ok(Self { vars, shapes, offsets, len, device })
    }

    /// Count of all numbers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The device of all variables.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The variables with their names, in order.
    pub fn vars(&self) -> &[(String, Var)] {
        &self.vars
    }

    /// The variables' values, flat `[len]`, `f32`, detached.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn values(&self) -> anyhow::Result<Tensor> {
        let parts = self.vars.iter().map(|(_, var)| flat_f32(&var.as_detached_tensor())).collect::<anyhow::Result<Vec<_>>>()?;
        joined(&parts)
    }

    /// The gradients, flat `[len]`, `f32`; zeros where a variable has none.
    ///
    /// # Errors
    /// When a gradient's shape is not its variable's.
    pub fn gradients(&self, grads: &GradStore) -> anyhow::Result<Tensor> {
        let parts = self
            .vars
            .iter()
            .map(|(name, var)| match grads.get(var.as_tensor()) {
                Some(g) if g.elem_count() == var.elem_count() => flat_f32(&g.detach()),
                Some(g) => bail!("the gradient of {name} has shape {:?}, the variable {:?}", g.dims(), var.dims()),
                None => Ok(Tensor::zeros(var.elem_count(), DType::F32, &self.device)?),
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        joined(&parts)
    }

    /// Copies a flat vector `[len]` into the variables, cast to their dtypes.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn write(&self, flat: &Tensor) -> anyhow::Result<()> {
        for (i, (name, var)) in self.vars.iter().enumerate() {
            let part = self.part(flat, i)?.to_dtype(var.dtype())?;
            var.set(&part).with_context(|| format!("writing {name}"))?;
        }
        Ok(())
    }

    /// Cuts a flat vector into named CPU tensors of the variables' shapes; names get `prefix` in front.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn split(&self, flat: &Tensor, prefix: &str) -> anyhow::Result<BTreeMap<String, Tensor>> {
        // `Tensor::copy` of a part would copy the whole vector each time, and a part alone would keep it alive.
        let values = flat.to_vec1::<f32>()?;
        let part = |i: usize| {
            let (from, shape) = (self.offsets[i], &self.shapes[i]);
            Tensor::from_slice(&values[from..from + shape.elem_count()], shape, &Device::Cpu)
        };
        (0..self.vars.len()).map(|i| Ok((format!("{prefix}{}", self.vars[i].0), part(i)?))).collect()
    }

    /// The inverse of [`FlatLayout::split`].
    ///
    /// # Errors
    /// Names a tensor that is missing or has another shape.
    pub fn join(&self, tensors: &BTreeMap<String, Tensor>, prefix: &str) -> anyhow::Result<Tensor> {
        let mut parts = Vec::with_capacity(self.vars.len());
        for ((name, _), shape) in self.vars.iter().zip(&self.shapes) {
            let key = format!("{prefix}{name}");
            let Some(tensor) = tensors.get(&key) else { bail!("the saved state has no tensor {key}") };
            if tensor.shape() != shape {
                bail!("the saved tensor {key} has shape {:?}, expected {:?}", tensor.dims(), shape.dims());
            }
            parts.push(flat_f32(&tensor.to_device(&self.device)?)?);
        }
        joined(&parts)
    }

    fn part(&self, flat: &Tensor, index: usize) -> anyhow::Result<Tensor> {
        let shape = &self.shapes[index];
        Ok(flat.narrow(0, self.offsets[index], shape.elem_count())?.reshape(shape)?)
    }
}

/// One flat vector with storage of its own, so that updates in place never reach a variable.
fn joined(parts: &[Tensor]) -> anyhow::Result<Tensor> {
    Ok(if let [only] = parts { only.copy()? } else { Tensor::cat(parts, 0)? })
}

fn flat_f32(tensor: &Tensor) -> anyhow::Result<Tensor> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?)
}

/// `dst[i] = f(dst[i], srcs[0][i], …)` in place, over contiguous `f32` on the CPU, in parallel.
pub(super) struct Elementwise<F>(pub F);

/// Large enough that a piece outweighs its hand-over to another thread.
const PIECE: usize = 1 << 14;

impl<F: Fn(f32, f32) -> f32 + Sync> InplaceOp2 for Elementwise<F> {
    fn name(&self) -> &'static str {
        "elementwise"
    }

    fn cpu_fwd(&self, dst: &mut CpuStorage, dst_l: &Layout, a: &CpuStorage, a_l: &Layout) -> candle_core::Result<()> {
        let (dst, a) = (slice_mut(dst, dst_l)?, slice(a, a_l)?);
        dst.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).for_each(|(dst, a)| {
            for (d, a) in dst.iter_mut().zip(a) {
                *d = self.0(*d, *a);
            }
        });
        Ok(())
    }
}

/// As [`Elementwise`], with two sources.
pub(super) struct Elementwise2<F>(pub F);

impl<F: Fn(f32, f32, f32) -> f32 + Sync> InplaceOp3 for Elementwise2<F> {
    fn name(&self) -> &'static str {
        "elementwise2"
    }

    fn cpu_fwd(
        &self,
        dst: &mut CpuStorage,
        dst_l: &Layout,
        a: &CpuStorage,
        a_l: &Layout,
        b: &CpuStorage,
        b_l: &Layout,
    ) -> candle_core::Result<()> {
        let (dst, a, b) = (slice_mut(dst, dst_l)?, slice(a, a_l)?, slice(b, b_l)?);
        dst.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).zip(b.par_chunks(PIECE)).for_each(|((dst, a), b)| {
            for ((d, a), b) in dst.iter_mut().zip(a).zip(b) {
                *d = self.0(*d, *a, *b);
            }
        });
        Ok(())
    }
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else { candle_core::bail!("an in-place update needs f32") };
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("an in-place update needs contiguous tensors")
    };
    Ok(&values[start..end])
}

fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> candle_core::Result<&'a mut [f32]> {
    let CpuStorage::F32(values) = storage else { candle_core::bail!("an in-place update needs f32") };
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("an in-place update needs contiguous tensors")
    };
    Ok(&mut values[start..end])
}
