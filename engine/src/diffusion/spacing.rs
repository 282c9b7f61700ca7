//! Timestep spacing of library-style schedulers.

use super::betas::linspace;

/// How a few timesteps are spread over the training process.
///
/// # Source
/// Lin et al. 2023, table 2; names as in the diffusers library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestepSpacing {
    /// Both ends included.
    #[default]
    Linspace,
    /// Whole stride from 0, moved up by an offset.
    Leading,
    /// Fractional stride down from the last.
    Trailing,
}

impl TimestepSpacing {
    /// `count` timesteps of `total`, descending; `offset` counts for `Leading` only; never beyond the last.
    ///
    /// `open_end` leaves room for a final point below the last timestep, as multistep solvers do:
    /// `count + 1` points are spread and the lowest is left out.
    pub(super) fn descending(self, total: usize, count: usize, offset: usize, open_end: bool) -> Vec<usize> {
        let points = count + usize::from(open_end);
        let last = total.saturating_sub(1);
        let mut ascending: Vec<f64> = match self {
            Self::Linspace => linspace(0.0, last as f64, points).into_iter().map(f64::round_ties_even).collect(),
            Self::Leading => {
                let stride = total / points.max(1);
                (0..points).map(|i| (i * stride + offset) as f64).collect()
            }
            Self::Trailing => {
                let stride = total as f64 / count as f64;
                return (0..count)
                    .map(|i| (total as f64 - i as f64 * stride).round_ties_even() - 1.0)
                    .map(|t| (t.max(0.0) as usize).min(last))
                    .collect();
            }
        };
        if points == 1 && self == Self::Linspace && open_end {
            ascending = vec![last as f64];
        }
        let skip = usize::from(open_end);
        ascending.into_iter().skip(skip).rev().map(|t| (t as usize).min(last)).collect()
    }
}
