//! What a run begins with: noise, an image to change, or latents that were kept.

use std::fmt;
use std::sync::Arc;

use super::{GrayImage, Mask, RequestError};

/// Latents as plain numbers, `(channels, height, width)` row by row, as the network sees them.
#[derive(Clone, PartialEq)]
pub struct LatentValues {
    channels: usize,
    height: usize,
    width: usize,
    values: Arc<[f32]>,
}

impl LatentValues {
    /// Wraps a buffer; `None` when its length is another, or a value is not finite.
    pub fn new(channels: usize, height: usize, width: usize, values: Vec<f32>) -> Option<Self> {
        let expected = channels.checked_mul(height)?.checked_mul(width)?;
        let fits = values.len() == expected && values.iter().all(|v| v.is_finite());
        fits.then(|| Self { channels, height, width, values: values.into() })
    }

    /// Channels, height and width.
    pub fn dims(&self) -> (usize, usize, usize) {
        (self.channels, self.height, self.width)
    }

    /// The numbers, channel by channel, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

impl fmt::Debug for LatentValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LatentValues({}×{}×{})", self.channels, self.height, self.width)
    }
}

/// Latents of a run between two steps: another run can go on from there.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptStep {
    /// The noisy latents as they were before the step.
    pub latent: LatentValues,
    /// The step that comes next, from 0.
    pub step: usize,
}

/// What a run begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Source {
    /// Pure noise: a new image.
    #[default]
    Noise,
    /// An image of the model's size, to be changed as a whole.
    Image {
        /// The image.
        image: Arc<GrayImage>,
        /// Share of the steps that run, 0 (nothing but encoding and decoding) to 1 (almost a new image).
        strength: f32,
        /// Where an earlier edit of the image goes on; then `strength` is only what that edit began with.
        kept: Option<Box<KeptStep>>,
    },
    /// An image of the model's size, to be changed in one region; all other pixels stay as they are.
    Region {
        /// The image.
        image: Arc<GrayImage>,
        /// The pixels that may change, on the image's grid.
        may_change: Arc<Mask>,
        /// Share of the steps that run, 0 to 1.
        strength: f32,
        /// Width of the seam, inside the region, over which old fades into new; 0 is a hard edge.
        feather_px: u32,
        /// Where an earlier edit of the image goes on; then `strength` is only what that edit began with.
        kept: Option<Box<KeptStep>>,
    },
    /// Latents as they were before a step: the run goes on from there.
    Latent {
        /// The noisy latents.
        latent: LatentValues,
        /// The step that comes next, from 0.
        step: usize,
    },
}

impl Source {
    /// The first step that a run of `of` steps takes; `of` when it takes none.
    pub fn first_step(&self, of: usize) -> usize {
        match self {
            Self::Noise => 0,
            Self::Image { kept: Some(kept), .. } | Self::Region { kept: Some(kept), .. } => kept.step.min(of),
            Self::Image { strength, .. } | Self::Region { strength, .. } => {
                let runs = (f64::from(*strength) * of as f64).round();
                of - (runs.max(0.0) as usize).min(of)
            }
            Self::Latent { step, .. } => (*step).min(of),
        }
    }

    /// The latents that the run goes on from and the step that comes next, from 0, where it goes on from another run.
    pub fn kept(&self) -> Option<(&LatentValues, usize)> {
        match self {
            Self::Noise => None,
            Self::Image { kept, .. } | Self::Region { kept, .. } => kept.as_ref().map(|kept| (&kept.latent, kept.step)),
            Self::Latent { latent, step } => Some((latent, *step)),
        }
    }

    /// The same source, going on from latents that were kept before a step: what is edited stays what it is.
    #[must_use]
    pub fn from_step(&self, latent: LatentValues, step: usize) -> Self {
        let mut source = self.clone();
        match &mut source {
            Self::Image { kept, .. } | Self::Region { kept, .. } => {
                *kept = Some(Box::new(KeptStep { latent, step }));
            }
            Self::Noise | Self::Latent { .. } => return Self::Latent { latent, step },
        }
        source
    }

    /// The image that is edited, if one is.
    pub fn image(&self) -> Option<&GrayImage> {
        match self {
            Self::Image { image, .. } | Self::Region { image, .. } => Some(image),
            Self::Noise | Self::Latent { .. } => None,
        }
    }

    /// Checks numbers and sizes against each other.
    ///
    /// # Errors
    /// Names the field, its value and what is allowed.
    pub fn check(&self, num_steps: usize) -> Result<(), RequestError> {
        let range = |field, value: String, range| Err(RequestError::OutOfRange { field, value, range });
        if let Self::Image { strength, .. } | Self::Region { strength, .. } = self
            && !(strength.is_finite() && (0.0..=1.0).contains(strength))
        {
            return range("edit strength", strength.to_string(), "a number from 0 to 1");
        }
        match self {
            Self::Region { image, may_change, .. }
                if (image.width(), image.height()) != (may_change.width(), may_change.height()) =>
            {
                let size = format!("{}×{}", may_change.width(), may_change.height());
                range("size of the region that may change", size, "the size of the image")
            }
            _ => match self.kept() {
                Some((_, step)) if step >= num_steps => {
                    range("step to go on from", step.to_string(), "a step of the run, from 0")
                }
                _ => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_says_how_many_steps_run() {
        let image = Arc::new(GrayImage::black(4, 4));
        let edit = |strength| Source::Image { image: image.clone(), strength, kept: None };
        let first = |strength| edit(strength).first_step(20);
        assert_eq!([0.0, 0.05, 0.5, 1.0].map(first), [20, 19, 10, 0]);
        let latent = LatentValues::new(1, 2, 2, vec![0.5; 4]).unwrap();
        let fork = edit(0.5).from_step(latent.clone(), 13);
        assert_eq!((fork.first_step(20), fork.image().is_some(), fork.kept()), (13, true, Some((&latent, 13))));
        assert_eq!(Source::Noise.from_step(latent.clone(), 2), Source::Latent { latent, step: 2 });
        assert_eq!(Source::Noise.first_step(20), 0);
    }

    #[test]
    fn sources_that_cannot_run_are_named() {
        let image = Arc::new(GrayImage::black(4, 4));
        let said = |source: Source| source.check(10).unwrap_err().to_string();
        let whole = Source::Image { image: image.clone(), strength: f32::NAN, kept: None };
        assert!(said(whole).contains("edit strength is NaN"));
        let may_change = Arc::new(Mask::empty(5, 4));
        let region = Source::Region { image: image.clone(), may_change, strength: 0.5, feather_px: 2, kept: None };
        assert!(said(region).contains("5×4"));
        let latent = LatentValues::new(1, 2, 2, vec![0.0; 4]).unwrap();
        let fork = Source::Image { image, strength: 0.5, kept: None }.from_step(latent.clone(), 11);
        assert!(said(fork).contains("step to go on from is 11"));
        assert!(said(Source::Latent { latent, step: 10 }).contains("step to go on from is 10"));
        assert_eq!(LatentValues::new(1, 2, 2, vec![0.0; 3]), None);
        assert_eq!(LatentValues::new(1, 1, 1, vec![f32::NAN]), None);
    }
}
