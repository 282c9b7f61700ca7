//! Work that takes time, on threads of its own behind channels.
//!
//! The window never waits: it sends commands and drains events once a frame. One named thread owns
//! the model and works on the queue ([`worker`]); short file work has threads of its own ([`files`]).

pub mod chores;
pub mod engine_model;
pub mod files;
pub mod keep;
mod outbox;
pub mod worker;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::adherence::Seen;
use engine::cancel::Cancel;
use engine::domain::{Annotation, GenerateRequest, GrayImage, LatentValues};
use engine::pipeline::AttentionMap;
use engine::text::Cleaned;

pub use files::{Artifact, Opened};
pub use worker::{Event, Worker};

/// What the window must know of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Name shown on the chip.
    pub name: String,
    /// Hash of the weights, hexadecimal.
    pub hash: String,
    /// Whether it is the practice model.
    pub practice: bool,
    /// Side of its images in pixels.
    pub size_px: u32,
    /// Tokens it reads at most.
    pub token_limit: usize,
    /// Its natural settings of the sampler, in a request without text.
    pub natural: GenerateRequest,
}

/// How long a text is for the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCount {
    /// Tokens of the text.
    pub used: usize,
    /// Tokens the model reads at most.
    pub limit: usize,
    /// Byte where the text is cut off, when it is too long.
    pub cut_at: Option<usize>,
}

/// News of a run.
#[derive(Debug)]
pub enum Progress {
    /// It begins.
    Started {
        /// Steps in all.
        steps: usize,
    },
    /// A step is done.
    Step {
        /// Which, from 1.
        step: usize,
        /// Steps in all.
        of: usize,
        /// The predicted clean image.
        preview: GrayImage,
        /// The latents that the next step begins with, noise included, to go on from here.
        latent: Option<LatentValues>,
    },
    /// Where the words acted in the step just told; only while words are watched.
    Attention(AttentionMap),
    /// It waits between two steps, as [`Cancel::pause`] asked.
    Paused {
        /// Steps done.
        step: usize,
        /// Steps in all.
        of: usize,
        /// The run as it is, where the model can keep it; [`Generator::resume`] goes on from it.
        state: Option<Kept>,
    },
    /// It goes on after a pause in memory.
    Resumed,
}

/// A run between two steps that can be written into a file.
pub struct Kept(Box<Write>);

/// Writes a run into a file.
type Write = dyn FnOnce(&Path) -> anyhow::Result<()>;

impl Kept {
    /// A run that `write` writes, whole or not at all.
    pub fn new(write: impl FnOnce(&Path) -> anyhow::Result<()> + 'static) -> Self {
        Self(Box::new(write))
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the folder cannot be written or the disk is full.
    pub fn write(self, path: &Path) -> anyhow::Result<()> {
        (self.0)(path)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

/// A model that makes images. The engine's pipeline is one; tests have others.
pub trait Generator: Send + Sync {
    /// What the window must know of it.
    fn card(&self) -> &Card;

    /// How long a text is for it.
    fn count_tokens(&self, text: &str) -> TokenCount;

    /// The picture its control branch gets, or `None` without drawn findings.
    fn condition(&self, annotations: &[Annotation]) -> Option<GrayImage>;

    /// What it reads of a text after cleaning; `None` where it reads texts as they are typed.
    fn clean(&self, _text: &str) -> Option<Cleaned> {
        None
    }

    /// A condition picture after its autoencoder; `None` where it does not tell.
    ///
    /// # Errors
    /// One sentence that names what is wrong.
    fn round_trip(&self, _picture: &GrayImage) -> anyhow::Result<Option<GrayImage>> {
        Ok(None)
    }

    /// What the practice checker sees in a finished image; `None` where no checker fits the model.
    ///
    /// # Errors
    /// One sentence that names what is wrong.
    fn look(&self, _image: &GrayImage) -> anyhow::Result<Option<Seen>> {
        Ok(None)
    }

    /// The text behind each of the tokens that it reads, in order.
    fn token_texts(&self, _text: &str) -> Vec<String> {
        Vec::new()
    }

    /// Whether the next runs tell where their words act; no image depends on it.
    fn watch_words(&self, _on: bool) {}

    /// Makes one image; `None` when it was cancelled.
    ///
    /// # Errors
    /// One sentence that names what is wrong.
    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>>;

    /// Goes on with a run that was kept at a pause; the image is that of the uninterrupted run, bit for bit. A model
    /// that keeps no runs begins again, which gives the same image.
    ///
    /// # Errors
    /// As [`Generator::generate`]; also when the file belongs to another model or is damaged.
    fn resume(
        &self,
        request: &GenerateRequest,
        kept: &Path,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>> {
        tracing::debug!("{} keeps no runs; this one begins again", kept.display());
        self.generate(request, cancel, on_progress)
    }

    /// Bytes that it takes while it makes an image, where that is known.
    fn memory_bytes(&self) -> Option<u64> {
        None
    }
}

/// Opens a model on the worker thread; more than once, where its memory was given back meanwhile.
pub type Opener = Box<dyn Fn() -> anyhow::Result<Arc<dyn Generator>> + Send>;

/// The model behind the window.
#[derive(Clone)]
pub enum ModelState {
    /// Weights are being read.
    Loading {
        /// Since when; `None` before the worker began.
        since: Option<Instant>,
    },
    /// It can be used.
    Ready(Arc<dyn Generator>),
    /// Its memory was given back; it is read again when the queue goes on.
    Unloaded(Box<Card>),
    /// It cannot be used, with one sentence why.
    Failed(String),
}

impl ModelState {
    /// The model, when it can be used.
    pub fn ready(&self) -> Option<&Arc<dyn Generator>> {
        match self {
            Self::Ready(model) => Some(model),
            _ => None,
        }
    }

    /// What is known of it, also while its memory is given back.
    pub fn card(&self) -> Option<&Card> {
        match self {
            Self::Ready(model) => Some(model.card()),
            Self::Unloaded(card) => Some(card),
            Self::Loading { .. } | Self::Failed(_) => None,
        }
    }
}

impl fmt::Debug for ModelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loading { .. } => f.write_str("Loading"),
            Self::Ready(model) => write!(f, "Ready({})", model.card().name),
            Self::Unloaded(card) => write!(f, "Unloaded({})", card.name),
            Self::Failed(why) => write!(f, "Failed({why})"),
        }
    }
}

/// One sentence from an error and its causes, full stop included.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let part = cause.to_string();
        let part = part.trim().trim_end_matches('.');
        if text.contains(part) || cause.downcast_ref::<std::io::Error>().is_some_and(|error| in_our_words(&text, error)) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(part);
    }
    text.push('.');
    // A path keeps its case.
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if !text[..text.find(' ').unwrap_or(0)].contains(['/', '.', '\\']) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text,
    }
}

/// Whether a text says in our words what the system said.
fn in_our_words(text: &str, error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => text.contains("no such file") || text.contains("does not exist"),
        ErrorKind::PermissionDenied => text.contains("permission denied"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => text.contains("disk is full"),
        _ => false,
    }
}

/// One sentence from a caught panic.
pub fn panic_sentence(payload: &(dyn std::any::Any + Send)) -> String {
    let detail = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no detail".to_owned());
    format!("The engine stopped in the middle of this ({detail}); your work is kept and you can try again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_said_once() {
        let error = engine::imageio::png::read_gray(std::path::Path::new("none.png")).expect_err("there is none");
        assert_eq!(sentence(&error.into()), "Cannot read none.png: there is no such file.");
    }
}
