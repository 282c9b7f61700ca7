//! Sealing a study, looking at one that is read, and opening the reading window.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use engine::cancel::Cancel;
use engine::store::atomic::write_atomic;
use engine::store::hash::{hash_bytes, hash_image};
use study::StudyError;
use study::answers::{Answers, AnswersFile};
use study::cases::CaseTable;
use study::design::Design;
use study::key::Key;
use study::plan::Plan;
use study::prepare::{AuditRecord, Equal, needs_audit};
use study::sealed::{AuditNote, Source, Study, seal as seal_study};

use super::super::state::{Hashes, Reader, Reading};
use super::audit::stopped;
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
    let key_file = out.with_extension("cxkey");
    for file in [out, &key_file] {
        if file.exists() {
            return Err(format!(
                "{} is there already, and readers may have answered it; take it away or choose another name.",
                file.display()
            ));
        }
    }
    design.check().map_err(sentence)?;
    let table = CaseTable::read(design, &order.folder).map_err(sentence)?;
    let plan = Plan::build(design, &table).map_err(sentence)?;
    let equal =
        Equal::survey(design, &table, &order.cancel, &mut |done, of| tick("looking at images", done, of)).map_err(sentence)?;
    let note = note(order, &equal)?;
    let audited = order.record.as_ref().map(|record| record.images());
    let mut images = |source: Source<'_>| {
        let image = equal.image(source)?;
        if order.cancel.is_cancelled() {
            return Err(StudyError::Stopped);
        }
        if let (Source::Arm(case, arm), Some(audited)) = (source, &audited)
            && table.cases.iter().any(|other| other.id == case.id)
            && !audited.contains(hash_image(&image).as_str())
        {
            return Err(StudyError::input(&case.id, format!("its image of {arm} is not the one that was audited; audit again")));
        }
        Ok(image)
    };
    let made = seal_study(design, &table, &plan, note, &mut images, &mut |done, of| tick("sealing", done, of));
    let mut made = made.map_err(sentence)?;
    stopped(&order.cancel)?;
    made.key.equalised = equal.done().iter().map(|done| (done.arm.clone(), done.steps.clone())).collect();
    made.key.bits = equal.bits();
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
    }
    // The study last, for it implies the key; without it the key is taken away again.
    made.key.write(&key_file).map_err(sentence)?;
    if let Err(error) = write_atomic(out, &made.study) {
        drop(std::fs::remove_file(&key_file));
        return Err(sentence(error));
    }
    let key = Key::read(&key_file).map_err(sentence)?;
    Ok(Hashes { study: (out.clone(), hash_bytes(&made.study)), key: (key_file, key.hash) })
}

/// What the study says of its audit; refuses one of other images, and a study that leaks without a reason.
fn note(order: &Order, equal: &Equal) -> Result<AuditNote, String> {
    let reason = order.reason.trim();
    let Some(record) = &order.record else {
        return match (needs_audit(&order.design), reason) {
            (false, _) => Ok(AuditNote::LeftOut { reason: "the arms show the same images".to_owned() }),
            (true, "") => Err("No leak audit was made; audit the images first, or say why there is none.".to_owned()),
            (true, reason) => Ok(AuditNote::LeftOut { reason: reason.to_owned() }),
        };
    };
    if !equal.was_audited(record) {
        return Err("The audit is of other images or settings than these; audit again.".to_owned());
    }
    let leaks: Vec<&str> = record.after.must_equalise().map(|finding| finding.probe.name()).collect();
    if !leaks.is_empty() && reason.is_empty() {
        return Err(format!(
            "The arms can still be told apart by {}; make the images equal, or say why it is sealed all the same.",
            leaks.join(", ")
        ));
    }
    Ok(record.note(if leaks.is_empty() { "" } else { reason }))
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
