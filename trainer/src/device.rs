//! Opening the device a training runs on.

use anyhow::Result;
use candle_core::Device;
use engine::device::DeviceKind;

/// Opens it. On CUDA, `f32` products may then use the tensor cores' reduced precision.
///
/// # Errors
/// When the device is not there.
pub fn open(kind: DeviceKind) -> Result<Device> {
    let device = kind.open()?;
    if device.is_cuda() {
        candle_core::cuda::set_gemm_reduced_precision_f32(true);
    }
    Ok(device)
}
