//! A study and its key on disk: the plan, the images made equal, and what is said of their audit, put together.

use std::path::{Path, PathBuf};

use engine::cancel::Cancel;
use engine::store::atomic::write_atomic;
use engine::store::hash::{hash_bytes, hash_image};

use super::{AuditRecord, Equal, needs_audit};
use crate::cases::CaseTable;
use crate::design::Design;
use crate::error::StudyError;
use crate::key::Key;
use crate::plan::Plan;
use crate::sealed::{AuditNote, Source, seal};

/// What stands in the study where no audit is needed.
pub(crate) const SAME_IMAGES: &str = "the arms show the same images";

/// What is to be sealed.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The design.
    pub design: &'a Design,
    /// Its cases.
    pub table: &'a CaseTable,
    /// The sealed study (`NAME.cxstudy`); the key gets the same name with `.cxkey`.
    pub out: &'a Path,
    /// The audit of these images, where one was made.
    pub record: Option<&'a AuditRecord>,
    /// Why there is no audit, or why the study is sealed although something leaks; empty where neither is so.
    pub reason: &'a str,
    /// Stops it; nothing is written then.
    pub cancel: &'a Cancel,
}

/// The files that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The sealed study and the hash of its bytes.
    pub study: (PathBuf, String),
    /// The key and its hash.
    pub key: (PathBuf, String),
}

/// Why a study is not sealed. What can be done about it depends on the program, which says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A file of that name is there, and readers may have answered it.
    #[error("{} is there already; readers may have answered it", .0.display())]
    Exists(PathBuf),
    /// The arms show different images, no audit was made of them, and no reason was given.
    #[error("no leak audit was made of these images")]
    NoAudit,
    /// The audit is of other images or settings.
    #[error("the leak audit is of other images or settings than these")]
    OtherAudit,
    /// The audit found that the arms can be told apart by these probes, and no reason was given.
    #[error("the audit found that the arms can be told apart by {}", .0.join(", "))]
    Leaks(Vec<&'static str>),
    /// Anything else, in one sentence.
    #[error(transparent)]
    Study(#[from] StudyError),
}

/// Refuses to replace a study or a key that readers may have answered.
///
/// # Errors
/// When one of both files is there.
pub fn must_be_new(out: &Path) -> Result<(), SealError> {
    let there = [out.to_owned(), out.with_extension("cxkey")].into_iter().find(|file| file.exists());
    there.map_or(Ok(()), |file| Err(SealError::Exists(file)))
}

/// Writes a sealed study and its key, both or none. `progress` gets a word for the part, and how much of it is done.
///
/// # Errors
/// When a file is there already, the audit does not fit, an image cannot be read, the design has no plan, the files cannot
/// be written, or it was cancelled.
pub fn seal_files(order: &Order<'_>, progress: &mut dyn FnMut(&str, usize, usize)) -> Result<Files, SealError> {
    let Order { design, table, out, record, cancel, .. } = *order;
    let key_file = out.with_extension("cxkey");
    must_be_new(out)?;
    if record.is_none() && needs_audit(design) && order.reason.trim().is_empty() {
        return Err(SealError::NoAudit);
    }
    let plan = Plan::build(design, table)?;
    let equal = Equal::survey(design, table, cancel, &mut |done, all| progress("looking at images", done, all))?;
    let note = note(order, &equal)?;
    let audited = record.map(AuditRecord::images);
    let mut images = |source: Source<'_>| {
        if cancel.is_cancelled() {
            return Err(StudyError::Stopped);
        }
        let image = equal.image(source)?;
        if let (Source::Arm(case, arm), Some(audited)) = (source, &audited)
            && table.cases.iter().any(|other| other.id == case.id)
            && !audited.contains(hash_image(&image).as_str())
        {
            return Err(StudyError::input(&case.id, format!("its image of {arm} is not the one that was audited; audit again")));
        }
        Ok(image)
    };
    let mut made = seal(design, table, &plan, note, &mut images, &mut |done, all| progress("sealing", done, all))?;
    if cancel.is_cancelled() {
        return Err(StudyError::Stopped.into());
    }
    made.key.equalised = equal.done().iter().map(|done| (done.arm.clone(), done.steps.clone())).collect();
    made.key.bits = equal.bits();
    let key = made.key.to_bytes()?;
    let key_hash = Key::parse(&String::from_utf8_lossy(&key), &key_file.display().to_string())?.hash;
    // The study last, for it implies the key; without it the key is taken away again.
    write_atomic(&key_file, &key).map_err(StudyError::from)?;
    if let Err(error) = write_atomic(out, &made.study) {
        drop(std::fs::remove_file(&key_file));
        return Err(StudyError::from(error).into());
    }
    Ok(Files { study: (out.to_owned(), hash_bytes(&made.study)), key: (key_file, key_hash) })
}

/// What the study says of its audit; refuses one of other images, and a study that leaks without a reason.
fn note(order: &Order<'_>, equal: &Equal) -> Result<AuditNote, SealError> {
    let reason = order.reason.trim();
    let Some(record) = order.record else {
        let reason = if reason.is_empty() { SAME_IMAGES } else { reason };
        return Ok(AuditNote::LeftOut { reason: reason.to_owned() });
    };
    if !equal.was_audited(record) {
        return Err(SealError::OtherAudit);
    }
    let leaks: Vec<&'static str> = record.after.must_equalise().map(|finding| finding.probe.name()).collect();
    match (leaks.is_empty(), reason) {
        (true, _) => Ok(record.note("")),
        (false, "") => Err(SealError::Leaks(leaks)),
        (false, reason) => Ok(record.note(reason)),
    }
}
