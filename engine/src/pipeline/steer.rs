//! From a request's drawings to the conditions of its row.

use candle_core::Tensor;

use super::edit::block_shares;
use super::imported::Use;
use super::part::Held;
use super::{Error, Pipeline, RunOptions};
use crate::condition::{self, Condition, Fit};
use crate::denoise::RowCondition;
use crate::domain::{GenerateRequest, GrayImage, Mask, Preset, Stream};
use crate::model::Autoencoder;

/// How a preset fits drawings of another shape.
fn fit(preset: Preset) -> Fit {
    match preset {
        Preset::Release | Preset::Paper => Fit::Stretch,
        Preset::Ours => Fit::Letterbox,
    }
}

impl Pipeline {
    /// All that is drawn, in one condition picture: what the model sees, if findings are drawn.
    ///
    /// Drawings that act with different strength, steps or area go to the model apart; see
    /// [`Pipeline::conditions`].
    pub fn condition(&self, request: &GenerateRequest) -> Option<GrayImage> {
        condition::compile_fitted(&request.annotations, self.card.size_px, &self.palette, fit(request.preset))
    }

    /// The conditions of a request, each with its picture and how it acts.
    pub fn conditions(&self, request: &GenerateRequest) -> Vec<Condition> {
        condition::conditions(&request.annotations, self.card.size_px, &self.palette, fit(request.preset))
    }

    /// The conditions of row `row` of a batch, as the network takes them.
    pub(super) fn row_conditions<'a>(
        &'a self,
        row: usize,
        request: &GenerateRequest,
        options: &RunOptions<'_>,
        autoencoder: &mut Option<Held<'a, Box<dyn Autoencoder>>>,
    ) -> Result<Vec<RowCondition>, Error> {
        let conditions = self.conditions(request);
        let encoded = conditions.iter().enumerate().map(|(number, condition)| -> Result<RowCondition, Error> {
            let posterior = self.posterior(self.autoencoder.get_into(autoencoder)?.as_ref(), &condition.picture)?;
            let latent = if self.condition_sampled && request.preset != Preset::Ours {
                posterior.sample(&self.posterior_noise(row, number, request, options, posterior.mean.dims())?)?
            } else {
                posterior.mean
            };
            let area = condition.area.as_ref().map(|area| self.token_shares(area)).transpose()?;
            Ok(RowCondition {
                latent: self.condition_map.apply(&latent)?,
                strength: f64::from(condition.strength),
                steps: condition.steps,
                area,
            })
        });
        encoded.collect()
    }

    /// Noise for the latent of condition `number`; a file has it for the first only.
    fn posterior_noise(
        &self,
        row: usize,
        number: usize,
        request: &GenerateRequest,
        options: &RunOptions<'_>,
        shape: &[usize],
    ) -> candle_core::Result<Tensor> {
        let imported = options.noise.filter(|_| number == 0);
        if let Some(noise) = imported.map(|noise| noise.find(Use::Posterior, row, shape, &self.device)).transpose()?.flatten() {
            return Ok(noise);
        }
        self.noise(&[request.seed], Stream::Condition, number as u32, shape)
    }

    /// How much of each image token lies in an area `(1, N)`.
    fn token_shares(&self, area: &Mask) -> candle_core::Result<Tensor> {
        let shares = block_shares(area, self.sizes.grid);
        let count = shares.len();
        Tensor::from_vec(shares, (1, count), &self.device)
    }
}
