//! A folder that a cluster can work through: cases, masks, a script, and a copy of the recipe.
//!
//! | file | what |
//! |---|---|
//! | `job.json` | mark, version, settings, and what each case must come back as |
//! | `recipe.json` | the recipe |
//! | `cases.jsonl` | one case a line, for `chexgen generate --cases` |
//! | `masks/NAME.png`, `masks/NAME-2.png` | the regions, a file for each finding |
//! | `run.sh` | runs the program; run it again to go on |
//! | `results/` | what it makes |
//!
//! The folder is written aside and renamed, so it is whole or absent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use engine::domain::{GenerateRequest, Shape};
use engine::imageio::png::{Text, encode_mask};
use engine::store::atomic::write_atomic;
use engine::store::hash::hash_bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cases::{Case, Made, Maker};
use super::recipe::Recipe;

/// Value of the `format` field.
pub const FORMAT: &str = "chexgen-job";
/// Version that this program writes and reads.
pub const VERSION: u32 = 1;
/// The list of what must come back.
pub const JOB: &str = "job.json";
/// The copy of the recipe.
pub const RECIPE: &str = "recipe.json";
/// Where results lie.
pub const RESULTS: &str = "results";
/// Plain mark in every mask.
const MARK: Text<'static> =
    Text::Plain("Comment", "Mask of a finding that is to be drawn, made by ChexGen Studio. Not a radiograph.");

/// What must come back of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Which case.
    pub case: Case,
    /// Name of its files, without ending.
    pub name: String,
    /// Seed.
    pub seed: u64,
    /// The text, prefix included.
    pub impression: String,
    /// Hash of the region, [`region_hash`]; empty without one.
    pub region: String,
}

/// The list of what must come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    format: String,
    version: u32,
    /// Short name of the recipe, as the library keeps it.
    pub tag: String,
    /// Name of the model it was written for.
    pub model: String,
    /// Side of its images in pixels.
    pub size_px: u32,
    /// Sampler steps.
    pub steps: usize,
    /// Guidance.
    pub guidance: f32,
    /// Sampler.
    pub sampler: String,
    /// Preset.
    pub preset: String,
    /// One entry a case.
    pub cases: Vec<Expected>,
}

impl Job {
    /// Reads the text of a `job.json`.
    ///
    /// # Errors
    /// One phrase what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("{JOB} is no JSON: line {}", e.line()))?;
        if value.get("format").and_then(|v| v.as_str()) != Some(FORMAT) {
            return Err(format!("{JOB} is not of a job folder: its field format is not {FORMAT:?}"));
        }
        if value.get("version").and_then(serde_json::Value::as_u64) != Some(u64::from(VERSION)) {
            return Err(format!("{JOB} is of another version; this program reads version {VERSION}"));
        }
        serde_json::from_value(value).map_err(|e| format!("{JOB}: {e}"))
    }
}

/// Hash of what a request draws: classes, strengths, pixels and corners.
pub fn region_hash(request: &GenerateRequest) -> String {
    if request.annotations.is_empty() {
        return String::new();
    }
    let mut bytes = Vec::new();
    for annotation in &request.annotations {
        bytes.extend(annotation.finding.name().bytes());
        bytes.extend(annotation.strength.to_le_bytes());
        match &annotation.shape {
            Shape::Mask(mask) => {
                bytes.extend(mask.width().to_le_bytes());
                bytes.extend(mask.height().to_le_bytes());
                bytes.extend(mask.bits());
            }
            Shape::Box { rect, width, height } => {
                for v in [rect.x0, rect.y0, rect.x1, rect.y1, *width as f32, *height as f32] {
                    bytes.extend(v.to_le_bytes());
                }
            }
        }
    }
    hash_bytes(&bytes)
}

/// Writes the folder `to`, which must not be there yet; `tick` is told the number of written cases and answers whether to
/// go on.
///
/// # Errors
/// Names the row that cannot be placed or the file that cannot be written; nothing is left then, and nothing either when
/// it was stopped.
pub fn write(
    to: &Path,
    maker: &Maker<'_>,
    cases: &[Case],
    model: &str,
    size_px: u32,
    mut tick: impl FnMut(usize) -> bool,
) -> Result<PathBuf, String> {
    if to.exists() {
        return Err(format!("there is already something at this place; choose another name ({})", to.display()));
    }
    let aside = aside(to)?;
    let written = fill(&aside, maker, cases, model, size_px, &mut tick).and_then(|()| {
        std::fs::rename(&aside, to).map_err(|e| format!("the folder cannot take its name: {e} ({})", to.display()))
    });
    if written.is_err()
        && let Err(error) = std::fs::remove_dir_all(&aside)
    {
        tracing::warn!("a half-written job folder stays: {error}");
    }
    written.map(|()| to.to_path_buf())
}

/// A fresh folder beside `to` in which its content is gathered.
pub(super) fn aside(to: &Path) -> Result<PathBuf, String> {
    let name = to.file_name().map(|n| n.to_string_lossy().into_owned()).filter(|n| !n.is_empty());
    let name = name.ok_or_else(|| format!("this names no folder; add a name ({})", to.display()))?;
    let aside = to.with_file_name(format!(".writing-{name}"));
    if aside.exists() {
        std::fs::remove_dir_all(&aside)
            .map_err(|e| format!("an unfinished folder cannot be removed: {e} ({})", aside.display()))?;
    }
    std::fs::create_dir_all(&aside).map_err(|e| format!("the folder cannot be made: {e} ({})", aside.display()))?;
    Ok(aside)
}

fn fill(
    dir: &Path,
    maker: &Maker<'_>,
    cases: &[Case],
    model: &str,
    size_px: u32,
    tick: &mut dyn FnMut(usize) -> bool,
) -> Result<(), String> {
    let put = |name: &str, bytes: &[u8]| write_atomic(&dir.join(name), bytes).map_err(|e| e.to_string());
    std::fs::create_dir_all(dir.join("masks")).map_err(|e| format!("the folder of masks cannot be made: {e}"))?;
    let (mut lines, mut expected) = (String::new(), Vec::with_capacity(cases.len()));
    let mut settings: Option<GenerateRequest> = None;
    for (i, case) in cases.iter().enumerate() {
        if !tick(i) {
            return Err("stopped; nothing was written".to_owned());
        }
        let made = maker.make(*case)?;
        let _written = writeln!(lines, "{}", line(&made, dir)?);
        expected.push(Expected {
            case: *case,
            name: made.name.clone(),
            seed: made.request.seed.0,
            impression: made.request.impression.clone(),
            region: region_hash(&made.request),
        });
        settings.get_or_insert(made.request);
    }
    let settings = settings.ok_or("the recipe makes no image")?;
    put("cases.jsonl", lines.as_bytes())?;
    put(RECIPE, maker.recipe.to_json()?.as_bytes())?;
    put("run.sh", script(maker.recipe, &settings).as_bytes())?;
    let job = Job {
        format: FORMAT.to_owned(),
        version: VERSION,
        tag: maker.recipe.tag(),
        model: model.to_owned(),
        size_px,
        steps: settings.num_steps,
        guidance: settings.guidance_scale,
        sampler: settings.sampler.name().to_owned(),
        preset: settings.preset.name().to_owned(),
        cases: expected,
    };
    let json = serde_json::to_string_pretty(&job).map_err(|e| format!("{JOB} cannot be written: {e}"))?;
    put(JOB, (json + "\n").as_bytes())
}

/// A line of the case file; the masks are written beside it.
fn line(made: &Made, dir: &Path) -> Result<serde_json::Value, String> {
    let mut line = json!({ "name": made.name, "impression": made.request.impression, "seed": made.request.seed.0 });
    let (mut masks, mut boxes) = (Vec::new(), Vec::new());
    for annotation in &made.request.annotations {
        let class = annotation.finding.name();
        match &annotation.shape {
            Shape::Mask(mask) => {
                let number = if masks.is_empty() { String::new() } else { format!("-{}", masks.len() + 1) };
                let file = format!("masks/{}{number}.png", made.name);
                let bytes = encode_mask(mask, &[MARK]).map_err(|e| format!("{file} cannot be packed: {e}"))?;
                write_atomic(&dir.join(&file), &bytes).map_err(|e| e.to_string())?;
                masks.push(json!({ "file": file, "class": class, "strength": annotation.strength }));
            }
            Shape::Box { rect, width, height } => {
                let corners = [rect.x0, rect.y0, rect.x1, rect.y1];
                let strength = annotation.strength;
                boxes.push(json!({ "class": class, "box": corners, "width": width, "height": height, "strength": strength }));
            }
        }
    }
    for (key, drawn) in [("masks", masks), ("boxes", boxes)] {
        if !drawn.is_empty() {
            line[key] = drawn.into();
        }
    }
    Ok(line)
}

/// The script that runs the program; arguments of its own are passed on.
fn script(recipe: &Recipe, settings: &GenerateRequest) -> String {
    let mut more = String::new();
    if settings.karras {
        more.push_str(" --karras");
    }
    if settings.eta != 0.0 {
        let _written = write!(more, " --eta {}", settings.eta);
    }
    let name: String = recipe.name.chars().filter(|c| !c.is_control()).collect();
    format!(
        "#!/bin/sh\n\
         # {name}\n\
         # Makes the images of this folder. CHEXGEN is the program, CHEXGEN_MODEL a model folder. Run it again to go on.\n\
         set -eu\n\
         cd \"$(dirname \"$0\")\"\n\
         \"${{CHEXGEN:-chexgen}}\" generate --cases cases.jsonl --mask-dir . --out {RESULTS} \\\n  \
         --steps {} --guidance {} --sampler {} --preset {}{more} \\\n  \
         ${{CHEXGEN_MODEL:+--model \"$CHEXGEN_MODEL\"}} --json \"$@\" > results.jsonl\n",
        settings.num_steps,
        settings.guidance_scale,
        settings.sampler.name(),
        settings.preset.name(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Rows, cases};
    use super::*;

    #[test]
    fn the_folder_is_whole_deterministic_and_says_what_it_expects() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut recipe = Recipe::default();
        recipe.how.twins = true;
        let rows = Rows::of(&recipe).expect("rows").list;
        let maker = Maker::new(&recipe, &rows, &GenerateRequest::new("", 0), 64).expect("a maker");
        let all = cases(&recipe, &rows);
        let at = |name: &str| write(&dir.path().join(name), &maker, &all, "Fake", 64, |_| true);
        let (one, two) = (at("one").expect("written"), at("two").expect("written"));
        for file in [JOB, RECIPE, "cases.jsonl", "run.sh", "masks/row-00024-s1.png"] {
            let read = |dir: &Path| std::fs::read(dir.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert_eq!(read(&one), read(&two), "{file}");
        }
        let text = std::fs::read_to_string(one.join(JOB)).expect("a list");
        let job = Job::parse(&text).expect("a list");
        assert_eq!((job.cases.len(), job.tag.clone()), (42, recipe.tag()));
        assert!(Job::parse(&text.replace("\"version\": 1", "\"version\": 9")).expect_err("later").contains("version"));
        assert!(Job::parse(&text.replace("chexgen-job", "x")).is_err());
        let script = std::fs::read_to_string(one.join("run.sh")).expect("a script");
        assert!(script.contains("--steps 25 --guidance 2 --sampler dpmpp --preset paper"), "{script}");

        assert!(at("one").expect_err("taken").contains("already"));
        let stopped = write(&dir.path().join("three"), &maker, &all, "Fake", 64, |n| n < 5);
        assert!(stopped.expect_err("stopped").contains("stopped"));
        assert_eq!(std::fs::read_dir(dir.path()).expect("the folder").count(), 2, "nothing half-written stays");
    }
}
