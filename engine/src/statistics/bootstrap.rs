//! Bootstrap intervals over whole units, such as cases, so that what belongs together stays together.

use super::summary::quantile;
use crate::domain::{Seed, Stream};
use crate::noise;

/// A statistic with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The statistic of the sample.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Resamples that gave a value.
    pub resamples: usize,
}

/// Percentile interval of `statistic` over `units` (Efron 1979): each of `resamples` draws as many units as there
/// are, with replacement, by the counted random numbers of `seed`. `level` is the coverage, such as 0.95.
///
/// `statistic` is given unit numbers, from 0, and may give `None` where a resample has no answer; those do not count.
/// `None` where the sample itself has none, or fewer than half of the resamples have one.
pub fn by_unit(
    units: usize,
    resamples: usize,
    level: f64,
    seed: Seed,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    let all: Vec<usize> = (0..units).collect();
    let estimate = statistic(&all)?;
    let mut drawn = vec![0usize; units];
    let mut values = Vec::with_capacity(resamples);
    for resample in 0..resamples {
        let block = u32::try_from(resample).ok()?;
        let uniforms = noise::uniform(seed, Stream::Resample, block, units);
        for (slot, u) in drawn.iter_mut().zip(uniforms) {
            *slot = ((u * units as f64) as usize).min(units - 1);
        }
        values.extend(statistic(&drawn));
    }
    if values.len() * 2 < resamples || values.is_empty() {
        return None;
    }
    let tail = (1.0 - level) / 2.0;
    Some(Interval { estimate, low: quantile(&values, tail)?, high: quantile(&values, 1.0 - tail)?, resamples: values.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_covers_and_repeats() {
        // 200 samples of 40 standard normal values: the interval holds zero about 95 times of 100.
        let mut held = 0;
        for sample in 0..200 {
            let values = noise::normal(Seed(sample), Stream::TrainNoise, 0, 40);
            let mean = |units: &[usize]| Some(units.iter().map(|&u| f64::from(values[u])).sum::<f64>() / units.len() as f64);
            let a = by_unit(40, 400, 0.95, Seed(7), mean).expect("a mean exists");
            assert_eq!(Some(a), by_unit(40, 400, 0.95, Seed(7), mean));
            held += usize::from(a.low <= 0.0 && 0.0 <= a.high);
        }
        assert!((176..=198).contains(&held), "{held} of 200");
    }

    #[test]
    fn no_answer_is_none() {
        assert_eq!(by_unit(5, 100, 0.95, Seed(1), |_| None), None);
        assert_eq!(by_unit(0, 100, 0.95, Seed(1), |units| units.first().map(|_| 1.0)), None);
    }
}
