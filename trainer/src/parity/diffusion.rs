//! Kinds of noise tables and the official sampling loops.

use anyhow::{Context as _, bail};
use candle_core::Tensor;
use engine::diffusion::{BetaCurve, Ddim, Ddpm, Denoiser as _, NoiseSchedule, Sampler as _, betas, space_timesteps};
use serde_json::Value;

use super::guided::{Network, Trace, start, trace};
use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[
    ("diffusion.schedule", schedule),
    ("diffusion.space_timesteps", spacing),
    ("diffusion.p_sample_loop", p_sample_loop),
    ("diffusion.ddim_sample_loop", ddim_sample_loop),
];

/// The process of a configuration: `steps` (1000), `beta` (start and end), `beta_schedule` (linear), `respacing`.
pub(super) fn process(config: &Value) -> anyhow::Result<NoiseSchedule> {
    let steps = match config.get("steps").or_else(|| config.get("diffusion_steps")) {
        Some(steps) => usize::try_from(steps.as_u64().context("config.steps must be a whole number")?)?,
        None => 1000,
    };
    let curve =
        ["beta_schedule", "noise_schedule", "schedule"].iter().find_map(|key| config.get(*key)?.as_str()).unwrap_or("linear");
    let full = match (curve, config.get("beta").and_then(Value::as_array).map(Vec::as_slice)) {
        ("linear", None) => NoiseSchedule::linear(steps)?,
        ("linear", Some([start, end])) => {
            let number = |v: &Value| v.as_f64().context("config.beta must hold two numbers");
            NoiseSchedule::from_betas(betas(BetaCurve::Linear { start: number(start)?, end: number(end)? }, steps)?)?
        }
        ("squaredcos_cap_v2", _) => NoiseSchedule::from_betas(betas(BetaCurve::SquaredCosine, steps)?)?,
        _ => bail!("config: no process with schedule {curve:?} and these betas"),
    };
    match config.get("respacing") {
        None | Some(Value::Null) => Ok(full),
        Some(Value::String(spec)) => Ok(full.respaced(spec)?),
        Some(Value::Number(count)) => Ok(full.respaced(&count.to_string())?),
        Some(Value::Array(counts)) => {
            let spec: Vec<String> = counts.iter().map(Value::to_string).collect();
            Ok(full.respaced(&spec.join(","))?)
        }
        Some(other) => bail!("config.respacing is {other}"),
    }
}

fn schedule(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let tables = process(entry.config())?;
    let bars = || tables.alphas_cumprod().iter();
    let mut comparison = Comparison::new();
    for name in entry.outputs() {
        let want = golden.get(name)?;
        if name == "timestep_map" {
            let got: Vec<i64> = tables.timesteps().iter().map(|&t| t as i64).collect();
            comparison.equal(name, &got, &golden.integers(name)?);
            continue;
        }
        let got = match name {
            "betas" => tables.betas().to_vec(),
            "alphas_cumprod" => tables.alphas_cumprod().to_vec(),
            "alphas_cumprod_prev" => tables.alphas_cumprod_prev(),
            "alphas_cumprod_next" => tables.alphas_cumprod_next(),
            "posterior_variance" => tables.posterior_variance(),
            "posterior_log_variance_clipped" => tables.posterior_log_variance_clipped(),
            "posterior_mean_coef1" => tables.posterior_mean_coef1(),
            "posterior_mean_coef2" => tables.posterior_mean_coef2(),
            "sqrt_recip_alphas_cumprod" => tables.sqrt_recip_alphas_cumprod(),
            "sqrt_recipm1_alphas_cumprod" => tables.sqrt_recipm1_alphas_cumprod(),
            "sqrt_alphas_cumprod" => bars().map(|b| b.sqrt()).collect(),
            "sqrt_one_minus_alphas_cumprod" => bars().map(|b| (1.0 - b).sqrt()).collect(),
            "log_one_minus_alphas_cumprod" => bars().map(|b| (1.0 - b).ln()).collect(),
            _ => {
                comparison.fail(format!("{name}: no such table"));
                continue;
            }
        };
        let got = Tensor::from_slice(&got, got.len(), want.device())?;
        comparison.tensor(name, &got, want, &entry.tolerance(name))?;
    }
    Ok(comparison)
}

fn spacing(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let file = context.json(entry)?;
    let total = file.get("num_timesteps").and_then(Value::as_u64).unwrap_or(1000);
    let cases = file.get("cases").and_then(Value::as_object).context("the file has no object `cases`")?;
    let mut comparison = Comparison::new();
    for (spec, want) in cases {
        let got = space_timesteps(usize::try_from(total)?, spec).ok();
        let want: Option<Vec<usize>> = match want {
            Value::Array(_) => Some(serde_json::from_value(want.clone()).with_context(|| format!("case {spec:?}"))?),
            _ => None, // a spec the reference refuses
        };
        comparison.equal(spec, &got, &want);
    }
    Ok(comparison)
}

fn flag(entry: &Entry, key: &str) -> bool {
    entry.config().get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn p_sample_loop(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let mut network = Network::of(context, entry, &golden)?;
    let mut sampler = Ddpm::new(respaced(entry)?).with_clipping(flag(entry, "clip_denoised"));
    trace(&mut sampler, &mut network, &golden)?.compare(entry, &golden)
}

fn ddim_sample_loop(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let mut network = Network::of(context, entry, &golden)?;
    let eta = entry.config().get("eta").and_then(Value::as_f64).unwrap_or(0.0);
    let mut sampler = Ddim::new(respaced(entry)?, eta)?.with_clipping(flag(entry, "clip_denoised"));
    if !flag(entry, "reverse") {
        return trace(&mut sampler, &mut network, &golden)?.compare(entry, &golden);
    }
    let mut visited = Trace::new();
    let mut x = start(&golden)?;
    let ascending: Vec<usize> = sampler.timesteps().iter().rev().copied().collect();
    for (index, timestep) in ascending.into_iter().enumerate() {
        let output = network.denoise(&x, timestep)?;
        let step = sampler.invert(index, &x, network.prediction(), &output)?;
        visited.push(timestep, &step.x, &step.x_start);
        x = step.x;
    }
    visited.compare(entry, &golden)
}

/// The published process, respaced as the entry says; `steps` of a sampling entry would be its training steps.
fn respaced(entry: &Entry) -> anyhow::Result<NoiseSchedule> {
    process(entry.config()).with_context(|| format!("{}: config", entry.name()))
}
