//! From an image back to the noise it could have come from.

use super::resume::rest;
use super::{Error, Event, Pipeline, RunOptions};
use crate::cancel::Cancel;
use crate::diffusion::{self, Inversion, StepEvent, ddim_schedule};
use crate::domain::{GenerateRequest, LatentValues, SamplerKind};
use crate::domain::{GrayImage, Source};

impl Pipeline {
    /// The noise from which DDIM with the request's text, drawings, steps and guidance returns to `image`.
    ///
    /// A request with [`Source::Latent`] of this noise at step 0 (see [`from_inverted`]) gives the image again, as
    /// closely as the inversion is refined; with another text or other drawings, it gives an edited one.
    /// `None` when cancelled.
    ///
    /// # Errors
    /// As [`Pipeline::generate`]; also when the image has another size than the model's.
    pub fn invert(
        &self,
        image: &GrayImage,
        request: &GenerateRequest,
        settings: Inversion,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Option<LatentValues>, Error> {
        let size = self.card.size_px;
        if (image.width(), image.height()) != (size, size) {
            return Err(Error::ImageSize { width: image.width(), height: image.height(), size });
        }
        let request = GenerateRequest { source: Source::Noise, ..request.clone() };
        self.check(&request, &request)?;
        self.budget.check(1)?;
        let options = RunOptions::default();
        let Some(asked) = self.asked(std::slice::from_ref(&request), &options, cancel)? else { return Ok(None) };
        let clean = self.encode_image(image, &mut None)?;
        let network = self.network.get()?;
        let (mut denoiser, _) = self.denoiser(&network, &request, &asked, &[])?;
        let schedule = match &self.stepping {
            Some(stepping) => stepping.schedule(&self.schedule, request.num_steps)?,
            None => ddim_schedule(&self.schedule, request.num_steps)?,
        };
        on_event(Event::Started { steps: schedule.len() });
        let mut failure = None;
        let inner = Cancel::new();
        let mut watch = |step: StepEvent<'_>| {
            match self.step_event(&step, true) {
                Ok(event) => {
                    on_event(event);
                    // Without a state there is nothing that could fail.
                    drop(rest(cancel, on_event, step.index + 1, step.of, || Ok(None)));
                }
                Err(error) => {
                    failure = Some(error);
                    inner.cancel();
                }
            }
            if cancel.is_cancelled() {
                inner.cancel();
            }
        };
        let outcome = diffusion::invert(settings, &schedule, denoiser.as_mut(), clean, &inner, &mut watch)?;
        if let Some(error) = failure {
            return Err(error);
        }
        let diffusion::Outcome::Done(noise) = outcome else { return Ok(None) };
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let latent = super::StepLatent(noise).values()?;
        on_event(Event::Finished);
        Ok(Some(latent))
    }
}

/// The request that goes down again from inverted noise: DDIM without fresh noise.
#[must_use]
pub fn from_inverted(request: &GenerateRequest, noise: LatentValues) -> GenerateRequest {
    let source = Source::Latent { latent: noise, step: 0 };
    GenerateRequest { sampler: SamplerKind::Ddim, eta: 0.0, source, ..request.clone() }
}
