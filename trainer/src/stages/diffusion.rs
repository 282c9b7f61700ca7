//! Training of a diffusion transformer, with or without its control branch, with or without a text encoder beside it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use engine::model::t5::T5Encoder;

use super::batch::{Batch, Drawing, TIMESTEPS, mask};
use super::network::NetworkMaker;
use super::panel::{Panel, embedded};
use crate::data::cases::Cases;
use crate::run::rows::{RowRange, RowSource};
use crate::run::stage::{Losses, Stage};
use crate::step::Gradients;
use crate::step::objective::Objective;
use crate::step::pass::{HiddenLoss, Pass, RowControl, Rows};

/// The stage.
pub struct DiffusionStage {
    /// Folder name of the stage.
    pub name: &'static str,
    /// The text encoder, where it is trained along; else captions are embeddings.
    pub text: Option<T5Encoder>,
    /// The network in training.
    pub network: NetworkMaker,
    /// What is minimised.
    pub objective: Objective,
    /// Comparison of hidden tokens, where it is switched on.
    pub hidden: Option<Box<dyn HiddenLoss>>,
    /// Whether inner values are computed twice instead of kept.
    pub checkpointing: bool,
    /// The data.
    pub cases: Arc<dyn Cases>,
    /// Where it runs.
    pub device: Device,
    /// What is drawn for a row.
    pub drawing: Drawing,
    /// The panel.
    pub panel: Option<Panel>,
}

impl DiffusionStage {
    fn encode(&self, ids: &Tensor, mask: &Tensor) -> Result<Tensor> {
        match &self.text {
            Some(text) => Ok(text.forward(ids, Some(mask))?),
            None => bail!("captions are tokens, but there is no text encoder"),
        }
    }

    /// A batch as tensors.
    ///
    /// # Errors
    /// When the device fails.
    pub fn rows(&self, batch: &Batch) -> Result<Rows> {
        let d = &self.device;
        let (rows, (channels, side)) = (batch.timesteps.len(), batch.shape);
        let latent = |values: &[f32]| Tensor::from_slice(values, (rows, channels, side, side), d);
        let mask = mask(&batch.lengths, d)?;
        let control = if self.network.has_control() && batch.strengths.iter().any(|strength| *strength > 0.0) {
            Some(RowControl { latent: latent(&batch.conditions)?, strength: Tensor::from_slice(&batch.strengths, rows, d)? })
        } else {
            None
        };
        Ok(Rows {
            x_start: latent(&batch.clean)?,
            noise: latent(&batch.noise)?,
            t: batch.timesteps.clone(),
            captions: embedded(&batch.captions, &batch.lengths, &mask, &|ids, mask| self.encode(ids, mask), d)?,
            mask,
            drop: batch.drop.clone(),
            control,
            features: if batch.features.is_empty() {
                None
            } else {
                let tokens = self.network.config().num_tokens();
                let width = batch.features.len() / (rows * tokens).max(1);
                Some(Tensor::from_slice(&batch.features, (rows, tokens, width), d)?)
            },
        })
    }
}

impl Stage for DiffusionStage {
    type Batch = Batch;

    fn name(&self) -> &'static str {
        self.name
    }

    fn source(&self) -> RowSource<Batch> {
        let (drawing, cases) = (self.drawing.clone(), self.cases.clone());
        Arc::new(move |at| drawing.batch(&cases, at))
    }

    fn backward(&self, batch: &Batch, at: &RowRange, gradients: &mut Gradients) -> Result<Losses> {
        let network = self.network.network()?;
        let pass = Pass {
            network: &network,
            objective: &self.objective,
            checkpointing: self.checkpointing,
            hidden: self.hidden.as_deref(),
        };
        let passed = pass.run(&self.rows(batch)?, at.of, gradients)?;
        let of = at.of.max(1) as f64;
        let values = |tensor: &Tensor| -> Result<Vec<f64>> { Ok(tensor.to_vec1::<f32>()?.into_iter().map(f64::from).collect()) };
        let losses = values(&passed.loss.loss)?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / of;
        let mut parts = Vec::new();
        let named = [("mse", &passed.loss.mse), ("vb", &passed.loss.vb), ("hidden", &passed.hidden)];
        for (name, tensor) in named {
            if let Some(tensor) = tensor {
                parts.push((name, mean(&values(tensor)?)));
            }
        }
        let hidden = parts.iter().find(|(name, _)| *name == "hidden").map_or(0.0, |(_, value)| *value);
        let levels = batch.timesteps.iter().zip(&losses).map(|(&t, &loss)| (t as f64 / TIMESTEPS as f64, loss)).collect();
        Ok(Losses { mean: mean(&losses) + hidden, parts, levels })
    }

    fn ids(&self, at: &RowRange) -> Vec<String> {
        let places = (0..at.rows.len() as u64).map(|row| at.first_place() + row);
        places.map(|place| self.cases.id(self.drawing.case(place, self.cases.len() as u64) as usize)).collect()
    }

    /// The null caption learns from dropped captions only, control blocks from rows with a condition only.
    fn may_rest(&self, name: &str) -> bool {
        name.ends_with("y_embedder.y_embedding") || name.contains("controlnet.")
    }

    fn sheet(&self, dir: &Path, step: usize) -> Result<()> {
        let Some(panel) = &self.panel else { return Ok(()) };
        panel.draw(&self.network.network()?, &|ids, mask| self.encode(ids, mask), &self.device, dir, step)
    }
}
