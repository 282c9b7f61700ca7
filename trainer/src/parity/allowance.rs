//! How much further from a golden a result may be that was not computed on the CPU in `f32`.

use candle_core::Device;
use engine::device::Precision;

use super::{Entry, Tolerance};

/// Factor of every tolerance on a graphics card in `f32` (TF32 off): sums run in another order, and its exponential
/// and sine end in other last bits. What is exact stays exact.
pub const WIDER: f64 = 4.0;

/// Kinds whose numbers come from a transformer, and how many roundings to half precision may add up, each of one unit
/// in the last place of the largest value. A network needs 4, and guidance with its scale doubles them, as seen on the
/// CPU in bf16 and f16; samplers, which have many steps, average them out. The rest is room for other sums.
const OF_TRANSFORMERS: &[(&str, f64)] = &[
    ("dit.timestep", 8.0),
    ("dit.caption_drop", 8.0),
    ("dit.forward", 8.0),
    ("dit.forward_with_cfg", 16.0),
    ("control.forward", 8.0),
    ("control.forward_with_cfg", 16.0),
    ("diffusion.p_sample_loop", 8.0),
    ("diffusion.ddim_sample_loop", 8.0),
];

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
        let bits = match precision {
            Precision::Bf16 => Some(8),
            Precision::F16 => Some(11),
            Precision::Auto | Precision::F32 => None,
        };
        // A sampling golden without weights has a formula instead of a network.
        let formula = entry.kind().starts_with("diffusion.") && entry.config().get("weights").is_none();
        let roundings = OF_TRANSFORMERS.iter().find(|(kind, _)| *kind == entry.kind() && !formula);
        match (bits, roundings) {
            (Some(bits), Some((_, roundings))) => Self::Half(roundings * 0.5_f64.powi(bits)),
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
