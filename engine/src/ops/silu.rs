//! Sigmoid linear unit.

use candle_core::{Result, Tensor};

use super::cpu::{sigmoid, vectorized};
use super::device;
use super::elementwise::{Activation, apply};

/// `x · sigmoid(x)`, element by element.
///
/// # Errors
/// Only those of the device.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { apply(x, Activation { name: "silu", value, slope }) } else { device::silu(x) }
}

fn value(y: &mut [f32], x: &[f32]) {
    vectorized(|| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x * sigmoid(x);
        }
    });
}

fn slope(dx: &mut [f32], g: &[f32], x: &[f32]) {
    vectorized(|| {
        for ((dx, g), &x) in dx.iter_mut().zip(g).zip(x) {
            let s = sigmoid(x);
            *dx = g * (s * (1. + x * (1. - s)));
        }
    });
}
