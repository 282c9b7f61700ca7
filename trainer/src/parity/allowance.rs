//! How much further from a golden a result may be that was not computed on the CPU in `f32`.

use candle_core::Device;
use engine::device::Precision;

use super::{Entry, Tolerance};

/// Factor of every tolerance on a graphics card in `f32` (TF32 off): sums run in another order, and its exponential
/// and sine end in other last bits. What is exact stays exact.
pub const WIDER: f64 = 4.0;

/// Kinds whose numbers come from a transformer.
const OF_TRANSFORMERS: &[&str] =
    &["dit.timestep", "dit.caption_drop", "dit.forward", "dit.forward_with_cfg", "control.forward", "control.forward_with_cfg"];

/// Kinds that walk through many steps with one.
const OF_SAMPLERS: &[&str] = &["diffusion.p_sample_loop", "diffusion.ddim_sample_loop"];

/// What is added to the tolerances of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// Nothing.
    None,
    /// Every bound is multiplied.
    Factor(f64),
    /// Instead of the entry's bounds, `max|a-b| <= this * max|b|`: the rounding of half precision outweighs all else.
    Half(f64),
}

impl Allowance {
    /// The allowance of an entry for a device and a precision of the transformer.
    pub fn of(entry: &Entry, device: &Device, precision: Precision) -> Self {
        let steps = OF_SAMPLERS.contains(&entry.kind()) && entry.config().get("weights").is_some();
        let bits = match precision {
            Precision::Bf16 => Some(8),
            Precision::F16 => Some(11),
            Precision::Auto | Precision::F32 => None,
        };
        match bits {
            Some(bits) if steps || OF_TRANSFORMERS.contains(&entry.kind()) => Self::Half(roundings(steps) * 0.5_f64.powi(bits)),
            _ if device.is_cpu() => Self::None,
            _ => Self::Factor(WIDER),
        }
    }

    /// The tolerance with this added.
    pub fn widen(self, tolerance: Tolerance) -> Tolerance {
        match self {
            Self::None => tolerance,
            Self::Half(bound) => Tolerance { max_rel_to_max_abs: Some(bound), ..Tolerance::EXACT },
            Self::Factor(factor) => Tolerance {
                atol: factor * tolerance.atol,
                rtol: factor * tolerance.rtol,
                max_rel_to_max_abs: tolerance.max_rel_to_max_abs.map(|bound| factor * bound),
                mean_abs: tolerance.mean_abs.map(|bound| factor * bound),
                outliers: tolerance.outliers,
            },
        }
    }
}

/// Roundings to half precision, each of half a unit in the last place of the largest value, that may add up.
fn roundings(steps: bool) -> f64 {
    if steps { 16.0 } else { 8.0 }
}
