//! Settings of a preparation: `trainer/configs/prepare-*.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::caption::CaptionConfig;
use super::picture::Sixteen;
use crate::config::parse;
use crate::data::dataset::{ConditionKind, Stored};
use crate::text_file::{self, CONFIG_BYTES};

/// Which layout a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A folder of pictures with a list in CSV, TSV or JSON lines.
    Manifest,
    /// MIMIC-CXR-JPG or MIMIC-CXR with reports.
    Mimic,
    /// NIH ChestX-ray14.
    Nih,
    /// CheXpert.
    Chexpert,
    /// SIIM-ACR pneumothorax segmentation.
    Siim,
    /// VinDr-CXR, as published or as in the competition.
    Vindr,
    /// Lists of `.npz` files as the published preparation writes them.
    Release,
}

/// How three readers become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// What most of them say.
    #[default]
    Majority,
    /// What at least one says.
    Any,
}

/// One `[[source]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Its layout.
    pub kind: SourceKind,
    /// What it is called in the data set; the layout's name if not said.
    #[serde(default)]
    pub name: String,
    /// Its folder.
    pub root: PathBuf,
    /// The list of cases, where the layout does not say which.
    #[serde(default)]
    pub list: Option<PathBuf>,
    /// Folder of the pictures inside `root`.
    #[serde(default)]
    pub images: Option<PathBuf>,
    /// Folder of report texts, where they are elsewhere.
    #[serde(default)]
    pub reports: Option<PathBuf>,
    /// A table of captions: the first column or `name` says whose, `impression` or `caption` what.
    #[serde(default)]
    pub captions: Option<PathBuf>,
    /// Folder of MIMIC-IV tables with age and race.
    #[serde(default)]
    pub demographics: Option<PathBuf>,
    /// Labels of MIMIC: `chexpert` or `negbio`.
    #[serde(default)]
    pub labels: Option<String>,
    /// Columns of a list that go by other names, ours first: `image = "file_path"`.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Sources whose patients bear the same numbers share this word; the layout's or the source's name if not said.
    #[serde(default)]
    pub patients: String,
    /// All cases belong here, whatever `[split]` says.
    #[serde(default)]
    pub split: Option<String>,
    /// How 16-bit pictures become 8-bit ones.
    #[serde(default)]
    pub sixteen_bit: Sixteen,
    /// How several readers become one.
    #[serde(default)]
    pub vote: Vote,
}

/// How cases are split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitKind {
    /// Everything is `train`.
    #[default]
    All,
    /// By a hash of seed and patient, in given shares.
    Ratio,
    /// As the makers of each set did it.
    Official,
    /// Patients 10… to 18… train, 19… tests, as in the paper.
    MimicFolders,
}

/// `[split]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitConfig {
    /// How.
    pub kind: SplitKind,
    /// Share of patients for training.
    pub train: f64,
    /// Share of patients for choosing.
    pub val: f64,
    /// Share of patients for testing.
    pub test: f64,
    /// Seed of the shares.
    pub seed: u64,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { kind: SplitKind::All, train: 0.9, val: 0.05, test: 0.05, seed: 1 }
    }
}

/// A whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareConfig {
    /// Name of the data set.
    pub name: String,
    /// The model folder whose encoders are used.
    pub model: PathBuf,
    /// Side of the pictures; 0 is the model's.
    #[serde(default)]
    pub size_px: usize,
    /// Makes pseudonyms of patients unlike those of others; keep it to yourself.
    #[serde(default)]
    pub salt: String,
    /// Only these views (`PA`, `AP`, `AP_SUPINE`, `LATERAL`, `UNKNOWN`); all if empty.
    #[serde(default)]
    pub views: Vec<String>,
    /// Condition pictures that are made where a source has what they show.
    #[serde(default)]
    pub conditions: Vec<ConditionKind>,
    /// Cases of a shard.
    #[serde(default = "shard_cases")]
    pub shard_cases: usize,
    /// How latents are stored.
    #[serde(default)]
    pub latents: Stored,
    /// How rows of captions are stored.
    #[serde(default = "bf16")]
    pub caption_rows: Stored,
    /// Captions.
    #[serde(default)]
    pub captions: CaptionConfig,
    /// Splits.
    #[serde(default)]
    pub split: SplitConfig,
    /// Where cases come from.
    #[serde(rename = "source")]
    pub sources: Vec<SourceConfig>,
}

fn shard_cases() -> usize {
    512
}

fn bf16() -> Stored {
    Stored::Bf16
}

impl PrepareConfig {
    /// Reads and checks a file with `changes` such as `size_px=512` laid over it; its paths are relative to its folder.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn read(path: &Path, changes: &[String]) -> Result<Self> {
        let text = text_file::read(path, CONFIG_BYTES).with_context(|| format!("cannot read {}", path.display()))?;
        let table = parse::table(&text).with_context(|| path.display().to_string())?;
        ensure!(
            table.contains_key("source") || !(table.contains_key("stage") || table.contains_key("autoencoder")),
            "{} is a configuration of training, for chexgen train; name settings with tables [[source]], such as \
             trainer/configs/prepare-mimic.toml",
            path.display()
        );
        let mut config: Self = parse::from_text(&text, changes).with_context(|| path.display().to_string())?;
        config.check().with_context(|| format!("{}", path.display()))?;
        config.settle(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.name.trim().is_empty(), "field name is empty; give the data set a name");
        ensure!(!self.sources.is_empty(), "there is no [[source]]; name at least one");
        ensure!((1..=100_000).contains(&self.shard_cases), "field shard_cases is {}; choose 1 to 100000", self.shard_cases);
        for view in &self.views {
            let known = ["PA", "AP", "AP_SUPINE", "LATERAL", "UNKNOWN"];
            ensure!(known.contains(&view.as_str()), "field views: {view:?} is unknown; choose of {}", known.join(", "));
        }
        for name in &self.captions.from {
            let allowed = name.chars().all(|c| c.is_ascii_lowercase() || " _".contains(c)) && !name.is_empty();
            ensure!(allowed, "field captions.from: {name:?} is no section; sections are in small letters, such as impression");
        }
        let s = &self.split;
        let shares = [s.train, s.val, s.test];
        let sum: f64 = shares.iter().sum();
        let possible = shares.iter().all(|share| (0.0..=1.0).contains(share)) && (sum - 1.0).abs() < 1e-6;
        ensure!(s.kind != SplitKind::Ratio || possible, "fields split.train, val and test must be shares that add up to 1");
        for (at, source) in self.sources.iter().enumerate() {
            let field = |what: &str| format!("field source[{at}].{what}");
            if let Some(split) = &source.split {
                let known = super::case::Split::of(split).is_some();
                ensure!(known, "{} is {split:?}; choose train, val or test", field("split"));
            }
            let needs_list = matches!(source.kind, SourceKind::Manifest | SourceKind::Release);
            ensure!(!needs_list || source.list.is_some(), "{} is missing; name the list of the cases", field("list"));
            ensure!(
                source.labels.as_deref().is_none_or(|labels| matches!(labels, "chexpert" | "negbio")),
                "{} is unknown; choose chexpert or negbio",
                field("labels")
            );
            let same = self.sources[..at].iter().any(|other| other.set() == source.set());
            ensure!(!same, "{} is {:?} as an earlier one's; give each source a name of its own", field("name"), source.set());
        }
        Ok(())
    }

    /// Makes paths that are relative to the file's folder whole.
    fn settle(&mut self, dir: &Path) {
        let within = |base: &Path, path: &mut PathBuf| *path = base.join(&*path);
        within(dir, &mut self.model);
        for source in &mut self.sources {
            within(dir, &mut source.root);
            let root = source.root.clone();
            for path in [&mut source.list, &mut source.captions].into_iter().flatten() {
                within(&root, path);
            }
            for path in [&mut source.reports, &mut source.images, &mut source.demographics].into_iter().flatten() {
                within(&root, path);
            }
        }
    }
}

impl SourceConfig {
    /// What the source is called in the data set.
    pub fn set(&self) -> &str {
        if self.name.is_empty() { self.kind.name() } else { &self.name }
    }

    /// The space of its patients' numbers.
    pub fn patient_space(&self) -> &str {
        match self.kind {
            _ if !self.patients.is_empty() => &self.patients,
            SourceKind::Manifest | SourceKind::Release => self.set(),
            kind => kind.name(),
        }
    }

    /// Folder of the pictures.
    pub(crate) fn image_root(&self) -> &Path {
        self.images.as_deref().unwrap_or(&self.root)
    }
}

impl SourceKind {
    /// The name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Mimic => "mimic",
            Self::Nih => "nih",
            Self::Chexpert => "chexpert",
            Self::Siim => "siim",
            Self::Vindr => "vindr",
            Self::Release => "release",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PrepareConfig> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prepare.toml");
        std::fs::write(&path, text).unwrap();
        PrepareConfig::read(&path, &[])
    }

    const LEAST: &str = "name = \"a\"\nmodel = \"m\"\n[[source]]\nkind = \"nih\"\nroot = \"nih\"\n";

    #[test]
    fn the_least_file_is_enough_and_paths_belong_to_its_folder() {
        let config = read(LEAST).unwrap();
        assert!(config.model.is_absolute() && config.sources[0].root.ends_with("nih"));
        assert_eq!((config.shard_cases, config.caption_rows, config.split.kind), (512, Stored::Bf16, SplitKind::All));
        assert_eq!((config.sources[0].set(), config.sources[0].patient_space()), ("nih", "nih"));
    }

    #[test]
    fn the_shipped_files_are_read_and_changed() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let mut seen = 0;
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("prepare-") {
                let config = PrepareConfig::read(&path, &["split.seed=7".to_owned(), "name=other".to_owned()]).unwrap();
                assert_eq!((config.split.seed, config.name.as_str()), (7, "other"));
                seen += 1;
            }
        }
        assert_eq!(seen, 6);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            (format!("viewz = []\n{LEAST}"), "field viewz is unknown; did you mean views?"),
            (format!("views = [\"pa\"]\n{LEAST}"), "field views: \"pa\" is unknown; choose of PA"),
            (format!("{LEAST}[split]\nkind = \"ratio\"\ntrain = 0.5\n"), "add up to 1"),
            (format!("{LEAST}[[source]]\nkind = \"nih\"\nroot = \"x\"\n"), "source[1].name"),
            (LEAST.replace("\"nih\"\nroot", "\"manifest\"\nroot"), "source[0].list is missing"),
            (LEAST.replace("kind = \"nih\"", "kind = \"nhi\""), "source[0].kind"),
            (format!("shard_cases = 0\n{LEAST}"), "shard_cases is 0"),
        ] {
            let error = format!("{:#}", read(&text).unwrap_err());
            assert!(error.contains("prepare.toml") && error.contains(words), "{error}");
        }
    }
}
