//! Counted random numbers in a row, for work that draws as it goes.

use engine::noise::Philox;

/// Uses of random numbers in this crate's checks; each has its own stream, so a new one moves no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Use {
    /// Which cases are left out together when a probe is tried.
    Folds = 0x5401,
    /// Labels of arms exchanged within cases.
    Labels = 0x5402,
    /// Noise before levels are rounded.
    Dither = 0x5403,
    /// Equal grain over cleaned images.
    Grain = 0x5404,
    /// Studies drawn to estimate power.
    Power = 0x5405,
}

/// A row of random numbers that depends on seed, use and block only.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    philox: Philox,
    stream: u32,
    block: u32,
    index: u64,
    words: [u32; 4],
    left: usize,
    spare: Option<f64>,
}

impl Chance {
    pub(crate) fn new(seed: u64, stream: Use, block: u32) -> Self {
        Self { philox: Philox::new(seed), stream: stream as u32, block, index: 0, words: [0; 4], left: 0, spare: None }
    }

    fn word(&mut self) -> u32 {
        if self.left == 0 {
            self.words = self.philox.block(self.index, self.stream, self.block);
            self.index += 1;
            self.left = 4;
        }
        self.left -= 1;
        self.words[3 - self.left]
    }

    /// Uniform between 0 and 1, neither reached.
    pub(crate) fn unit(&mut self) -> f64 {
        (f64::from(self.word()) + 0.5) / 4_294_967_296.0
    }

    /// Standard normal (Box–Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let angle = std::f64::consts::TAU * self.unit();
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// A whole number below `n`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// A random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.below(last + 1);
            values.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, stream, block| {
            let mut chance = Chance::new(seed, stream, block);
            (0..9).map(|_| chance.unit()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, Use::Folds, 0), draw(1, Use::Folds, 0));
        assert_ne!(draw(1, Use::Folds, 0), draw(1, Use::Labels, 0));
        assert_ne!(draw(1, Use::Folds, 0), draw(1, Use::Folds, 1));
        assert_ne!(draw(1, Use::Folds, 0), draw(2, Use::Folds, 0));
    }

    #[test]
    fn laws_have_their_moments_and_orders_are_fair() {
        let mut chance = Chance::new(3, Use::Grain, 0);
        let n = 40_000;
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / n as f64;
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64)
        };
        let normal: Vec<f64> = (0..n).map(|_| chance.normal()).collect();
        let (mean, variance) = moments(&normal);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let mut first = [0usize; 3];
        for _ in 0..3000 {
            let mut order = [0, 1, 2];
            chance.shuffle(&mut order);
            first[order[0]] += 1;
        }
        assert!(first.iter().all(|&count| (900..1100).contains(&count)), "{first:?}");
    }
}
