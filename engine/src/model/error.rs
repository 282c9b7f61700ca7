//! What can go wrong when a network is built or run.

/// A network that cannot be built from its configuration, or an input it cannot take.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A configuration value that fits no network.
    #[error("model configuration: {field} is {value}; {expected}")]
    Config {
        /// The field, as spelled in the configuration.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is allowed, in words.
        expected: String,
    },
    /// An input tensor of the wrong shape.
    #[error("{what} has shape {got:?}, expected {expected}")]
    Shape {
        /// Which input.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// The expected shape, with named axes.
        expected: String,
    },
    /// A caption whose mask keeps no token: cross-attention over nothing is undefined.
    #[error("caption mask: row {row} keeps no token; keep at least the end token")]
    EmptyCaption {
        /// The batch row, from 0.
        row: usize,
    },
    /// A failure of the tensor library; names the operation and the shapes.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Result of a network operation.
pub type Result<T> = std::result::Result<T, ModelError>;

impl From<ModelError> for candle_core::Error {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Tensor(inner) => inner,
            other => Self::wrap(other),
        }
    }
}
