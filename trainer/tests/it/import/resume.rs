//! An import that is interrupted goes on behind the last finished file.

use std::path::Path;
use std::time::SystemTime;

use candle_core::DType;
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::import::{ImportRequest, Outcome, Report, run};
use engine::pipeline::Pipeline;

use super::sources::*;

pub(super) fn request(sources: &Sources, dit: &Path, heads: usize, out: &str) -> ImportRequest {
    ImportRequest {
        dit: Some(dit.to_owned()),
        state_dict: None,
        heads: Some(heads),
        text: Some(sources.path("t5")),
        tokenizer: None,
        text_quantization: None,
        text_dtype: DType::BF16,
        autoencoder: Some(sources.path("vae")),
        name: None,
        out: sources.path(out),
        replace: false,
    }
}

fn done(request: &ImportRequest) -> Report {
    match run(request, &Cancel::new(), &mut |_| {}).unwrap() {
        Outcome::Done(report) => *report,
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

fn changed(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

#[test]
fn finished_files_are_kept_and_damaged_ones_written_again() {
    let sources = Sources::new();
    let request = request(&sources, &golden("control_weights.pth"), 4, "out");
    let out = &request.out;
    let dit = out.join("dit.safetensors");
    // Stopped in the middle of the text encoder.
    let cancel = Cancel::new();
    let mut steps = 0;
    let outcome = run(&request, &cancel, &mut |progress| {
        assert!(progress.done_bytes <= progress.total_bytes && progress.total_bytes > 0);
        if progress.part == "text.safetensors" {
            steps += 1;
            if steps == 3 {
                cancel.cancel();
            }
        }
    });
    assert_eq!(outcome.unwrap(), Outcome::Cancelled);
    let mut names: Vec<_> =
        std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["dit.safetensors", "import.json"], "nothing half-written, no description");
    let first = changed(&dit);

    std::fs::write(out.join(".writing-abc.tmp"), "left by a killed run").unwrap();
    let report = done(&request);
    assert_eq!(report.kept, ["dit.safetensors"]);
    assert_eq!(report.written, ["text.safetensors", "autoencoder.safetensors", "spiece.model", "preview.safetensors"]);
    assert_eq!(changed(&dit), first, "not written again");
    assert!(!out.join(".writing-abc.tmp").exists());
    let pipeline = Pipeline::open(out, &DeviceKind::Cpu).unwrap();

    let report = done(&request);
    assert_eq!((report.kept.len(), report.written.len()), (5, 0), "nothing left to do");

    let mut bytes = std::fs::read(&dit).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&dit, bytes).unwrap();
    assert_eq!(done(&request).written, ["dit.safetensors"], "damaged on disk");
    let again = Pipeline::open(out, &DeviceKind::Cpu).unwrap();
    assert_eq!(again.card(), pipeline.card(), "the same folder as without interruption");

    // Another import is another model, which is left alone unless that is asked for.
    let before = crate::support::files(out);
    let other = ImportRequest { text_dtype: DType::F32, ..request.clone() };
    let refused = run(&other, &Cancel::new(), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("holds another model (model.toml)") && refused.contains("--replace"), "{refused}");
    assert!(crate::support::files(out) == before);
    let request = ImportRequest { replace: true, ..request.clone() };
    let other = ImportRequest { text_dtype: DType::F32, ..request.clone() };
    assert_eq!(done(&other).written, ["text.safetensors"], "another type is another file");
    let other = ImportRequest { state_dict: Some("state_dict".into()), text_dtype: DType::F32, ..request.clone() };
    assert_eq!(done(&other).written, ["dit.safetensors"], "another dictionary, too");
    std::fs::write(out.join("import.json"), "{").unwrap();
    assert_eq!(done(&request).written.len(), 5, "an unreadable state means that nothing is finished");
}
