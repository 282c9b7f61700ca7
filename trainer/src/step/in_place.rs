//! Several contiguous `f32` tensors on the processor, opened together to be changed in place.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};

/// Large enough that a piece outweighs its hand-over to another thread.
pub(super) const PIECE: usize = 1 << 14;

/// Gives `work` the numbers of all tensors at once, in their order. No two may share their storage.
///
/// # Errors
/// When a tensor is not contiguous `f32` on the processor, or `work` fails.
pub(super) fn with_slices(
    tensors: &[&Tensor],
    work: &(dyn Fn(&mut [&mut [f32]]) -> candle_core::Result<()> + Sync),
) -> candle_core::Result<()> {
    match tensors.split_first() {
        Some((first, rest)) => first.inplace_op1(&Open { rest, held: Mutex::default(), work }),
        None => work(&mut []),
    }
}

/// Holds the numbers of the tensors before, and opens the next one inside of the opened last one.
struct Open<'a> {
    rest: &'a [&'a Tensor],
    held: Mutex<Vec<&'a mut [f32]>>,
    work: &'a (dyn Fn(&mut [&mut [f32]]) -> candle_core::Result<()> + Sync),
}

impl InplaceOp1 for Open<'_> {
    fn name(&self) -> &'static str {
        "in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let mut held: Vec<&mut [f32]> = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        held.push(slice_mut(storage, layout)?);
        match self.rest.split_first() {
            Some((next, rest)) => next.inplace_op1(&Open { rest, held: Mutex::new(held), work: self.work }),
            None => (self.work)(&mut held),
        }
    }
}

/// The numbers of a contiguous `f32` tensor on the CPU.
pub(super) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
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

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn tensors_are_open_together_in_their_order() {
        let of = |value: f32| Tensor::full(value, 3, &Device::Cpu).unwrap();
        let (a, b, c) = (of(1.0), of(2.0), of(3.0));
        with_slices(&[&a, &b, &c], &|all| {
            let [a, b, c] = all else { panic!("three") };
            for i in 0..3 {
                a[i] += b[i] * c[i];
                b[i] = i as f32;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(a.to_vec1::<f32>().unwrap(), [7.0; 3]);
        assert_eq!(b.to_vec1::<f32>().unwrap(), [0.0, 1.0, 2.0]);
        let half = a.to_dtype(DType::F16).unwrap();
        assert!(with_slices(&[&b, &half], &|_| Ok(())).unwrap_err().to_string().contains("needs f32"));
    }
}
