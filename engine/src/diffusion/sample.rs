//! What samplers share: the network's face, the noise's face, the loop.

use candle_core::Tensor;

use super::{
    Ddim, DdimScheduler, Ddpm, DiffusionError, DpmPp2M, DpmPp2MConfig, DpmPpSde, NoiseSchedule, Pndm, Prediction, Result,
    Stepping, UniPc, UniPcConfig,
};
use crate::cancel::Cancel;
use crate::domain::SamplerKind;

/// A network's answer at one timestep.
#[derive(Clone, Debug)]
pub struct ModelOutput {
    /// Noise, velocity or clean latent, the latent's shape.
    pub prediction: Tensor,
    /// The raw variance value `v` of the same shape, where the network learned one.
    pub variance: Option<Tensor>,
}

/// A network, with conditioning and guidance inside, as samplers see it.
pub trait Denoiser {
    /// What [`ModelOutput::prediction`] means.
    fn prediction(&self) -> Prediction;

    /// Tells that the answers that follow are for step `index` of `of`; what acts in a part of a run needs to know.
    fn begin_step(&mut self, _index: usize, _of: usize) {}

    /// Asks the network about latents `x` at an original timestep (0..1000, not a step number).
    ///
    /// # Errors
    /// When the network fails.
    fn denoise(&mut self, x: &Tensor, timestep: usize) -> candle_core::Result<ModelOutput>;
}

/// Gives standard normal noise of a shape for a step (0 is the first step taken); each step is asked at most once.
pub type NoiseFn<'a> = dyn FnMut(u32, &[usize]) -> candle_core::Result<Tensor> + 'a;

/// What a sampler tells after each step.
#[derive(Clone, Copy, Debug)]
pub struct StepEvent<'a> {
    /// Step just taken, from 0.
    pub index: usize,
    /// Steps in all.
    pub of: usize,
    /// The original timestep the network saw.
    pub timestep: usize,
    /// Latents after the step.
    pub x: &'a Tensor,
    /// Predicted clean latents.
    pub x_start: &'a Tensor,
    /// What the sampler takes along to the next step, besides the latents; nothing where it has no memory.
    pub memory: Option<&'a SolverMemory>,
}

/// What a multistep solver remembers between two steps: with it and the latents, a new solver goes on with the
/// same bits.
#[derive(Clone, Debug)]
pub struct SolverMemory {
    /// The step it comes from.
    pub index: usize,
    /// Order of that step.
    pub order: usize,
    /// Tensors of the latents' shape, by name.
    pub tensors: Vec<(&'static str, Tensor)>,
}

impl SolverMemory {
    /// A remembered tensor.
    pub(super) fn tensor(&self, name: &str) -> Option<Tensor> {
        self.tensors.iter().find(|(found, _)| *found == name).map(|(_, tensor)| tensor.clone())
    }
}

/// Every name that a [`SolverMemory`] may use.
pub const MEMORY_NAMES: [&str; 8] = ["x", "x_start", "earlier", "start", "answer1", "answer2", "answer3", "answer4"];

/// Result of one step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Latents after the step.
    pub x: Tensor,
    /// Predicted clean latents.
    pub x_start: Tensor,
}

/// One way through the reverse process.
pub trait Sampler {
    /// Original timesteps in the order in which they are visited.
    fn timesteps(&self) -> &[usize];

    /// Shares of signal and noise, `sqrt(alpha_bar)` and `sqrt(1 - alpha_bar)`, of the latents that step
    /// `index` begins with; where `index` is the count of steps, of the result.
    ///
    /// # Errors
    /// When `index` is outside.
    fn level(&self, index: usize) -> Result<(f64, f64)>;

    /// Takes step `index` (from 0) with the network's answer about `x`.
    ///
    /// # Errors
    /// When `index` is outside or tensors do not fit.
    fn step(
        &mut self,
        index: usize,
        x: &Tensor,
        prediction: Prediction,
        output: &ModelOutput,
        noise: &mut NoiseFn<'_>,
    ) -> Result<Step>;

    /// What it remembers of the last step; `None` where the latents are all.
    fn memory(&self) -> Option<SolverMemory> {
        None
    }

    /// Takes over what another of its kind and settings remembered; tensors it has no use for are ignored.
    fn remember(&mut self, _memory: &SolverMemory) {}
}

/// Which sampler, and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplerConfig {
    /// The integrator.
    pub kind: SamplerKind,
    /// Calls of the network, 1 to the schedule's length.
    pub num_steps: usize,
    /// DDIM's noise share, 0 (deterministic) to 1.
    pub eta: f64,
    /// Karras spacing of the noise levels (DPM-Solver++ and UniPC only).
    pub karras: bool,
}

impl SamplerConfig {
    /// Builds the sampler over a full-length schedule.
    ///
    /// DDIM takes a whole stride where one gives the count of steps, else evenly spread timesteps.
    /// DPM-Solver++ and UniPC spread timesteps evenly and end at zero noise; where rounding makes two timesteps equal,
    /// one is left out. PNDM takes a whole stride and ends at zero noise.
    ///
    /// # Errors
    /// When the count of steps or `eta` is out of range.
    pub fn build(&self, schedule: &NoiseSchedule) -> Result<Box<dyn Sampler>> {
        self.build_with(schedule, None)
    }

    /// As [`SamplerConfig::build`]; DDIM and PNDM walk as the model's own scheduler does, where it has one.
    ///
    /// # Errors
    /// As [`SamplerConfig::build`].
    pub fn build_with(&self, schedule: &NoiseSchedule, stepping: Option<&Stepping>) -> Result<Box<dyn Sampler>> {
        let steps = self.num_steps;
        if !(1..=schedule.len()).contains(&steps) {
            return Err(DiffusionError::OutOfRange {
                field: "steps",
                value: steps.to_string(),
                range: "1 to the length of the schedule",
            });
        }
        let solver = DpmPp2MConfig { steps, karras: self.karras, ..DpmPp2MConfig::default() };
        Ok(match self.kind {
            SamplerKind::Ddpm => Box::new(Ddpm::new(schedule.respaced(&steps.to_string())?)),
            SamplerKind::Ddim => match stepping {
                Some(stepping) => Box::new(DdimScheduler::new(schedule, stepping.ddim(steps, self.eta))?),
                None => Box::new(Ddim::new(ddim_schedule(schedule, steps)?, self.eta)?),
            },
            SamplerKind::Pndm => Box::new(Pndm::new(schedule, stepping.copied().unwrap_or_default().pndm(steps))?),
            SamplerKind::DpmPp2M => Box::new(DpmPp2M::new(schedule, &solver)?),
            SamplerKind::DpmPpSde => Box::new(DpmPpSde::new(schedule, &solver)?),
            SamplerKind::UniPc => {
                Box::new(UniPc::new(schedule, &UniPcConfig { steps, karras: self.karras, ..UniPcConfig::default() })?)
            }
        })
    }
}

/// The steps that DDIM takes: a whole stride where one gives the count, else evenly spread ones.
///
/// # Errors
/// When the count of steps is out of range.
pub fn ddim_schedule(schedule: &NoiseSchedule, steps: usize) -> Result<NoiseSchedule> {
    schedule.respaced(&format!("ddim{steps}")).or_else(|_| schedule.respaced(&steps.to_string()))
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// With latents.
    Done(Tensor),
    /// Because someone asked to stop.
    Cancelled,
}

/// Runs a sampler from pure noise `start` `(batch, channels, h, w)` to latents.
///
/// `cancel` is read before each step; `on_step` is called after each.
///
/// # Errors
/// When settings are out of range, the network fails or tensors do not fit.
pub fn sample(
    config: &SamplerConfig,
    schedule: &NoiseSchedule,
    denoiser: &mut dyn Denoiser,
    start: Tensor,
    noise: &mut NoiseFn<'_>,
    cancel: &Cancel,
    on_step: &mut dyn FnMut(StepEvent<'_>),
) -> Result<Outcome> {
    drive(config.build(schedule)?.as_mut(), denoiser, start, noise, cancel, on_step)
}

/// As [`sample`], with the sampler already built.
///
/// # Errors
/// As [`sample`].
pub fn drive(
    sampler: &mut dyn Sampler,
    denoiser: &mut dyn Denoiser,
    start: Tensor,
    noise: &mut NoiseFn<'_>,
    cancel: &Cancel,
    on_step: &mut dyn FnMut(StepEvent<'_>),
) -> Result<Outcome> {
    drive_from(sampler, denoiser, start, 0, noise, cancel, &mut |_, x| Ok(x), on_step)
}

/// Changes latents between two steps: gets the index of the step they go into (the count of steps for the
/// result) and the latents.
pub type Adjust<'a> = dyn FnMut(usize, Tensor) -> Result<Tensor> + 'a;

/// As [`drive`], beginning with step `first` at latents that have the noise of that step.
///
/// Solvers with a memory begin with what they remember, which is nothing for new ones. `adjust` sees the latents after
/// each step, before anybody else.
///
/// # Errors
/// As [`sample`]; also when `first` is beyond the last step or `adjust` fails.
pub fn drive_from(
    sampler: &mut dyn Sampler,
    denoiser: &mut dyn Denoiser,
    start: Tensor,
    first: usize,
    noise: &mut NoiseFn<'_>,
    cancel: &Cancel,
    adjust: &mut Adjust<'_>,
    on_step: &mut dyn FnMut(StepEvent<'_>),
) -> Result<Outcome> {
    let timesteps = sampler.timesteps().to_vec();
    let of = timesteps.len();
    if first > of {
        return Err(DiffusionError::Timestep { index: first, len: of });
    }
    let prediction = denoiser.prediction();
    let mut x = start;
    for (index, &timestep) in timesteps.iter().enumerate().skip(first) {
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        denoiser.begin_step(index, of);
        let output = denoiser.denoise(&x, timestep)?;
        let step = sampler.step(index, &x, prediction, &output, noise)?;
        x = adjust(index + 1, step.x.detach())?;
        let memory = sampler.memory();
        on_step(StepEvent { index, of, timestep, x: &x, x_start: &step.x_start, memory: memory.as_ref() });
    }
    Ok(Outcome::Done(x))
}

/// Schedule index of step `index` when `len` steps go from the noisiest down.
pub(super) fn descending(index: usize, len: usize) -> Result<usize> {
    len.checked_sub(index + 1).ok_or(DiffusionError::Timestep { index, len })
}

/// [`Sampler::level`] of samplers that visit every step of a schedule from the noisiest down and end clean.
pub(super) fn descending_level(schedule: &NoiseSchedule, index: usize) -> Result<(f64, f64)> {
    if index == schedule.len() {
        return Ok((1.0, 0.0));
    }
    let bar = schedule.alphas_cumprod()[descending(index, schedule.len())?];
    Ok((bar.sqrt(), (1.0 - bar).sqrt()))
}
