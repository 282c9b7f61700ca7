//! Opening the device a training runs on.

use std::fmt;
use std::str::FromStr;

use anyhow::Result;
use candle_core::Device;
use engine::device::{DeviceError, DeviceKind};

/// A device by name, where each rank may have one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RankDevice {
    /// The same number on every machine.
    Fixed(DeviceKind),
    /// The graphics card with the number of the rank on its machine: `cuda` without a number.
    OwnCard,
}

impl RankDevice {
    /// The device of a rank. `visible` is what `CUDA_VISIBLE_DEVICES` says: where it shows a rank one card alone, that
    /// is number 0.
    pub fn of(self, local_rank: usize, visible: Option<&str>) -> DeviceKind {
        match self {
            Self::Fixed(kind) => kind,
            Self::OwnCard if visible.is_some_and(|cards| !cards.is_empty() && !cards.contains(',')) => DeviceKind::Cuda(0),
            Self::OwnCard => DeviceKind::Cuda(local_rank),
        }
    }
}

impl fmt::Display for RankDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(kind) => kind.fmt(f),
            Self::OwnCard => f.write_str("cuda"),
        }
    }
}

impl FromStr for RankDevice {
    type Err = DeviceError;

    fn from_str(s: &str) -> Result<Self, DeviceError> {
        if s == "cuda" { Ok(Self::OwnCard) } else { s.parse().map(Self::Fixed) }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_takes_its_own_card_unless_one_is_named() {
        let of = |name: &str, local, visible| name.parse::<RankDevice>().unwrap().of(local, visible);
        assert_eq!(of("cuda", 3, None), DeviceKind::Cuda(3));
        assert_eq!(of("cuda", 3, Some("0,1,2,3")), DeviceKind::Cuda(3));
        assert_eq!(of("cuda", 3, Some("3")), DeviceKind::Cuda(0), "the launcher gave this rank one card");
        assert_eq!(of("cuda:1", 3, None), DeviceKind::Cuda(1));
        assert_eq!(of("cpu", 3, None), DeviceKind::Cpu);
        assert_eq!(RankDevice::OwnCard.to_string(), "cuda");
        assert!("gpu".parse::<RankDevice>().is_err());
    }
}
