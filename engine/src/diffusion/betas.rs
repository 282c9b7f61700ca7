//! Variances added per step, in `f64`.

use super::{DiffusionError, Result};

/// How beta grows with the timestep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BetaCurve {
    /// Evenly from `start` to `end`.
    Linear {
        /// First beta.
        start: f64,
        /// Last beta.
        end: f64,
    },
    /// Square of an even walk from `sqrt(start)` to `sqrt(end)` (latent diffusion).
    ScaledLinear {
        /// First beta.
        start: f64,
        /// Last beta.
        end: f64,
    },
    /// From `alpha_bar(u) = cos²((u + 0.008) / 1.008 · π/2)`, each beta at most 0.999.
    SquaredCosine,
}

/// The betas of a curve over `steps` timesteps.
///
/// # Errors
/// When `steps` is zero or a beta leaves (0, 1].
pub fn betas(curve: BetaCurve, steps: usize) -> Result<Vec<f64>> {
    let values: Vec<f64> = match curve {
        BetaCurve::Linear { start, end } => linspace(start, end, steps),
        BetaCurve::ScaledLinear { start, end } => linspace(start.sqrt(), end.sqrt(), steps).into_iter().map(|b| b * b).collect(),
        BetaCurve::SquaredCosine => {
            let alpha_bar = |u: f64| ((u + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
            let n = steps as f64;
            (0..steps).map(|i| (1.0 - alpha_bar((i + 1) as f64 / n) / alpha_bar(i as f64 / n)).min(0.999)).collect()
        }
    };
    check(&values)?;
    Ok(values)
}

/// Betas of the same process stretched so that the last timestep is pure noise.
///
/// # Errors
/// When there are fewer than two betas.
///
/// # Source
/// Lin et al., "Common diffusion noise schedules and sample steps are flawed" (2023), algorithm 1.
pub fn rescale_zero_terminal_snr(betas: &[f64]) -> Result<Vec<f64>> {
    check(betas)?;
    let roots: Vec<f64> = cumulative(betas).map(f64::sqrt).collect();
    let [first, .., last] = roots[..] else {
        return Err(DiffusionError::OutOfRange { field: "steps", value: betas.len().to_string(), range: "2 or more" });
    };
    let bars: Vec<f64> = roots.iter().map(|r| ((r - last) * first / (first - last)).powi(2)).collect();
    let mut previous = 1.0;
    Ok(bars.into_iter().map(|bar| 1.0 - bar / std::mem::replace(&mut previous, bar)).collect())
}

/// `alpha_bar` of each timestep.
pub(super) fn cumulative(betas: &[f64]) -> impl Iterator<Item = f64> + '_ {
    betas.iter().scan(1.0f64, |bar, beta| {
        *bar *= 1.0 - beta;
        Some(*bar)
    })
}

/// Refuses empty lists and values outside (0, 1].
pub(super) fn check(betas: &[f64]) -> Result<()> {
    if betas.is_empty() {
        return Err(DiffusionError::OutOfRange { field: "steps", value: "0".to_owned(), range: "1 or more" });
    }
    match betas.iter().find(|b| !(**b > 0.0 && **b <= 1.0)) {
        Some(beta) => {
            Err(DiffusionError::OutOfRange { field: "beta", value: beta.to_string(), range: "a number above 0 and up to 1" })
        }
        None => Ok(()),
    }
}

/// `count` numbers from `start` to `end`, both included, rounded as NumPy does.
pub(super) fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    if count == 1 {
        return vec![start];
    }
    let step = (end - start) / count.saturating_sub(1) as f64;
    (0..count).map(|i| if i + 1 == count { end } else { i as f64 * step + start }).collect()
}
