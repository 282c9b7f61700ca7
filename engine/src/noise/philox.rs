//! Philox 4×32 with ten rounds.
//!
//! # Source
//! Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC11), section 3.3.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// A stateless generator: a key and, at each call, a 128-bit counter.
#[derive(Clone, Copy, Debug)]
pub struct Philox {
    key: [u32; 2],
}

impl Philox {
    /// A generator with a 64-bit key.
    pub fn new(key: u64) -> Self {
        Self { key: [key as u32, (key >> 32) as u32] }
    }

    /// Four random words for a counter made of an index and two selectors.
    pub fn block(&self, index: u64, selector_a: u32, selector_b: u32) -> [u32; 4] {
        self.rounds([index as u32, (index >> 32) as u32, selector_a, selector_b])
    }

    /// Ten rounds over a raw counter.
    pub fn rounds(&self, mut counter: [u32; 4]) -> [u32; 4] {
        let mut key = self.key;
        for _ in 0..10 {
            let p0 = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
            let p1 = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
            counter = [(p1 >> 32) as u32 ^ counter[1] ^ key[0], p1 as u32, (p0 >> 32) as u32 ^ counter[3] ^ key[1], p0 as u32];
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        counter
    }
}
