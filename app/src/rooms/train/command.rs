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

/// Makes a model of a run's newest checkpoint.
///
/// # Errors
/// One sentence, when the folder's name is no plain text.
pub fn export(run: &Path) -> Result<String, String> {
    Ok(line(&export_words(run)?))
}

/// The words of [`export`].
///
/// # Errors
/// As there.
pub fn export_words(run: &Path) -> Result<Vec<String>, String> {
    let folder = plain(run)?;
    let name = run.file_name().and_then(|name| name.to_str()).unwrap_or("run");
    Ok(["chexgen", "export", &folder, "--out", &format!("models/{name}")].map(str::to_owned).to_vec())
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
