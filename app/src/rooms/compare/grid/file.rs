//! The grid of the last start, kept as one small file.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use engine::store::atomic::write_atomic;
use engine::store::record::{request_from_json, request_to_json};
use serde::{Deserialize, Serialize};

use super::{Axis, Case, Parameter};

/// What the file says it is.
const FORMAT: &str = "chexgen-grid";
/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GridFile {
    format: String,
    version: u32,
    name: String,
    request: String,
    x: AxisFile,
    y: AxisFile,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AxisFile {
    parameter: String,
    values: String,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("grid.json")
}

/// Keeps a grid.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn keep(folder: &Path, case: &Case, axes: &[Axis; 2]) -> anyhow::Result<()> {
    let axis = |axis: &Axis| AxisFile { parameter: axis.parameter.word(), values: axis.typed.clone() };
    let file = GridFile {
        format: FORMAT.to_owned(),
        version: 1,
        name: case.name.clone(),
        request: request_to_json(&case.request)?,
        x: axis(&axes[0]),
        y: axis(&axes[1]),
    };
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    write_atomic(&path(folder), serde_json::to_string(&file)?.as_bytes())?;
    Ok(())
}

/// The grid that was kept last; `None` when there is none.
///
/// # Errors
/// When the file is none of ours or damaged.
pub(super) fn load(folder: &Path) -> anyhow::Result<Option<(Case, [Axis; 2])>> {
    let path = path(folder);
    let Ok(about) = std::fs::metadata(&path) else { return Ok(None) };
    anyhow::ensure!(about.len() <= MOST_BYTES, "grid.json is too large to be a grid; take it away");
    let text = std::fs::read_to_string(&path).context("grid.json cannot be read")?;
    let file: GridFile = serde_json::from_str(&text).context("grid.json is no grid of this studio; take it away")?;
    anyhow::ensure!(file.format == FORMAT && file.version == 1, "grid.json was written by a later version; use that one");
    let request = request_from_json(&file.request, "grid.json")?;
    let axis = |axis: AxisFile| {
        let parameter = Parameter::from_word(&axis.parameter);
        parameter
            .map(|parameter| Axis { parameter, typed: axis.values })
            .with_context(|| format!("grid.json varies {:?}, which this version does not know", axis.parameter))
    };
    Ok(Some((Case { name: file.name, request }, [axis(file.x)?, axis(file.y)?])))
}

#[cfg(test)]
mod tests {
    use engine::domain::GenerateRequest;

    use super::*;

    #[test]
    fn a_grid_comes_back_and_damage_is_a_sentence() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert!(load(dir.path()).expect("none is no error").is_none());
        let case = Case { name: "Case".to_owned(), request: GenerateRequest::new("Clear lungs.", 7) };
        let axes = [
            Axis { parameter: Parameter::Seed, typed: "1, 2".to_owned() },
            Axis { parameter: Parameter::LastStep(1), typed: "0.5".to_owned() },
        ];
        keep(dir.path(), &case, &axes).expect("it is kept");
        assert_eq!(load(dir.path()).expect("it is read"), Some((case, axes)));
        std::fs::write(path(dir.path()), "{\"format\": \"other\"}").expect("the folder is writable");
        let why = load(dir.path()).expect_err("it is none of ours").to_string();
        assert!(why.contains("grid.json"), "{why}");
    }
}
