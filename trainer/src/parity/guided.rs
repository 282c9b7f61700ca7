//! Networks of goldens as samplers see them: a guided network in the released form, or a toy formula.

use anyhow::Context as _;
use candle_core::{DType, Tensor};
use engine::diffusion::{Denoiser, ModelOutput, NoiseFn, Prediction, Sampler};
use engine::domain::Preset;
use engine::model::{ControlDit, Dit};
use serde_json::Value;

use super::context::Tensors;
use super::{Comparison, Context, Entry, control, dit};

/// The network of a sampling golden.
pub(super) enum Network {
    /// A text-only or control network on a batch of `2n` rows (conditional, then null).
    Guided(Box<Guided>),
    /// `0.8 x / (1 + 0.1 x²) + 0.1 cos(t / 100)`, with the meaning given.
    Toy(Prediction),
}

/// A network with its captions, as the released sampling scripts call it.
pub(super) struct Guided {
    text: Option<Dit>,
    control: Option<(ControlDit, Tensor)>,
    captions: Tensor,
    mask: Option<Tensor>,
    scale: f64,
}

impl Network {
    /// The network that an entry describes: control where blocks are copied, toy where no weights are named.
    pub(super) fn of(context: &Context, entry: &Entry, golden: &Tensors) -> anyhow::Result<Self> {
        let config = entry.config();
        if config.get("weights").is_none() {
            return Ok(Self::Toy(Prediction::Epsilon));
        }
        let captions = Tensor::cat(&[dit::caption(golden, "y_cond")?, dit::caption(golden, "y_null")?], 0)?; // (2n, L, De)
        let scale = config.get("cfg_scale").and_then(Value::as_f64).context("config.cfg_scale is missing")?;
        let (mut text, mut with_control) = (None, None);
        if config.get("copy_blocks_num").is_some() {
            with_control = Some((control::network(context, entry)?, golden.f32("cond")?));
        } else {
            text = Some(dit::network(context, entry)?);
        }
        Ok(Self::Guided(Box::new(Guided { text, control: with_control, captions, mask: golden.find("mask").cloned(), scale })))
    }
}

impl Guided {
    fn forward(&self, x: &Tensor, t: &Tensor) -> candle_core::Result<Tensor> {
        let mask = self.mask.as_ref();
        let output = match (&self.text, &self.control) {
            (Some(dit), _) => dit.forward_with_cfg(x, t, &self.captions, mask, self.scale, Preset::Release),
            (None, Some((model, condition))) => {
                model.forward_with_cfg(x, t, &self.captions, mask, Some(condition), 1.0, self.scale, Preset::Release)
            }
            (None, None) => candle_core::bail!("the golden has no network"),
        };
        output.map_err(candle_core::Error::wrap)?.to_dtype(x.dtype())
    }
}

impl Denoiser for Network {
    fn prediction(&self) -> Prediction {
        match self {
            Self::Guided(_) => Prediction::Epsilon,
            Self::Toy(prediction) => *prediction,
        }
    }

    fn denoise(&mut self, x: &Tensor, timestep: usize) -> candle_core::Result<ModelOutput> {
        match self {
            Self::Toy(_) => {
                let bump = (x.affine(0.8, 0.0)? / x.sqr()?.affine(0.1, 1.0)?)?;
                Ok(ModelOutput { prediction: (bump + 0.1 * (timestep as f64 / 100.0).cos())?, variance: None })
            }
            Self::Guided(guided) => {
                let t = Tensor::full(timestep as f32, x.dim(0)?, x.device())?;
                let (output, channels) = (guided.forward(x, &t)?, x.dim(1)?);
                let more = output.dim(1)? - channels;
                let variance = if more > 0 { Some(output.narrow(1, channels, more)?) } else { None };
                Ok(ModelOutput { prediction: output.narrow(1, 0, channels)?, variance })
            }
        }
    }
}

/// What a sampling run left behind.
pub(super) struct Trace {
    timesteps: Vec<i64>,
    x: Vec<Tensor>,
    x_start: Vec<Tensor>,
}

impl Trace {
    /// An empty trace.
    pub(super) fn new() -> Self {
        Self { timesteps: Vec::new(), x: Vec::new(), x_start: Vec::new() }
    }

    /// Notes one step.
    pub(super) fn push(&mut self, timestep: usize, x: &Tensor, x_start: &Tensor) {
        self.timesteps.push(timestep as i64);
        self.x.push(x.clone());
        self.x_start.push(x_start.clone());
    }

    /// Compares the listed outputs, each step on its own; a tensor `steps` says which steps are kept.
    pub(super) fn compare(&self, entry: &Entry, golden: &Tensors) -> anyhow::Result<Comparison> {
        let mut comparison = Comparison::new();
        let kept: Vec<usize> = match golden.find("steps") {
            Some(_) => golden.integers("steps")?.into_iter().map(usize::try_from).collect::<Result<_, _>>()?,
            None => (0..self.x.len()).collect(),
        };
        let stack = |all: &[Tensor], steps: &[usize]| -> anyhow::Result<Tensor> {
            let rows = steps.iter().map(|&s| all.get(s).with_context(|| format!("step {s} was not taken")));
            Ok(Tensor::stack(&rows.collect::<anyhow::Result<Vec<_>>>()?, 0)?)
        };
        for name in entry.outputs() {
            let (want, tolerance) = (golden.get(name)?, entry.tolerance(name));
            if name == "t" || name == "timesteps" {
                comparison.equal(name, &self.timesteps, &golden.integers(name)?);
            } else if name == "x" || name == "trajectory" {
                comparison.rows(name, &stack(&self.x, &kept)?, want, &tolerance)?;
            } else if name.starts_with("pred_xstart") {
                let count = if name == "pred_xstart" { kept.clone() } else { (0..want.dim(0)?).collect() };
                comparison.rows(name, &stack(&self.x_start, &count)?, want, &tolerance)?;
            } else {
                comparison.fail(format!("{name}: no such output of this kind"));
            }
        }
        Ok(comparison)
    }
}

/// Runs a sampler with the noise of a golden and notes every step.
pub(super) fn trace(sampler: &mut dyn Sampler, network: &mut Network, golden: &Tensors) -> anyhow::Result<Trace> {
    let start = start(golden)?;
    let mut trace = Trace::new();
    let mut noise = |step: u32, shape: &[usize]| noise_of(golden, step, shape);
    let noise: &mut NoiseFn<'_> = &mut noise;
    engine::diffusion::drive(sampler, network, start, noise, &engine::cancel::Cancel::new(), &mut |event| {
        trace.push(event.timestep, event.x, event.x_start);
    })?;
    Ok(trace)
}

/// The starting latents: `z`, or `x` where `x` is not the result.
pub(super) fn start(golden: &Tensors) -> anyhow::Result<Tensor> {
    if golden.find("z").is_some() { golden.f32("z") } else { golden.f32("x") }
}

/// Noise of a step: `noise[step]`, or `noise_row[step]` repeated for all rows.
fn noise_of(golden: &Tensors, step: u32, shape: &[usize]) -> candle_core::Result<Tensor> {
    let name = if golden.find("noise").is_some() { "noise" } else { "noise_row" };
    let Some(all) = golden.find(name) else { candle_core::bail!("the golden holds no noise, but a step asks for it") };
    let noise = all.get(step as usize)?.to_dtype(DType::F32)?.to_device(golden.device())?;
    match noise.dims() == shape {
        true => Ok(noise),
        false if shape[0].is_multiple_of(noise.dim(0)?) => Tensor::cat(&vec![noise.clone(); shape[0] / noise.dim(0)?], 0),
        false => noise.broadcast_as(shape)?.contiguous(),
    }
}
