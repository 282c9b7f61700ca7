//! The commands that the room copies, as `chexgen` takes them.

use std::path::Path;

use crate::rooms::runs::command::line;

/// Goes on with a run.
///
/// # Errors
/// One sentence, when the folder's name is no plain text.
pub fn resume(run: &Path) -> Result<String, String> {
    Ok(line(&resume_words(run)?))
}

/// The words of [`resume`].
///
/// # Errors
/// As there.
pub fn resume_words(run: &Path) -> Result<Vec<String>, String> {
    let folder = plain(run)?;
    let config = plain(&run.join("config.toml"))?;
    Ok(["chexgen", "train", &config, "--out", &folder].map(str::to_owned).to_vec())
}

/// Makes a model of a run's checkpoint: its description and its update. Each update goes into a folder of its own, so that the
/// command works where an earlier model of the run was exported, and costs nobody that one.
///
/// # Errors
/// One sentence, when the folder's name is no plain text.
pub fn export(run: &Path, checkpoint: Option<(&Path, u64)>) -> Result<String, String> {
    Ok(line(&export_words(run, checkpoint)?))
}

/// The words of [`export`].
///
/// # Errors
/// As there.
pub fn export_words(run: &Path, checkpoint: Option<(&Path, u64)>) -> Result<Vec<String>, String> {
    let from = plain(checkpoint.map_or(run, |(path, _)| path))?;
    let name = run.file_name().and_then(|name| name.to_str()).unwrap_or("run");
    let step = checkpoint.map(|(_, step)| format!("-{step}")).unwrap_or_default();
    Ok(["chexgen", "export", &from, "--out", &format!("models/{name}{step}")].map(str::to_owned).to_vec())
}

/// Shows the same numbers in TensorBoard.
///
/// # Errors
/// One sentence, when the folder's name is no plain text.
pub fn tensorboard(run: &Path) -> Result<String, String> {
    Ok(line(&["tensorboard".to_owned(), "--logdir".to_owned(), plain(run)?]))
}

/// A path that no program takes for an option.
fn plain(path: &Path) -> Result<String, String> {
    match path.to_str() {
        Some(text) if text.starts_with('-') => Ok(format!("./{text}")),
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("The folder's name is not plain text, so no command can name it: {}.", path.display())),
    }
}
