//! Updates in place over contiguous `f32` on the CPU, in parallel.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout};
use rayon::prelude::*;

/// `dst[i] = f(dst[i], a[i])`.
pub(super) struct Elementwise<F>(pub F);

/// `dst[i] = f(dst[i], a[i], b[i])`.
pub(super) struct Elementwise2<F>(pub F);

/// Large enough that a piece outweighs its hand-over to another thread.
pub(super) const PIECE: usize = 1 << 14;

impl<F: Fn(f32, f32) -> f32 + Sync> InplaceOp2 for Elementwise<F> {
    fn name(&self) -> &'static str {
        "elementwise"
    }

    fn cpu_fwd(&self, dst: &mut CpuStorage, dst_l: &Layout, a: &CpuStorage, a_l: &Layout) -> candle_core::Result<()> {
        let (dst, a) = (slice_mut(dst, dst_l)?, slice(a, a_l)?);
        let update = |dst: &mut [f32], a: &[f32]| dst.iter_mut().zip(a).for_each(|(d, a)| *d = self.0(*d, *a));
        if dst.len() <= PIECE {
            update(dst, a);
        } else {
            dst.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).for_each(|(dst, a)| update(dst, a));
        }
        Ok(())
    }
}

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
        let update =
            |dst: &mut [f32], a: &[f32], b: &[f32]| dst.iter_mut().zip(a).zip(b).for_each(|((d, a), b)| *d = self.0(*d, *a, *b));
        if dst.len() <= PIECE {
            update(dst, a, b);
        } else {
            let sources = a.par_chunks(PIECE).zip(b.par_chunks(PIECE));
            dst.par_chunks_mut(PIECE).zip(sources).for_each(|(dst, (a, b))| update(dst, a, b));
        }
        Ok(())
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
