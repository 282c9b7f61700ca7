//! Gaussian error linear unit: exact, and in its tanh form.
//!
//! # Source
//! Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2.

use candle_core::cpu::erf::erfc_f32;
use candle_core::{Result, Tensor};

use super::cpu::{exp, sigmoid, vectorized};
use super::device;
use super::elementwise::{Activation, apply};

/// `sqrt(2 / π)`.
const INNER: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

/// `0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))`, element by element.
///
/// # Errors
/// Only those of the device.
pub fn gelu_tanh(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { apply(x, Activation { name: "gelu_tanh", value, slope }) } else { device::gelu_tanh(x) }
}

/// `0.5 x (1 + erf(x / sqrt(2)))`, element by element.
///
/// # Errors
/// Only those of the device.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { apply(x, Activation { name: "gelu", value: exact, slope: exact_slope }) } else { x.gelu_erf() }
}

/// Share of a standard normal distribution below `x`, without losing digits where it is small.
#[inline(always)]
fn below(x: f32) -> f32 {
    0.5 * erfc_f32(-x * std::f32::consts::FRAC_1_SQRT_2)
}

fn exact(y: &mut [f32], x: &[f32]) {
    vectorized(|| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x * below(x);
        }
    });
}

fn exact_slope(dx: &mut [f32], g: &[f32], x: &[f32]) {
    // `1 / sqrt(2 π)`, the height of the bell.
    const PEAK: f32 = 0.5 * std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
    vectorized(|| {
        for ((dx, g), &x) in dx.iter_mut().zip(g).zip(x) {
            *dx = g * (below(x) + x * PEAK * exp(-0.5 * x * x));
        }
    });
}

// 0.5 (1 + tanh u) is the sigmoid of 2u, which loses no digits where the result is small.

fn value(y: &mut [f32], x: &[f32]) {
    vectorized(|| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x * sigmoid(2. * INNER * x * (1. + CUBIC * x * x));
        }
    });
}

fn slope(dx: &mut [f32], g: &[f32], x: &[f32]) {
    vectorized(|| {
        for ((dx, g), &x) in dx.iter_mut().zip(g).zip(x) {
            let s = sigmoid(2. * INNER * x * (1. + CUBIC * x * x));
            let inner_slope = 2. * INNER * (1. + 3. * CUBIC * x * x);
            *dx = g * (s + x * inner_slope * s * (1. - s));
        }
    });
}
