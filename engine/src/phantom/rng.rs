//! Random numbers of one component of one phantom.

use crate::domain::Stream;
use crate::noise::Philox;

/// A stream of draws that depends on (dataset seed, case index, component name) and on nothing else,
/// so that a change in one structure never moves another.
pub(crate) struct Rng {
    philox: Philox,
    index: u64,
    component: u32,
    block: u32,
    words: [u32; 4],
    used: usize,
}

impl Rng {
    pub(crate) fn new(dataset_seed: u64, index: u64, component: &str) -> Self {
        let mut hash = 0x811c_9dc5u32 ^ (Stream::Phantom as u32);
        for byte in component.bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        Self { philox: Philox::new(dataset_seed), index, component: hash, block: 0, words: [0; 4], used: 4 }
    }

    /// The next 32 random bits.
    pub(crate) fn bits(&mut self) -> u32 {
        if self.used == 4 {
            self.words = self.philox.block(self.index, self.component, self.block);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        let word = self.words[self.used];
        self.used += 1;
        word
    }

    /// Four fresh words, for bulk noise.
    pub(crate) fn words(&mut self) -> [u32; 4] {
        self.used = 4;
        let words = self.philox.block(self.index, self.component, self.block);
        self.block = self.block.wrapping_add(1);
        words
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Near-normal with the given mean and deviation, within ±3.5 deviations (sum of twelve uniforms, cut).
    pub(crate) fn normal(&mut self, mean: f32, sd: f32) -> f32 {
        let mut sum = 0.0;
        for _ in 0..12 {
            sum += self.unit();
        }
        mean + sd * (sum - 6.0).clamp(-3.5, 3.5)
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Uniform integer in `0..n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f32) as usize).min(n.saturating_sub(1))
    }

    /// One of the choices.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        const { assert!(N > 0) };
        choices[self.below(N)]
    }

    /// An index drawn with the given weights.
    pub(crate) fn weighted(&mut self, weights: &[f32]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f32>();
        for (i, &w) in weights.iter().enumerate() {
            if left < w {
                return i;
            }
            left -= w;
        }
        weights.len().saturating_sub(1)
    }
}
