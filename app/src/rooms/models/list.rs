//! What a model folder says of itself, without loading it.

use std::path::{Path, PathBuf};

use engine::device::Memory;
use engine::pipeline::MemoryPlan;
use engine::store::find_model::practice_model_dir;
use engine::store::hash::hash_bytes;
use engine::store::model_dir::{ModelKind, ModelSpec};
use engine::store::weights::{Problem, TensorFile};

/// A model of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// The practice model that comes with the studio.
    #[default]
    Practice,
    /// A folder that was added.
    Folder(PathBuf),
}

impl Known {
    /// What it is called before it was looked at.
    pub fn title(&self) -> String {
        match self {
            Self::Practice => "Practice model".to_owned(),
            Self::Folder(folder) => folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned(),
        }
    }

    /// Its folder.
    ///
    /// # Errors
    /// When the practice model is nowhere.
    pub fn folder(&self) -> Result<PathBuf, String> {
        match self {
            Self::Folder(folder) => Ok(folder.clone()),
            Self::Practice => {
                let exe = std::env::current_exe().ok();
                let source_tree = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
                practice_model_dir(exe.as_deref(), source_tree).map_err(|e| crate::jobs::sentence(&e.into()))
            }
        }
    }
}

/// What was found in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Which model.
    pub known: Known,
    /// Name in its description.
    pub name: String,
    /// Whether it learned from drawn phantoms.
    pub practice: bool,
    /// What kind of network it is.
    pub kind: &'static str,
    /// Side of its images in pixels.
    pub size_px: u32,
    /// Bytes of its files.
    pub num_bytes: u64,
    /// Hash of the network's weights, as its description has it; empty where it has none.
    pub hash: String,
    /// Licence and origin, from its description.
    pub notice: String,
    /// Its model card, where one lies beside it.
    pub card: Option<String>,
    /// Whether it has a reference image to test against.
    pub has_reference: bool,
    /// Bytes in memory when all parts are, and when they take turns.
    pub memory: Option<(u64, u64)>,
    /// Bytes that were free when it was looked at.
    pub free: Option<u64>,
    /// Whether its terms must be acknowledged before it is opened.
    pub needs_notice: bool,
    /// By what an acknowledgement is remembered: changes with the weights.
    pub key: String,
    /// Files that its description names and that are not there.
    pub missing: Vec<String>,
    /// Why it cannot be opened, in one sentence.
    pub problem: Option<String>,
}

/// Longest model card that is shown.
const MAX_CARD_BYTES: u64 = 64 << 10;

/// Looks into a model's folder.
pub fn look(known: &Known) -> Info {
    let mut info = Info {
        known: known.clone(),
        name: known.title(),
        practice: *known == Known::Practice,
        kind: "",
        size_px: 0,
        num_bytes: 0,
        hash: String::new(),
        notice: String::new(),
        card: None,
        has_reference: false,
        memory: None,
        free: Memory::now().map(|m| m.available_bytes),
        needs_notice: false,
        key: String::new(),
        missing: Vec::new(),
        problem: None,
    };
    let folder = match known.folder() {
        Ok(folder) => folder,
        Err(why) => {
            info.problem = Some(why);
            return info;
        }
    };
    if !folder.is_dir() {
        info.problem = Some(format!("There is no such folder; put it back or remove it from the list ({}).", folder.display()));
        return info;
    }
    info.card = card(&folder);
    info.missing = missing(&folder);
    let spec = match ModelSpec::read(&folder) {
        Ok(spec) => spec,
        Err(error) => {
            let list = info.missing.join(", ");
            info.problem = Some(if info.missing.is_empty() {
                crate::jobs::sentence(&error.into())
            } else {
                format!("This model is not whole: {list} missing; import it again or copy what is missing.")
            });
            return info;
        }
    };
    let network = spec.network.weights();
    info.hash = spec.hashes.get(network).cloned().unwrap_or_default();
    info.key = hash_bytes(format!("{}\n{}\n{}", spec.name, spec.notice, info.hash).as_bytes());
    info.num_bytes = spec.files().iter().filter_map(|(_, f)| std::fs::metadata(folder.join(f)).ok()).map(|m| m.len()).sum();
    info.kind = match spec.network.kind() {
        ModelKind::DiffusionTransformer => "Diffusion transformer",
        ModelKind::StableDiffusion => "Stable Diffusion U-Net",
    };
    (info.name, info.practice, info.size_px) = (spec.name.clone(), spec.practice, spec.size_px);
    info.notice = spec.notice.clone();
    info.needs_notice = !spec.practice;
    info.has_reference = spec.reference.is_some();
    match MemoryPlan::of(&folder) {
        Ok(plan) => info.memory = Some((plan.peak(), plan.staged_peak().0)),
        Err(error) => info.problem = Some(crate::jobs::sentence(&error.into())),
    }
    if info.problem.is_none() {
        info.problem = damaged(&folder, &spec);
    }
    info
}

/// The first weight file whose description and length do not fit each other: one that was cut off, or is none.
fn damaged(folder: &Path, spec: &ModelSpec) -> Option<String> {
    let weights = spec.files().into_iter().filter(|(_, file)| file.ends_with(".safetensors"));
    let fault = |(_, file): (&str, &str)| TensorFile::open(&folder.join(file), None).err();
    let error = weights.filter_map(fault).next()?;
    let remedy = match error.problem {
        Problem::Truncated { .. } | Problem::Damaged(_) => "; copy the file again",
        // The others say what to do.
        _ => "",
    };
    Some(format!("{} {}{remedy}.", error.file, error.problem))
}

/// Files that the description names and that are not there; also when it names them wrongly for the reader.
fn missing(folder: &Path) -> Vec<String> {
    let description = folder.join("model.toml");
    let Ok(text) = std::fs::read_to_string(&description) else { return vec!["model.toml".to_owned()] };
    let named = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (["weights", "tokenizer", "preview"].contains(&key.trim()) && !value.is_empty()).then(|| value.to_owned())
    });
    let mut missing: Vec<String> = named.filter(|file| !folder.join(file).is_file()).collect();
    missing.dedup();
    missing
}

fn card(folder: &Path) -> Option<String> {
    let path = folder.join("MODEL_CARD.md");
    let length = std::fs::metadata(&path).ok()?.len();
    if length > MAX_CARD_BYTES {
        return None;
    }
    std::fs::read_to_string(path).ok()
}
