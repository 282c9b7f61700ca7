//! What goes wrong around a training: damaged shards, NaN in the data, other models, a disk that fills up, dates from the
//! future, a kill during export. One sentence each, and nothing is lost.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::domain::Seed;
use trainer::data::batches::shuffled_index;
use trainer::data::dataset::{Dataset, ShardEntry, ShardWriter, Stored, read_index, shard_file};

use crate::prepare::{phantoms, prepare, settings, whole};
use crate::stages::{done, runs, train};
use crate::support::{SmallDisk, files, names, run, stderr, stdout, tiny, wait_for};

/// Cases of the prepared set.
const CASES: usize = 12;

/// A prepared set of phantoms at 32 px, four cases a shard.
pub(crate) fn prepared(dir: &Path) -> PathBuf {
    phantoms(dir, "siim", CASES);
    let source = "[[source]]\nkind = \"siim\"\nroot = \"siim\"\ncaptions = \"captions.csv\"\n";
    settings(dir, "size_px = 32\nshard_cases = 4\n[captions]\nover = \"cut\"\nmissing = \"empty\"", source);
    stdout(&prepare(dir, &[]));
    dir.join("set")
}

/// The command that trains stage 1 on it, two rows an update, without panels.
pub(crate) fn on(set: &Path, out: &Path) -> Command {
    let mut command = train("stage1-256", out, None);
    command.arg("--data").arg(set);
    for set in ["train.batch_size=2", "train.micro_batch=1", "train.sheet_every=0", "train.checkpoints.every_steps=0"] {
        command.arg("--set").arg(set);
    }
    command
}

/// The one sentence of a run that fails.
fn sentence(output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    text.lines().last().unwrap().to_owned()
}

/// Where the sample of a place of the training lies: its shard and the byte.
pub(crate) fn sample_at(set: &Path, place: u64) -> (PathBuf, usize) {
    let seed = Seed::for_case(20_261_128, "text").0;
    let index = shuffled_index(seed, place, CASES as u64) as usize;
    let tar = set.join(shard_file("train", index / 4));
    let form: serde_json::Value = serde_json::from_slice(&std::fs::read(tar.with_extension("json")).unwrap()).unwrap();
    (tar, form["samples"][index % 4]["offset"].as_u64().unwrap() as usize)
}

#[test]
fn a_damaged_shard_ends_the_training_with_a_checkpoint_and_a_mended_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let set = prepared(dir);
    let whole_set = whole(dir, "set");
    let (expected, out) = (dir.join("expected"), dir.join("run"));
    done(&mut on(&set, &expected));
    // A byte of the sample that the fourth update reads.
    let (tar, offset) = sample_at(&set, 6);
    let mut bytes = std::fs::read(&tar).unwrap();
    bytes[offset + 1000] ^= 1;
    std::fs::write(&tar, bytes).unwrap();
    let said = sentence(&on(&set, &out).output().unwrap());
    let name = tar.file_name().unwrap().to_str().unwrap();
    assert!(
        said.contains(&format!("{name} is damaged: the sample at byte {offset}")) && said.contains("prepare again"),
        "{said}"
    );
    assert!(said.contains("the checkpoint of step 3 is from before it"), "{said}");
    assert!(out.join("text/step-00000003.json").is_file());
    // Cut off, and gone.
    for (damage, words) in [
        (
            &(|tar: &Path| std::fs::write(tar, &std::fs::read(tar).unwrap()[..700]).unwrap()) as &dyn Fn(&Path),
            "has 700 bytes instead of",
        ),
        (&|tar: &Path| std::fs::remove_file(tar).unwrap(), "cannot read"),
        (&|tar: &Path| std::fs::remove_file(tar.with_extension("json")).unwrap(), "json is missing; prepare again"),
    ] {
        damage(&tar);
        let said = sentence(&on(&set, &out).output().unwrap());
        assert!(said.contains(words) && said.contains(tar.file_stem().unwrap().to_str().unwrap()), "{said}");
    }
    stdout(&prepare(dir, &[]));
    assert!(whole(dir, "set") == whole_set);
    done(&mut on(&set, &out));
    let weights = |run: &Path| std::fs::read(run.join("text/final.safetensors")).unwrap();
    assert!(weights(&out) == weights(&expected), "nothing was lost");
}

/// Writes the set again with a number of one sample changed into NaN; gives its key.
fn spoil(set: &Path, index: usize) -> String {
    let data = Dataset::open(set).unwrap();
    let subset = data.subset("train", &|_| true).unwrap();
    let mut form = data.form().clone();
    let mut writer = ShardWriter::create(set, "train", 9, &form.recipe).unwrap();
    for at in 0..subset.len() {
        let mut sample = subset.sample(at).unwrap();
        if at == index {
            sample.image.mean[5] = f32::NAN;
            assert_eq!(sample.not_finite().as_deref(), Some("image.mean"));
        }
        let bytes = sample.to_bytes(data.binding(), Stored::F32, Stored::F32).unwrap();
        writer.add(sample.about, &bytes).unwrap();
    }
    writer.finish().unwrap();
    let file = shard_file("train", 9);
    let (_, index_blake3) = read_index(set, &file, &form.recipe).unwrap().unwrap();
    form.splits = BTreeMap::from([("train".to_owned(), vec![ShardEntry { file, samples: subset.len(), index_blake3 }])]);
    Dataset::write(set, &form).unwrap();
    subset.key(index).to_owned()
}

#[test]
fn a_sample_with_nan_is_named_and_left_out_or_ends_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let set = prepared(dir);
    let seed = Seed::for_case(20_261_128, "text").0;
    let key = spoil(&set, shuffled_index(seed, 6, CASES as u64) as usize);
    let output = done(&mut on(&set, &dir.join("run")));
    let said = stderr(&output);
    assert!(said.contains(&format!("the gradient of update 4 is not finite (samples {key}); it was left out")), "{said}");
    let weights = engine::store::weights::load(&dir.join("run/text/final.safetensors"), None).unwrap();
    for (name, tensor) in weights {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().all(|value| value.is_finite()), "{name}");
    }
    let stopped = on(&set, &dir.join("stopped")).arg("--set=train.non_finite=stop").output().unwrap();
    let said = sentence(&stopped);
    assert!(said.contains(&format!("(samples {key}); the checkpoint of step 3 is from before it")), "{said}");
    assert!(dir.join("stopped/text/step-00000003.json").is_file());
}

#[test]
fn a_set_of_another_model_and_a_run_of_another_network_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let set = prepared(dir);
    let out = dir.join("run");
    let description = set.join("dataset.json");
    let text = std::fs::read_to_string(&description).unwrap();
    let form: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (field, words) in [("autoencoder", "autoencoder"), ("text", "text encoder"), ("tokenizer", "tokenizer")] {
        let hash = form["binding"][field].as_str().unwrap();
        std::fs::write(&description, text.replace(hash, &"0".repeat(64))).unwrap();
        let said = sentence(&on(&set, &out).output().unwrap());
        assert!(
            said.contains(&format!("was prepared with another {words} than that of")) && said.contains("prepare it again"),
            "{said}"
        );
    }
    std::fs::write(&description, &text).unwrap();
    for (setting, words) in [
        ("network.input_size=8", "holds latents of side 4, but network.input_size is 8"),
        ("network.token_num=12", "holds captions of up to 24 tokens, but network.token_num is 12"),
        ("network.text_embed_dims=16", "network.text_embed_dims is 16, but the text encoder of"),
    ] {
        let said = sentence(&on(&set, &out).arg("--set").arg(setting).output().unwrap());
        assert!(said.contains(words), "{said}");
    }
    let begun = names(&out);
    assert!(!begun.iter().any(|name| name.contains("step-")), "nothing was trained: {begun:?}");
    done(&mut on(&set, &out));
    let before = files(&out.join("text"));
    let said = sentence(&on(&set, &out).arg("--set=network.hidden_size=64").output().unwrap());
    assert!(said.contains("was written with another network (network.hidden_size: 32 → 64)"), "{said:?}");
    assert!(files(&out.join("text")) == before, "the run is as it was");
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_neither_the_training_nor_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let set = prepared(dir);
    let Some(disk) = SmallDisk::mount(&dir.join("disk"), "256k") else {
        println!("skipped: this user cannot mount a small disk");
        return;
    };
    let (out, log) = (disk.at.join("run"), dir.join("stderr"));
    let mut command = on(&set, &out);
    command.args(["--set=train.steps=1000000", "--set=train.lr.decay_from=1.0", "--set=train.checkpoints.every_steps=1"]);
    let mut child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let said = |words: &str| std::fs::read_to_string(&log).unwrap().contains(words);
    wait_for(&mut child, || said("was not written") && said("its lines are written later"));
    assert!(said("the disk is full") && said("training goes on and tries again") && said("there is none yet"));
    assert!(child.try_wait().unwrap().is_none(), "{}", std::fs::read_to_string(&log).unwrap());
    disk.resize("64m");
    let newest = || {
        let found = names(&out.join("text"))
            .iter()
            .filter_map(|name| name.strip_prefix("step-")?.strip_suffix(".json")?.parse().ok())
            .max();
        found.unwrap_or(0usize)
    };
    wait_for(&mut child, || newest() > 0);
    assert!(Command::new("kill").arg("-USR1").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let steps = newest();
    let lines = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let noted: Vec<usize> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["step"].as_u64().unwrap() as usize)
        .collect();
    assert_eq!(noted, (1..=steps).collect::<Vec<_>>(), "every update has its line");
    let mut more = on(&set, &out);
    done(more.arg(format!("--set=train.steps={}", steps + 1)).arg("--set=train.lr.decay_from=1.0"));
}

#[test]
fn dates_from_the_future_and_the_past_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let set = prepared(dir);
    let (expected, out) = (dir.join("expected"), dir.join("run"));
    let short = |out: &Path, steps: usize| {
        let mut command = on(&set, out);
        command.arg(format!("--set=train.steps={steps}")).arg("--set=train.lr.decay_from=1.0");
        command
    };
    done(&mut short(&expected, 6));
    // The checkpoint of step 2 is younger than the program, that of step 4 older than any computer.
    for (steps, date) in [(2, 4_000_000_000), (4, 1)] {
        done(&mut short(&out, steps));
        std::fs::remove_file(out.join("text/final.safetensors")).unwrap();
        let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(date);
        for folder in [&out, &set] {
            for name in names(folder) {
                std::fs::File::options().append(true).open(folder.join(name)).unwrap().set_modified(date).unwrap();
            }
        }
    }
    done(&mut short(&out, 6));
    let weights = |run: &Path| std::fs::read(run.join("text/final.safetensors")).unwrap();
    assert!(weights(&out) == weights(&expected));
    assert!(!out.join("text/step-00000002.json").exists(), "the oldest by number goes, whatever its date");
}

#[test]
fn an_export_that_is_killed_leaves_the_folder_as_it_was() {
    let runs = runs();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let control = runs.control.to_str().unwrap();
    let export = |ema: &str, out: &str| stdout(&run(dir, &["export", control, "--ema", ema, "--out", out]));
    export("5", "slow");
    export("2", "quick");
    let whole = files(&dir.join("slow"));
    let largest = whole.values().map(Vec::len).max().unwrap() / 1024;
    // A limit on the size of files ends the program in the middle of the largest one, as a kill does.
    let killed = |blocks: usize, out: &str| {
        let script = "ulimit -c 0; ulimit -f $1; exec \"$0\" export \"$2\" --ema 5 --out \"$3\"";
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
}

#[test]
fn an_export_that_is_killed_after_any_of_its_files_leaves_no_mixture_that_opens() {
    use std::os::unix::fs::MetadataExt as _;

    let control = runs().control.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let export = |ema: &str, out: &str| ["export", control, "--ema", ema, "--out", out].map(str::to_owned);
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
