//! What can be said after `chexgen-studio read`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Options;

/// The text of `chexgen-studio read --help`.
pub const HELP: &str = "\
Read a sealed study: score radiographs blind, by keys, in a window of its own.

Usage: chexgen-studio read STUDY [OPTIONS]

  STUDY           A sealed study (.cxstudy)
  --reader CODE   The code you were given; asked in the window where a study has several readers
  --answers FILE  Where answers go (default: NAME-CODE.cxanswers beside the study)
  --windowed      An ordinary window; otherwise the whole screen
  --text PERCENT  Size of the text, 80 to 200 (also Ctrl + and Ctrl − in the window)
  --help          Print this

Neither a model nor its weights are opened. Every answer is on the disk before the next image is shown;
a window that is closed or killed goes on where it stood when the study is opened again.";

/// What the reader asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Study, reader and answers.
    pub options: Options,
    /// Whether the window does not fill the screen.
    pub windowed: bool,
}

/// Reads what comes after `read`; nothing is the wish for help.
///
/// # Errors
/// One sentence that names the argument.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut found = Arguments { options: Options { text_percent: 100, ..Options::default() }, ..Arguments::default() };
    let mut study = None;
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut value = |name: &str, what: &str| args.next().ok_or_else(|| format!("{name} needs {what} after it."));
        match arg.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--windowed") => found.windowed = true,
            Some("--answers") => found.options.answers = Some(PathBuf::from(value("--answers", "a file")?)),
            Some("--reader") => {
                let code = value("--reader", "a code")?.into_string();
                found.options.reader = Some(code.map_err(|_| "--reader needs a code in plain letters.".to_owned())?);
            }
            Some("--text") => {
                let percent = value("--text", "a number")?;
                let percent = percent.to_str().and_then(|p| p.trim_end_matches('%').parse().ok());
                let percent = percent.filter(|p| (80..=200).contains(p));
                found.options.text_percent = percent.ok_or("--text needs a number between 80 and 200.")?;
            }
            Some(option) if option.starts_with("--") => {
                return Err(format!("{option} is unknown; chexgen-studio read --help lists the options."));
            }
            _ if study.is_none() => study = Some(PathBuf::from(arg)),
            _ => return Err(format!("one study is read at a time; {} is a second one.", PathBuf::from(arg).display())),
        }
    }
    let missing = "read needs a sealed study after it: chexgen-studio read NAME.cxstudy".to_owned();
    found.options.study = study.ok_or(missing)?;
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str]) -> Result<Option<Arguments>, String> {
        parse(args.iter().map(OsString::from))
    }

    #[test]
    fn arguments_are_read() {
        let all = check(&["a.cxstudy", "--reader", "R2", "--answers", "b.cxanswers", "--windowed", "--text", "150"]);
        let options = Options {
            study: "a.cxstudy".into(),
            reader: Some("R2".to_owned()),
            answers: Some("b.cxanswers".into()),
            text_percent: 150,
        };
        assert_eq!(all, Ok(Some(Arguments { options, windowed: true })));
        assert_eq!(check(&["a.cxstudy", "--help"]), Ok(None));
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (args, word) in [
            (&[][..], "sealed study"),
            (&["a", "b"], "second"),
            (&["a", "--colour"], "--colour"),
            (&["a", "--reader"], "--reader"),
            (&["a", "--text", "300"], "80 and 200"),
        ] {
            assert!(check(args).is_err_and(|why| why.contains(word)), "{args:?}");
        }
    }
}
