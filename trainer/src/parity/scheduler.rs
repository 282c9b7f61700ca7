//! Kinds of library-style schedulers, run on a toy network.

use anyhow::{Context as _, bail, ensure};
use engine::diffusion::{
    BetaCurve, DdimScheduler, DdimSchedulerConfig, DpmPp2M, DpmPp2MConfig, DpmPpSde, FinalSigma, NoiseSchedule, Pndm, PndmConfig,
    Prediction, SolverType, TimestepSpacing, UniPc, UniPcConfig, betas, rescale_zero_terminal_snr,
};
use serde_json::Value;

use super::context::Tensors;
use super::guided::{Network, trace};
use super::{Check, Comparison, Context, Entry, Tolerance};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("scheduler", scheduler)];

/// Options of a scheduler: those given, over the full list of the library.
struct Options<'a>(&'a Value);

impl<'a> Options<'a> {
    fn find(&self, key: &str) -> Option<&'a Value> {
        let at = |value: &'a Value| value.get(key).filter(|v| !v.is_null());
        at(self.0).or_else(|| at(self.0.get("full")?))
    }

    fn text(&self, key: &str, default: &'a str) -> &'a str {
        self.find(key).and_then(Value::as_str).unwrap_or(default)
    }

    fn flag(&self, key: &str, default: bool) -> bool {
        self.find(key).and_then(Value::as_bool).unwrap_or(default)
    }

    fn count(&self, key: &str, default: Option<usize>) -> anyhow::Result<usize> {
        match self.find(key) {
            Some(value) => Ok(usize::try_from(value.as_u64().with_context(|| format!("config.{key} is {value}"))?)?),
            None => default.with_context(|| format!("config.{key} is missing")),
        }
    }

    fn number(&self, key: &str, default: f64) -> f64 {
        self.find(key).and_then(Value::as_f64).unwrap_or(default)
    }

    /// Refuses an option that is switched on but not built.
    fn refuse(&self, keys: &[&str]) -> anyhow::Result<()> {
        match keys.iter().find(|key| self.flag(key, false)) {
            Some(key) => bail!("config.{key} is not supported"),
            None => Ok(()),
        }
    }

    fn spacing(&self, default: &'a str) -> anyhow::Result<TimestepSpacing> {
        Ok(match self.text("timestep_spacing", default) {
            "linspace" => TimestepSpacing::Linspace,
            "leading" => TimestepSpacing::Leading,
            "trailing" => TimestepSpacing::Trailing,
            other => bail!("config.timestep_spacing is {other:?}"),
        })
    }

    fn prediction(&self) -> anyhow::Result<Prediction> {
        Ok(match self.text("prediction_type", "epsilon") {
            "epsilon" => Prediction::Epsilon,
            "v_prediction" => Prediction::Velocity,
            "sample" => Prediction::Denoised,
            other => bail!("config.prediction_type is {other:?}"),
        })
    }

    fn process(&self) -> anyhow::Result<NoiseSchedule> {
        let steps = self.count("num_train_timesteps", Some(1000))?;
        let beta = |i: usize, key, default| {
            let pair = self.find("beta").and_then(|b| b.get(i)).and_then(Value::as_f64);
            pair.unwrap_or_else(|| self.number(key, default))
        };
        let (start, end) = (beta(0, "beta_start", 1e-4), beta(1, "beta_end", 2e-2));
        let mut values = match (self.find("trained_betas"), self.text("beta_schedule", "linear")) {
            (Some(list), _) => serde_json::from_value(list.clone()).context("config.trained_betas")?,
            (None, "linear") => betas(BetaCurve::Linear { start, end }, steps)?,
            (None, "scaled_linear") => betas(BetaCurve::ScaledLinear { start, end }, steps)?,
            (None, "squaredcos_cap_v2") => betas(BetaCurve::SquaredCosine, steps)?,
            (None, other) => bail!("config.beta_schedule is {other:?}"),
        };
        if self.flag("rescale_betas_zero_snr", false) {
            values = rescale_zero_terminal_snr(&values)?;
        }
        Ok(NoiseSchedule::from_betas(values)?)
    }
}

fn scheduler(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let options = Options(entry.config());
    let mut network = Network::Toy(options.prediction()?);
    options.refuse(&["thresholding", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"])?;
    match options.text("scheduler", "") {
        "DDIMScheduler" => {
            let range = options.number("clip_sample_range", 1.0);
            let config = DdimSchedulerConfig {
                steps: options.count("steps", None)?,
                spacing: options.spacing("leading")?,
                steps_offset: options.count("steps_offset", Some(0))?,
                set_alpha_to_one: options.flag("set_alpha_to_one", true),
                clip_range: options.flag("clip_sample", true).then_some(range),
                eta: options.number("eta", 0.0),
            };
            let mut sampler = DdimScheduler::new(&options.process()?, config)?;
            trace(&mut sampler, &mut network, &golden)?.compare(entry, &golden)
        }
        "DPMSolverMultistepScheduler" => {
            let (process, config) = (options.process()?, solver(&options)?);
            let mut comparison;
            match options.text("algorithm_type", "dpmsolver++") {
                "dpmsolver++" => {
                    let mut sampler = DpmPp2M::new(&process, &config)?;
                    comparison = trace(&mut sampler, &mut network, &golden)?.compare(entry, &golden)?;
                    sigmas(&mut comparison, &golden, sampler.sigmas())?;
                }
                "sde-dpmsolver++" => {
                    let mut sampler = DpmPpSde::new(&process, &config)?;
                    comparison = trace(&mut sampler, &mut network, &golden)?.compare(entry, &golden)?;
                    sigmas(&mut comparison, &golden, sampler.sigmas())?;
                }
                other => bail!("config.algorithm_type is {other:?}"),
            }
            Ok(comparison)
        }
        "PNDMScheduler" => {
            ensure!(options.flag("skip_prk_steps", false), "config.skip_prk_steps false is not supported");
            ensure!(options.spacing("leading")? == TimestepSpacing::Leading, "config.timestep_spacing is not supported");
            let config = PndmConfig {
                steps: options.count("steps", None)?,
                steps_offset: options.count("steps_offset", Some(0))?,
                set_alpha_to_one: options.flag("set_alpha_to_one", false),
            };
            trace(&mut Pndm::new(&options.process()?, config)?, &mut network, &golden)?.compare(entry, &golden)
        }
        "UniPCMultistepScheduler" => {
            let mut sampler = unipc(&options)?;
            let mut comparison = trace(&mut sampler, &mut network, &golden)?.compare(entry, &golden)?;
            sigmas(&mut comparison, &golden, sampler.sigmas())?;
            Ok(comparison)
        }
        other => bail!("config.scheduler is {other:?}"),
    }
}

/// Compares noise levels, where the golden has them.
fn sigmas(comparison: &mut Comparison, golden: &Tensors, got: &[f64]) -> anyhow::Result<()> {
    if let Some(want) = golden.find("sigmas") {
        let want: Vec<f64> = want.to_dtype(candle_core::DType::F64)?.to_vec1()?;
        let tolerance = Tolerance { rtol: 1e-4, atol: 1e-6, ..Tolerance::EXACT };
        comparison.numbers("sigmas", got, &want, &tolerance);
    }
    Ok(())
}

fn final_sigma(options: &Options<'_>) -> anyhow::Result<FinalSigma> {
    match options.text("final_sigmas_type", "zero") {
        "zero" => Ok(FinalSigma::Zero),
        "sigma_min" => Ok(FinalSigma::SigmaMin),
        other => bail!("config.final_sigmas_type is {other:?}"),
    }
}

fn unipc(options: &Options<'_>) -> anyhow::Result<UniPc> {
    ensure!(options.flag("predict_x0", true), "config.predict_x0 false is not supported");
    let solver = options.text("solver_type", "bh2");
    ensure!(solver == "bh2", "config.solver_type is {solver:?}");
    let disabled = options.find("disable_corrector").and_then(Value::as_array);
    ensure!(disabled.is_none_or(Vec::is_empty), "config.disable_corrector is not supported");
    let config = UniPcConfig {
        steps: options.count("steps", None)?,
        order: options.count("solver_order", Some(2))?,
        spacing: options.spacing("linspace")?,
        steps_offset: options.count("steps_offset", Some(0))?,
        karras: options.flag("use_karras_sigmas", false),
        lower_order_final: options.flag("lower_order_final", true),
        final_sigma: final_sigma(options)?,
    };
    Ok(UniPc::new(&options.process()?, &config)?)
}

fn solver(options: &Options<'_>) -> anyhow::Result<DpmPp2MConfig> {
    ensure!(options.find("variance_type").is_none(), "config.variance_type is not supported");
    Ok(DpmPp2MConfig {
        steps: options.count("steps", None)?,
        order: options.count("solver_order", Some(2))?,
        spacing: options.spacing("linspace")?,
        steps_offset: options.count("steps_offset", Some(0))?,
        karras: options.flag("use_karras_sigmas", false),
        solver: match options.text("solver_type", "midpoint") {
            "midpoint" => SolverType::Midpoint,
            "heun" => SolverType::Heun,
            other => bail!("config.solver_type is {other:?}"),
        },
        euler_at_final: options.flag("euler_at_final", false),
        lower_order_final: options.flag("lower_order_final", true),
        final_sigma: final_sigma(options)?,
    })
}
