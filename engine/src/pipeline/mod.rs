//! Load a model once, generate many images.
//!
//! Impression → tokens → text embedding; annotations → condition picture → latent; start noise →
//! sampler → latent → 16-bit grey. An image depends on its request and the weights only: not on the
//! batch, its order, the thread count or whether anybody watches.

mod backbone;
mod card;
mod conditioning;
mod edit;
mod encoders;
mod error;
mod event;
mod folder;
mod imported;
mod insight;
mod invert;
mod load;
mod maps;
mod memory;
mod options;
mod part;
mod paste;
mod plan;
mod prompt;
mod resume;
mod round_trip;
pub mod self_test;
mod stable;
mod steer;
mod text_encoder;

use std::path::Path;

use candle_core::{DType, Device, Tensor};

pub use card::{Defaults, ModelCard, TokenCount};
pub use encoders::{Encoders, EncodersCard};
pub use error::Error;
pub use event::{Event, Generated, Outcome, StepLatent};
pub use imported::ImportedNoise;
pub use insight::AttentionMap;
pub use invert::from_inverted;
pub use options::{Decoding, OpenOptions, Residency};
pub use plan::MemoryPlan;
pub use text_encoder::TextMemory;

pub use crate::store::run_state::{RunState, StateError};

use crate::cancel::Cancel;
use crate::condition::Palette;
use crate::device::DeviceKind;
use crate::diffusion::{self, NoiseSchedule, Prediction, SamplerConfig, StepEvent, Stepping};
use crate::domain::{GenerateRequest, GrayImage, Preset, Seed, Source, Stream};
use crate::model::Autoencoder;
use crate::noise;
use crate::store::embedding_cache::EmbeddingCache;
use crate::store::hash::hash_image;
use crate::store::model_dir::ModelKind;
use crate::store::record::RunRecord;
use backbone::{Backbone, Sizes};
use imported::Use;
use maps::{LatentMap, PreviewMap};
use memory::Budget;
use part::Part;
use prompt::Prompt;
use resume::{Place, rest};

/// Fewest channels of a latent for the release preset: it guides the first three and leaves the others.
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
    /// Leaves the previews of the steps out, for runs that nobody watches; the image is the same either way.
    pub without_previews: bool,
}

/// A loaded model, ready to generate.
pub struct Pipeline {
    card: ModelCard,
    prompt: Prompt,
    /// What text embeddings depend on beside their text.
    text_key: String,
    network: Part<Backbone>,
    sizes: Sizes,
    prediction: Prediction,
    control_unconditional: bool,
    autoencoder: Part<Box<dyn Autoencoder>>,
    /// Channels of the autoencoder's pictures.
    image_channels: usize,
    /// Rows of a band where pictures are decoded in bands.
    bands: Option<u32>,
    budget: Budget,
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
        Self::open_with(dir, device, &OpenOptions::default())
    }

    /// As [`Pipeline::open`], with a say in where the parts are kept and what they compute in.
    ///
    /// # Errors
    /// As [`Pipeline::open`]; also when the memory does not hold the model, or the device not compute so.
    pub fn open_with(dir: &Path, device: &DeviceKind, options: &OpenOptions) -> Result<Self, Error> {
        let mut pipeline = load::open(dir, device, options).map_err(|error| error.on_device(device, 1))?;
        if options.keep_embeddings && pipeline.text_is_streamed() {
            match EmbeddingCache::open(&dir.join(EMBEDDINGS), &pipeline.text_key) {
                Ok(cache) => pipeline.prompt.cache = Some(cache),
                // A read-only folder costs time and no image.
                Err(error) => tracing::warn!("text embeddings are not kept: {error}"),
            }
        }
        Ok(pipeline)
    }

    /// As [`Pipeline::open`]; a text encoder that is read from its file for every text keeps its embeddings in the
    /// model folder, where that can be written, so that a text is encoded once.
    ///
    /// # Errors
    /// As [`Pipeline::open`].
    pub fn open_cached(dir: &Path, device: &DeviceKind) -> Result<Self, Error> {
        Self::open_with(dir, device, &OpenOptions { keep_embeddings: true, ..OpenOptions::default() })
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
        self.prompt.streamed
    }

    /// Whether the parts are in memory in turn, each while it is needed.
    pub fn is_staged(&self) -> bool {
        self.budget.staged
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
        self.run(requests, options, None, cancel, on_event).map_err(|error| error.on_device(&self.budget.device, requests.len()))
    }

    /// Runs requests from their beginning, or from a kept state of theirs that was checked.
    fn run(
        &self,
        requests: &[GenerateRequest],
        options: &RunOptions<'_>,
        kept: Option<&RunState>,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Error> {
        let Some(first) = requests.first() else { return Ok(Outcome::Done(Vec::new())) };
        for request in requests {
            self.check(request, first)?;
        }
        self.budget.check(requests.len())?;
        self.check_attention(options.attention)?;
        let Some(asked) = self.asked(requests, options, cancel)? else { return Ok(Outcome::Cancelled) };
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
        let side = self.sizes.latent_side;
        let noise = draw(Stream::Start, 0, Use::Start, &[seeds.len(), self.card.latent_channels, side, side])?;
        let beginning = self.begin(requests, sampler.as_ref(), &noise)?;
        let of = sampler.timesteps().len();
        let (start, from) = match kept {
            Some(state) => (self.restore(state, sampler.as_mut())?, state.step),
            None => (beginning.latents.clone(), beginning.first),
        };
        let network = self.network.get()?;
        let (mut denoiser, attention) = self.denoiser(&network, first, &asked, options.attention)?;
        on_event(Event::Started { steps: of });
        let first_step = beginning.first;
        let state = |place: Place<'_>| self.state(requests, options, &place).map(Some);
        rest(cancel, on_event, from, of, || {
            state(Place { step: from, of, first: first_step, latents: &start, memory: sampler.memory().as_ref() })
        })?;

        let mut failure = None;
        let inner = Cancel::new();
        let mut watch = |step: StepEvent<'_>| {
            let told = self.step_event(&step, !options.without_previews).and_then(|event| {
                on_event(event);
                let Some(attention) = &attention else { return Ok(()) };
                let grid = self.sizes.grid;
                let rows = attention.take();
                let maps = rows.iter().map(|row| AttentionMap::from_weights(row, grid));
                on_event(Event::Attention { step: step.index + 1, maps: maps.collect::<candle_core::Result<_>>()? });
                Ok(())
            });
            let next = step.index + 1;
            let here = Place { step: next, of, first: first_step, latents: step.x, memory: step.memory };
            let told = told.and_then(|()| rest(cancel, on_event, next, of, || state(here)));
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
        let outcome =
            diffusion::drive_from(sampler.as_mut(), denoiser.as_mut(), start, from, &mut fresh, &inner, &mut keep, &mut watch)?;
        if let Some(error) = failure {
            return Err(error);
        }
        let diffusion::Outcome::Done(latents) = outcome else { return Ok(Outcome::Cancelled) };
        // Makes room for the autoencoder where the parts take turns.
        drop(denoiser);
        drop(network);
        let autoencoder = self.autoencoder.get()?;
        let mut images = Vec::with_capacity(requests.len());
        for (row, request) in requests.iter().enumerate() {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let mut image = self.picture_of(autoencoder.as_ref(), &latents.narrow(0, row, 1)?)?;
            if let Source::Region { image: original, may_change, feather_px, .. } = &request.source {
                image = paste::paste(original, &image, may_change, *feather_px).map_err(candle_core::Error::wrap)?;
            }
            let condition = self.condition(request);
            let control = condition.as_ref().map(hash_image);
            let mut record = self.record(request, hash_image(&image), control, of - first_step);
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
        self.picture_of(self.autoencoder.get()?.as_ref(), &latent.0).map_err(|error| error.on_device(&self.budget.device, 1))
    }

    fn picture_of(&self, autoencoder: &dyn Autoencoder, latent: &Tensor) -> Result<GrayImage, Error> {
        let latent = self.image_map.invert(latent)?;
        let in_bands = self.bands.map(|rows| autoencoder.decode_in_bands(&latent, rows as usize)).transpose()?.flatten();
        let mut picture = match in_bands {
            Some(picture) => picture,
            None => autoencoder.decode(&latent)?,
        };
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
        if request.preset == Preset::Release && self.card.latent_channels < RELEASE_LATENT_CHANNELS {
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

    /// Standard normal noise of `shape`, each row from its own seed.
    fn noise(&self, seeds: &[Seed], stream: Stream, block: u32, shape: &[usize]) -> candle_core::Result<Tensor> {
        let per_row = shape.iter().skip(1).product();
        let values: Vec<f32> = seeds.iter().flat_map(|&seed| noise::normal(seed, stream, block, per_row)).collect();
        Tensor::from_vec(values, shape, &self.device)
    }

    fn step_event(&self, step: &StepEvent<'_>, with_previews: bool) -> Result<Event, Error> {
        let (index, of) = (step.index + 1, step.of);
        let clean = step.x_start.to_dtype(DType::F32)?;
        // One sum sees every NaN and infinity.
        if !clean.sqr()?.sum_all()?.to_scalar::<f32>()?.is_finite() {
            return Err(Error::NotFinite { step: index, of });
        }
        let rows = (0..clean.dim(0)?).map(|row| clean.narrow(0, row, 1)).collect::<candle_core::Result<Vec<_>>>()?;
        let shown = if with_previews { &rows[..] } else { &[] };
        let previews = shown.iter().map(|row| self.preview.picture(&row.squeeze(0)?)).collect::<candle_core::Result<Vec<_>>>()?;
        let latents = rows.into_iter().map(StepLatent).collect();
        let noisy =
            (0..step.x.dim(0)?).map(|row| Ok(StepLatent(step.x.narrow(0, row, 1)?))).collect::<candle_core::Result<_>>()?;
        Ok(Event::Step { step: index, of, previews, latents, noisy })
    }

    fn record(&self, request: &GenerateRequest, pixels_blake3: String, control: Option<String>, steps_ran: usize) -> RunRecord {
        RunRecord {
            request: request.clone(),
            model_name: self.card.name.clone(),
            files: self.card.files.clone(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: self.card.device.clone(),
            dtype: self.card.dtype.clone(),
            size_px: self.card.size_px,
            steps_ran,
            pixels_blake3,
            control_blake3: control,
            noise: None,
            band_rows: self.bands,
        }
    }
}

#[cfg(test)]
mod tests;
