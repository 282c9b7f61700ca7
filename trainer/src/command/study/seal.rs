//! Make the sealed study and its key.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use study::prepare::{AuditRecord, Order, SealError, must_be_new, needs_audit, seal_files};
use study::sealed::grouped;

use super::files::{self, Opened, count, say};
use super::progress::Step;

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The design (study.toml), or the folder that it lies in.
    #[arg(value_name = "DESIGN")]
    design: PathBuf,
    /// The sealed study; the key gets the same name with .cxkey. Beside the design and called after its folder, if left out.
    #[arg(long, value_name = "NAME.cxstudy")]
    out: Option<PathBuf>,
    /// Seal without a leak audit, and say why; the reason stands in the study and in the report.
    #[arg(long, value_name = "REASON", conflicts_with = "despite_leaks")]
    without_audit: Option<String>,
    /// Seal although the audit found a leak, and say why; the reason stands in the study and in the report.
    #[arg(long, value_name = "REASON")]
    despite_leaks: Option<String>,
}

const AFTER_HELP: &str = "\
Readers get the .cxstudy alone: it holds images, plan and words under opaque names, and no arm. The .cxkey tells whose is \
whose; keep it until the last answer is locked. The same design, cases, images and seed give the same two files, byte for \
byte. Register the hash before the first answer: an edited study has another one.

Exit codes: 0 done, 1 failed, 3 interrupted (nothing is written).";

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let opened = files::open(&args.design)?;
    let out = args.out.clone().unwrap_or_else(|| opened.folder.join(format!("{}.cxstudy", opened.name)));
    if out.extension().is_none_or(|ending| ending != "cxstudy") {
        bail!("--out: {} must end with .cxstudy", out.display());
    }
    must_be_new(&out).map_err(|error| explained(error, &opened))?;
    let record = record(args, &opened)?;
    let reason = args.without_audit.as_deref().or(args.despite_leaks.as_deref()).unwrap_or_default();
    let (design, table) = (&opened.design, &opened.table);
    let step = Step::begin("looking at images")?;
    let order = Order { design, table, out: &out, record: record.as_ref(), reason, cancel: &step.cancel };
    let made = match seal_files(&order, &mut |part, done, all| step.part(part, done, all)) {
        Err(SealError::Study(error)) => Err(error),
        Err(error) => {
            step.end();
            return Err(explained(error, &opened));
        }
        Ok(made) => Ok(made),
    };
    let Some(made) = step.made(made)? else { return Ok(ExitCode::from(3)) };
    say(format!("{}: {}, {}", out.display(), count(table.cases.len(), "case"), count(design.readers.len(), "reader")))?;
    say(format!("  hash {}", grouped(&made.study.1)))?;
    say(format!("{}: the key; keep it to yourself", made.key.0.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be done where no audit fits.
const REMEDY: &str = "run `chexgen study audit` first, or give --without-audit REASON";

/// The audit beside the design, where one is needed; refuses what cannot be sealed before any image is opened.
fn record(args: &Args, opened: &Opened) -> Result<Option<AuditRecord>> {
    given("--despite-leaks", args.despite_leaks.as_deref())?;
    if given("--without-audit", args.without_audit.as_deref())?.is_some() || !needs_audit(&opened.design) {
        return Ok(None);
    }
    let file = opened.audit_file();
    if !file.exists() {
        bail!("{} ({} is missing); {REMEDY}", SealError::NoAudit, file.display());
    }
    Ok(Some(AuditRecord::read(&file)?))
}

/// Why nothing was sealed, with what can be done about it here.
fn explained(error: SealError, opened: &Opened) -> anyhow::Error {
    match &error {
        SealError::Exists(_) => anyhow!("{error}; take it away or choose another name with --out"),
        SealError::OtherAudit => anyhow!("{}: {error}; {REMEDY}", opened.audit_file().display()),
        SealError::NoAudit => anyhow!("{error}; {REMEDY}"),
        SealError::Leaks(_) => {
            anyhow!("{error}; change [images] in the design and audit again, or give --despite-leaks REASON")
        }
        _ => error.into(),
    }
}

/// A reason that says something.
fn given<'a>(option: &str, reason: Option<&'a str>) -> Result<Option<&'a str>> {
    match reason.map(str::trim) {
        Some("") => bail!("{option}: say why"),
        Some(reason) if reason.chars().count() > 1000 => bail!("{option}: say it in at most 1000 characters"),
        reason => Ok(reason),
    }
}
