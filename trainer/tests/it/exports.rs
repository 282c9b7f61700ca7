//! Exports that are killed, and exports over a model that is there: a folder is the one model or the other, or it is refused.

#![cfg(unix)]

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use crate::stages::{runs, train};
use crate::support::{files, run, stderr, stdout, tiny};
use crate::training_input::sentence;

#[test]
fn an_export_that_is_killed_leaves_the_folder_as_it_was() {
    let runs = runs();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let control = runs.control.to_str().unwrap();
    let export = |ema: &str, out: &str| stdout(&run(dir, &["export", control, "--ema", ema, "--out", out, "--replace"]));
    export("5", "slow");
    export("2", "quick");
    let whole = files(&dir.join("slow"));
    let largest = whole.values().map(Vec::len).max().unwrap() / 1024;
    // A limit on the size of files ends the program in the middle of the largest one, as a kill does.
    let killed = |blocks: usize, out: &str| {
        let script = "ulimit -c 0; ulimit -f $1; exec \"$0\" export \"$2\" --ema 5 --replace --out \"$3\"";
        let mut command = Command::new("bash");
        command.args(["-c", script, env!("CARGO_BIN_EXE_chexgen"), &blocks.to_string(), control, out]).current_dir(dir);
        let output = command.output().unwrap();
        assert!(output.status.signal().is_some(), "{:?} {}", output.status, stderr(&output));
    };
    let generate = |model: &str| {
        let args = ["generate", "--model", model, "--impression", "Normal.", "--steps", "1", "--out", "image"];
        run(dir, &args)
    };
    // Into a new folder: it is no model before it is whole.
    killed(largest / 2, "new");
    assert!(!dir.join("new/model.toml").exists());
    assert!(stderr(&generate("new")).contains("model.toml"));
    // Over an older model: that one is still whole.
    let before = files(&dir.join("quick"));
    killed(largest / 2, "quick");
    let mut after = files(&dir.join("quick"));
    after.retain(|name, _| !name.starts_with(".writing-"));
    assert!(after == before);
    stdout(&generate("quick"));
    for out in ["new", "quick"] {
        export("5", out);
        assert!(files(&dir.join(out)) == whole, "{out} is whole, and nothing is left lying about");
    }
    let kept = tiny().model.join("model.toml");
    assert!(kept.is_file(), "the parts are as they were");
}

/// The sentence of a folder that is no whole model; none where it makes an image.
fn refusal(dir: &Path, model: &str) -> Option<String> {
    let args = ["generate", "--model", model, "--impression", "Normal.", "--steps", "1", "--out", "image"];
    let output = run(dir, &args);
    drop(std::fs::remove_dir_all(dir.join("image")));
    (!output.status.success()).then(|| stderr(&output))
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for (name, bytes) in files(from) {
        std::fs::write(to.join(name), bytes).unwrap();
    }
}

#[test]
fn between_any_two_files_of_an_export_a_folder_is_the_old_model_or_the_new_one_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let new = &tiny().model;
    // Another model in every file but the tokenizer: the last byte of each is a number of a tensor.
    let old = dir.join("old");
    copied(new, &old);
    let mut toml = std::fs::read_to_string(old.join("model.toml")).unwrap();
    let order = ["tokenizer.json", "text", "dit", "autoencoder", "checker", "preview", "model.toml"];
    let order = order.map(|name| if name.contains('.') { name.to_owned() } else { format!("{name}.safetensors") });
    for name in &order[1..6] {
        let path = old.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let before = engine::store::hash::hash_bytes(&bytes);
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        toml = toml.replace(&before, &engine::store::hash::hash_bytes(&bytes));
        std::fs::write(&path, bytes).unwrap();
    }
    std::fs::write(old.join("model.toml"), toml).unwrap();
    let there = dir.join("there");
    copied(&old, &there);
    let mut refused = 0;
    for name in &order {
        let (is_old, is_new) = (files(&there) == files(&old), files(&there) == files(new));
        match refusal(dir, "there") {
            None => assert!(is_old || is_new, "before {name} it opens, and is neither model"),
            Some(said) => {
                refused += 1;
                assert!(!is_old && !is_new && said.lines().count() == 1, "{name}: {said}");
                assert!(said.contains("is not the file that model.toml describes") && said.contains("export"), "{said}");
            }
        }
        // As an export does it: one whole file after another, model.toml last.
        std::fs::copy(new.join(name), there.join(name)).unwrap();
    }
    assert_eq!(refused, 5, "after the first file that differs, until model.toml");
    assert!(refusal(dir, "there").is_none() && files(&there) == files(new));
    // What changes no image must be of this model, too.
    for name in ["preview.safetensors", "checker.safetensors"] {
        std::fs::copy(old.join(name), there.join(name)).unwrap();
        let said = refusal(dir, "there").unwrap_or_else(|| panic!("{name} is of another model, and nothing is said"));
        assert!(said.contains(&format!("{name} is not the file that model.toml describes")), "{said}");
        std::fs::copy(new.join(name), there.join(name)).unwrap();
    }
}

#[test]
fn an_export_does_not_take_the_place_of_another_model_unless_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let runs = runs();
    let export = |from: &Path, more: &[&str], out: &str| {
        let args = [&["export", from.to_str().unwrap(), "--out", out], more].concat();
        run(dir, &args)
    };
    stdout(&export(&runs.control, &["--ema", "5"], "model"));
    let before = files(&dir.join("model"));
    let said = stdout(&export(&runs.first, &["--ema", "none"], "other"));
    assert!(said.contains("tensors as trained"), "{said}");
    // The same once more is no harm.
    let said = stdout(&export(&runs.control, &["--ema", "5"], "model"));
    assert!(said.contains("averaged with a half-life of 5 updates (was there already)"), "{said}");
    for (from, more) in
        [(&runs.control, ["--ema", "2"]), (&runs.control, ["--dtype", "f16"]), (&tiny().run, ["--ema", "longest"])]
    {
        let said = sentence(&export(from, &more, "model"));
        assert!(said.contains("model holds a model already (model.toml)") && said.contains("--replace"), "{said}");
        assert!(files(&dir.join("model")) == before, "{more:?}");
    }
    // A folder of results of another kind is no place for a model.
    let said = sentence(&export(&runs.control, &["--replace"], runs.first.to_str().unwrap()));
    assert!(said.contains("holds a training (metrics.jsonl)"), "{said}");
    let model = tiny().model.to_str().unwrap();
    let import = ["import", "--parts", "--t5", model, "--vae", model, "--out", runs.first.to_str().unwrap()];
    let said = sentence(&run(dir, &import));
    assert!(said.contains("holds a training (metrics.jsonl)"), "{said}");
    stdout(&export(&runs.control, &["--ema", "2", "--replace"], "model"));
    assert!(files(&dir.join("model")) != before && refusal(dir, "model").is_none());
    stdout(&export(&tiny().run, &["--replace"], "model"));
    assert!(files(&dir.join("model")) == files(&tiny().model));
    // A checker of the model that was there does not stay beside parts that have none.
    let bare = dir.join("bare");
    copied(&tiny().model, &bare);
    std::fs::remove_file(bare.join("checker.safetensors")).unwrap();
    stdout(&export(&runs.control, &["--replace", "--parts", bare.to_str().unwrap()], "model"));
    assert!(!dir.join("model/checker.safetensors").exists() && refusal(dir, "model").is_none());
}

#[test]
fn a_training_looks_at_the_place_of_its_model_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    copied(&tiny().model, &dir.join("model"));
    let out = dir.join("run");
    let with = |more: &[&str]| {
        let mut command = train("stage1-256", &out, None);
        command.arg("--export").arg(dir.join("model")).args(["--set=train.steps=2", "--set=train.sheet_every=0"]).args(more);
        command.arg(format!("--set=data.cache=\"{}\"", runs().first.join("phantoms").display()));
        command.output().unwrap()
    };
    let said = sentence(&with(&[]));
    assert!(said.contains("holds a model already") && said.contains("--replace") && !out.exists(), "{said}");
    let output = with(&["--replace"]);
    stdout(&output);
    assert!(
        stderr(&output).contains("model holds the model: step 2, averaged with a half-life of 5 updates"),
        "{}",
        stderr(&output)
    );
    assert!(files(&dir.join("model")) != files(&tiny().model));
    // The same command after the end has nothing to do; a longer training is whole before its model is refused.
    stdout(&with(&[]));
    let said = sentence(&with(&["--set=train.steps=3"]));
    assert!(said.contains("holds a model already") && out.join("text/step-00000003.json").is_file(), "{said}");
    let other = crate::support::chexgen(dir, &["train", "none.toml", "--replace"]).output().unwrap();
    assert_eq!(other.status.code(), Some(2), "--replace is of the model that --export names");
}

#[test]
fn an_export_that_is_killed_after_any_of_its_files_leaves_no_mixture_that_opens() {
    use std::os::unix::fs::MetadataExt as _;

    let control = runs().control.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let export = |ema: &str, out: &str| ["export", control, "--ema", ema, "--replace", "--out", out].map(str::to_owned);
    stdout(&run(dir, &export("5", "new")));
    stdout(&run(dir, &export("2", "old")));
    let (old, new) = (files(&dir.join("old")), files(&dir.join("new")));
    for name in new.keys() {
        drop(std::fs::remove_dir_all(dir.join("there")));
        copied(&dir.join("old"), &dir.join("there"));
        let file = dir.join("there").join(name);
        let inode = || std::fs::metadata(&file).map(|data| data.ino()).ok();
        let before = inode();
        let mut child = crate::support::chexgen(dir, &export("5", "there")).spawn().unwrap();
        // Until the file has been put in its place, or the export has ended.
        while inode() == before && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let mut found = files(&dir.join("there"));
        found.retain(|name, _| !name.starts_with(".writing-"));
        match refusal(dir, "there") {
            None => assert!(found == old || found == new, "killed after {name}, it opens and is neither model"),
            Some(said) => {
                assert!(said.contains("is not the file that model.toml describes") && said.lines().count() == 1, "{said}")
            }
        }
        stdout(&run(dir, &export("5", "there")));
        assert!(files(&dir.join("there")) == new, "the next export makes it whole");
    }
}
