//! Load a model once, generate many images.
//!
//! Impression → tokens → text embedding; annotations → condition picture → latent; start noise →
//! sampler → latent → 16-bit grey. An image depends on its request and the weights only: not on the
//! batch, its order, the thread count or whether anybody watches.

mod backbone;
mod card;
mod edit;
mod error;
mod event;
mod imported;
mod insight;
mod invert;
mod load;
mod maps;
mod paste;
mod plan;
mod prompt;
mod stable;
mod steer;
mod text_encoder;

use std::path::Path;

use candle_core::{DType, Device, Tensor};

pub use card::{Defaults, ModelCard, TokenCount};
pub use error::Error;
pub use event::{Event, Generated, Outcome, StepLatent};
pub use imported::ImportedNoise;
pub use insight::AttentionMap;
pub use invert::from_inverted;
pub use plan::MemoryPlan;
pub use text_encoder::TextMemory;

use crate::cancel::Cancel;
use crate::condition::Palette;
use crate::denoise::{Conditioning, GuidanceRule};
use crate::device::DeviceKind;
use crate::diffusion::{self, NoiseSchedule, Prediction, SamplerConfig, StepEvent, Stepping};
use crate::domain::{GenerateRequest, GrayImage, Preset, Seed, Source, Stream};
use crate::model::Autoencoder;
use crate::noise;
use crate::store::embedding_cache::EmbeddingCache;
use crate::store::hash::hash_image;
use crate::store::model_dir::ModelKind;
use crate::store::record::RunRecord;
use backbone::Backbone;
use imported::Use;
use maps::{LatentMap, PreviewMap};
use prompt::Prompt;
use text_encoder::TextEncoder;

/// Channels of a latent that the release preset is made for.
const RELEASE_LATENT_CHANNELS: usize = 4;
/// Folder of text embeddings inside a model folder.
const EMBEDDINGS: &str = "embeddings";

/// What belongs to a run and not to its images.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions<'a> {
    /// Noise from a file; row `i` of it goes to request `i`, whatever its seed. Recorded by its hash.
    pub noise: Option<&'a ImportedNoise>,
    /// Blocks of the network, from 0, whose cross-attention to the words is told after each step; none costs
    /// nothing, and the image is the same either way.
    pub attention: &'a [usize],
}

/// A loaded model, ready to generate.
pub struct Pipeline {
    card: ModelCard,
    prompt: Prompt,
    /// What text embeddings depend on beside their text.
    text_key: String,
    backbone: Backbone,
    prediction: Prediction,
    control_unconditional: bool,
    autoencoder: Box<dyn Autoencoder>,
    image_map: LatentMap,
    condition_map: LatentMap,
    condition_sampled: bool,
    palette: Palette,
    preview: PreviewMap,
    schedule: NoiseSchedule,
    /// The walk of the model's own scheduler, where it has one.
    stepping: Option<Stepping>,
    device: Device,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("card", &self.card).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Loads the model folder `dir`.
    ///
    /// # Errors
    /// When a file is missing, damaged or foreign, or the device cannot be used.
    pub fn open(dir: &Path, device: &DeviceKind) -> Result<Self, Error> {
        load::open(dir, device, TextMemory::Auto)
    }

    /// As [`Pipeline::open`], with a say in where the text encoder's weights are kept; images do not depend on it.
    ///
    /// # Errors
    /// As [`Pipeline::open`].
    pub fn open_with(dir: &Path, device: &DeviceKind, text_memory: TextMemory) -> Result<Self, Error> {
        load::open(dir, device, text_memory)
    }

    /// As [`Pipeline::open`]; a text encoder that is read from its file for every text keeps its embeddings in the
    /// model folder, where that can be written, so that a text is encoded once.
    ///
    /// # Errors
    /// As [`Pipeline::open`].
    pub fn open_cached(dir: &Path, device: &DeviceKind) -> Result<Self, Error> {
        let mut pipeline = load::open(dir, device, TextMemory::Auto)?;
        if pipeline.text_is_streamed() {
            match EmbeddingCache::open(&dir.join(EMBEDDINGS), &pipeline.text_key) {
                Ok(cache) => pipeline.prompt.cache = Some(cache),
                // A read-only folder costs time and no image.
                Err(error) => tracing::warn!("text embeddings are not kept: {error}"),
            }
        }
        Ok(pipeline)
    }

    /// Keeps text embeddings in the folder `dir`, made when missing, so that a text is encoded once; images do not
    /// depend on it. Worthwhile for a large encoder.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn with_cache(mut self, dir: &Path) -> Result<Self, Error> {
        self.prompt.cache = Some(EmbeddingCache::open(dir, &self.text_key)?);
        Ok(self)
    }

    /// Whether the text encoder's weights are read from their file for every text.
    pub fn text_is_streamed(&self) -> bool {
        matches!(self.prompt.encoder, TextEncoder::Streamed(_))
    }

    /// What was loaded.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// How many tokens an impression has, and where it is cut.
    pub fn count_tokens(&self, impression: &str) -> TokenCount {
        self.prompt.count(impression)
    }

    /// Generates one image for every request; all must agree in steps, sampler, eta, karras, guidance,
    /// preset and the step they begin with. `on_event` is called on this thread.
    ///
    /// # Errors
    /// When a request is out of range, does not fit the model, or the network gives NaN.
    pub fn generate(
        &self,
        requests: &[GenerateRequest],
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Error> {
        self.generate_with(requests, &RunOptions::default(), cancel, on_event)
    }

    /// As [`Pipeline::generate`], with options of the run.
    ///
    /// # Errors
    /// As [`Pipeline::generate`]; also when imported noise has another shape or attention of no block is asked for.
    pub fn generate_with(
        &self,
        requests: &[GenerateRequest],
        options: &RunOptions<'_>,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Error> {
        let Some(first) = requests.first() else { return Ok(Outcome::Done(Vec::new())) };
        for request in requests {
            self.check(request, first)?;
        }
        self.check_attention(options.attention)?;
        let Some(conditioning) = self.conditioning(requests, options, cancel)? else { return Ok(Outcome::Cancelled) };
        let (mut denoiser, attention) = self.denoiser(first, &conditioning, options.attention)?;
        let mut sampler =
            SamplerConfig { kind: first.sampler, num_steps: first.num_steps, eta: f64::from(first.eta), karras: first.karras }
                .build_with(&self.schedule, self.stepping.as_ref())?;
        let seeds: Vec<Seed> = requests.iter().map(|request| request.seed).collect();
        let draw = |stream: Stream, block: u32, what: Use, shape: &[usize]| match options
            .noise
            .map(|noise| noise.find(what, 0, shape, &self.device))
            .transpose()?
            .flatten()
        {
            Some(noise) => Ok(noise),
            None => self.noise(&seeds, stream, block, shape),
        };
        let side = self.backbone.latent_side();
        let noise = draw(Stream::Start, 0, Use::Start, &[seeds.len(), self.card.latent_channels, side, side])?;
        let beginning = self.begin(requests, sampler.as_ref(), &noise)?;
        let of = sampler.timesteps().len();
        on_event(Event::Started { steps: of });

        let mut failure = None;
        let inner = Cancel::new();
        let mut watch = |step: StepEvent<'_>| {
            let told = self.step_event(&step).and_then(|event| {
                on_event(event);
                let Some(attention) = &attention else { return Ok(()) };
                let grid = self.backbone.grid();
                let rows = attention.take();
                let maps = rows.iter().map(|row| AttentionMap::from_weights(row, grid));
                on_event(Event::Attention { step: step.index + 1, maps: maps.collect::<candle_core::Result<_>>()? });
                Ok(())
            });
            if let Err(error) = told {
                failure = Some(error);
                inner.cancel();
            }
            if cancel.is_cancelled() {
                inner.cancel();
            }
        };
        let mut fresh = |step: u32, shape: &[usize]| draw(Stream::Step, step, Use::Step(step), shape);
        let mut keep = |index: usize, x: Tensor| match &beginning.known {
            Some(known) => Ok(known.blend(index, &x)?),
            None => Ok(x),
        };
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        let (start, from) = (beginning.latents.clone(), beginning.first);
        let outcome =
            diffusion::drive_from(sampler.as_mut(), denoiser.as_mut(), start, from, &mut fresh, &inner, &mut keep, &mut watch)?;
        if let Some(error) = failure {
            return Err(error);
        }
        let diffusion::Outcome::Done(latents) = outcome else { return Ok(Outcome::Cancelled) };
        let mut images = Vec::with_capacity(requests.len());
        for (row, request) in requests.iter().enumerate() {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let mut image = self.decode(&StepLatent(latents.narrow(0, row, 1)?))?;
            if let Source::Region { image: original, may_change, feather_px, .. } = &request.source {
                image = paste::paste(original, &image, may_change, *feather_px).map_err(candle_core::Error::wrap)?;
            }
            let condition = self.condition(request);
            let mut record = self.record(request, &image, condition.as_ref(), of - from);
            record.noise = options.noise.map(|noise| noise.origin(row));
            images.push(Generated { image, condition, record });
        }
        on_event(Event::Finished);
        Ok(Outcome::Done(images))
    }

    /// Decodes a step's latent by the autoencoder: the picture the run would give if it stopped there.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn decode(&self, latent: &StepLatent) -> Result<GrayImage, Error> {
        let mut picture = self.autoencoder.decode(&self.image_map.invert(&latent.0)?)?;
        if self.card.kind == ModelKind::StableDiffusion {
            // Its own program cuts each channel off where a picture ends.
            picture = picture.clamp(-1f32, 1f32)?;
        }
        // Colour autoencoders give three nearly equal channels.
        let grey = picture.mean(1)?.affine(0.5, 0.5)?.flatten_all()?.to_vec1::<f32>()?;
        let size = self.card.size_px;
        Ok(GrayImage::from_unit(size, size, &grey).map_err(candle_core::Error::wrap)?)
    }

    fn check(&self, request: &GenerateRequest, first: &GenerateRequest) -> Result<(), Error> {
        request.check()?;
        let model = || self.card.name.clone();
        if !request.annotations.is_empty() && !self.card.has_control {
            return Err(Error::NoControl { model: model() });
        }
        if request.preset == Preset::Release && self.card.kind != ModelKind::DiffusionTransformer {
            return Err(Error::ForeignPreset { model: model(), kind: self.card.kind });
        }
        if request.preset == Preset::Release && self.card.latent_channels != RELEASE_LATENT_CHANNELS {
            return Err(Error::Preset { model: model(), channels: self.card.latent_channels });
        }
        self.check_source(&request.source)?;
        let same = [
            ("steps", request.num_steps == first.num_steps),
            ("sampler", request.sampler == first.sampler),
            ("eta", request.eta == first.eta),
            ("karras", request.karras == first.karras),
            ("guidance", request.guidance_scale == first.guidance_scale),
            ("preset", request.preset == first.preset),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            Some((field, _)) => Err(Error::MixedBatch { field }),
            None => Ok(()),
        }
    }

    /// Captions and conditions of a batch; `None` when cancelled.
    fn conditioning(
        &self,
        requests: &[GenerateRequest],
        options: &RunOptions<'_>,
        cancel: &Cancel,
    ) -> Result<Option<Conditioning>, Error> {
        let mut conditioning = Conditioning { captions: Vec::new(), conditions: Vec::new() };
        for (row, request) in requests.iter().enumerate() {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            conditioning.captions.push(self.prompt.embed(&request.impression)?);
            conditioning.conditions.push(self.row_conditions(row, request, options)?);
        }
        Ok(Some(conditioning))
    }

    fn rule(&self, request: &GenerateRequest) -> GuidanceRule {
        GuidanceRule {
            scale: f64::from(request.guidance_scale),
            preset: request.preset,
            control_unconditional: self.control_unconditional,
        }
    }

    /// Standard normal noise of `shape`, each row from its own seed.
    fn noise(&self, seeds: &[Seed], stream: Stream, block: u32, shape: &[usize]) -> candle_core::Result<Tensor> {
        let per_row = shape.iter().skip(1).product();
        let values: Vec<f32> = seeds.iter().flat_map(|&seed| noise::normal(seed, stream, block, per_row)).collect();
        Tensor::from_vec(values, shape, &self.device)
    }

    fn step_event(&self, step: &StepEvent<'_>) -> Result<Event, Error> {
        let (index, of) = (step.index + 1, step.of);
        let clean = step.x_start.to_dtype(DType::F32)?;
        // One sum sees every NaN and infinity.
        if !clean.sqr()?.sum_all()?.to_scalar::<f32>()?.is_finite() {
            return Err(Error::NotFinite { step: index, of });
        }
        let rows = (0..clean.dim(0)?).map(|row| clean.narrow(0, row, 1)).collect::<candle_core::Result<Vec<_>>>()?;
        let previews = rows.iter().map(|row| self.preview.picture(&row.squeeze(0)?)).collect::<candle_core::Result<Vec<_>>>()?;
        let latents = rows.into_iter().map(StepLatent).collect();
        let noisy =
            (0..step.x.dim(0)?).map(|row| Ok(StepLatent(step.x.narrow(0, row, 1)?))).collect::<candle_core::Result<_>>()?;
        Ok(Event::Step { step: index, of, previews, latents, noisy })
    }

    fn record(&self, request: &GenerateRequest, image: &GrayImage, condition: Option<&GrayImage>, steps_ran: usize) -> RunRecord {
        RunRecord {
            request: request.clone(),
            model_name: self.card.name.clone(),
            files: self.card.files.clone(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: self.card.device.clone(),
            dtype: "f32".to_owned(),
            size_px: self.card.size_px,
            steps_ran,
            pixels_blake3: hash_image(image),
            control_blake3: condition.map(hash_image),
            noise: None,
        }
    }
}

#[cfg(test)]
mod tests;
