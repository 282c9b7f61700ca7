//! Scores with a given mean and deviation, cut out of a normal value.

use engine::statistics::distributions::normal_quantile;

/// Rounds of the search.
const ROUNDS: usize = 200;

/// Cuts of a standard normal value into the scores of a scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cuts {
    lowest: i32,
    at: Vec<f64>,
}

impl Cuts {
    /// The law of largest entropy with this mean and deviation on the whole numbers from `low` to `high`.
    pub(super) fn of(mean: f64, sd: f64, low: i32, high: i32) -> Result<Self, String> {
        let shares = shares(mean, sd, low, high)?;
        let mut sum = 0.0;
        let at = shares[..shares.len() - 1]
            .iter()
            .map(|share| {
                sum += share;
                normal_quantile(sum.clamp(1e-12, 1.0 - 1e-12))
            })
            .collect();
        Ok(Self { lowest: low, at })
    }

    /// The score of a standard normal value.
    pub(super) fn score(&self, value: f64) -> i32 {
        self.lowest + self.at.iter().filter(|&&cut| value > cut).count() as i32
    }
}

/// Shares of the scores: proportional to exp(a x + b x²), with a and b so that mean and deviation are met.
pub(super) fn shares(mean: f64, sd: f64, low: i32, high: i32) -> Result<Vec<f64>, String> {
    let (least, most) = (f64::from(low), f64::from(high));
    // The widest law with this mean lies on both ends; the narrowest on the two values around it.
    let widest = ((mean - least) * (most - mean)).max(0.0).sqrt();
    let between = mean - mean.floor();
    let narrowest = (between * (1.0 - between)).sqrt();
    if !(least < mean && mean < most) {
        return Err(format!("a mean of {mean} does not lie between {low} and {high}"));
    }
    if !(sd > narrowest + 0.02 && sd < widest - 0.02) {
        return Err(format!(
            "with a mean of {mean} on {low} to {high}, a deviation lies between {narrowest:.2} and {widest:.2}; {sd} was given"
        ));
    }
    let middle = 0.5 * (least + most);
    let x: Vec<f64> = (low..=high).map(|v| f64::from(v) - middle).collect();
    let law = |a: f64, b: f64| {
        let logs: Vec<f64> = x.iter().map(|x| a * x + b * x * x).collect();
        let top = logs.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(l));
        let weights: Vec<f64> = logs.iter().map(|l| (l - top).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect::<Vec<f64>>()
    };
    let target = [mean - middle, sd * sd + (mean - middle).powi(2)];
    let moment = |p: &[f64], power: i32| p.iter().zip(&x).map(|(p, x)| p * x.powi(power)).sum::<f64>();
    // Newton's method on the convex dual, with steps cut short where they overshoot.
    let miss = |p: &[f64]| (moment(p, 1) - target[0]).abs() + (moment(p, 2) - target[1]).abs();
    let (mut a, mut b) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let p = law(a, b);
        let (m1, m2, m3, m4) = (moment(&p, 1), moment(&p, 2), moment(&p, 3), moment(&p, 4));
        let (g1, g2) = (target[0] - m1, target[1] - m2);
        if g1.abs() + g2.abs() < 1e-10 {
            return Ok(p);
        }
        let (h11, h12, h22) = (m2 - m1 * m1 + 1e-12, m3 - m1 * m2, m4 - m2 * m2 + 1e-12);
        let det = h11 * h22 - h12 * h12;
        let (da, db) = ((h22 * g1 - h12 * g2) / det, (h11 * g2 - h12 * g1) / det);
        let mut length = 1.0;
        while length > 1e-9 && miss(&law(a + length * da, b + length * db)) > miss(&p) {
            length *= 0.5;
        }
        (a, b) = (a + length * da, b + length * db);
    }
    let p = law(a, b);
    if miss(&p) < 1e-4 {
        Ok(p)
    } else {
        Err(format!("no shares of {low} to {high} have a mean of {mean} and a deviation of {sd}"))
    }
}
