use super::*;
use crate::testing::{design, table};

#[test]
fn an_audit_is_known_again_and_other_images_are_not_its() {
    let dir = tempfile::tempdir().expect("a folder");
    let design = design(Template::ReportAlignment, 1, 2);
    let table = table(&design, dir.path(), 6, 0);
    let equal = Equal::survey(&design, &table, &Cancel::new(), &mut |_, _| {}).expect("a survey");
    assert_eq!(equal.side_px(), 16);
    let options = audit::Options { permutations: 199, ..audit::Options::default() };
    let record = equal.audit(&design, &table, &options, &Cancel::new(), &mut |_, _, _| {}).expect("an audit");
    assert_eq!(record.images().len(), 12);
    let file = dir.path().join("audit.json");
    record.write(&file).expect("a file");
    let read = AuditRecord::read(&file).expect("an audit");
    assert!(equal.was_audited(&read) && read.note("") == record.note(""));
    let seen = equal.image(Source::Arm(&table.cases[0], "arm1")).expect("an image");
    assert!(record.images().contains(hash_image(&seen).as_str()));

    // Another image, another setting, another seed: another audit is needed.
    let survey = |design: &Design| Equal::survey(design, &table, &Cancel::new(), &mut |_, _| {}).expect("a survey");
    let mut other = design.clone();
    other.images.trim_borders = !other.images.trim_borders;
    assert!(!survey(&other).was_audited(&record));
    let mut other = design.clone();
    other.seed += 1;
    assert!(!survey(&other).was_audited(&record));
    let path = &table.cases[2].images["arm2"];
    std::fs::copy(&table.cases[3].images["arm2"], path).expect("another image");
    assert!(!survey(&design).was_audited(&record));

    let stop = Cancel::new();
    stop.cancel();
    assert!(matches!(Equal::survey(&design, &table, &stop, &mut |_, _| {}), Err(StudyError::Stopped)));
    assert!(matches!(equal.audit(&design, &table, &options, &stop, &mut |_, _, _| {}), Err(StudyError::Stopped)));

    std::fs::write(&file, "{}").expect("a file");
    let error = AuditRecord::read(&file).expect_err("no audit").to_string();
    assert!(error.contains("audit again") && !error.contains('\n'), "{error}");
    std::fs::write(path, "hello").expect("a file");
    let error = Equal::survey(&design, &table, &Cancel::new(), &mut |_, _| {}).expect_err("no image").to_string();
    assert!(error.contains("secret-arm2-2.png") && !error.contains('\n'), "{error}");
}

#[test]
fn a_study_is_sealed_with_its_audit_or_a_reason_and_never_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let design = design(Template::ReportAlignment, 1, 2);
    let table = table(&design, dir.path(), 6, 0);
    let cancel = Cancel::new();
    let seal = |out: &Path, record: Option<&AuditRecord>, reason: &str| {
        let order = Order { design: &design, table: &table, out, record, reason, cancel: &cancel };
        seal_files(&order, &mut |_, _, _| {})
    };
    let out = |name: &str| dir.path().join(name);
    assert!(matches!(seal(&out("a.cxstudy"), None, " "), Err(SealError::NoAudit)));
    let first = seal(&out("a.cxstudy"), None, "a test").expect("sealed");
    assert_eq!(first.key.0, out("a.cxkey"));
    assert!(matches!(seal(&out("a.cxstudy"), None, "a test"), Err(SealError::Exists(_))));
    let second = seal(&out("b.cxstudy"), None, "a test").expect("sealed");
    assert_eq!((first.study.1, first.key.1), (second.study.1, second.key.1), "the same inputs give the same files");

    let equal = Equal::survey(&design, &table, &cancel, &mut |_, _| {}).expect("a survey");
    let options = audit::Options { permutations: 199, ..audit::Options::default() };
    let mut record = equal.audit(&design, &table, &options, &cancel, &mut |_, _, _| {}).expect("an audit");
    match seal(&out("c.cxstudy"), Some(&record), "") {
        // Six small images a side may leak or not; either is said, and a reason is enough.
        Err(SealError::Leaks(probes)) => assert!(!probes.is_empty()),
        sealed => drop(sealed.expect("sealed")),
    }
    assert!(seal(&out("d.cxstudy"), Some(&record), "accepted in a test").is_ok());
    record.sources = "0".repeat(64);
    assert!(matches!(seal(&out("e.cxstudy"), Some(&record), ""), Err(SealError::OtherAudit)));
    cancel.cancel();
    assert!(matches!(seal(&out("f.cxstudy"), None, "a test"), Err(SealError::Study(StudyError::Stopped))));
    assert!(["e", "f"].iter().all(|name| !out(&format!("{name}.cxstudy")).exists() && !out(&format!("{name}.cxkey")).exists()));
}
