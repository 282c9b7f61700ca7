//! Make the sealed study and its key.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use engine::store::atomic::write_atomic;
use engine::store::hash::{hash_bytes, hash_image};
use study::StudyError;
use study::plan::Plan;
use study::prepare::{AuditRecord, Equal, needs_audit};
use study::sealed::{AuditNote, Source, grouped, seal};

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
    let key_file = out.with_extension("cxkey");
    for file in [&out, &key_file] {
        files::must_be_new(file, "readers may have answered it; take it away or choose another name with --out")?;
    }
    let (design, table) = (&opened.design, &opened.table);
    let record = record(args, &opened)?;
    let plan = Plan::build(design, table)?;
    let step = Step::begin("looking at images")?;
    let looked = Equal::survey(design, table, &step.cancel, &mut |done, all| step.at(done, all));
    let Some(equal) = step.made(looked)? else { return Ok(ExitCode::from(3)) };
    let note = audited(args, &opened, &equal, record.as_ref())?;
    let step = Step::begin("sealing")?;
    let mut images = |source: Source<'_>| {
        if step.cancel.is_cancelled() {
            return Err(StudyError::Stopped);
        }
        let image = equal.image(source)?;
        if let (Source::Arm(case, arm), Some(record)) = (source, &record)
            && table.cases.iter().any(|other| other.id == case.id)
            && !record.images().contains(hash_image(&image).as_str())
        {
            return Err(StudyError::input(&case.id, format!("its image of {arm} is not the one that was audited; audit again")));
        }
        Ok(image)
    };
    let made = seal(design, table, &plan, note, &mut images, &mut |done, all| step.at(done, all));
    let Some(mut made) = step.made(made)? else { return Ok(ExitCode::from(3)) };
    made.key.equalised = equal.done().iter().map(|done| (done.arm.clone(), done.steps.clone())).collect();
    made.key.bits = equal.bits();
    // The study last, for it implies the key; without it the key is taken away again.
    made.key.write(&key_file)?;
    if let Err(error) = write_atomic(&out, &made.study) {
        drop(std::fs::remove_file(&key_file));
        return Err(error.into());
    }
    say(format!("{}: {}, {}", out.display(), count(table.cases.len(), "case"), count(design.readers.len(), "reader")))?;
    say(format!("  hash {}", grouped(&hash_bytes(&made.study))))?;
    say(format!("{}: the key; keep it to yourself", key_file.display()))?;
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
        bail!("no leak audit was made of these images ({} is missing); {REMEDY}", file.display());
    }
    Ok(Some(AuditRecord::read(&file)?))
}

/// What the study says of its audit; refuses one of other images, and a study that leaks.
fn audited(args: &Args, opened: &Opened, equal: &Equal, record: Option<&AuditRecord>) -> Result<AuditNote> {
    let Some(record) = record else {
        let reason = args.without_audit.as_deref().map_or("the arms show the same images", str::trim);
        return Ok(AuditNote::LeftOut { reason: reason.to_owned() });
    };
    if !equal.was_audited(record) {
        bail!("{} is of other images or settings than these; {REMEDY}", opened.audit_file().display());
    }
    let leaks: Vec<&str> = record.after.must_equalise().map(|finding| finding.probe.name()).collect();
    match (leaks.is_empty(), given("--despite-leaks", args.despite_leaks.as_deref())?) {
        (false, None) => bail!(
            "the audit found that the arms can be told apart by {}; change [images] in the design and audit again, or give --despite-leaks REASON",
            leaks.join(", ")
        ),
        (false, Some(reason)) => Ok(record.note(reason)),
        (true, _) => Ok(record.note("")),
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
