//! The scheduler: noise process, what the network predicts, and the sampler that belongs to it.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::ImportError;
use super::super::folder::{json, refuse};
use crate::domain::SamplerKind;
use crate::store::model_dir::SchedulerSpec;

/// What a scheduler's configuration says.
pub(super) struct SchedulerPart {
    pub(super) spec: SchedulerSpec,
    pub(super) prediction: &'static str,
    pub(super) sampler: SamplerKind,
}

/// The configuration while it is read.
struct Settings<'a> {
    path: &'a Path,
    value: &'a Value,
}

impl Settings<'_> {
    fn refuse(&self, message: String) -> ImportError {
        refuse(self.path, message)
    }

    /// A setting that may be left out.
    fn find<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ImportError> {
        match self.value.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match serde_json::from_value(value.clone()) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.refuse(format!("has a {key} that cannot be used: {error}"))),
            },
        }
    }

    fn need<T: DeserializeOwned>(&self, key: &str) -> Result<T, ImportError> {
        self.find(key)?.ok_or_else(|| self.refuse(format!("has no {key}, which a scheduler needs; fetch the file again")))
    }

    /// A setting of a list of words.
    fn word(&self, key: &str, default: &str, known: &[&'static str]) -> Result<&'static str, ImportError> {
        let found = self.find::<String>(key)?.unwrap_or_else(|| default.to_owned());
        let word = known.iter().find(|word| **word == found);
        word.copied().ok_or_else(|| self.refuse(format!("has the {key} {found:?}, and what is read is {}", known.join(" or "))))
    }

    /// Refuses a setting that is switched on and changes what a scheduler does.
    fn off(&self, key: &str, default: bool) -> Result<(), ImportError> {
        match self.find::<bool>(key)?.unwrap_or(default) {
            false => Ok(()),
            true => Err(self.refuse(format!("switches {key} on, which is not read"))),
        }
    }
}

impl SchedulerPart {
    /// Reads `scheduler_config.json` of a folder; what is left out is what diffusers takes then.
    pub(super) fn open(dir: &Path) -> Result<Self, ImportError> {
        let path = dir.join("scheduler_config.json");
        if !path.is_file() {
            return Err(refuse(dir, "holds no scheduler_config.json; fetch the whole folder"));
        }
        let value = json(&path)?;
        let settings = Settings { path: &path, value: &value };
        let class: String = settings.need("_class_name")?;
        let (sampler, ends_clean) = match class.as_str() {
            "PNDMScheduler" => {
                if !settings.find("skip_prk_steps")?.unwrap_or(false) {
                    return Err(
                        settings.refuse("does not set skip_prk_steps, and PNDM is read without those steps only".to_owned())
                    );
                }
                (SamplerKind::Pndm, false)
            }
            "DDIMScheduler" => {
                for (key, default) in [("clip_sample", true), ("thresholding", false), ("rescale_betas_zero_snr", false)] {
                    settings.off(key, default)?;
                }
                (SamplerKind::Ddim, true)
            }
            other => {
                let known = "PNDMScheduler and DDIMScheduler are read; save the model with one of them";
                return Err(settings.refuse(format!("describes {other}, and only {known}")));
            }
        };
        if settings.find::<Vec<f64>>("trained_betas")?.is_some() {
            return Err(settings.refuse("has trained_betas, which are not read".to_owned()));
        }
        let spacings: &[&'static str] = match sampler {
            // Elsewhere the reference walks beside the timesteps that it asks about.
            SamplerKind::Pndm => &["leading"],
            _ => &["leading", "linspace", "trailing"],
        };
        let prediction = match settings.word("prediction_type", "epsilon", &["epsilon", "v_prediction"])? {
            "epsilon" => "epsilon",
            _ => "velocity",
        };
        let spec = SchedulerSpec {
            num_train_timesteps: settings.need("num_train_timesteps")?,
            beta_schedule: settings.word("beta_schedule", "linear", &["linear", "scaled_linear"])?.to_owned(),
            beta_start: settings.need("beta_start")?,
            beta_end: settings.need("beta_end")?,
            timestep_spacing: settings.word("timestep_spacing", "leading", spacings)?.to_owned(),
            steps_offset: settings.find("steps_offset")?.unwrap_or(0),
            set_alpha_to_one: settings.find("set_alpha_to_one")?.unwrap_or(ends_clean),
        };
        Ok(Self { spec, prediction, sampler })
    }
}
