//! Sampler settings that were asked for; what is not asked for is the model's own default.

use anyhow::{Result, bail, ensure};
use engine::domain::{GenerateRequest, Preset, SamplerKind};
use engine::pipeline::ModelCard;

/// Settings of a run, all optional.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Sampling")]
pub struct Settings {
    /// Sampler steps, 1 to 1000; the model's default if left out.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    steps: Option<usize>,
    /// The sampler: ddpm, ddim, dpmpp, dpmpp-sde, unipc or pndm; the model's default if left out.
    #[arg(long, value_name = "NAME")]
    sampler: Option<SamplerKind>,
    /// Guidance strength, 0 to 30, 1 is off; the model's default if left out.
    #[arg(long, value_name = "G", allow_negative_numbers = true)]
    guidance: Option<f32>,
    /// How guidance and control behave: release (as the published code), paper (as the paper says) or ours (as the
    /// paper, with steadier control).
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// Share of fresh noise at each step of ddim, 0 (none) to 1.
    #[arg(long, value_name = "ETA", allow_negative_numbers = true)]
    eta: Option<f32>,
    /// Karras spacing of the noise levels of dpmpp, dpmpp-sde and unipc.
    #[arg(long)]
    karras: bool,
}

impl Settings {
    /// Checks what can be checked without a model.
    ///
    /// # Errors
    /// Names the setting and what is allowed.
    pub fn check(&self) -> Result<()> {
        let mut request = GenerateRequest::new("any", 0);
        self.lay_over(&mut request);
        request.check()?;
        Ok(())
    }

    /// A request of the model's defaults with these settings.
    ///
    /// # Errors
    /// When two settings do not go together.
    pub fn request(&self, card: &ModelCard, impression: &str, seed: u64) -> Result<GenerateRequest> {
        let mut request = card.request(impression, seed);
        self.lay_over(&mut request);
        let sampler = request.sampler.name();
        ensure!(
            self.eta.is_none() || request.sampler == SamplerKind::Ddim,
            "--eta belongs to the sampler ddim, and this run uses {sampler}; add --sampler ddim or leave it out"
        );
        ensure!(
            !self.karras || request.sampler.takes_karras(),
            "--karras belongs to the samplers dpmpp, dpmpp-sde and unipc, and this run uses {sampler}; add --sampler dpmpp or leave it out"
        );
        Ok(request)
    }

    /// The request of an earlier run with what may change in it.
    ///
    /// # Errors
    /// When a setting is told that decides which steps there are.
    pub(super) fn forked(&self, earlier: &GenerateRequest) -> Result<GenerateRequest> {
        let told = [
            ("--steps", self.steps.is_some()),
            ("--sampler", self.sampler.is_some()),
            ("--eta", self.eta.is_some()),
            ("--karras", self.karras),
        ];
        if let Some((name, _)) = told.iter().find(|(_, told)| *told) {
            bail!("{name} cannot change when a run goes on from one of its steps; leave it out");
        }
        let mut request = earlier.clone();
        self.lay_over(&mut request);
        Ok(request)
    }

    /// Whether a sampler or its noise was asked for.
    pub(super) fn names_sampler(&self) -> bool {
        self.sampler.is_some() || self.eta.is_some_and(|eta| eta != 0.0) || self.karras
    }

    fn lay_over(&self, request: &mut GenerateRequest) {
        request.num_steps = self.steps.unwrap_or(request.num_steps);
        if let Some(sampler) = self.sampler {
            request.sampler = sampler;
            // The model's defaults for these belong to its default sampler.
            request.eta = 0.0;
            request.karras = false;
        }
        request.guidance_scale = self.guidance.unwrap_or(request.guidance_scale);
        request.preset = self.preset.unwrap_or(request.preset);
        request.eta = self.eta.unwrap_or(request.eta);
        request.karras |= self.karras;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::card;
    use super::*;

    #[test]
    fn the_models_defaults_hold_until_something_is_asked_for() {
        let defaults = Settings::default().request(&card(), "x", 7).unwrap();
        assert_eq!(defaults, card().request("x", 7));
        let asked = Settings { steps: Some(3), guidance: Some(1.5), sampler: Some(SamplerKind::Ddim), ..Settings::default() };
        let request = asked.request(&card(), "x", 7).unwrap();
        assert_eq!((request.num_steps, request.guidance_scale, request.sampler), (3, 1.5, SamplerKind::Ddim));
        assert!(!request.karras, "the default spacing of another sampler is not kept");
    }

    #[test]
    fn what_cannot_run_is_named() {
        for (settings, words) in [
            (Settings { guidance: Some(f32::NAN), ..Settings::default() }, "guidance is NaN"),
            (Settings { steps: Some(0), ..Settings::default() }, "steps is 0"),
            (Settings { eta: Some(-1.0), ..Settings::default() }, "eta is -1"),
        ] {
            let sentence = settings.check().unwrap_err().to_string();
            assert!(sentence.contains(words), "{sentence}");
        }
        let forked = |settings: Settings| settings.forked(&card().request("x", 7));
        assert!(forked(Settings { steps: Some(3), ..Settings::default() }).unwrap_err().to_string().contains("--steps"));
        assert_eq!(forked(Settings { guidance: Some(1.0), ..Settings::default() }).unwrap().guidance_scale, 1.0);
        let eta = Settings { eta: Some(0.5), ..Settings::default() };
        assert!(eta.check().is_ok());
        assert!(eta.request(&card(), "x", 0).unwrap_err().to_string().contains("--sampler ddim"));
        let karras = Settings { karras: true, sampler: Some(SamplerKind::Ddpm), ..Settings::default() };
        assert!(karras.request(&card(), "x", 0).unwrap_err().to_string().contains("--sampler dpmpp"));
    }
}
