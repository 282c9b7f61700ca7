//! Training that was killed goes on and ends where it would have ended.

use std::time::{Duration, Instant};

use crate::support::{files, stdout, tiny, train};

#[test]
fn a_killed_training_ends_with_the_same_weights() {
    let expected = tiny();
    let dir = tempfile::tempdir().unwrap();
    let (run, model) = (dir.path().join("run"), dir.path().join("model"));
    for moment in ["checker/step-00000002.json", "base/step-00000003.json", "control/step-00000004.json"] {
        let mut child = train(&expected.config, &run, Some(&model)).stderr(std::process::Stdio::null()).spawn().unwrap();
        let begin = Instant::now();
        while !run.join(moment).exists() && child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < Duration::from_secs(600), "{moment} never came");
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGKILL: no handler runs.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    stdout(&train(&expected.config, &run, Some(&model)).output().unwrap());
    for stage in ["autoencoder", "checker", "base", "control"] {
        let weights = |run: &std::path::Path| std::fs::read(run.join(stage).join("final.safetensors")).unwrap();
        assert!(weights(&run) == weights(&expected.run), "{stage} ends with other weights");
    }
    assert!(files(&model) == files(&expected.model), "the exported model differs");
}
