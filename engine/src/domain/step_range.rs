//! The part of a run in which a control acts.

use std::ops::Range;

/// A part of a run's steps, as fractions of all steps: 0 is the beginning (noise), 1 the end (image).
///
/// Step `i` of `n` has its middle at `(i + 0.5) / n` and belongs to the range when `first <= middle < last`, so
/// ranges that touch share no step. A run that begins later, such as an edit, counts its skipped steps too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRange {
    /// Where the range begins, 0 to 1.
    pub first: f32,
    /// Where it ends, 0 to 1, not before `first`.
    pub last: f32,
}

impl StepRange {
    /// The whole run.
    pub const ALL: Self = Self { first: 0.0, last: 1.0 };

    /// Whether both ends lie between 0 and 1 and in order.
    pub fn is_valid(&self) -> bool {
        let inside = |v: f32| v.is_finite() && (0.0..=1.0).contains(&v);
        inside(self.first) && inside(self.last) && self.first <= self.last
    }

    /// Whether step `index` (from 0) of `of` belongs to the range.
    pub fn contains(&self, index: usize, of: usize) -> bool {
        let middle = (index as f64 + 0.5) / of.max(1) as f64;
        f64::from(self.first) <= middle && middle < f64::from(self.last)
    }

    /// The range that holds the steps `steps` (from 0) of `of`, and no others.
    pub fn of_steps(steps: Range<usize>, of: usize) -> Self {
        let of = of.max(1);
        let at = |step: usize| (step.min(of) as f64 / of as f64) as f32;
        Self { first: at(steps.start.min(steps.end)), last: at(steps.end) }
    }

    /// The steps (from 0) of `of` that belong to the range; empty when none does.
    pub fn steps(&self, of: usize) -> Range<usize> {
        let mut inside = (0..of).skip_while(|&i| !self.contains(i, of)).take_while(|&i| self.contains(i, of));
        match inside.next() {
            Some(first) => first..inside.last().unwrap_or(first) + 1,
            None => 0..0,
        }
    }
}

impl Default for StepRange {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_run_is_every_step_and_touching_ranges_share_none() {
        for of in [1, 2, 7, 25, 1000] {
            assert!((0..of).all(|i| StepRange::ALL.contains(i, of)));
            for cut in [0.0, 0.2, 0.5, 0.9, 1.0] {
                let (a, b) = (StepRange { first: 0.0, last: cut }, StepRange { first: cut, last: 1.0 });
                assert!((0..of).all(|i| a.contains(i, of) != b.contains(i, of)), "{of} steps, cut {cut}");
            }
        }
    }

    #[test]
    fn whole_steps_come_back() {
        for of in [1, 2, 3, 7, 25, 50, 999] {
            for (first, last) in [(0, of), (0, 1), (of / 3, of / 2 + 1), (of - 1, of)] {
                assert_eq!(StepRange::of_steps(first..last, of).steps(of), first..last, "{first} to {last} of {of}");
            }
        }
        assert!(StepRange::of_steps(3..3, 9).steps(9).is_empty());
        assert_eq!(StepRange { first: 0.0, last: 0.72 }.steps(25), 0..18);
    }

    #[test]
    fn ends_must_lie_inside_and_in_order() {
        let valid = |first, last| StepRange { first, last }.is_valid();
        assert!(valid(0.0, 1.0) && valid(0.3, 0.3));
        assert!(!valid(0.5, 0.4) && !valid(-0.1, 1.0) && !valid(0.0, 1.1) && !valid(f32::NAN, 1.0));
    }
}
