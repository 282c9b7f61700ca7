//! Mean, deviation and median of a sample.

/// Arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation with `n − 1`; `None` of fewer than two.
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    let m = mean(values)?;
    (values.len() > 1).then(|| (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt())
}

/// Median, the middle of the two middle ones in an even sample; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value with `share` of the sample below it, linear between neighbours (type 7); `None` of nothing.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share.clamp(0.0, 1.0) * (sorted.len().checked_sub(1)? as f64);
    let below = at.floor() as usize;
    let low = *sorted.get(below)?;
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    Some(low + (high - low) * (at - below as f64))
}

/// What is said of a sample in one line of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Values in it.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation; `None` of one value.
    pub sd: Option<f64>,
    /// Median.
    pub median: f64,
    /// Lower and upper quartile.
    pub quartiles: (f64, f64),
}

impl Summary {
    /// Of a sample; `None` of nothing.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            n: values.len(),
            mean: mean(values)?,
            sd: sample_sd(values),
            median: median(values)?,
            quartiles: (quantile(values, 0.25)?, quantile(values, 0.75)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_with_a_known_answer() {
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]).expect("four values");
        assert_eq!((summary.n, summary.mean, summary.median, summary.quartiles), (4, 2.5, 2.5, (1.75, 3.25)));
        assert!((summary.sd.expect("four values") - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[7.0]).expect("one value").sd, None);
    }
}
