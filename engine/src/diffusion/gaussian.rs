//! Divergences and likelihoods of Gaussians, in nats, elementwise.

use candle_core::Tensor;

use super::Result;

/// KL divergence of two diagonal Gaussians; log variances broadcast over the means.
pub(super) fn normal_kl(mean1: &Tensor, log_variance1: &Tensor, mean2: &Tensor, log_variance2: &Tensor) -> Result<Tensor> {
    let log_ratio = log_variance2.broadcast_sub(log_variance1)?;
    let spread = log_ratio.neg()?.exp()?;
    let distance = (mean1 - mean2)?.sqr()?.broadcast_mul(&log_variance2.neg()?.exp()?)?;
    Ok((distance.broadcast_add(&(log_ratio + spread)?)? - 1.0)?.affine(0.5, 0.0)?)
}

/// Log likelihood of values in bins of width 2/255 under a Gaussian; the outermost bins reach to infinity.
///
/// The published loss applies this to latents as they are, and so do we.
pub(super) fn discretized_log_likelihood(x: &Tensor, means: &Tensor, log_scales: &Tensor) -> Result<Tensor> {
    const HALF_BIN: f64 = 1.0 / 255.0;
    const LEAST: f64 = 1e-12;
    let centred = (x - means)?;
    let inverse = log_scales.neg()?.exp()?;
    let upper = cdf(&(&centred + HALF_BIN)?.broadcast_mul(&inverse)?)?;
    let lower = cdf(&(&centred - HALF_BIN)?.broadcast_mul(&inverse)?)?;
    let log_upper = upper.maximum(LEAST)?.log()?;
    let log_above = lower.affine(-1.0, 1.0)?.maximum(LEAST)?.log()?;
    let log_inside = (&upper - &lower)?.maximum(LEAST)?.log()?;
    let rest = x.gt(0.999)?.where_cond(&log_above, &log_inside)?;
    Ok(x.lt(-0.999)?.where_cond(&log_upper, &rest)?)
}

/// The tanh approximation of the standard normal's distribution function.
fn cdf(x: &Tensor) -> Result<Tensor> {
    let inner = (x + (x.sqr()?.mul(x)? * 0.044715)?)?;
    Ok((inner * (2.0 / std::f64::consts::PI).sqrt())?.tanh()?.affine(0.5, 0.5)?)
}
