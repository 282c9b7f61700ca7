//! A practice model folder, opened for measurement: the engine's pipeline, and the checker beside it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, GenerateRequest, Preset, Seed};
use engine::model::checker::{Checker, CheckerConfig, CheckerOutput};
use engine::pipeline::{Outcome, Pipeline};
use engine::store::model_dir::ModelSpec;

/// Name of the checker's weight file.
const CHECKER: &str = "checker.safetensors";

/// The opened parts.
pub struct PracticeModel {
    /// Its description.
    pub spec: ModelSpec,
    pipeline: Pipeline,
    checker: Checker,
    device: candle_core::Device,
}

/// How pictures are sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Sampler steps.
    pub num_steps: usize,
    /// Guidance strength.
    pub guidance_scale: f64,
    /// Behaviour of guidance and control; `None` is the model's own.
    pub preset: Option<Preset>,
    /// Pictures a batch.
    pub batch_size: usize,
}

/// One picture to make.
pub struct Order<'a> {
    /// What it should show, prefix included.
    pub prompt: &'a str,
    /// What is drawn; an empty mask draws that there is nothing, none leaves all to the text.
    pub drawn: Option<Annotation>,
    /// Its seed.
    pub seed: Seed,
}

impl PracticeModel {
    /// Opens a folder that `chexgen train` exported.
    ///
    /// # Errors
    /// Names the file that is missing or damaged.
    pub fn open(dir: &Path, device: DeviceKind) -> Result<Self> {
        let pipeline = Pipeline::open(dir, &device)?;
        ensure!(pipeline.card().practice, "{}: this command measures practice models", dir.display());
        let path = dir.join(CHECKER);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let (_, metadata) =
            safetensors::SafeTensors::read_metadata(&bytes).with_context(|| format!("{} is damaged", path.display()))?;
        let noted: BTreeMap<String, String> = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        let config = noted.get("config").ok_or_else(|| anyhow!("{} carries no config", path.display()))?;
        let config: CheckerConfig = serde_json::from_str(config).with_context(|| format!("{}: its config", path.display()))?;
        let device = device.open()?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &device)?;
        let tensors = tensors.into_iter().map(|(n, t)| Ok((n, t.to_dtype(DType::F32)?))).collect::<Result<_>>()?;
        let checker = Checker::new(VarBuilder::from_tensors(tensors, DType::F32, &device), &config)
            .with_context(|| format!("{} does not fit", path.display()))?;
        Ok(Self { spec: ModelSpec::read(dir)?, pipeline, checker, device })
    }

    /// Makes pictures with values in `0..=1`, row by row, in batches, as every user of the model gets them.
    ///
    /// # Errors
    /// When the device fails or `cancel` is raised.
    pub fn generate(&self, orders: &[Order<'_>], sampling: Sampling, cancel: &Cancel) -> Result<Vec<Vec<f32>>> {
        let mut pictures = Vec::with_capacity(orders.len());
        let card = self.pipeline.card();
        for batch in orders.chunks(sampling.batch_size.max(1)) {
            let request = |order: &Order<'_>| GenerateRequest {
                annotations: order.drawn.iter().cloned().collect(),
                num_steps: sampling.num_steps,
                guidance_scale: sampling.guidance_scale as f32,
                preset: sampling.preset.unwrap_or(card.defaults.preset),
                ..card.request(order.prompt, order.seed.0)
            };
            let requests: Vec<GenerateRequest> = batch.iter().map(request).collect();
            match self.pipeline.generate(&requests, cancel, &mut |_| {})? {
                Outcome::Done(images) => pictures.extend(images.iter().map(|made| made.image.to_unit())),
                Outcome::Cancelled => bail!("cancelled"),
            }
        }
        Ok(pictures)
    }

    /// What the checker says of pictures with values in `0..=1`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn check(&self, pictures: &[Vec<f32>]) -> Result<Vec<Checked>> {
        let size = self.spec.size_px as usize;
        let mut out = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(32) {
            let flat: Vec<f32> = batch.iter().flatten().map(|v| 2.0 * v - 1.0).collect();
            let image = Tensor::from_vec(flat, (batch.len(), 1, size, size), &self.device)?;
            let CheckerOutput { regions, presence } = self.checker.forward(&image)?;
            let presence = presence.to_vec2::<f32>()?;
            for (row, presence) in presence.into_iter().enumerate() {
                let planes = regions.get(row)?.flatten_from(1)?.to_vec2::<f32>()?;
                out.push(Checked { regions: planes, presence });
            }
        }
        Ok(out)
    }
}

/// The checker's word on one picture.
pub struct Checked {
    /// Outline logits of each class on half the picture's grid.
    pub regions: Vec<Vec<f32>>,
    /// Presence logits of each class.
    pub presence: Vec<f32>,
}
