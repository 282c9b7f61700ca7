//! Estimates with interval and n, tests with their correction, resampling by case.

use engine::domain::Seed;
use engine::statistics::bootstrap;
use engine::statistics::distributions::{normal_two_sided, t_quantile};
use engine::statistics::holm;
use engine::statistics::proportion::share;
use serde::Serialize;

use super::effects::Test;

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// 95 % interval; `None` where it cannot be given.
    pub interval: Option<(f64, f64)>,
    /// Units it rests on; the field that holds it says which.
    pub n: usize,
}

/// An interval, unless it has no width: then the units show no spread, and it would claim certainty.
pub(crate) fn wide(interval: (f64, f64)) -> Option<(f64, f64)> {
    (interval.0 < interval.1).then_some(interval)
}

/// A share of answers with its exact interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ShareOf {
    /// Answers that count as yes.
    pub hits: usize,
    /// All answers.
    pub n: usize,
    /// `hits` ÷ `n`.
    pub value: f64,
    /// Exact 95 % interval (Clopper–Pearson).
    pub interval: (f64, f64),
}

impl ShareOf {
    /// `None` of no answers.
    pub fn of(hits: usize, n: usize) -> Option<Self> {
        share(hits, n).map(|s| Self { hits, n, value: s.value, interval: s.ci95 })
    }
}

/// How intervals are resampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bootstrap {
    pub(crate) resamples: usize,
    pub(crate) seed: Seed,
}

impl Bootstrap {
    /// The statistic over units with its percentile interval; `n` is the number of units.
    pub(crate) fn estimate(self, units: usize, statistic: impl Fn(&[usize]) -> Option<f64>) -> Option<Estimate> {
        let all: Vec<usize> = (0..units).collect();
        let value = statistic(&all)?;
        let found = bootstrap::by_unit(units, self.resamples, level(units), self.seed, statistic);
        // One unit, or units that are all alike, resample to themselves.
        let interval = found.and_then(|i| wide((i.low, i.high)));
        Some(Estimate { value, interval, n: units })
    }

    /// The statistic over units with its bootstrap-t interval, cut to `bounds`; `statistic` gives it with its error.
    pub(crate) fn studentised(
        self,
        units: usize,
        bounds: (f64, f64),
        statistic: impl Fn(&[usize]) -> Option<(f64, f64)>,
    ) -> Option<(f64, f64)> {
        let found = bootstrap::studentised(units, self.resamples, 0.95, self.seed, statistic)?;
        wide((found.low.max(bounds.0), found.high.min(bounds.1)))
    }

    /// The mean of one value a unit.
    pub(crate) fn mean(self, values: &[f64]) -> Option<Estimate> {
        self.estimate(values.len(), |units| {
            (!units.is_empty()).then(|| units.iter().map(|&u| values[u]).sum::<f64>() / units.len() as f64)
        })
    }
}

/// The level at which percentiles cover 95 %: with few units they are too narrow by √(n ÷ (n − 1)), and by the normal
/// law in place of Student's t (the expanded percentile interval; Hesterberg, What teachers should know about the
/// bootstrap, The American Statistician 69, 2015).
fn level(units: usize) -> f64 {
    let n = units as f64;
    match t_quantile(0.025, n - 1.0) {
        Some(t) => 1.0 - normal_two_sided((n / (n - 1.0)).sqrt() * t),
        None => 0.95,
    }
}

/// Puts Holm's correction into all tests of one family.
pub(crate) fn holm_over<'a>(tests: impl Iterator<Item = &'a mut Test>) {
    let tests: Vec<&mut Test> = tests.collect();
    let adjusted = holm(&tests.iter().map(|t| t.p).collect::<Vec<_>>());
    let family = tests.len();
    for (test, p) in tests.into_iter().zip(adjusted) {
        test.holm = p;
        test.family = family;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_units_widen_the_percentiles() {
        // n = 30: t is 2.0452, times √(30/29) 2.0802; two tails of the normal law hold 3.75 %.
        assert!((level(30) - 0.962_49).abs() < 1e-4, "{}", level(30));
        assert!(level(5) > level(30) && level(30) > level(150) && level(5000) - 0.95 < 2e-4);
        assert_eq!((level(0), level(1)), (0.95, 0.95));
    }
}
