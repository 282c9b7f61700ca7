//! Ranks that are threads of one process, for tests.

use std::any::Any;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use candle_core::Tensor;

use super::{Collective, Group};

struct Board {
    slots: Mutex<Vec<Option<Box<dyn Any + Send>>>>,
    meet: Barrier,
}

struct Threads {
    rank: usize,
    world: usize,
    board: Arc<Board>,
}

impl Threads {
    fn all<T: Clone + Send + 'static>(&self, mine: T) -> Result<Vec<T>> {
        self.board.slots.lock().unwrap()[self.rank] = Some(Box::new(mine));
        self.board.meet.wait();
        let all = self.board.slots.lock().unwrap().iter().map(|slot| slot.as_ref()?.downcast_ref::<T>().cloned()).collect();
        self.board.meet.wait();
        Option::<Vec<T>>::context(all, "the ranks made different calls")
    }
}

impl Collective for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn rank(&self) -> usize {
        self.rank
    }

    fn world(&self) -> usize {
        self.world
    }

    fn sum(&mut self, values: &Tensor) -> Result<Tensor> {
        let all = self.all(values.to_vec1::<f32>()?)?;
        let mut sum = all[0].clone();
        for other in &all[1..] {
            sum.iter_mut().zip(other).for_each(|(sum, term)| *sum += term);
        }
        Ok(Tensor::from_vec(sum, values.elem_count(), values.device())?)
    }

    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.all(mine.to_vec())
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.all(bytes)?.swap_remove(0))
    }

    fn barrier(&mut self) -> Result<()> {
        self.all(()).map(|_| ())
    }

    fn leave(&mut self) -> Result<()> {
        self.barrier()
    }

    fn abort(&mut self) {}
}

/// What so many ranks make of it, in their order.
pub(crate) fn together<T: Send>(world: usize, work: impl Fn(&Rc<Group>) -> T + Sync) -> Vec<T> {
    let board = Arc::new(Board { slots: Mutex::new((0..world).map(|_| None).collect()), meet: Barrier::new(world) });
    std::thread::scope(|scope| {
        let rank = |rank: usize| {
            let (board, work) = (board.clone(), &work);
            scope.spawn(move || {
                let connect = move |_| Ok(Box::new(Threads { rank, world, board }) as Box<dyn Collective>);
                work(&Rc::new(Group::join(connect, None, Duration::from_secs(600)).unwrap()))
            })
        };
        let ranks: Vec<_> = (0..world).map(rank).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}
