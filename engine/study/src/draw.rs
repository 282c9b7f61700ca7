//! Random choices of a study from a counter: a choice depends on the key, its use and its place only.

use engine::noise::Philox;

/// What is drawn; each use has numbers of its own, so that one more choice here moves none there.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Use {
    /// Which case takes which row of the balanced square.
    Rows = 1,
    /// The order of the trials of a reader.
    Order = 2,
    /// Which images come twice, and where.
    Repeats = 3,
    /// Catch trials.
    Catch = 4,
    /// Opaque names of images and cases.
    Names = 5,
    /// Practice.
    Practice = 6,
    /// Tiles of a picture that is no radiograph.
    Tiles = 7,
    /// Which cases are left out together when a probe of the leak audit is tried.
    Folds = 8,
    /// Labels of arms exchanged within cases.
    Labels = 9,
    /// Noise before levels are rounded.
    Dither = 10,
    /// Equal grain over cleaned images.
    Grain = 11,
    /// Studies drawn to estimate power.
    Power = 12,
    /// Hidden values of simulated cases and images.
    Hidden = 13,
    /// Answers of simulated readers.
    Answers = 14,
}

/// A stream of random choices.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    philox: Philox,
    stream: u32,
    part: u32,
    next: u64,
    words: Vec<u32>,
    /// The second of two normal values that were made together.
    spare: Option<f64>,
}

impl Draw {
    /// The stream of a use; `part` keeps readers or attempts apart.
    pub(crate) fn new(key: u64, purpose: Use, part: u32) -> Self {
        Self { philox: Philox::new(key), stream: purpose as u32, part, next: 0, words: Vec::new(), spare: None }
    }

    fn word(&mut self) -> u32 {
        if let Some(word) = self.words.pop() {
            return word;
        }
        let [a, b, c, d] = self.philox.block(self.next, self.stream, self.part);
        self.next += 1;
        self.words.extend([d, c, b]);
        a
    }

    /// A whole number below `n`, all equally likely; 0 where `n` is 0 or 1.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        if n < 2 {
            return 0;
        }
        // Words beyond the last whole multiple of n would favour small numbers.
        let whole = u32::MAX - (u32::MAX % n + 1) % n;
        loop {
            let word = self.word();
            if word <= whole {
                return (word % n) as usize;
            }
        }
    }

    /// Uniform between 0 and 1, neither reached.
    pub(crate) fn unit(&mut self) -> f64 {
        (f64::from(self.word()) + 0.5) / 4_294_967_296.0
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let angle = std::f64::consts::TAU * self.unit();
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// Standard logistic.
    pub(crate) fn logistic(&mut self) -> f64 {
        let share = self.unit();
        (share / (1.0 - share)).ln()
    }

    /// Puts the items in random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Sixteen hexadecimal digits.
    pub(crate) fn name(&mut self) -> String {
        format!("{:08x}{:08x}", self.word(), self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_repeat_and_are_even() {
        let mut counts = [0usize; 6];
        let mut draw = Draw::new(7, Use::Order, 1);
        for _ in 0..60_000 {
            counts[draw.below(6)] += 1;
        }
        // Four standard deviations of a binomial count are 365.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 365), "{counts:?}");
        let sequence = |part| {
            let mut items: Vec<u32> = (0..50).collect();
            Draw::new(7, Use::Order, part).shuffle(&mut items);
            items
        };
        assert_eq!(sequence(1), sequence(1));
        assert_ne!(sequence(1), sequence(2));
        assert_eq!(Draw::new(1, Use::Names, 0).name().len(), 16);
    }

    #[test]
    fn laws_have_their_moments() {
        let mut draw = Draw::new(3, Use::Power, 0);
        let n = 40_000;
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / n as f64;
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64)
        };
        let normal: Vec<f64> = (0..n).map(|_| draw.normal()).collect();
        let (mean, variance) = moments(&normal);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let logistic: Vec<f64> = (0..n).map(|_| draw.logistic()).collect();
        let (mean, variance) = moments(&logistic);
        let expected = std::f64::consts::PI.powi(2) / 3.0;
        assert!(mean.abs() < 0.04 && (variance - expected).abs() < 0.12, "{mean} {variance}");
    }
}
