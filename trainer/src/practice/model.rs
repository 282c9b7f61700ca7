//! A practice model folder, opened for measurement: the engine's pipeline, and the checker beside it.

use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};
use engine::adherence::{PracticeChecker, Seen};
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, GenerateRequest, Preset, Seed};
use engine::pipeline::{Outcome, Pipeline};
use engine::store::model_dir::ModelSpec;

/// The opened parts.
pub struct PracticeModel {
    /// Its description.
    pub spec: ModelSpec,
    pipeline: Pipeline,
    checker: PracticeChecker,
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
        let checker = PracticeChecker::open(dir, &device.open()?)?;
        let checker = checker.ok_or_else(|| anyhow!("{}: the folder holds no checker", dir.display()))?;
        Ok(Self { spec: ModelSpec::read(dir)?, pipeline, checker })
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
    pub fn check(&self, pictures: &[Vec<f32>]) -> Result<Vec<Seen>> {
        Ok(self.checker.look_at(pictures, self.spec.size_px as usize)?)
    }
}
