//! Sealing a study, looking at one that is read, and opening the reading window.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use engine::cancel::Cancel;
use study::answers::{Answers, AnswersFile};
use study::cases::CaseTable;
use study::design::Design;
use study::prepare::{self, AuditRecord, SealError, must_be_new, needs_audit, seal_files};
use study::sealed::Study;

use super::super::state::{Hashes, Reader, Reading};
use super::{Tick, sentence};

/// What is to be sealed.
#[derive(Clone, Debug)]
pub struct Order {
    /// The design.
    pub design: Design,
    /// The folder that it lies in.
    pub folder: PathBuf,
    /// The sealed study; the key gets the same name with `.cxkey`.
    pub out: PathBuf,
    /// The audit of these images.
    pub record: Option<Arc<AuditRecord>>,
    /// Why there is none, or why the study is sealed although something leaks; empty where neither is so.
    pub reason: String,
    /// Stops it.
    pub cancel: Cancel,
}

/// Writes the sealed study and its key.
pub(super) fn seal(order: &Order, tick: Tick<'_>) -> Result<Hashes, String> {
    let (design, out) = (&order.design, &order.out);
    must_be_new(out).map_err(explained)?;
    design.check().map_err(sentence)?;
    let table = CaseTable::read(design, &order.folder).map_err(sentence)?;
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
    }
    // A reason that was written for another template says nothing where the arms show the same images.
    let reason = if needs_audit(design) { order.reason.as_str() } else { "" };
    let record = order.record.as_deref();
    let sealing = prepare::Order { design, table: &table, out, record, reason, cancel: &order.cancel };
    let files = seal_files(&sealing, &mut |part, done, of| tick(part, done, of)).map_err(explained)?;
    Ok(Hashes { study: files.study, key: files.key })
}

/// Why nothing was sealed, with what can be done about it in this room.
fn explained(error: SealError) -> String {
    match &error {
        SealError::Exists(_) => format!("{error}; take it away or choose another name."),
        SealError::NoAudit => "No leak audit was made; audit the images first, or say why there is none.".to_owned(),
        SealError::OtherAudit => "The audit is of other images or settings than these; audit again.".to_owned(),
        SealError::Leaks(probes) => format!(
            "The arms can still be told apart by {}; make the images equal, or say why it is sealed all the same.",
            probes.join(", ")
        ),
        _ => sentence(error),
    }
}

/// A sealed study, and how far its readers are; no score is read.
pub(super) fn look(path: &Path) -> Result<Reading, String> {
    let study = Study::open(path).map_err(sentence)?;
    let sheet = study.sheet();
    let reader = |plan: &study::plan::ReaderPlan| {
        let file = Answers::file_beside(path, &plan.reader);
        let mut reader = Reader { code: plan.reader.clone(), trials: plan.len(), file, ..Reader::default() };
        if reader.file.exists() {
            let read = AnswersFile::read(&reader.file).map_err(sentence).and_then(|answers| {
                if answers.study != study.hash() {
                    return Err("These are answers of another study.".to_owned());
                }
                Ok(answers.progress(sheet.template))
            });
            reader.simulated = read.as_ref().is_ok_and(|progress| progress.simulated);
            reader.locked = Some(read.map(|progress| progress.locked()));
        }
        reader
    };
    Ok(Reading {
        title: sheet.title.clone(),
        question: sheet.question.clone(),
        hash: study.hash().to_owned(),
        readers: sheet.readers.iter().map(reader).collect(),
    })
}

/// Opens the reading window as a program of its own and waits until it is closed.
pub(super) fn kiosk(study: &Path, reader: Option<&str>) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("The studio's own program is not found: {error}."))?;
    let mut command = Command::new(program);
    command.arg("read").arg(study);
    if let Some(code) = reader {
        command.args(["--reader", code]);
    }
    let ended = command.status().map_err(|error| format!("The reading window cannot be opened: {error}."))?;
    if ended.success() {
        return Ok(());
    }
    Err(format!("The reading window ended early ({ended}); every answer that was locked is kept. Open it again to go on."))
}
