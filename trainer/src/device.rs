//! Opening the device a command runs on.

use anyhow::{Context, Result, bail};
use candle_core::Device;

/// `cpu`, `cuda` or `cuda:N`. On CUDA, `f32` products may use the tensor cores' reduced precision.
///
/// # Errors
/// When the name is unknown or the device is not there.
pub fn open(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        _ if name == "cuda" || name.starts_with("cuda:") => {
            let ordinal = match name.strip_prefix("cuda:") {
                Some(number) => number.parse().with_context(|| format!("device {name:?} has no number after cuda:"))?,
                None => 0,
            };
            let device = Device::new_cuda(ordinal).with_context(|| {
                format!("cannot open {name}; this build needs the cuda feature and an NVIDIA GPU, or choose --device cpu")
            })?;
            #[cfg(feature = "cuda")]
            candle_core::cuda::set_gemm_reduced_precision_f32(true);
            Ok(device)
        }
        _ => bail!("device is {name:?}; choose cpu or cuda[:N]"),
    }
}
