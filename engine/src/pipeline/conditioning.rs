//! What a batch asks of the network: captions and conditions, prepared before the network takes its turn.

use candle_core::Tensor;

use super::{Error, Pipeline, RunOptions};
use crate::cancel::Cancel;
use crate::denoise::Conditioning;
use crate::domain::GenerateRequest;
use crate::store::model_dir::ModelKind;

/// What a batch asks of the network.
pub(super) struct Asked {
    /// Captions and conditions of its rows.
    pub(super) rows: Conditioning,
    /// The caption without words `(1, L, De)`, where guidance leads away from it; a transformer has its own.
    pub(super) wordless: Option<Tensor>,
}

impl Pipeline {
    /// Captions and conditions of a batch; `None` when cancelled.
    pub(super) fn asked(
        &self,
        requests: &[GenerateRequest],
        options: &RunOptions<'_>,
        cancel: &Cancel,
    ) -> Result<Option<Asked>, Error> {
        let mut rows = Conditioning { captions: Vec::new(), conditions: Vec::new() };
        let mut encoder = None;
        for request in requests {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            rows.captions.push(self.prompt.embed(&request.impression, &mut encoder)?);
        }
        let guided = requests.iter().any(|request| request.guidance_scale != 1.0);
        let wordless =
            (guided && self.card.kind == ModelKind::StableDiffusion).then(|| self.prompt.embed("", &mut encoder)).transpose()?;
        drop(encoder);
        let mut autoencoder = None;
        for (row, request) in requests.iter().enumerate() {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            rows.conditions.push(self.row_conditions(row, request, options, &mut autoencoder)?);
        }
        Ok(Some(Asked { rows, wordless }))
    }
}
