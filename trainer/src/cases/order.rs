//! The order in which the released samplers visit prompts.
//!
//! They shuffle with seed 0 whatever seed they are given, repeat the first prompts until every worker has
//! equally many, and deal them out in turn. Needed only to line our results up with a released run: here an
//! image depends on its own seed, not on its place.
//!
//! # Source
//! PyTorch `torch/utils/data/distributed.py` (`DistributedSampler`) and the CPU `randperm` kernel;
//! Matsumoto and Nishimura 1998, "Mersenne Twister".

/// The prompts of each worker, in visiting order; all lists are equally long.
pub fn release_order(prompts: usize, workers: usize) -> Vec<Vec<usize>> {
    if prompts == 0 || workers == 0 {
        return vec![Vec::new(); workers];
    }
    let shuffled = permutation(prompts, 0);
    let total = prompts.div_ceil(workers) * workers;
    let padded: Vec<usize> = shuffled.iter().cycle().take(total).copied().collect();
    (0..workers).map(|worker| padded.iter().skip(worker).step_by(workers).copied().collect()).collect()
}

/// PyTorch's random permutation of `0..count`.
fn permutation(count: usize, seed: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut twister = Twister::new(seed);
    for place in 0..count.saturating_sub(1) {
        let jump = twister.next_u32() as usize % (count - place);
        order.swap(place, place + jump);
    }
    order
}

const SIZE: usize = 624;
const MIDDLE: usize = 397;

/// The 32-bit Mersenne twister MT19937.
struct Twister {
    state: Vec<u32>,
    used: usize,
}

impl Twister {
    fn new(seed: u32) -> Self {
        let mut state = vec![seed; SIZE];
        for i in 1..SIZE {
            let previous = state[i - 1];
            state[i] = (previous ^ previous >> 30).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, used: SIZE }
    }

    fn refill(&mut self) {
        for i in 0..SIZE {
            let joined = self.state[i] & 0x8000_0000 | self.state[(i + 1) % SIZE] & 0x7fff_ffff;
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + MIDDLE) % SIZE] ^ joined >> 1 ^ twist;
        }
        self.used = 0;
    }

    fn next_u32(&mut self) -> u32 {
        if self.used == SIZE {
            self.refill();
        }
        let mut y = self.state[self.used];
        self.used += 1;
        y ^= y >> 11;
        y ^= y << 7 & 0x9d2c_5680;
        y ^= y << 15 & 0xefc6_0000;
        y ^ y >> 18
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twister_is_the_published_one() {
        let mut twister = Twister::new(5489);
        let first: Vec<u32> = (0..4).map(|_| twister.next_u32()).collect();
        assert_eq!(first, [3_499_211_612, 581_869_302, 3_890_346_734, 3_586_334_585]);
        let ten_thousandth = (4..10_000).map(|_| twister.next_u32()).last();
        assert_eq!(ten_thousandth, Some(4_123_659_995), "the value the C++ standard requires");
    }

    #[test]
    fn prompts_are_dealt_out_shuffled_and_repeated() {
        // As PyTorch 2.6 gives them.
        assert_eq!(release_order(10, 1), [[4, 1, 7, 5, 3, 9, 0, 8, 6, 2]]);
        assert_eq!(release_order(5, 4), [vec![4, 2], vec![0, 4], vec![1, 0], vec![3, 1]]);
        assert_eq!(release_order(1, 4), [[0], [0], [0], [0]]);
        assert_eq!(release_order(0, 2), [Vec::<usize>::new(), Vec::new()]);
    }
}
