//! The leak audit, and the images of some cases before and after.

use std::path::Path;
use std::sync::Arc;

use engine::cancel::Cancel;
use study::audit::Options;
use study::cases::{CaseTable, read_image};
use study::design::Design;
use study::prepare::{AuditRecord, Equal, needs_audit};
use study::sealed::Source;

use super::super::state::{Audited, Pair};
use super::{Tick, of_record, sentence};

/// Name of the audit beside the design, as `chexgen study audit` writes it.
const AUDIT: &str = "audit.json";
/// Cases whose images are shown.
const SHOWN: usize = 8;

/// Audits the files as they came and the images as readers will see them, and writes the result beside the design.
pub(super) fn audit(design: &Design, folder: &Path, cancel: &Cancel, tick: Tick<'_>) -> Result<Audited, String> {
    design.check().map_err(sentence)?;
    let table = CaseTable::read(design, folder).map_err(sentence)?;
    if !needs_audit(design) {
        return Err("The arms show the same images, so nothing can tell them apart; sealing needs no audit.".to_owned());
    }
    let equal = Equal::survey(design, &table, cancel, &mut |done, of| tick("looking at images", done, of)).map_err(sentence)?;
    let options = Options { seed: design.seed, ..Options::default() };
    let record = equal.audit(design, &table, &options, cancel, &mut |part, done, of| tick(part, done, of)).map_err(sentence)?;
    record.write(&folder.join(AUDIT)).map_err(sentence)?;
    let pairs = pairs(design, &table, &equal)?;
    Ok(Audited { done: equal.done().to_vec(), side_px: equal.side_px(), pairs, ..of_record(design, record) })
}

fn pairs(design: &Design, table: &CaseTable, equal: &Equal) -> Result<Vec<Pair>, String> {
    // Spread over the table.
    let step = table.cases.len().div_ceil(SHOWN).max(1);
    let of_case = |case: &study::cases::Case| -> Result<Pair, String> {
        let mut images = Vec::new();
        for arm in design.arms.iter().filter(|arm| case.images.contains_key(*arm)) {
            let Some(path) = case.images.get(arm) else { continue };
            let before = read_image(path).map_err(sentence)?.image;
            let after = equal.image(Source::Arm(case, arm)).map_err(sentence)?;
            images.push((arm.clone(), Arc::new(before), Arc::new(after)));
        }
        Ok(Pair { case: case.id.clone(), images })
    };
    table.cases.iter().step_by(step).take(SHOWN).map(of_case).collect()
}

/// The audit that lies beside a design, where it is of the same settings.
pub(super) fn beside(design: &Design, folder: &Path) -> Option<Audited> {
    let record = AuditRecord::read(&folder.join(AUDIT)).ok()?;
    (record.settings == design.images).then(|| of_record(design, record))
}

/// A sentence where the work is to stop.
pub(super) fn stopped(cancel: &Cancel) -> Result<(), String> {
    if cancel.is_cancelled() { Err("Stopped; nothing was written.".to_owned()) } else { Ok(()) }
}
