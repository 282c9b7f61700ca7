//! What a diffusion stage learns from, wherever it comes from.

use anyhow::Result;

pub use super::dataset::ConditionKind;

/// Latents as the network sees them: scaled, `(C, h, w)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latents {
    /// Means.
    pub mean: Vec<f32>,
    /// Deviations of the autoencoder's posterior; empty where the mean is the latent.
    pub deviation: Vec<f32>,
}

impl Latents {
    /// The mean plus the deviation times noise that `draw` makes of a count.
    pub fn sampled(mut self, draw: impl FnOnce(usize) -> Vec<f32>) -> Vec<f32> {
        if !self.deviation.is_empty() {
            let noise = draw(self.mean.len());
            for ((value, deviation), noise) in self.mean.iter_mut().zip(&self.deviation).zip(&noise) {
                *value += deviation * noise;
            }
        }
        self.mean
    }
}

/// A caption.
#[derive(Clone, Debug, PartialEq)]
pub enum Caption {
    /// Token ids without padding, for an encoder that is trained along.
    Tokens(Vec<u32>),
    /// Rows of an embedding, `(tokens, width)`.
    Rows(Vec<f32>),
}

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The picture.
    pub image: Latents,
    /// Its caption.
    pub caption: Caption,
    /// The condition that was chosen.
    pub condition: Option<Latents>,
    /// Features that hidden tokens are compared with, `(tokens, width)`.
    pub features: Option<Vec<f32>>,
}

/// Chooses one of the conditions that a case has.
pub type Choose<'a> = &'a dyn Fn(&[ConditionKind]) -> Option<ConditionKind>;

/// A set of cases, read at any place by any thread.
pub trait Cases: Send + Sync {
    /// Number of cases.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Which case this is, for people.
    fn id(&self, index: usize) -> String;
    /// A mark of which cases these are, in which order.
    fn fingerprint(&self) -> String;
    /// Channels and side of latents.
    fn latent_shape(&self) -> (usize, usize);
    /// Width of an embedding's rows; `None` where captions are tokens.
    fn caption_width(&self) -> Option<usize>;
    /// A case, with the condition that `choose` wants of those it has.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, index: usize, choose: Choose<'_>) -> Result<Case>;
}
