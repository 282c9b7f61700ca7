//! Scales of a plot: where a value stands, and where ticks with round numbers do.

/// A scale from low to high, linear or logarithmic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Least value.
    pub low: f64,
    /// Greatest value.
    pub high: f64,
    /// Whether equal ratios are equally far apart.
    pub log: bool,
}

impl Axis {
    /// A scale that holds all values with a little room; a logarithmic one needs `low` above 0.
    pub fn holding(low: f64, high: f64, log: bool) -> Self {
        if log && low > 0.0 && high.is_finite() {
            let room = ((high / low).ln() * 0.05).max(0.02).exp();
            return Self { low: low / room, high: high * room, log };
        }
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let room = ((high - low) * 0.06).max(high.abs().max(low.abs()) * 1e-3).max(1e-9);
        // What cannot be negative has no scale below 0.
        let bottom = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Self { low: bottom, high: high + room, log: false }
    }

    /// The place of a value: 0 at the low end, 1 at the high one.
    pub fn share(&self, value: f64) -> f64 {
        if self.log {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// The value at a place.
    pub fn value(&self, share: f64) -> f64 {
        if self.log { self.low * (self.high / self.low).powf(share) } else { self.low + share * (self.high - self.low) }
    }

    /// At most about so many round values on it.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        if self.log && self.high / self.low >= 10.0 {
            let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
            let each: &[f64] = if self.high / self.low < 1e3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
            let all = decades.flat_map(|decade| each.iter().map(move |m| m * 10f64.powi(decade)));
            let inside: Vec<f64> = all.filter(|v| (self.low..=self.high).contains(v)).collect();
            let every = inside.len().div_ceil(about.max(1)).max(1);
            return inside.into_iter().step_by(every).collect();
        }
        let step = step(self.high - self.low, about);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        // Of a scale that is narrow beside its place, such as of steps far out, the count stays small.
        (first..=last.min(first + 64)).map(|i| i as f64 * step).collect()
    }
}

/// 1, 2 or 5 times a power of ten, so that about so many fit into a span.
fn step(span: f64, about: usize) -> f64 {
    let raw = span / about.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= raw * 0.999).unwrap_or(10.0 * power)
}

/// A number with three or four figures that count.
pub fn short(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        s if !(1e-3..1e6).contains(&s) => {
            let power = s.log10().floor() as i32;
            let factor = value / 10f64.powi(power);
            // A round factor has no tail.
            let factor = format!("{factor:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
            format!("{factor}e{power}")
        }
        s if s >= 1000.0 => crate::widgets::grouped(s.round() as usize),
        s => {
            let places = (2 - s.log10().floor() as i32).clamp(0, 5) as usize;
            let text = format!("{s:.places$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    };
    if value < 0.0 && !text.starts_with('-') { format!("−{text}") } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_values_and_have_round_ticks() {
        for (low, high, log) in [(0.0, 0.0, false), (0.7, 2.3, false), (-4.0, 9e5, false), (1e-6, 3e-4, true), (0.5, 0.9, true)] {
            let axis = Axis::holding(low, high, log);
            let (a, b) = (axis.share(low), axis.share(high));
            assert!((0.0..=1.0).contains(&a) && (0.0..=1.0).contains(&b), "{axis:?}: {a}, {b}");
            let ticks = axis.ticks(5);
            assert!((1..=9).contains(&ticks.len()), "{axis:?}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (-1e-9..=1.0 + 1e-9).contains(&axis.share(*tick))));
            assert!((axis.value(axis.share(high)) - high).abs() <= 1e-9 * high.abs().max(1.0));
        }
        assert_eq!(Axis { low: 0.0, high: 5000.0, log: false }.ticks(5), [0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0]);
        assert_eq!(Axis { low: 0.9, high: 120.0, log: true }.ticks(9), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        // Without a number above 0 there is no logarithm.
        assert!(!Axis::holding(f64::INFINITY, f64::NEG_INFINITY, true).log);
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.73334, 12.0, 104.6, 5000.0, 808.6, 1.2e-3, 3e-5, 2.5e7, -0.25].map(short);
        assert_eq!(all, ["0", "0.733", "12", "105", "5\u{a0}000", "809", "0.0012", "3e−5", "2.5e7", "−0.25"]);
    }
}
