//! What can be said when the studio is started.

use std::path::PathBuf;

use crate::reader;

/// The text of `--help`.
pub const HELP: &str = "\
ChexGen Studio: draw findings, type an impression, watch a radiograph form.

Usage: chexgen-studio [OPTIONS] [FILE]
       chexgen-studio read STUDY [--reader CODE] [--answers FILE] [--windowed]

  FILE           A saved image restores text, layers, seed and settings; a radiograph
                 (PNG, JPEG, DICOM) goes under the layers; masks become layers
  --model DIR    A model folder (default: the practice model)
  --data DIR     Where the studio keeps its own files (default: the user's data folder)
  --save DIR     Where Save writes (default: ChexGen Studio among the documents)
  --help         Print this; after `read`, the help of the reading window
  --version      Print the version

Without a display, the program beside this one does the same work: chexgen generate --impression \"…\"";

/// The headless program that does the same work, as a person calls it.
pub const HEADLESS: &str = "chexgen generate --impression \"…\"";

/// What the person asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// A model folder.
    pub model: Option<PathBuf>,
    /// The studio's own folder.
    pub data: Option<PathBuf>,
    /// Where Save writes.
    pub save: Option<PathBuf>,
    /// A saved image.
    pub open: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Open the window.
    Run(Arguments),
    /// Open the window of a reader study.
    Read(reader::cli::Arguments),
    /// Print the help.
    Help,
    /// Print the help of the reading window.
    HelpToRead,
    /// Print the version.
    Version,
}

/// Reads arguments, the program's name left out.
///
/// # Errors
/// One sentence that names the argument.
pub fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Wish, String> {
    let mut found = Arguments::default();
    let mut args = args.into_iter().peekable();
    if args.next_if(|first| first == "read").is_some() {
        return Ok(reader::cli::parse(args)?.map_or(Wish::HelpToRead, Wish::Read));
    }
    while let Some(arg) = args.next() {
        let mut folder = |name: &str| args.next().map(PathBuf::from).ok_or_else(|| format!("{name} needs a folder after it."));
        match arg.to_str() {
            Some("--help" | "-h") => return Ok(Wish::Help),
            Some("--version" | "-V") => return Ok(Wish::Version),
            Some("--model") => found.model = Some(folder("--model")?),
            Some("--data") => found.data = Some(folder("--data")?),
            Some("--save") => found.save = Some(folder("--save")?),
            Some(option) if option.starts_with("--") => return Err(format!("{option} is unknown; --help lists the options.")),
            _ if found.open.is_none() => found.open = Some(PathBuf::from(arg)),
            _ => return Err(format!("only one file can be opened at start; {} is a second one.", PathBuf::from(arg).display())),
        }
    }
    Ok(Wish::Run(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str]) -> Result<Wish, String> {
        parse(args.iter().map(std::ffi::OsString::from))
    }

    #[test]
    fn arguments_are_read() {
        let all = check(&["--model", "m", "a.png", "--data", "d", "--save", "s"]);
        let expected =
            Arguments { model: Some("m".into()), data: Some("d".into()), save: Some("s".into()), open: Some("a.png".into()) };
        assert_eq!(all, Ok(Wish::Run(expected)));
        assert_eq!(check(&[]), Ok(Wish::Run(Arguments::default())));
        assert_eq!(check(&["x.png", "--help"]), Ok(Wish::Help));
        assert_eq!(check(&["--version"]), Ok(Wish::Version));
        assert_eq!(check(&["read", "--help"]), Ok(Wish::HelpToRead));
        assert!(matches!(check(&["read", "a.cxstudy"]), Ok(Wish::Read(_))));
    }

    #[test]
    fn the_headless_program_is_named_as_a_person_calls_it() {
        assert!(HELP.contains(HEADLESS) && !HELP.contains("cargo"), "{HELP}");
        assert!(HEADLESS.starts_with("chexgen generate "));
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert!(check(&["--colour"]).is_err_and(|e| e.contains("--colour")));
        assert!(check(&["--data"]).is_err_and(|e| e.contains("--data")));
        assert!(check(&["a.png", "b.png"]).is_err_and(|e| e.contains("b.png")));
    }
}
