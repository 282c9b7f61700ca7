//! Which files belong to a study, by the name of its design.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use study::cases::CaseTable;
use study::design::Design;

/// Name of the design in its folder.
pub(super) const DESIGN: &str = "study.toml";
/// Name of the audit beside the design.
const AUDIT: &str = "audit.json";

/// A design with its table of cases.
pub(super) struct Opened {
    /// The folder that the design lies in.
    pub(super) folder: PathBuf,
    /// The name of files that are made of it.
    pub(super) name: String,
    /// The design.
    pub(super) design: Design,
    /// Its cases.
    pub(super) table: CaseTable,
}

/// Opens a design: the file, or the folder that it lies in.
pub(super) fn open(path: &Path) -> Result<Opened> {
    let file = match path.is_dir() {
        // Named without a "./" in every sentence.
        true if path == Path::new(".") => PathBuf::from(DESIGN),
        true => path.join(DESIGN),
        false => path.to_owned(),
    };
    let design = Design::read(&file)?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let table = CaseTable::read(&design, &folder)?;
    let own = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    // A design that has the usual name is called after its folder.
    let name = match Path::new(".")
        .join(&folder)
        .canonicalize()
        .ok()
        .and_then(|whole| Some(whole.file_name()?.to_string_lossy().into_owned()))
    {
        Some(folder) if file.ends_with(DESIGN) => folder,
        _ => own,
    };
    Ok(Opened { folder, name, design, table })
}

impl Opened {
    /// The audit beside the design.
    pub(super) fn audit_file(&self) -> PathBuf {
        self.folder.join(AUDIT)
    }
}

/// The same file with another ending, and words before it: `study-1.cxstudy` to `study-1-joined.json`.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    file.with_file_name(format!("{stem}{ending}"))
}

/// Refuses to replace a file that cannot be made again.
pub(super) fn must_be_new(file: &Path, what: &str) -> Result<()> {
    if file.exists() {
        bail!("{} is there already; {what}", file.display());
    }
    Ok(())
}

/// Writes a line to standard output.
pub(super) fn say(line: impl std::fmt::Display) -> Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}

/// "1 case", "2 cases".
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}
