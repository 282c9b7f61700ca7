//! Ranks on graphics cards, by NCCL.
//!
//! Sums run on a stream of their own, so that the backward pass goes on meanwhile. NCCL adds in an order that the number
//! of cards and their connection decide: the same job on the same machines gives the same bits, another one to rounding.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use candle_core::cuda::cudarc::driver::{CudaSlice, CudaStream};
use candle_core::cuda::cudarc::nccl::result::NcclError;
use candle_core::cuda::cudarc::nccl::{Comm, Id, ReduceOp};
use candle_core::{CpuStorage, CudaStorage, DType, Device, InplaceOp1, Layout, Tensor};

use super::collective::Collective;
use super::group::GiveUp;
use super::launcher::{Launcher, Place};

/// Bytes that tell ranks of each other.
const ID_BYTES: usize = 128;

/// All ranks, each on a card of its own.
pub struct Nccl {
    comm: Comm,
    /// Where the network computes.
    compute: Arc<CudaStream>,
    /// Where the sums run.
    stream: Arc<CudaStream>,
    /// Ranks that MPI started end in order by it.
    #[cfg(feature = "mpi")]
    mpi: Option<super::mpi::Mpi>,
}

impl Nccl {
    /// Joins all ranks: by MPI where it started them and this build has it, else by files in the run folder.
    ///
    /// # Errors
    /// When NCCL is not there, two ranks share a card, or not all come within `limit`.
    pub fn join(place: &Place, device: &Device, run: &Path, limit: Duration, give_up: GiveUp) -> Result<Self> {
        let compute = device.as_cuda_device()?.cuda_stream();
        compute.context().bind_to_thread()?;
        let stream = compute.context().new_stream()?;
        let make = || -> Result<Vec<u8>> {
            let id = Id::new().map_err(|error| said("make the name of the job", &error))?;
            Ok(id.internal().iter().map(|&byte| byte as u8).collect())
        };
        let ranks = (place.rank, place.world);
        #[cfg(feature = "mpi")]
        let (mpi, bytes) = if place.launcher == Launcher::Mpi {
            let mut mpi = super::mpi::Mpi::join(place, give_up)?;
            let mine = if place.rank == 0 { make()? } else { Vec::new() };
            let bytes = mpi.broadcast(mine)?;
            (Some(mpi), bytes)
        } else {
            (None, super::meet::share(&run.join("meeting"), ranks, limit, make)?)
        };
        #[cfg(not(feature = "mpi"))]
        let bytes = {
            drop(give_up);
            ensure!(place.launcher != Launcher::Alone, "nothing started several ranks");
            super::meet::share(&run.join("meeting"), ranks, limit, make)?
        };
        ensure!(bytes.len() == ID_BYTES, "rank 0 sent {} bytes instead of the {ID_BYTES} of a job's name", bytes.len());
        let mut internal = [0; ID_BYTES];
        for (place, byte) in internal.iter_mut().zip(bytes) {
            *place = byte as std::ffi::c_char;
        }
        let comm = Comm::from_rank(stream.clone(), place.rank, place.world, Id::uninit(internal));
        let comm = comm.map_err(|error| said("join the ranks (has each a card of its own?)", &error))?;
        Ok(Self {
            comm,
            compute,
            stream,
            #[cfg(feature = "mpi")]
            mpi,
        })
    }

    /// Bytes of all ranks, each as many.
    fn all(&self, mine: &[u8]) -> Result<Vec<u8>> {
        let mine = self.stream.clone_htod(mine)?;
        let mut all: CudaSlice<u8> = self.stream.alloc_zeros(mine.len() * self.comm.world_size())?;
        self.comm.all_gather(&mine, &mut all).map_err(|error| said("collect", &error))?;
        Ok(self.stream.clone_dtoh(&all)?)
    }
}

/// What NCCL said, as a sentence.
fn said(what: &str, error: &NcclError) -> anyhow::Error {
    anyhow!("NCCL cannot {what}: {:?}; NCCL_DEBUG=INFO makes it say more", error.0)
}

/// The sum in place.
struct Sum<'a>(&'a Comm);

impl InplaceOp1 for Sum<'_> {
    fn name(&self) -> &'static str {
        "sum over ranks"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> candle_core::Result<()> {
        candle_core::bail!("NCCL sums on graphics cards")
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> candle_core::Result<()> {
        let Some((start, end)) = layout.contiguous_offsets() else { candle_core::bail!("a bucket is contiguous") };
        let mut values = storage.as_cuda_slice_mut::<f32>()?.slice_mut(start..end);
        self.0.all_reduce_in_place(&mut values, &ReduceOp::Sum).map_err(|error| candle_core::Error::msg(said("sum", &error)))?;
        Ok(())
    }
}

impl Collective for Nccl {
    fn name(&self) -> &'static str {
        "NCCL"
    }

    fn rank(&self) -> usize {
        self.comm.rank()
    }

    fn world(&self) -> usize {
        self.comm.world_size()
    }

    fn sum(&mut self, values: &Tensor) -> Result<Tensor> {
        ensure!(values.dtype() == DType::F32, "gradients are f32");
        // The bucket is a copy of its own, unless it holds one gradient alone, whose place the sum takes anyway.
        self.stream.join(&self.compute)?;
        values.inplace_op1(&Sum(&self.comm))?;
        self.compute.join(&self.stream)?;
        // Whoever waits for the answer also watches the clock.
        self.stream.synchronize()?;
        Ok(values.clone())
    }

    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>> {
        let lengths = self.all(&(mine.len() as u64).to_le_bytes())?;
        let lengths: Vec<usize> = lengths.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes) as usize).collect();
        // At least one byte: a card has no empty memory.
        let longest = lengths.iter().copied().max().unwrap_or(0).max(1);
        let mut padded = mine.to_vec();
        padded.resize(longest, 0);
        let all = self.all(&padded)?;
        Ok(lengths.iter().enumerate().map(|(rank, length)| all[rank * longest..][..*length].to_vec()).collect())
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let length = self.all(&(bytes.len() as u64).to_le_bytes())?;
        let length = length.as_chunks().0.first().map_or(0, |bytes| u64::from_le_bytes(*bytes) as usize);
        let mut padded = bytes;
        padded.resize(length.max(1), 0);
        let mut there = self.stream.clone_htod(&padded)?;
        self.comm.broadcast_in_place(&mut there, 0).map_err(|error| said("broadcast", &error))?;
        let mut bytes = self.stream.clone_dtoh(&there)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    fn barrier(&mut self) -> Result<()> {
        self.all(&[0]).map(|_| ())
    }

    fn leave(&mut self) -> Result<()> {
        self.barrier()?;
        #[cfg(feature = "mpi")]
        if let Some(mpi) = &mut self.mpi {
            mpi.leave()?;
        }
        Ok(())
    }

    fn abort(&mut self) {
        #[cfg(feature = "mpi")]
        if let Some(mpi) = &mut self.mpi {
            mpi.abort();
        }
    }
}
