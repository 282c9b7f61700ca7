//! The network that predicts noise, of whichever kind, and how a batch asks it.

use super::conditioning::Asked;
use super::{Error, Pipeline};
use crate::denoise::{GuidanceRule, GuidedNetwork, GuidedUnet, Network, RowAttention};
use crate::diffusion::Denoiser;
use crate::domain::GenerateRequest;
use crate::model::DitConfig;
use crate::model::sd::{Unet, UnetConfig};

/// A network that predicts noise.
#[derive(Clone, Debug)]
pub(super) enum Backbone {
    /// A diffusion transformer, with control or without.
    Transformer(Network),
    /// A U-Net of Stable Diffusion.
    Unet(Box<Unet>),
}

/// What of a network is known before its weights are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Side of its latents.
    pub(super) latent_side: usize,
    /// Image tokens along a side.
    pub(super) grid: usize,
    /// Blocks that tell their attention to the words.
    pub(super) blocks: usize,
}

impl Sizes {
    pub(super) fn of_transformer(config: &DitConfig) -> Self {
        Self { latent_side: config.input_size, grid: config.grid(), blocks: config.depth }
    }

    pub(super) fn of_unet(config: &UnetConfig) -> Self {
        Self { latent_side: config.sample_size, grid: config.sample_size, blocks: 0 }
    }
}

impl Pipeline {
    /// The network with a batch's words, conditions and guidance, and what the blocks of `attention` will note.
    pub(super) fn denoiser<'a>(
        &self,
        network: &'a Backbone,
        request: &GenerateRequest,
        asked: &'a Asked,
        attention: &[usize],
    ) -> Result<(Box<dyn Denoiser + 'a>, Option<RowAttention>), Error> {
        let rule = GuidanceRule {
            scale: f64::from(request.guidance_scale),
            preset: request.preset,
            control_unconditional: self.control_unconditional,
        };
        match network {
            Backbone::Transformer(network) => {
                let mut guided = GuidedNetwork::new(network, self.prediction, rule, &asked.rows)?;
                let notes = (!attention.is_empty()).then(|| guided.watch_attention(attention));
                Ok((Box::new(guided), notes))
            }
            Backbone::Unet(unet) => {
                let wordless = asked.wordless.as_ref();
                let guided = GuidedUnet::new(unet, self.prediction, rule.scale, &asked.rows.captions, wordless)?;
                Ok((Box::new(guided), None))
            }
        }
    }
}
