//! A description as it stands in its file: one table for the network, by which the kind of model is told.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    AutoencoderSpec, DefaultsSpec, DitSpec, FORMAT, LatentSpec, ModelDirError, ModelKind, ModelSpec, NetworkSpec, PartsSpec,
    ReferenceSpec, TextSpec, UnetSpec,
};

/// `model.toml` as its tables stand in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    format: u32,
    name: String,
    practice: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size_px: Option<u32>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    defaults: Option<DefaultsSpec>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<ReferenceSpec>,
}

impl Tables {
    /// Reads `DIR/model.toml` and checks what can be checked without its files.
    pub(super) fn read(dir: &Path) -> Result<Self, ModelDirError> {
        let path = dir.join("model.toml");
        let text = std::fs::read_to_string(&path).map_err(|source| ModelDirError::Read { path: path.clone(), source })?;
        let refuse = |field: &str, message: String| ModelDirError::Field { path: path.clone(), field: field.to_owned(), message };
        let deserializer = toml::Deserializer::parse(&text).map_err(|e| refuse("(syntax)", e.message().to_owned()))?;
        let tables: Self = serde_path_to_error::deserialize(deserializer).map_err(|e| {
            let at = e.path().to_string();
            refuse(if at == "." { "(tables)" } else { &at }, e.inner().message().to_owned())
        })?;
        if tables.format != FORMAT {
            return Err(refuse("format", format!("is {}, but this build reads {FORMAT}", tables.format)));
        }
        match tables.size_px {
            Some(size_px) if !(16..=4096).contains(&size_px) => {
                Err(refuse("size_px", format!("is {size_px}, expected 16 to 4096")))
            }
            _ => Ok(tables),
        }
    }
}

impl TryFrom<Tables> for ModelSpec {
    type Error = &'static str;

    fn try_from(mut tables: Tables) -> Result<Self, Self::Error> {
        let network = match (tables.dit.take(), tables.unet.take()) {
            (Some(dit), None) => NetworkSpec::Dit(dit),
            (None, Some(unet)) => NetworkSpec::Unet(unet),
            (None, None) => {
                return Err(
                    "it holds neither [dit] nor [unet]: these are parts for chexgen prepare and chexgen train, and no model",
                );
            }
            (Some(_), Some(_)) => return Err("it holds [dit] and [unet], and a model has one of them"),
        };
        let size_px = tables.size_px.ok_or("missing field `size_px`")?;
        let defaults = tables.defaults.take().ok_or("missing field `defaults`")?;
        let (format, reference) = (tables.format, tables.reference.take());
        Ok(Self { format, reference, ..PartsSpec::from(tables).into_model(size_px, network, defaults) })
    }
}

impl From<ModelSpec> for Tables {
    fn from(spec: ModelSpec) -> Self {
        let (dit, unet) = match &spec.network {
            NetworkSpec::Dit(dit) => (Some(dit.clone()), None),
            NetworkSpec::Unet(unet) => (None, Some(unet.clone())),
        };
        let (format, defaults, reference) = (spec.format, Some(spec.defaults.clone()), spec.reference.clone());
        Self { format, dit, unet, defaults, reference, ..Self::from(PartsSpec::from(spec)) }
    }
}

impl From<Tables> for PartsSpec {
    fn from(tables: Tables) -> Self {
        let kind = match (&tables.dit, &tables.unet) {
            (_, Some(_)) => Some(ModelKind::StableDiffusion),
            (Some(_), None) => Some(ModelKind::DiffusionTransformer),
            (None, None) => None,
        };
        let Tables { name, practice, size_px, notice, palette, preview, text, autoencoder, latent, hashes, .. } = tables;
        Self { name, practice, size_px, notice, palette, preview, text, autoencoder, latent, hashes, kind }
    }
}

impl From<PartsSpec> for Tables {
    fn from(spec: PartsSpec) -> Self {
        let PartsSpec { name, practice, size_px, notice, palette, preview, text, autoencoder, latent, hashes, kind: _ } = spec;
        Self {
            format: FORMAT,
            name,
            practice,
            size_px,
            notice,
            palette,
            preview,
            text,
            dit: None,
            unet: None,
            autoencoder,
            latent,
            defaults: None,
            hashes,
            reference: None,
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
