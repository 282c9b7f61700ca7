//! Monotone curves from one grey scale to another, by percentiles.

use super::survey::CURVE;

/// For each of 65536 greys its match: the grey at the same percentile of `target`. Beyond the ends of `own` the
/// distance to the end is kept.
pub(crate) fn matching(own: &[f64], target: &[f64]) -> Vec<f32> {
    let last = CURVE - 1;
    let at = |position: f64| {
        let below = (position.floor() as usize).min(last);
        let above = (below + 1).min(last);
        target[below] + (target[above] - target[below]) * (position - below as f64)
    };
    let matched = |grey: f64| {
        if grey < own[0] {
            return target[0] + grey - own[0];
        }
        if grey > own[last] {
            return target[last] + grey - own[last];
        }
        // A grey that fills several percentiles goes to the middle of them.
        let first = own.partition_point(|&v| v < grey);
        let end = own.partition_point(|&v| v <= grey);
        if end > first {
            return at((first + end - 1) as f64 / 2.0);
        }
        let (low, high) = (own[first - 1], own[first]);
        at((first - 1) as f64 + (grey - low) / (high - low))
    };
    (0..=u16::MAX).map(|grey| matched(f64::from(grey)).clamp(0.0, 65535.0) as f32).collect()
}

/// The mean of curves, point by point.
pub(crate) fn mean<'a>(curves: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut sum = vec![0.0; CURVE];
    let mut count = 0.0f64;
    for curve in curves {
        sum.iter_mut().zip(curve).for_each(|(s, v)| *s += v);
        count += 1.0;
    }
    sum.iter().map(|s| s / count.max(1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_rise_and_meet_their_target() {
        let own: Vec<f64> = (0..CURVE).map(|i| 1000.0 + 100.0 * i as f64).collect();
        let target: Vec<f64> = (0..CURVE).map(|i| 4.0 * (i * i) as f64).collect();
        let table = matching(&own, &target);
        assert!(table.windows(2).all(|w| w[0] <= w[1]));
        assert_eq!((table[1000], table[1000 + 5000], table[1000 + 10_000]), (0.0, 10_000.0, 40_000.0));
        let same = matching(&own, &own);
        assert!((0..65536).step_by(97).all(|i| (f64::from(same[i]) - i as f64).abs() < 0.01));
    }

    #[test]
    fn a_grey_that_fills_many_percentiles_goes_to_their_middle() {
        let mut own = vec![0.0; CURVE];
        own.iter_mut().enumerate().skip(21).for_each(|(i, v)| *v = 100.0 * (i - 20) as f64);
        let target: Vec<f64> = (0..CURVE).map(|i| i as f64).collect();
        assert_eq!(matching(&own, &target)[0], 10.0);
    }
}
