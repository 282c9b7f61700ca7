//! Everything one generated image depends on, as one plain value.

use std::str::FromStr;

use super::{Annotation, Seed, Shape, Source, StepRange};

/// Farthest that an area of effect reaches beyond its annotation.
const MAX_AREA_PX: u32 = 8192;

/// How guidance and control behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// As the published code does: guidance on the first 3 channels, which are 3 of 4 in the published models, and
    /// none in control.
    Release,
    /// As the published paper says: guidance on all channels, in control too.
    Paper,
    /// As the paper, and control that does not waver: the condition's latent is the mean instead of a sample,
    /// and drawings of another shape keep their proportions instead of being stretched.
    Ours,
}

impl Preset {
    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Paper => "paper",
            Self::Ours => "ours",
        }
    }
}

/// The integrator of the reverse process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SamplerKind {
    /// Respaced ancestral sampling, with learned variance where the model has it.
    Ddpm,
    /// Denoising diffusion implicit model.
    Ddim,
    /// DPM-Solver++ of second order, multistep.
    DpmPp2M,
    /// DPM-Solver++ of second order, multistep, with fresh noise at every step.
    DpmPpSde,
    /// UniPC of second order: predictor and corrector.
    UniPc,
    /// Pseudo linear multistep of fourth order, as Stable Diffusion ships it; asks the network once more than it has steps.
    Pndm,
}

impl SamplerKind {
    /// Every integrator, in the order of their names in messages.
    pub const ALL: [Self; 6] = [Self::Ddpm, Self::Ddim, Self::DpmPp2M, Self::DpmPpSde, Self::UniPc, Self::Pndm];

    /// Whether Karras spacing means something to it.
    pub fn takes_karras(self) -> bool {
        matches!(self, Self::DpmPp2M | Self::DpmPpSde | Self::UniPc)
    }

    /// How often it asks the network in `steps` steps; DPM-Solver++ and UniPC may merge some of very many.
    pub fn calls(self, steps: usize) -> usize {
        if self == Self::Pndm && steps > 1 { steps + 1 } else { steps }
    }

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ddpm => "ddpm",
            Self::Ddim => "ddim",
            Self::DpmPp2M => "dpmpp",
            Self::DpmPpSde => "dpmpp-sde",
            Self::UniPc => "unipc",
            Self::Pndm => "pndm",
        }
    }
}

/// A request that cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// A name outside a list.
    #[error("{field} is {value:?}; choose one of {known}")]
    UnknownName {
        /// The field.
        field: &'static str,
        /// What was given.
        value: String,
        /// The choices.
        known: &'static str,
    },
    /// The impression has no text.
    #[error("impression is empty; type what the radiograph should show, for example \"No acute findings.\"")]
    EmptyImpression,
    /// A number out of range.
    #[error("{field} is {value}; choose {range}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is allowed, in words.
        range: &'static str,
    },
    /// A box that lies outside its image or has no area.
    #[error("box {index} ({finding}) {x0},{y0}–{x1},{y1} does not lie inside its {width}×{height} image; correct its corners")]
    BoxOutside {
        /// Position in the list of annotations, from 1.
        index: usize,
        /// Its class.
        finding: &'static str,
        /// Left edge.
        x0: f32,
        /// Upper edge.
        y0: f32,
        /// Right edge.
        x1: f32,
        /// Lower edge.
        y1: f32,
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
    },
}

impl FromStr for Preset {
    type Err = RequestError;

    fn from_str(s: &str) -> Result<Self, RequestError> {
        match s {
            "release" => Ok(Self::Release),
            "paper" => Ok(Self::Paper),
            "ours" => Ok(Self::Ours),
            _ => Err(RequestError::UnknownName { field: "preset", value: s.to_owned(), known: "release, paper, ours" }),
        }
    }
}

impl FromStr for SamplerKind {
    type Err = RequestError;

    fn from_str(s: &str) -> Result<Self, RequestError> {
        let known = "ddpm, ddim, dpmpp, dpmpp-sde, unipc, pndm";
        Self::ALL.into_iter().find(|kind| kind.name() == s).ok_or_else(|| RequestError::UnknownName {
            field: "sampler",
            value: s.to_owned(),
            known,
        })
    }
}

/// Everything one image depends on, besides the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateRequest {
    /// What the radiograph should show, demographic prefix included.
    pub impression: String,
    /// Drawn findings; none means text only.
    pub annotations: Vec<Annotation>,
    /// Seed of this image.
    pub seed: Seed,
    /// Sampler steps, 1 to 1000.
    pub num_steps: usize,
    /// The integrator.
    pub sampler: SamplerKind,
    /// DDIM's noise share, 0 (deterministic) to 1.
    pub eta: f32,
    /// Karras spacing of the noise levels (DPM-Solver++ and UniPC only).
    pub karras: bool,
    /// Guidance strength; 1.0 is off.
    pub guidance_scale: f32,
    /// Behaviour of guidance and control.
    pub preset: Preset,
    /// What the run begins with; noise for a new image.
    pub source: Source,
    /// Disagreements of text and drawings that a person left on purpose, one sentence each. They change no pixel; the
    /// record keeps them, so that nobody takes such an image for a mistake.
    pub kept_conflicts: Vec<String>,
}

impl GenerateRequest {
    /// Steps that are counted in a run, one for each question to the network; see [`SamplerKind::calls`].
    pub fn calls(&self) -> usize {
        self.sampler.calls(self.num_steps)
    }

    /// A request with the defaults of the practice model.
    pub fn new(impression: impl Into<String>, seed: u64) -> Self {
        Self {
            impression: impression.into(),
            annotations: Vec::new(),
            seed: Seed(seed),
            num_steps: 25,
            sampler: SamplerKind::DpmPp2M,
            eta: 0.0,
            karras: false,
            guidance_scale: 2.0,
            preset: Preset::Paper,
            source: Source::Noise,
            kept_conflicts: Vec::new(),
        }
    }

    /// The counterfactual twin: the same seed and settings without any drawn finding, and another text, for
    /// example "No acute findings.".
    #[must_use]
    pub fn twin_without_findings(&self, impression: impl Into<String>) -> Self {
        let (annotations, kept_conflicts) = (Vec::new(), Vec::new());
        Self { impression: impression.into(), annotations, kept_conflicts, ..self.clone() }
    }

    /// Checks every field that an image depends on; the first offence is returned.
    ///
    /// # Errors
    /// Names the field, its value and what is allowed.
    pub fn check(&self) -> Result<(), RequestError> {
        if self.impression.trim().is_empty() {
            return Err(RequestError::EmptyImpression);
        }
        let range = |field, value: String, range| Err(RequestError::OutOfRange { field, value, range });
        if !(1..=1000).contains(&self.num_steps) {
            return range("steps", self.num_steps.to_string(), "1 to 1000");
        }
        if !(self.guidance_scale.is_finite() && (0.0..=30.0).contains(&self.guidance_scale)) {
            return range("guidance", self.guidance_scale.to_string(), "a number from 0 to 30");
        }
        if !(self.eta.is_finite() && (0.0..=1.0).contains(&self.eta)) {
            return range("eta", self.eta.to_string(), "a number from 0 to 1");
        }
        self.source.check(self.calls())?;
        for (i, annotation) in self.annotations.iter().enumerate() {
            if !(annotation.strength.is_finite() && (0.0..=2.0).contains(&annotation.strength)) {
                return range("strength", annotation.strength.to_string(), "a number from 0 to 2");
            }
            if !annotation.steps.is_valid() {
                let StepRange { first, last } = annotation.steps;
                return range("step range", format!("{first} to {last}"), "two numbers from 0 to 1, the smaller first");
            }
            if annotation.area_px.is_some_and(|px| px > MAX_AREA_PX) {
                return range("area", format!("{} px", annotation.area_px.unwrap_or(0)), "0 to 8192 px");
            }
            if let Shape::Box { rect, width, height } = annotation.shape
                && !(rect.is_valid() && rect.is_inside(width, height))
            {
                return Err(RequestError::BoxOutside {
                    index: i + 1,
                    finding: annotation.finding.name(),
                    x0: rect.x0,
                    y0: rect.y0,
                    x1: rect.x1,
                    y1: rect.y1,
                    width,
                    height,
                });
            }
        }
        Ok(())
    }
}
