//! A practice model folder, opened for measurement: the engine's pipeline, and the checker beside it.

use std::path::Path;

use anyhow::{Result, anyhow, ensure};
use engine::adherence::{PracticeChecker, Seen};
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{Annotation, GenerateRequest, GrayImage, Preset, Seed, Shape};
use engine::pipeline::{Event, Outcome, Pipeline};
use engine::store::hash::hash_bytes;
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

    /// Makes pictures together, as every user of the model gets them; `None` when `cancel` is raised.
    ///
    /// # Errors
    /// When the device fails.
    pub fn generate(
        &self,
        orders: &[&Order<'_>],
        sampling: Sampling,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Option<Vec<GrayImage>>> {
        let requests: Vec<GenerateRequest> = orders.iter().map(|order| self.request(order, sampling)).collect();
        Ok(match self.pipeline.generate(&requests, cancel, on_event)? {
            Outcome::Done(images) => Some(images.into_iter().map(|made| made.image).collect()),
            Outcome::Cancelled => None,
        })
    }

    fn request(&self, order: &Order<'_>, sampling: Sampling) -> GenerateRequest {
        let card = self.pipeline.card();
        GenerateRequest {
            annotations: order.drawn.iter().cloned().collect(),
            num_steps: sampling.num_steps,
            guidance_scale: sampling.guidance_scale as f32,
            preset: sampling.preset.unwrap_or(card.defaults.preset),
            ..card.request(order.prompt, order.seed.0)
        }
    }

    /// A name for a picture by all that it depends on.
    pub fn key(&self, order: &Order<'_>, sampling: Sampling) -> String {
        let request = self.request(order, sampling);
        let drawn = order.drawn.as_ref().map(|drawn| match &drawn.shape {
            Shape::Mask(mask) => format!("{} {}", drawn.finding, hash_bytes(mask.bits())),
            other => format!("{} {other:?}", drawn.finding),
        });
        let card = self.pipeline.card();
        let (steps, guidance, preset) = (request.num_steps, request.guidance_scale, request.preset.name());
        let all = format!(
            "{} {} {} {} {} {steps} {guidance} {preset} {drawn:?} {}",
            env!("CARGO_PKG_VERSION"),
            card.hash,
            card.device,
            card.dtype,
            order.seed.0,
            order.prompt
        );
        hash_bytes(all.as_bytes())
    }

    /// What the checker says of pictures with values in `0..=1`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn check(&self, pictures: &[Vec<f32>]) -> Result<Vec<Seen>> {
        Ok(self.checker.look_at(pictures, self.spec.size_px as usize)?)
    }
}
