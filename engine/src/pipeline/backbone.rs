//! The network that predicts noise, of whichever kind, and how a batch asks it.

use super::{Error, Pipeline};
use crate::denoise::{Conditioning, GuidedNetwork, GuidedUnet, Network, RowAttention};
use crate::diffusion::Denoiser;
use crate::domain::GenerateRequest;
use crate::model::sd::Unet;

/// A network that predicts noise.
#[derive(Clone, Debug)]
pub(super) enum Backbone {
    /// A diffusion transformer, with control or without.
    Transformer(Network),
    /// A U-Net of Stable Diffusion.
    Unet(Box<Unet>),
}

impl Backbone {
    /// Side of its latents.
    pub(super) fn latent_side(&self) -> usize {
        match self {
            Self::Transformer(network) => network.config().input_size,
            Self::Unet(unet) => unet.config().sample_size,
        }
    }

    /// Image tokens along a side.
    pub(super) fn grid(&self) -> usize {
        match self {
            Self::Transformer(network) => network.config().grid(),
            Self::Unet(unet) => unet.config().sample_size,
        }
    }
}

impl Pipeline {
    /// Refuses attention that the network does not have.
    pub(super) fn check_attention(&self, blocks: &[usize]) -> Result<(), Error> {
        match &self.backbone {
            Backbone::Transformer(network) => {
                let last = network.config().depth.saturating_sub(1);
                match blocks.iter().find(|&&block| block > last) {
                    Some(&block) => Err(Error::NoBlock { block, last }),
                    None => Ok(()),
                }
            }
            Backbone::Unet(_) if blocks.is_empty() => Ok(()),
            Backbone::Unet(_) => Err(Error::NoAttention { model: self.card.name.clone(), kind: self.card.kind }),
        }
    }

    /// The network with a batch's words, conditions and guidance, and what the blocks of `attention` will note.
    pub(super) fn denoiser<'a>(
        &'a self,
        request: &GenerateRequest,
        conditioning: &'a Conditioning,
        attention: &[usize],
    ) -> Result<(Box<dyn Denoiser + 'a>, Option<RowAttention>), Error> {
        let rule = self.rule(request);
        match &self.backbone {
            Backbone::Transformer(network) => {
                let mut guided = GuidedNetwork::new(network, self.prediction, rule, conditioning)?;
                let notes = (!attention.is_empty()).then(|| guided.watch_attention(attention));
                Ok((Box::new(guided), notes))
            }
            Backbone::Unet(unet) => {
                let null = (rule.scale != 1.0).then(|| self.prompt.embed("")).transpose()?;
                let guided = GuidedUnet::new(unet, self.prediction, rule.scale, &conditioning.captions, null.as_ref())?;
                Ok((Box::new(guided), None))
            }
        }
    }
}
