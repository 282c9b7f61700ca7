//! The studio's files in the headless program: a job folder that the studio writes is worked through by `chexgen` with
//! the practice model, and its results come back as what was asked for.

#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod e2e;
mod full_disk;
mod screen;
mod training;

use std::path::Path;
use std::process::Command;

use app::dataset::cases::{Maker, Rows, cases};
use app::dataset::import;
use app::dataset::job_folder;
use app::dataset::recipe::Recipe;
use engine::domain::GenerateRequest;

/// The headless program, built together with this test, so that it is never an older one.
const CHEXGEN: &str = env!("CARGO_BIN_EXE_chexgen-under-test");

#[test]
fn a_job_folder_is_worked_through_and_comes_back() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice");
    if !model.join("model.toml").is_file() {
        println!("skipped: the practice model is not there");
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut recipe = Recipe::default();
    recipe.name = "Three rows".to_owned();
    recipe.how.steps = Some(2);
    if let Some(quotas) = &mut recipe.who.quotas {
        quotas.rows = 4;
        quotas.together = vec![1, 1, 1];
    }
    let rows = Rows::of(&recipe).expect("rows").list;
    let natural = GenerateRequest::new("", 0);
    let maker = Maker::new(&recipe, &rows, &natural, 256).expect("a maker");
    let all = cases(&recipe, &rows);
    let folder = job_folder::write(&dir.path().join("job"), &maker, &all, "practice", 256, |_| true).expect("written");

    let run = |folder: &Path| {
        let mut command = Command::new("sh");
        command.arg(folder.join("run.sh")).env("CHEXGEN", CHEXGEN).env("CHEXGEN_MODEL", &model);
        command.output().expect("the script runs")
    };
    let output = run(&folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let back = import::read(&folder, |_| true).expect("a job folder");
    assert!(back.missing.is_empty() && back.refused.is_empty(), "{}", back.sentence());
    assert_eq!(back.arrived.len(), 4);
    for arrived in &back.arrived {
        let made = maker.make(arrived.case).expect("a request");
        assert_eq!(arrived.record.request.annotations, made.request.annotations, "{}", arrived.name);
    }

    // A lost result is named, made again by the same script, and is the same.
    let lost = &back.arrived[1];
    let before = std::fs::read(&lost.file).expect("an image");
    for ending in ["png", "json"] {
        std::fs::remove_file(lost.file.with_extension(ending)).expect("removed");
    }
    let again = import::read(&folder, |_| true).expect("a job folder");
    assert_eq!(again.missing, [lost.case]);
    assert!(run(&folder).status.success());
    assert_eq!(std::fs::read(&lost.file).expect("an image"), before);
}
