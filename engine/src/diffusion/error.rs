//! What can go wrong in the diffusion process.

/// Errors of schedules, samplers and losses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiffusionError {
    /// A respacing that the process cannot be cut into.
    #[error("respacing {spec:?} does not fit {steps} timesteps: {reason}")]
    Respacing {
        /// What was asked for.
        spec: String,
        /// Timesteps of the full process.
        steps: usize,
        /// Why not.
        reason: &'static str,
    },
    /// A setting out of range.
    #[error("{field} is {value}; choose {range}")]
    OutOfRange {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is allowed, in words.
        range: &'static str,
    },
    /// A timestep index outside the schedule.
    #[error("timestep index {index} is outside a schedule of {len} steps")]
    Timestep {
        /// The index.
        index: usize,
        /// Steps of the schedule.
        len: usize,
    },
    /// The network's output does not have the channels that the variance type needs.
    #[error("the network gives {found}, but {variance} needs {needed}")]
    Channels {
        /// What it gives.
        found: String,
        /// The variance type.
        variance: &'static str,
        /// What is needed.
        needed: &'static str,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
