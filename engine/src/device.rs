//! Where tensors live: the CPU or an NVIDIA GPU, and what this build can use.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device};

/// A device by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU by its number.
    Cuda(usize),
}

/// Why a device cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A name outside the list.
    #[error("device is {value:?}; choose cpu, cuda or cuda:N")]
    UnknownName {
        /// What was given.
        value: String,
    },
    /// A number type outside the list.
    #[error("precision is {value:?}; choose auto, f32, bf16 or f16")]
    UnknownPrecision {
        /// What was given.
        value: String,
    },
    /// The program was built without CUDA.
    #[error("device {name} needs a build with CUDA (`--features cuda`); this build knows only cpu")]
    NotBuilt {
        /// The device.
        name: String,
    },
    /// A number type that the device does not compute in.
    #[error("{precision} is for graphics cards; the processor computes in f32: choose auto or f32")]
    Precision {
        /// What was asked for.
        precision: &'static str,
    },
    /// The driver refused.
    #[error("device {name} cannot be used: {reason}; choose cpu or another number")]
    Unavailable {
        /// The device.
        name: String,
        /// What the driver said.
        reason: String,
    },
}

impl DeviceKind {
    /// Opens the device.
    ///
    /// # Errors
    /// When this build or this machine has no such device.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(_) if !candle_core::utils::cuda_is_available() => Err(DeviceError::NotBuilt { name: self.to_string() }),
            Self::Cuda(number) => Device::new_cuda(number)
                .map_err(|error| DeviceError::Unavailable { name: self.to_string(), reason: reason(&error.to_string()) }),
        }
    }
}

/// What the driver said, in words where they are known. Only the first line: a trace may follow.
fn reason(said: &str) -> String {
    let said = said.lines().next().unwrap_or_default();
    let known = [
        (&["CUDA_ERROR_NO_DEVICE"][..], "no NVIDIA GPU, or no driver for one, was found"),
        (&["CUDA_ERROR_INVALID_DEVICE"], "no NVIDIA GPU has this number"),
        (
            &["CUBLAS_STATUS_NOT_INITIALIZED", "CURAND_STATUS_INITIALIZATION_FAILED"],
            "cuBLAS or cuRAND of this build's CUDA version was not found or does not work; name their folder in LD_LIBRARY_PATH",
        ),
    ];
    let words = known.into_iter().find_map(|(codes, words)| codes.iter().find(|code| said.contains(**code)).zip(Some(words)));
    words.map_or_else(|| said.to_owned(), |(code, words)| format!("{words} ({code})"))
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl FromStr for DeviceKind {
    type Err = DeviceError;

    fn from_str(s: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::UnknownName { value: s.to_owned() };
        match s.split_once(':') {
            None if s == "cpu" => Ok(Self::Cpu),
            None if s == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

/// What the transformer computes in. Samplers, text encoder and autoencoder always use `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// `f32` on the processor, `bf16` on a graphics card.
    #[default]
    Auto,
    /// Four bytes a number, anywhere.
    F32,
    /// Two bytes with the range of `f32`; graphics cards only.
    Bf16,
    /// Two bytes with finer steps and a small range; graphics cards only.
    F16,
}

impl Precision {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Auto, Self::F32, Self::Bf16, Self::F16];

    /// The name used on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// The choice on a device, never [`Precision::Auto`].
    ///
    /// # Errors
    /// When the device does not compute in it.
    pub fn on(self, device: DeviceKind) -> Result<Self, DeviceError> {
        match (self, device) {
            (Self::Auto, DeviceKind::Cpu) => Ok(Self::F32),
            (Self::Auto, DeviceKind::Cuda(_)) => Ok(Self::Bf16),
            (Self::Bf16 | Self::F16, DeviceKind::Cpu) => Err(DeviceError::Precision { precision: self.name() }),
            (named, _) => Ok(named),
        }
    }

    /// The number type; `f32` for [`Precision::Auto`].
    pub fn dtype(self) -> DType {
        match self {
            Self::Auto | Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = DeviceError;

    fn from_str(s: &str) -> Result<Self, DeviceError> {
        Self::ALL
            .into_iter()
            .find(|precision| precision.name() == s)
            .ok_or_else(|| DeviceError::UnknownPrecision { value: s.to_owned() })
    }
}

/// What this build can compute on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Threads used on the CPU.
    pub threads: usize,
    /// Whether the processor has AVX2.
    pub avx2: bool,
    /// Whether the processor has AVX-512.
    pub avx512: bool,
    /// Whether CUDA was built in.
    pub cuda: bool,
}

impl Capabilities {
    /// Asks the build and the processor.
    pub fn of_this_build() -> Self {
        Self {
            threads: candle_core::utils::get_num_threads(),
            avx2: has_avx2(),
            avx512: has_avx512(),
            cuda: candle_core::utils::cuda_is_available(),
        }
    }
}

/// Memory of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total_bytes: u64,
    /// What a program can still take.
    pub available_bytes: u64,
}

impl Memory {
    /// Asks the system; `None` where it does not tell (only Linux does).
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/meminfo").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| -> Option<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.saturating_mul(1024))
        };
        Some(Self { total_bytes: field("MemTotal:")?, available_bytes: field("MemAvailable:")? })
    }
}

/// Memory that a program can still take, where the system tells.
pub fn available_memory_bytes() -> Option<u64> {
    Memory::now().map(|memory| memory.available_bytes)
}

/// Whether the processor has AVX-512; the matrix kernels choose by this at run time.
fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512f")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Whether the processor has AVX2; the matrix kernels choose by this at run time.
fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |b| if b { "yes" } else { "no" };
        write!(f, "cpu threads {}, avx2 {}, avx512 {}, cuda {}", self.threads, yes(self.avx2), yes(self.avx512), yes(self.cuda))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (text, kind) in [("cpu", DeviceKind::Cpu), ("cuda", DeviceKind::Cuda(0)), ("cuda:3", DeviceKind::Cuda(3))] {
            assert_eq!(text.parse::<DeviceKind>().unwrap(), kind);
            assert_eq!(kind.to_string().parse::<DeviceKind>().unwrap(), kind);
        }
        for bad in ["", "gpu", "cuda:", "cuda:x", "cpu:0", "CUDA"] {
            assert!(bad.parse::<DeviceKind>().is_err(), "{bad}");
        }
    }

    #[test]
    fn memory_is_read_from_the_systems_words() {
        let text = "MemTotal:       24586352 kB\nMemFree:          213452 kB\nMemAvailable:   20123456 kB\n";
        let memory = Memory::parse(text).unwrap();
        assert_eq!((memory.total_bytes, memory.available_bytes), (24_586_352 * 1024, 20_123_456 * 1024));
        assert_eq!(Memory::parse("MemTotal: many kB"), None);
        assert_eq!(Memory::parse(""), None);
    }

    #[test]
    fn precision_is_what_the_device_computes_in() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse::<Precision>().unwrap(), precision);
        }
        assert!("half".parse::<Precision>().unwrap_err().to_string().contains("\"half\""));
        let (cpu, card) = (DeviceKind::Cpu, DeviceKind::Cuda(0));
        assert_eq!([Precision::Auto.on(cpu), Precision::F32.on(cpu)], [Ok(Precision::F32), Ok(Precision::F32)]);
        assert!(Precision::Bf16.on(cpu).unwrap_err().to_string().contains("choose auto or f32"));
        assert!(Precision::F16.on(cpu).is_err());
        assert_eq!(Precision::Auto.on(card), Ok(Precision::Bf16));
        assert_eq!(Precision::F16.on(card), Ok(Precision::F16));
        assert_eq!(
            [Precision::F32, Precision::Bf16, Precision::F16].map(Precision::dtype),
            [DType::F32, DType::BF16, DType::F16]
        );
    }

    #[test]
    fn a_drivers_codes_become_words() {
        let driver = "DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")\n   0: a trace";
        assert_eq!(reason(driver), "no NVIDIA GPU, or no driver for one, was found (CUDA_ERROR_NO_DEVICE)");
        assert!(reason("CurandError(CURAND_STATUS_INITIALIZATION_FAILED)").contains("LD_LIBRARY_PATH"));
        assert_eq!(reason("DriverError(CUDA_ERROR_ECC_UNCORRECTABLE)\ntrace"), "DriverError(CUDA_ERROR_ECC_UNCORRECTABLE)");
    }

    #[test]
    fn the_cpu_opens() {
        assert!(DeviceKind::Cpu.open().unwrap().is_cpu());
    }
}
