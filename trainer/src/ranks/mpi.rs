//! Ranks on processors, by MPI.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use mpi::Threading;
use mpi::environment::Universe;
use mpi::request::{Request, Scope, scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use super::collective::Collective;
use super::group::GiveUp;
use super::launcher::Place;

/// For so long somebody who waits looks again and again; then it sleeps in between, so that the training has the core.
const EAGER: Duration = Duration::from_micros(200);
/// The longest sleep: large buckets arrive in pieces, and each look takes in some of them.
const SLEEP: Duration = Duration::from_millis(1);

/// All processes that `mpirun` or `srun` started.
pub struct Mpi {
    universe: Option<Universe>,
    world: SimpleCommunicator,
    give_up: GiveUp,
}

impl Mpi {
    /// Joins them. The thread that calls this makes all further calls.
    ///
    /// # Errors
    /// When MPI was started already, cannot be used from this thread, or sees other processes than the launcher says.
    pub fn join(place: &Place, give_up: GiveUp) -> Result<Self> {
        let started = mpi::initialize_with_threading(Threading::Funneled);
        let (universe, level) = started.context("MPI was started already in this process")?;
        ensure!(
            level >= Threading::Funneled,
            "this MPI is made for programs of one thread ({level:?}); use one with MPI_THREAD_FUNNELED, as Open MPI is"
        );
        let world = universe.world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        ensure!(
            (rank, size) == (place.rank, place.world),
            "{} says rank {} of {}, MPI says rank {rank} of {size}; start the ranks by the mpirun of the MPI this program was \
             built with, or by srun --mpi=pmix",
            place.launcher.name(),
            place.rank,
            place.world
        );
        Ok(Self { universe: Some(universe), world, give_up })
    }

    /// Waits for a call that is under way.
    fn settle<'a, D: ?Sized, S: Scope<'a>>(&self, mut request: Request<'a, D, S>) {
        let begin = Instant::now();
        loop {
            match request.test() {
                Ok(_) => return,
                Err(not_yet) => request = not_yet,
            }
            if self.give_up.load(Ordering::Relaxed) {
                self.world.abort(1);
            }
            match begin.elapsed() {
                waited if waited < EAGER => std::thread::yield_now(),
                waited => std::thread::sleep((waited / 16).min(SLEEP)),
            }
        }
    }
}

impl Collective for Mpi {
    fn name(&self) -> &'static str {
        "MPI"
    }

    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn world(&self) -> usize {
        self.world.size() as usize
    }

    /// Each rank adds up its part of the numbers in the order of ranks, then all collect the parts: as much traffic as
    /// the best all-reduce, in an order that does not change.
    fn sum(&mut self, values: &Tensor) -> Result<Tensor> {
        let (count, ranks) = (values.elem_count(), self.world());
        let part = count.div_ceil(ranks);
        let mut mine = values.to_vec1::<f32>()?;
        mine.resize(part * ranks, 0.0);
        let mut terms = vec![0f32; part * ranks];
        scope(|scope| self.settle(self.world.immediate_all_to_all_into(scope, &mine[..], &mut terms[..])));
        let (sum, others) = terms.split_at_mut(part);
        for other in others.chunks(part.max(1)) {
            sum.iter_mut().zip(other).for_each(|(sum, term)| *sum += term);
        }
        scope(|scope| self.settle(self.world.immediate_all_gather_into(scope, &*sum, &mut mine[..])));
        mine.truncate(count);
        Ok(Tensor::from_vec(mine, count, values.device())?)
    }

    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>> {
        let ranks = self.world();
        let mut lengths = vec![0u64; ranks];
        let length = [mine.len() as u64];
        scope(|scope| self.settle(self.world.immediate_all_gather_into(scope, &length[..], &mut lengths[..])));
        // At least one byte: MPI takes two buffers without any for the same one, and refuses them.
        let longest = lengths.iter().copied().max().unwrap_or(0).max(1) as usize;
        let mut padded = mine.to_vec();
        padded.resize(longest, 0);
        let mut all = vec![0u8; longest * ranks];
        scope(|scope| self.settle(self.world.immediate_all_gather_into(scope, &padded[..], &mut all[..])));
        let cut = |(rank, length): (usize, &u64)| all[rank * longest..][..*length as usize].to_vec();
        Ok(lengths.iter().enumerate().map(cut).collect())
    }

    fn broadcast(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        let root = self.world.process_at_rank(0);
        let mut length = [bytes.len() as u64];
        scope(|scope| self.settle(root.immediate_broadcast_into(scope, &mut length[..])));
        bytes.resize(length[0] as usize, 0);
        scope(|scope| self.settle(root.immediate_broadcast_into(scope, &mut bytes[..])));
        Ok(bytes)
    }

    fn barrier(&mut self) -> Result<()> {
        self.settle(self.world.immediate_barrier());
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        self.barrier()?;
        drop(self.universe.take());
        Ok(())
    }

    fn abort(&mut self) {
        self.world.abort(1)
    }
}
