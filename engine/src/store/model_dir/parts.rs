//! A folder of parts: the autoencoder, the text encoder and the tokenizer of a model, whatever becomes of its network.
//!
//! Preparing data and training need no more. A whole model folder serves as well as one whose `model.toml` has no
//! network, or whose network's file is not there.

use std::collections::BTreeMap;
use std::path::Path;

use super::tables::Tables;
use super::{
    AutoencoderSpec, DefaultsSpec, FORMAT, LatentSpec, ModelDirError, ModelKind, ModelSpec, NetworkSpec, TextSpec, need_files,
};

/// `model.toml` without what is said of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct PartsSpec {
    /// Name shown to people.
    pub name: String,
    /// Whether these are parts of a practice model, trained on drawn phantoms.
    pub practice: bool,
    /// Side of the images of the model they belong to, where there is one.
    pub size_px: Option<u32>,
    /// Licence and origin in one sentence.
    pub notice: String,
    /// As in [`ModelSpec`].
    pub palette: String,
    /// As in [`ModelSpec`].
    pub preview: Option<String>,
    /// Text side.
    pub text: TextSpec,
    /// Autoencoder.
    pub autoencoder: AutoencoderSpec,
    /// Latent normalisation.
    pub latent: LatentSpec,
    /// BLAKE3 of weight files by name; checked when loading.
    pub hashes: BTreeMap<String, String>,
    /// What kind of network is described beside them, if one is.
    pub kind: Option<ModelKind>,
}

impl PartsSpec {
    /// Reads and checks `DIR/model.toml`; the files of the parts must exist.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn read(dir: &Path) -> Result<Self, ModelDirError> {
        let spec = Self::from(Tables::read(dir)?);
        need_files(dir, &spec.files())?;
        Ok(spec)
    }

    /// The files of the parts, with the field that names them.
    pub fn files(&self) -> Vec<(&'static str, &str)> {
        files(&self.text, None, &self.autoencoder, self.preview.as_deref())
    }

    /// The description of a model of these parts and a network.
    pub fn into_model(self, size_px: u32, network: NetworkSpec, defaults: DefaultsSpec) -> ModelSpec {
        let Self { name, practice, size_px: _, notice, palette, preview, text, autoencoder, latent, hashes, kind: _ } = self;
        ModelSpec {
            format: FORMAT,
            name,
            practice,
            size_px,
            notice,
            palette,
            preview,
            text,
            network,
            autoencoder,
            latent,
            defaults,
            hashes,
            reference: None,
        }
    }

    /// The text of a `model.toml` that describes no network.
    ///
    /// # Errors
    /// When a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(&Tables::from(self.clone()))
    }
}

/// The files of a description in their order, with the field that names each.
pub(super) fn files<'a>(
    text: &'a TextSpec,
    network: Option<(&'static str, &'a str)>,
    autoencoder: &'a AutoencoderSpec,
    preview: Option<&'a str>,
) -> Vec<(&'static str, &'a str)> {
    let words = [("text.weights", text.weights.as_str()), ("text.tokenizer", text.tokenizer.as_str())];
    let pictures = std::iter::once(("autoencoder.weights", autoencoder.weights()));
    words.into_iter().chain(network).chain(pictures).chain(preview.map(|name| ("preview", name))).collect()
}

impl From<ModelSpec> for PartsSpec {
    fn from(spec: ModelSpec) -> Self {
        let kind = Some(spec.network.kind());
        let ModelSpec { name, practice, size_px, notice, palette, preview, text, autoencoder, latent, hashes, .. } = spec;
        Self { name, practice, size_px: Some(size_px), notice, palette, preview, text, autoencoder, latent, hashes, kind }
    }
}

impl From<&ModelSpec> for PartsSpec {
    fn from(spec: &ModelSpec) -> Self {
        spec.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn practice() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice")
    }

    #[test]
    fn parts_need_no_network_and_a_model_does() {
        let dir = tempfile::tempdir().unwrap();
        let whole = PartsSpec::read(&practice()).unwrap();
        for (_, name) in whole.files() {
            std::fs::copy(practice().join(name), dir.path().join(name)).unwrap();
        }
        let toml = dir.path().join("model.toml");
        // The description names a network whose file is not there.
        std::fs::copy(practice().join("model.toml"), &toml).unwrap();
        assert_eq!(PartsSpec::read(dir.path()).unwrap(), whole);
        assert!(ModelSpec::read(dir.path()).unwrap_err().to_string().contains("dit.safetensors"));
        // It names none.
        let alone = PartsSpec { kind: None, size_px: None, ..whole.clone() };
        std::fs::write(&toml, alone.to_toml().unwrap()).unwrap();
        assert_eq!(PartsSpec::read(dir.path()).unwrap(), alone);
        let said = ModelSpec::read(dir.path()).unwrap_err().to_string();
        assert!(said.contains("neither [dit] nor [unet]") && said.contains("chexgen train"), "{said}");
        std::fs::remove_file(dir.path().join(&whole.text.weights)).unwrap();
        assert!(PartsSpec::read(dir.path()).unwrap_err().to_string().contains("text.weights"));
    }

    #[test]
    fn a_model_is_made_of_parts_and_a_network() {
        let model = ModelSpec::read(&practice()).unwrap();
        let parts = PartsSpec::from(&model);
        assert_eq!((parts.kind, parts.size_px), (Some(ModelKind::DiffusionTransformer), Some(model.size_px)));
        let made = parts.into_model(model.size_px, model.network.clone(), model.defaults.clone());
        assert_eq!(made, ModelSpec { reference: None, ..model });
    }
}
