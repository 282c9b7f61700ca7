//! A description as it stands in its file: one table for the network, by which the kind of model is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AutoencoderSpec, DefaultsSpec, DitSpec, LatentSpec, ModelSpec, NetworkSpec, ReferenceSpec, TextSpec, UnetSpec};

/// `model.toml` as its tables stand in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    format: u32,
    name: String,
    practice: bool,
    size_px: u32,
    notice: String,
    palette: String,
    #[serde(default)]
    preview: Option<String>,
    text: TextSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dit: Option<DitSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unet: Option<UnetSpec>,
    autoencoder: AutoencoderSpec,
    latent: LatentSpec,
    defaults: DefaultsSpec,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<ReferenceSpec>,
}

impl TryFrom<Tables> for ModelSpec {
    type Error = &'static str;

    fn try_from(tables: Tables) -> Result<Self, Self::Error> {
        let Tables {
            format,
            name,
            practice,
            size_px,
            notice,
            palette,
            preview,
            text,
            autoencoder,
            latent,
            defaults,
            hashes,
            reference,
            dit,
            unet,
        } = tables;
        let network = match (dit, unet) {
            (Some(dit), None) => NetworkSpec::Dit(dit),
            (None, Some(unet)) => NetworkSpec::Unet(unet),
            (None, None) => return Err("it holds neither [dit] nor [unet]"),
            (Some(_), Some(_)) => return Err("it holds [dit] and [unet], and a model has one of them"),
        };
        Ok(Self {
            format,
            name,
            practice,
            size_px,
            notice,
            palette,
            preview,
            text,
            autoencoder,
            latent,
            defaults,
            hashes,
            reference,
            network,
        })
    }
}

impl From<ModelSpec> for Tables {
    fn from(spec: ModelSpec) -> Self {
        let ModelSpec {
            format,
            name,
            practice,
            size_px,
            notice,
            palette,
            preview,
            text,
            autoencoder,
            latent,
            defaults,
            hashes,
            reference,
            network,
        } = spec;
        let (dit, unet) = match network {
            NetworkSpec::Dit(dit) => (Some(dit), None),
            NetworkSpec::Unet(unet) => (None, Some(unet)),
        };
        Self {
            format,
            name,
            practice,
            size_px,
            notice,
            palette,
            preview,
            text,
            autoencoder,
            latent,
            defaults,
            hashes,
            reference,
            dit,
            unet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_one_network() {
        let practice = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice");
        let text = std::fs::read_to_string(practice.join("model.toml")).unwrap();
        let spec: ModelSpec = toml::from_str(&text).unwrap();
        assert!(spec.dit().is_some());
        assert_eq!(toml::from_str::<ModelSpec>(&spec.to_toml().unwrap()).unwrap(), spec);
        let unet = "[unet]\nweights = \"u\"\nprediction = \"epsilon\"\nconfig = {}\n[unet.scheduler]\nnum_train_timesteps = 1000\n\
            beta_schedule = \"linear\"\nbeta_start = 0.1\nbeta_end = 0.2\ntimestep_spacing = \"leading\"\nsteps_offset = 1\n\
            set_alpha_to_one = false\n";
        let said = |text: &str| toml::from_str::<ModelSpec>(text).unwrap_err().to_string();
        assert!(said(&format!("{text}\n{unet}")).contains("one of them"));
        let mut tables: toml::Table = text.parse().unwrap();
        tables.remove("dit");
        let without = toml::to_string(&tables).unwrap();
        assert!(said(&without).contains("neither [dit] nor [unet]"));
        let other: ModelSpec = toml::from_str(&format!("{without}\n{unet}")).unwrap();
        assert!(other.dit().is_none() && other.network.weights() == "u");
        assert_eq!(other.files()[2], ("unet.weights", "u"));
        assert_eq!(toml::from_str::<ModelSpec>(&other.to_toml().unwrap()).unwrap(), other);
    }
}
