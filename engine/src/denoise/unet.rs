//! A U-Net with words and guidance, as samplers see it.

use candle_core::Tensor;

use crate::diffusion::{Denoiser, ModelOutput, Prediction};
use crate::model::sd::Unet;
use crate::model::{ModelError, guidance};

/// A [`Denoiser`] over a U-Net, for one batch of rows; guidance acts on all channels.
pub struct GuidedUnet<'a> {
    unet: &'a Unet,
    prediction: Prediction,
    scale: f64,
    captions: Tensor, // (n, L, D)
    null: Option<Tensor>,
}

impl<'a> GuidedUnet<'a> {
    /// From the caption of each row, each `(1, L, D)`, and the caption without words, which is not needed where the
    /// guidance `scale` is 1.
    ///
    /// # Errors
    /// When there is no row or the captions differ in length or width.
    pub fn new(
        unet: &'a Unet,
        prediction: Prediction,
        scale: f64,
        captions: &[Tensor],
        null: Option<&Tensor>,
    ) -> Result<Self, ModelError> {
        let captions = Tensor::cat(captions, 0)?;
        let (rows, length, width) = captions.dims3()?;
        let null = match null {
            Some(null) if scale != 1.0 => Some(null.broadcast_as((rows, length, width))?.contiguous()?),
            _ => None,
        };
        Ok(Self { unet, prediction, scale, captions, null })
    }
}

impl Denoiser for GuidedUnet<'_> {
    fn prediction(&self) -> Prediction {
        self.prediction
    }

    fn denoise(&mut self, x: &Tensor, timestep: usize) -> candle_core::Result<ModelOutput> {
        let time = Tensor::full(timestep as f32, x.dim(0)?, x.device())?;
        let mut prediction = self.unet.forward(x, &time, &self.captions)?;
        if let Some(null) = &self.null {
            let unconditional = self.unet.forward(x, &time, null)?;
            let channels = prediction.dim(1)?;
            prediction = guidance::guide(&prediction, &unconditional, channels, self.scale)?;
        }
        Ok(ModelOutput { prediction, variance: None })
    }
}
