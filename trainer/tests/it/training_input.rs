//! What goes wrong around a training: damaged shards, NaN in the data, other models, a disk that fills up, dates from the
//! future. One sentence each, and nothing is lost.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::domain::Seed;
use trainer::data::batches::shuffled_index;
use trainer::data::dataset::{Dataset, ShardEntry, ShardWriter, Stored, read_index, shard_file};

use crate::prepare::{phantoms, prepare, settings, whole};
use crate::stages::{done, runs, train};
use crate::support::{SmallDisk, files, names, stderr, stdout, wait_for};

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
pub(crate) fn sentence(output: &Output) -> String {
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
        ("network.input_size=8", "holds latents of side 4, but network.input_size is 8; prepare it with size_px = 64"),
        ("network.token_num=12", "holds captions of up to 24 tokens, but network.token_num is 12"),
        ("network.text_embed_dims=16", "network.text_embed_dims is 16, but the text encoder of"),
    ] {
        let said = sentence(&on(&set, &out).arg("--set").arg(setting).output().unwrap());
        assert!(said.contains(words), "{said}");
    }
    let begun = names(&out);
    assert!(!begun.iter().any(|name| name.ends_with("safetensors")), "nothing was begun: {begun:?}");
    done(&mut on(&set, &out));
    let before = files(&out.join("text"));
    let said = sentence(&on(&set, &out).arg("--set=network.hidden_size=64").output().unwrap());
    assert!(said.contains("was written with another network (network.hidden_size: 32 → 64)"), "{said:?}");
    assert!(files(&out.join("text")) == before, "the run is as it was");
}

#[test]
fn a_control_stage_without_a_condition_in_its_data_is_refused_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let out = dir.join("run");
    let control = |set: &Path| {
        let mut command = train("control", &out, Some(&runs().second));
        command.arg("--data").arg(set).args(["--set=train.steps=1", "--set=train.sheet_every=0"]);
        command.output().unwrap()
    };
    // 64 px as the network, but nothing drawn is kept with the pictures.
    phantoms(dir, "siim", CASES);
    let source = "[[source]]\nkind = \"siim\"\nroot = \"siim\"\ncaptions = \"captions.csv\"\n";
    let captions = "[captions]\nover = \"cut\"\nmissing = \"empty\"";
    settings(dir, captions, source);
    stdout(&prepare(dir, &[]));
    let said = sentence(&control(&dir.join("set")));
    assert!(said.contains("set holds no condition of control.conditions (mask, box, anatomy, severity)"), "{said}");
    assert!(said.contains("prepare it with conditions = [\"mask\"]") && !out.exists(), "{said}");
    std::fs::remove_dir_all(dir.join("set")).unwrap();
    settings(dir, &format!("conditions = [\"mask\"]\n{captions}"), source);
    stdout(&prepare(dir, &[]));
    let output = control(&dir.join("set"));
    stdout(&output);
    let said = stderr(&output);
    assert!(said.contains("cases have a condition (mask ") && said.contains("; none has box, anatomy, severity"), "{said}");
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
