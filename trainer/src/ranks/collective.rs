//! What processes that train one network together do with each other.

use anyhow::Result;
use candle_core::Tensor;

/// A way to reach the other processes.
///
/// Every process calls the same functions in the same order; each call waits for all. One thread makes all calls.
pub trait Collective {
    /// Its name in sentences.
    fn name(&self) -> &'static str;

    /// Number of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn world(&self) -> usize;

    /// Element by element the sum over all processes of flat `f32` tensors of one length. All processes get the same
    /// bits. On processors the terms are added in the order of ranks, as the micro-batches of one process are; on
    /// graphics cards in an order that only the number of cards and their connection decide.
    ///
    /// # Errors
    /// When the device or the connection fails.
    fn sum(&mut self, values: &Tensor) -> Result<Tensor>;

    /// Bytes of every process, in the order of ranks; their lengths may differ.
    ///
    /// # Errors
    /// When the connection fails.
    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>>;

    /// The bytes of rank 0; what the others give is not looked at.
    ///
    /// # Errors
    /// When the connection fails.
    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// Waits until all processes are here, without keeping a core busy.
    ///
    /// # Errors
    /// When the connection fails.
    fn barrier(&mut self) -> Result<()>;

    /// Whether any process says so.
    ///
    /// # Errors
    /// When the connection fails.
    fn any(&mut self, flag: bool) -> Result<bool> {
        Ok(self.gather(&[u8::from(flag)])?.iter().any(|said| said == &[1]))
    }

    /// Takes the connection down when all are done; nothing may be called afterwards.
    ///
    /// # Errors
    /// When the others do not come.
    fn leave(&mut self) -> Result<()>;

    /// Ends all processes at once, where the connection can do that.
    fn abort(&mut self);
}

/// One process: nothing happens.
#[derive(Clone, Copy, Debug)]
pub struct Single;

impl Collective for Single {
    fn name(&self) -> &'static str {
        "one process"
    }

    fn rank(&self) -> usize {
        0
    }

    fn world(&self) -> usize {
        1
    }

    fn sum(&mut self, values: &Tensor) -> Result<Tensor> {
        Ok(values.clone())
    }

    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>> {
        Ok(vec![mine.to_vec()])
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }

    fn barrier(&mut self) -> Result<()> {
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        Ok(())
    }

    fn abort(&mut self) {}
}
