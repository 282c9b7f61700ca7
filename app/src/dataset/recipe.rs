//! The recipe: one JSON file that says who, where and how.
//!
//! It is marked by `"format": "chexgen-recipe"` and `"version": 1`. Unknown fields are refused with the nearest name,
//! because a field that is skipped in silence would give other images.

use std::path::PathBuf;

use engine::domain::{Finding, GenerateRequest, Preset, SamplerKind, Side};
use engine::phantom::{LesionSize, Zone};
use engine::store::hash::hash_bytes;
use engine::text::nearest;
use serde::{Deserialize, Serialize};

use super::named;
use super::row::{Class, Row};
use crate::state::{Group, Sex, View};

/// Value of the `format` field.
pub const FORMAT: &str = "chexgen-recipe";
/// Version that this program writes and reads.
pub const VERSION: u32 = 1;
/// Most images of one recipe.
pub const MAX_IMAGES: usize = 1_000_000;
/// Largest recipe file that is read.
pub const MAX_BYTES: u64 = 256 << 20;

/// A band of ages and its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeBand {
    /// Youngest, in years.
    pub from: u32,
    /// Oldest, in years.
    pub to: u32,
    /// Its share.
    pub share: u32,
}

/// Shares of each choice; rows are counted by the largest remainder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Rows in all.
    pub rows: u32,
    /// Findings, `normal` among them.
    #[serde(with = "named::shares")]
    pub findings: Vec<(Class, u32)>,
    /// Shares of rows with one, two and three findings, of those that have any; one each where left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<u32>,
    /// Sides of findings that have one; equal where left out.
    #[serde(with = "named::shares", default)]
    pub sides: Vec<(Side, u32)>,
    /// Zones of findings that have several; equal where left out.
    #[serde(with = "named::shares", default)]
    pub zones: Vec<(Zone, u32)>,
    /// Sizes of findings that have sizes; equal where left out.
    #[serde(with = "named::shares", default)]
    pub sizes: Vec<(LesionSize, u32)>,
    /// Sexes; unstated where left out.
    #[serde(with = "named::shares", default)]
    pub sexes: Vec<(Sex, u32)>,
    /// Bands of ages; unstated where left out.
    #[serde(default)]
    pub ages: Vec<AgeBand>,
    /// Groups; unstated where left out.
    #[serde(with = "named::shares", default)]
    pub groups: Vec<(Group, u32)>,
    /// Projections; unstated where left out.
    #[serde(with = "named::shares", default)]
    pub views: Vec<(View, u32)>,
}

impl Default for Quotas {
    fn default() -> Self {
        let class = |finding| Class::Finding(finding);
        Self {
            rows: 24,
            findings: vec![
                (Class::Normal, 1),
                (class(Finding::Pneumothorax), 1),
                (class(Finding::PleuralEffusion), 1),
                (class(Finding::Nodule), 1),
            ],
            together: Vec::new(),
            sides: vec![(Side::Right, 1), (Side::Left, 1)],
            zones: Vec::new(),
            sizes: LesionSize::ALL.map(|size| (size, 1)).to_vec(),
            sexes: vec![(Sex::Female, 1), (Sex::Male, 1)],
            ages: vec![
                AgeBand { from: 18, to: 39, share: 1 },
                AgeBand { from: 40, to: 64, share: 1 },
                AgeBand { from: 65, to: 90, share: 1 },
            ],
            groups: [Group::A, Group::B, Group::C].map(|group| (group, 1)).to_vec(),
            views: Vec::new(),
        }
    }
}

/// Who and with what: quotas, or a table of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// Composed by quotas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    /// Row by row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Vec<Row>>,
}

/// Where regions come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Sampled by the phantom, as the anatomy allows.
    #[default]
    Sampled,
    /// The layers that were drawn on the canvas.
    Drawn,
    /// Mask files of a folder.
    Folder,
    /// No region: the text alone decides.
    Text,
}

impl Source {
    /// All sources in menu order.
    pub const ALL: [Self; 4] = [Self::Sampled, Self::Drawn, Self::Folder, Self::Text];

    /// The words in the menu.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sampled => "Sampled placements",
            Self::Drawn => "Layers of the open case",
            Self::Folder => "Folder of masks",
            Self::Text => "Text only",
        }
    }
}

/// Which chest placements are sampled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// The anatomy guide's.
    Average,
    /// Another one for each row.
    #[default]
    Varied,
}

/// A drawn layer, kept in the recipe so that it stands alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnLayer {
    /// Its class.
    #[serde(with = "named")]
    pub finding: Class,
    /// Width of the grid in pixels.
    pub width: u32,
    /// Height of the grid in pixels.
    pub height: u32,
    /// Its pixels as starts and lengths, row by row from 0; empty for a box.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<(u32, u32)>,
    /// Corners of a box, x0, y0, x1, y1.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub corners: Option<[f32; 4]>,
}

/// Where findings lie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// Where regions come from.
    #[serde(default)]
    pub source: Source,
    /// The chest of sampled placements.
    #[serde(default)]
    pub body: Body,
    /// The folder of masks; below it one folder a class, or files that begin with the class.
    #[serde(default, skip_serializing_if = "no_path")]
    pub folder: PathBuf,
    /// The drawn layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<DrawnLayer>,
}

fn no_path(path: &std::path::Path) -> bool {
    path.as_os_str().is_empty()
}

/// How images are made and which are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// Sampler steps; the model's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Guidance; the model's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<f32>,
    /// Sampler; the model's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<String>,
    /// Preset; the model's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Control strength of every region, 0 to 2.
    pub strength: f32,
    /// Images of each row, from different seeds.
    pub seeds_per_row: u32,
    /// Whether each image of a finding gets a twin without it, from the same seed.
    pub twins: bool,
    /// Keep only the best image of a row.
    pub keep_best: bool,
    /// Retry images whose adherence is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f32>,
    /// Further seeds of a row that are tried.
    pub retries: u32,
    /// Refuse rows whose text and region name different sides.
    pub check_sides: bool,
}

impl Default for How {
    fn default() -> Self {
        Self {
            steps: None,
            guidance: None,
            sampler: None,
            preset: None,
            strength: 1.0,
            seeds_per_row: 1,
            twins: false,
            keep_best: false,
            below: None,
            retries: 1,
            check_sides: true,
        }
    }
}

/// Who, where and how, with a seed from which all chance follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub(crate) format: String,
    pub(crate) version: u32,
    /// Name of the data set.
    pub name: String,
    /// All chance follows from it.
    pub seed: u64,
    /// Who and with what.
    pub who: Who,
    /// Where.
    #[serde(rename = "where")]
    pub place: Where,
    /// How.
    pub how: How,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            name: "Data set".to_owned(),
            seed: 1,
            who: Who { quotas: Some(Quotas::default()), table: None },
            place: Where::default(),
            how: How::default(),
        }
    }
}

impl Recipe {
    /// Reads the text of a recipe file.
    ///
    /// # Errors
    /// One phrase that names line, column and field, and the nearest name of an unknown one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let place = |e: &serde_json::Error| format!("line {}, column {}", e.line(), e.column());
        let value: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("{}: it is no JSON", place(&e)))?;
        if value.get("format").and_then(|v| v.as_str()) != Some(FORMAT) {
            return Err(format!("it is no recipe: its field format is not {FORMAT:?}"));
        }
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => return Err(format!("it is a recipe of version {version}; this program reads version {VERSION}")),
            None => return Err("its field version is missing".to_owned()),
        }
        let recipe: Self = serde_json::from_str(text).map_err(|e| format!("{}: {}", place(&e), explained(&e)))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// The recipe as JSON text, ending with a line break.
    ///
    /// # Errors
    /// Only if a number is not finite.
    pub fn to_json(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| format!("the recipe cannot be written: {e}"))?;
        Ok(text + "\n")
    }

    /// Hash of the recipe's file.
    pub fn hash(&self) -> String {
        self.to_json().map(|json| hash_bytes(json.as_bytes())).unwrap_or_default()
    }

    /// A short name by which the library finds its runs: the data set's name and the beginning of a hash over all that
    /// decides how images look. Rules may change without making another data set of it.
    pub fn tag(&self) -> String {
        let natural = How::default();
        let how = How {
            keep_best: natural.keep_best,
            below: natural.below,
            retries: natural.retries,
            check_sides: natural.check_sides,
            ..self.how.clone()
        };
        let hash = Self { how, ..self.clone() }.hash();
        format!("{} #{}", self.name, hash.get(..8).unwrap_or_default())
    }

    /// Checks numbers and what must go together.
    ///
    /// # Errors
    /// Names the field and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        let how = &self.how;
        let refuse = |what: &str| Err(what.to_owned());
        match (&self.who.quotas, &self.who.table) {
            (Some(_), Some(_)) => return refuse("who has quotas and a table; keep one"),
            (None, None) => return refuse("who has neither quotas nor a table"),
            _ => {}
        }
        if self.name.trim().is_empty() || self.name.len() > 100 || self.name.contains(['/', '\\']) {
            return refuse("name must have 1 to 100 characters and no slash");
        }
        if !(1..=64).contains(&how.seeds_per_row) {
            return Err(format!("how.seeds_per_row is {}; choose 1 to 64", how.seeds_per_row));
        }
        if how.retries > 16 {
            return Err(format!("how.retries is {}; choose 0 to 16", how.retries));
        }
        if how.below.is_some_and(|below| !(0.0..=1.0).contains(&below)) {
            return refuse("how.below must be a number from 0 to 1");
        }
        if !(how.strength.is_finite() && (0.0..=2.0).contains(&how.strength)) {
            return refuse("how.strength must be a number from 0 to 2");
        }
        if self.place.source == Source::Folder && self.place.folder.as_os_str().is_empty() {
            return refuse("where.folder is missing; name the folder of masks");
        }
        if self.place.source == Source::Drawn && self.place.drawn.is_empty() {
            return refuse("where.drawn is empty; draw a mask or box on the canvas and take its layers");
        }
        self.settings(&GenerateRequest::new("any", 0)).map(|_| ())
    }

    /// The model's natural settings with those of the recipe.
    ///
    /// # Errors
    /// Names the setting and what is allowed.
    pub fn settings(&self, natural: &GenerateRequest) -> Result<GenerateRequest, String> {
        let mut request = natural.clone();
        if let Some(name) = &self.how.sampler {
            let sampler: SamplerKind = name.parse().map_err(|e: engine::domain::RequestError| format!("how.sampler: {e}"))?;
            if sampler != request.sampler {
                (request.sampler, request.eta, request.karras) = (sampler, 0.0, false);
            }
        }
        if let Some(name) = &self.how.preset {
            let preset: Preset = name.parse().map_err(|e: engine::domain::RequestError| format!("how.preset: {e}"))?;
            request.preset = preset;
        }
        request.num_steps = self.how.steps.unwrap_or(request.num_steps);
        request.guidance_scale = self.how.guidance.unwrap_or(request.guidance_scale);
        request.annotations.clear();
        let tried = GenerateRequest { impression: "any".to_owned(), ..request.clone() };
        tried.check().map_err(|e| format!("how: {e}"))?;
        Ok(request)
    }
}

/// A parser's words with the nearest known name of an unknown field.
fn explained(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    let Some(rest) = text.strip_prefix("unknown field `") else { return text.to_owned() };
    let Some((unknown, known)) = rest.split_once('`') else { return text.to_owned() };
    let names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    match nearest(unknown, &names) {
        Some(near) => format!("the field {unknown:?} is unknown; did you mean {near}?"),
        None => format!("the field {unknown:?} is unknown; known are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests;
