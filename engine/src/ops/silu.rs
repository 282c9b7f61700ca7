//! Sigmoid linear unit.

use candle_core::{Result, Tensor};

use super::device;
use super::cpu::sigmoid;
use super::elementwise::{Activation, apply};

/// `x · sigmoid(x)`, element by element.
///
/// # Errors
/// Only those of the device.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        apply(
            x,
            Activation {
                name: "silu",
                value,
                slope,
            },
        )
    } else {
        device::silu(x)
    }
}

fn value(y: &mut [f32], x: &[f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x * sigmoid(x);
    }
}

fn slope(g: &mut [f32], x: &[f32]) {
    for (g, &x) in g.iter_mut().zip(x) {
        let s = sigmoid(x);
        *g *= s * (1. + x * (1. - s));
    }
}
