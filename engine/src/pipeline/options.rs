//! How a model is opened: where its parts are kept and what it computes in.

use super::TextMemory;
use crate::device::{DeviceKind, Precision};
use crate::store::record::RunRecord;

/// Which parts of a model are in memory at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Residency {
    /// All if they fit into the free memory, else in turn; refused where even that does not fit.
    #[default]
    Auto,
    /// All, without asking whether they fit.
    Whole,
    /// In turn: text encoder, transformer, autoencoder. Each is read again for every run, so a run takes longer; its
    /// images are the same.
    Staged,
}

/// How a model is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Which parts are in memory at once; images do not depend on it.
    pub residency: Residency,
    /// Where the text encoder's weights are kept; images do not depend on it.
    pub text_memory: TextMemory,
    /// What the transformer computes in; the record names it.
    pub precision: Precision,
    /// How the autoencoder works; the record names it where it counts.
    pub decoding: Decoding,
    /// Keeps the embeddings of a streamed text encoder in the model folder, where that can be written.
    pub keep_embeddings: bool,
    /// Bytes that the model may take on the processor; what the system has free if not said.
    pub memory_limit: Option<u64>,
}

impl OpenOptions {
    /// What makes a record's image again on `device`: its decoding, and its number type where the device computes in it.
    pub fn of_record(record: &RunRecord, device: DeviceKind) -> Self {
        let precision = record.dtype.parse::<Precision>().ok().filter(|precision| precision.on(device).is_ok());
        let decoding = record.band_rows.map_or(Decoding::Whole, Decoding::Bands);
        Self { precision: precision.unwrap_or_default(), decoding, ..Self::default() }
    }
}

/// How the autoencoder makes pictures of latents, and latents of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decoding {
    /// As a whole if that fits into memory, else in bands.
    #[default]
    Auto,
    /// As a whole.
    Whole,
    /// In bands of so many rows of pixels: slower, in less memory, and equal to the whole up to rounding.
    Bands(u32),
}
