//! Area under the ROC curve with DeLong's interval, and d′ of yes-or-no answers.

use super::distributions::normal_quantile;

/// An area with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Area under the curve, 0.5 is chance; ties count half.
    pub value: f64,
    /// Standard error (DeLong, DeLong and Clarke-Pearson 1988).
    pub error: f64,
    /// 95 % interval, cut off at 0 and 1.
    pub ci95: (f64, f64),
}

/// The area by which `positive` scores exceed `negative` ones; `None` where either has fewer than two.
pub fn area(positive: &[f64], negative: &[f64]) -> Option<Area> {
    if positive.len() < 2 || negative.len() < 2 {
        return None;
    }
    let wins = |a: f64, b: f64| {
        if a > b {
            1.0
        } else if a == b {
            0.5
        } else {
            0.0
        }
    };
    let share = |of: f64, others: &[f64], above: bool| {
        others.iter().map(|&o| if above { wins(of, o) } else { wins(o, of) }).sum::<f64>() / others.len() as f64
    };
    let by_positive: Vec<f64> = positive.iter().map(|&p| share(p, negative, true)).collect();
    let by_negative: Vec<f64> = negative.iter().map(|&n| share(n, positive, false)).collect();
    let value = by_positive.iter().sum::<f64>() / by_positive.len() as f64;
    let spread =
        |parts: &[f64]| parts.iter().map(|v| (v - value).powi(2)).sum::<f64>() / (parts.len() - 1) as f64 / parts.len() as f64;
    let error = (spread(&by_positive) + spread(&by_negative)).sqrt();
    let reach = normal_quantile(0.975) * error;
    Some(Area { value, error, ci95: ((value - reach).max(0.0), (value + reach).min(1.0)) })
}

/// Sensitivity d′ and criterion c from counts, each count with half an answer added, so that none is infinite
/// (Hautus 1995). `None` where either kind was never shown.
pub fn d_prime(hits: usize, misses: usize, false_alarms: usize, rejections: usize) -> Option<(f64, f64)> {
    if hits + misses == 0 || false_alarms + rejections == 0 {
        return None;
    }
    let rate = |yes: usize, no: usize| normal_quantile((yes as f64 + 0.5) / ((yes + no) as f64 + 1.0));
    let (h, f) = (rate(hits, misses), rate(false_alarms, rejections));
    Some((h - f, -0.5 * (h + f)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_with_a_known_answer() {
        let a = area(&[0.8, 0.6, 0.4], &[0.5, 0.3, 0.1]).expect("both kinds");
        assert!((a.value - 8.0 / 9.0).abs() < 1e-12);
        assert_eq!(area(&[1.0, 1.0], &[1.0, 1.0]).expect("both kinds").value, 0.5);
        assert_eq!(area(&[1.0], &[0.0, 0.0]), None);
    }

    #[test]
    fn no_sensitivity_is_zero() {
        let (d, c) = d_prime(50, 50, 50, 50).expect("both kinds");
        assert!(d.abs() < 1e-12 && c.abs() < 1e-12);
        assert!(d_prime(90, 10, 10, 90).expect("both kinds").0 > 2.3);
        assert_eq!(d_prime(0, 0, 1, 1), None);
    }
}
