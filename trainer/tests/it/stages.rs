//! The stages of a model through the program: stage 1, killed and resumed, stage 2, control, export, generate.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::import::sources::{Sources, golden};
use crate::prepare::{phantoms, prepare, settings};
use crate::support::{chexgen, files, run, stderr, stdout, tiny, wait_for, write_mask};

/// Sizes of the tiny model, 32 px in stage 1 and 64 px later.
fn sizes(stage: &str) -> Vec<String> {
    let side = if stage == "stage1-256" { 4 } else { 8 };
    let cache = tiny().run.join("phantoms");
    let cache = if side == 8 { cache.display().to_string() } else { "phantoms".to_owned() };
    let mut sets = vec![
        format!("network.input_size={side}"),
        format!("data.cache=\"{cache}\""),
        format!("network.control_blocks={}", usize::from(stage == "control")),
    ];
    sets.extend(
        "network.in_channels=4 network.hidden_size=32 network.depth=3 network.num_heads=2 network.text_embed_dims=32 \
         network.token_num=24 data.count=256 train.steps=6 train.batch_size=8 train.micro_batch=4 train.sheet_every=3 \
         train.gradient_checkpointing=true train.averages.half_lives=[2,5] train.averages.ramp=false train.checkpoints.every_secs=0 \
         train.checkpoints.every_steps=1 panel.cases=2 panel.sampling.num_steps=2 train.loader_threads=2"
            .split_whitespace()
            .map(str::to_owned),
    );
    sets
}

fn config(stage: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("configs/{stage}.practice.toml"))
}

/// The command that trains a stage of the tiny model.
pub(crate) fn train(stage: &str, out: &Path, from: Option<&Path>) -> Command {
    let mut command = chexgen(out.parent().unwrap(), &["train"]);
    command.arg(config(stage)).arg("--out").arg(out).arg(format!("--set=parts=\"{}\"", tiny().model.display()));
    if let Some(from) = from {
        command.arg("--from").arg(from);
    }
    for set in sizes(stage) {
        command.arg("--set").arg(set);
    }
    command
}

/// Runs a command that must succeed.
pub(crate) fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    stdout(&output);
    output
}

pub(crate) struct Runs {
    pub(crate) first: PathBuf,
    pub(crate) second: PathBuf,
    pub(crate) control: PathBuf,
}

/// All stages without interruption, trained once for all tests.
pub(crate) fn runs() -> &'static Runs {
    static RUNS: OnceLock<Runs> = OnceLock::new();
    RUNS.get_or_init(|| {
        let dir = tiny().run.parent().unwrap().join("stages");
        std::fs::create_dir_all(&dir).unwrap();
        let runs = Runs { first: dir.join("first"), second: dir.join("second"), control: dir.join("control") };
        done(&mut train("stage1-256", &runs.first, None));
        let said = stderr(&done(&mut train("stage2-512", &runs.second, Some(&runs.first))));
        assert!(said.contains("position table made anew for 4×4 tokens") && !said.contains("null caption"), "{said}");
        let said = stderr(&done(&mut train("control", &runs.control, Some(&runs.second))));
        assert!(said.contains("control blocks are copies") && !said.contains("anew"), "{said}");
        runs
    })
}

#[test]
fn a_stage_that_is_killed_again_and_again_ends_with_the_same_bits() {
    let expected = runs();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let stage = out.join("text");
    let writing = |stage: &Path| {
        let entries = std::fs::read_dir(stage).into_iter().flatten();
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(".writing-"))
    };
    for round in 0..4 {
        let mut child = train("stage1-256", &out, None).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let newest = |step: usize| stage.join(format!("step-{step:08}.json")).exists();
        match round {
            // In the middle of writing the first checkpoint.
            0 => wait_for(&mut child, || stage.join("frozen.safetensors").exists() && writing(&stage)),
            // Between the tensors of a checkpoint and its description, or a little later.
            1 => wait_for(&mut child, || stage.join("step-00000002.safetensors").exists()),
            _ => wait_for(&mut child, || newest(round + 1)),
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let said = stderr(&done(&mut train("stage1-256", &out, None)));
    assert!(said.contains("text: going on from the checkpoint of step ") && said.contains("all 6 updates are done"), "{said}");
    let all = |run: &Path| {
        let mut all = files(run);
        all.retain(|name, _| name.ends_with("final.safetensors") || name.contains("step-") || name.contains("film"));
        all
    };
    let (resumed, whole) = (all(&out), all(&expected.first));
    assert_eq!(resumed.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (name, content) in whole {
        assert!(resumed[&name] == content, "{name} differs");
    }
    let lines = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let steps: Vec<u64> =
        lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 6], "one line for each update");
}

#[test]
fn a_stopped_stage_asks_to_be_started_again_and_one_folder_has_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let log = std::fs::File::create(dir.path().join("log")).unwrap();
    let mut child = train("stage1-256", &out, None).arg("--set=train.steps=100000").stderr(log).spawn().unwrap();
    let begun = out.join("text/step-00000001.json");
    wait_for(&mut child, || begun.exists());
    assert!(child.try_wait().unwrap().is_none());
    let second = train("stage1-256", &out, None).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another chexgen train"), "{}", stderr(&second));
    let signalled = Command::new("kill").arg("-USR1").arg(child.id().to_string()).status().unwrap();
    assert!(signalled.success());
    assert_eq!(child.wait().unwrap().code(), Some(3), "the exit code that asks for a requeue");
    let said = std::fs::read_to_string(dir.path().join("log")).unwrap();
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("text: stopped after update ") && last.ends_with("the same command goes on"), "{said}");
    // Another length is a changed setting, and is said; another batch size is another training.
    let other = train("stage1-256", &out, None).arg("--set=train.batch_size=4").output().unwrap();
    assert!(stderr(&other).contains("another batch size") && other.status.code() == Some(1), "{}", stderr(&other));
    let newest = std::fs::read_dir(out.join("text")).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let newest =
        newest.filter_map(|name| name.strip_prefix("step-")?.strip_suffix(".json")?.parse::<usize>().ok()).max().unwrap();
    let again = train("stage1-256", &out, None).arg(format!("--set=train.steps={}", newest + 1)).output().unwrap();
    let said = stderr(&again);
    assert!(again.status.success() && said.contains("changed settings: train.steps: 100000"), "{said}");
}

#[test]
fn a_run_without_a_folder_is_called_after_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = chexgen(dir.path(), &["train"]);
    command.arg(config("stage1-256")).arg("--parts").arg(&tiny().model);
    for set in sizes("stage1-256") {
        command.arg("--set").arg(set);
    }
    let cache = runs().first.join("phantoms");
    command.args(["--set=train.steps=1", "--set=train.sheet_every=0"]).arg(format!("--set=data.cache=\"{}\"", cache.display()));
    let said = stderr(&done(&mut command));
    assert!(said.contains("text: the warm-up of 40 updates is longer than the stage of 1"), "{said}");
    assert!(dir.path().join("runs/stage1-256/text/final.safetensors").is_file());
}

#[test]
fn every_average_of_every_checkpoint_can_be_exported_and_generates() {
    let runs = runs();
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("mask.png"), 64, 64);
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let export = |from: &str, ema: &str, out: &str| {
        stdout(&run(dir.path(), &["export", from, "--ema", ema, "--out", out]));
    };
    let image = |model: &str, out: &str| {
        let words = ["--impression", "Left effusion.", "--mask", "pleural_effusion=mask.png", "--seed", "5", "--steps", "3"];
        let mut args = vec!["generate", "--model", model, "--out", out];
        args.extend(words);
        stdout(&run(dir.path(), &args));
        let picture = engine::imageio::png::read_gray(&dir.path().join(out).join("image-0000.png")).unwrap();
        picture.pixels().to_vec()
    };
    let control = runs.control.to_str().unwrap();
    for (ema, out) in [("5", "slow"), ("2", "quick"), ("none", "trained")] {
        export(control, ema, out);
    }
    let (slow, quick, trained) = (image("slow", "a"), image("quick", "b"), image("trained", "c"));
    assert!(slow != quick && quick != trained, "three sets of weights make three images");
    // Any checkpoint may be exported, and the same one gives the same folder.
    let last = runs.control.join("control/step-00000006.json");
    export(last.to_str().unwrap(), "longest", "again");
    assert!(files(Path::new(&path("again"))) == files(Path::new(&path("slow"))));
    // Of a practice run as well: its last weights give the folder that it wrote itself.
    let practice = tiny().run.to_str().unwrap();
    export(practice, "longest", "practice");
    let (ours, theirs) = (files(Path::new(&path("practice"))), files(&tiny().model));
    assert!(ours == theirs, "the practice model differs");
    let unknown = run(dir.path(), &["export", control, "--ema", "7", "--out", "x"]);
    assert!(stderr(&unknown).contains("it has 2, 5"), "{}", stderr(&unknown));
}

#[test]
fn a_published_checkpoint_is_trained_on_and_goes_out_and_in_again_without_a_changed_bit() {
    let sources = Sources::new();
    let parts = sources.imported(&golden("control_weights.pth"), "parts", "--heads 4");
    let dir = tempfile::tempdir().unwrap();
    let (out, exported) = (dir.path().join("run"), dir.path().join("exported"));
    let cache = tiny().run.join("phantoms").display().to_string();
    let mut command = chexgen(dir.path(), &["train"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/control.release.toml"));
    command.arg("--out").arg(&out).arg("--parts").arg(&parts).arg("--from").arg(golden("control_weights.pth"));
    command.arg("--export").arg(&exported);
    let data = format!("data={{ kind = \"phantoms\", count = 256, seed = 1, cache = \"{cache}\", sample_posterior = true }}");
    let sets = "network.input_size=8 network.hidden_size=32 network.depth=5 network.num_heads=4 network.text_embed_dims=32 \
        network.token_num=20 network.control_blocks=3 train.batch_size=4 train.micro_batch=2 train.sheet_every=1 panel.cases=1 \
        panel.sampling.num_steps=2 train.averages.half_lives=[1]";
    let sizes =
        std::fs::read_to_string(parts.join("model.toml")).unwrap().parse::<toml::Table>().unwrap()["dit"]["config"].clone();
    for (key, ours) in [("hidden_size", 32), ("depth", 5)] {
        assert_eq!(sizes[key].as_integer(), Some(ours), "the golden network is {sizes}");
    }
    command.arg(format!("--set={data}")).arg("--set=train.epochs=0.03");
    for set in sets.split_whitespace() {
        command.arg(format!("--set={set}"));
    }
    let said = stderr(&done(&mut command));
    assert!(said.contains("position table made anew for 4×4 tokens"), "{said}");
    let imported = sources.imported(&exported.join("dit.safetensors"), "again", "--heads 4");
    let tensors = |folder: &Path| engine::store::weights::load(&folder.join("dit.safetensors"), None).unwrap();
    let (before, after) = (tensors(&exported), tensors(&imported));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (name, tensor) in &before {
        let bits = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(bits(tensor) == bits(&after[name]), "{name}");
    }
    write_mask(&dir.path().join("mask.png"), 64, 64);
    let image = |model: &Path, out: &str| {
        let mut command =
            chexgen(dir.path(), &["generate", "--impression", "Right pneumothorax.", "--seed", "5", "--steps", "2"]);
        done(command.args(["--mask", "pneumothorax=mask.png", "--out", out]).arg("--model").arg(model));
        engine::imageio::png::read_gray(&dir.path().join(out).join("image-0000.png")).unwrap().pixels().to_vec()
    };
    let (before, after) = (image(&exported, "a"), image(&imported, "b"));
    assert!(before == after, "the same network makes the same image");
    assert!(before.len() == 64 * 64 && before != image(&parts, "c"));
}

#[test]
fn parts_without_a_network_are_enough_to_begin_from_nothing() {
    let sources = Sources::new();
    let parts = sources.parts("parts");
    let refused = run(&parts, &["doctor", "--model", "."]);
    let text = String::from_utf8(refused.stdout).unwrap();
    assert!(refused.status.code() == Some(1) && text.contains("these are parts for chexgen prepare and chexgen train"), "{text}");
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 8);
    let path = settings(dir, "", "[[source]]\nkind = \"mimic\"\nroot = \"mimic\"\n");
    let text = std::fs::read_to_string(&path).unwrap().replace(&tiny().model.display().to_string(), parts.to_str().unwrap());
    std::fs::write(&path, text).unwrap();
    assert!(stderr(&prepare(dir, &[])).contains("field size_px is 0; choose a multiple of 8"), "parts have no size of their own");
    stdout(&prepare(dir, &["--set", "size_px=32"]));
    let mut command = chexgen(dir, &["train"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/stage1-256.release.toml"));
    command.arg("--parts").arg(&parts).args(["--data", "set", "--out", "run", "--export", "model"]);
    let sets = "network.input_size=4 network.hidden_size=32 network.depth=2 network.num_heads=2 network.text_embed_dims=32 \
        train.epochs=2.0 train.batch_size=4 train.micro_batch=2 train.sheet_every=0";
    for set in sets.split_whitespace() {
        command.arg(format!("--set={set}"));
    }
    assert!(stderr(&done(&mut command)).contains("begins with new weights"));
    let text = stdout(&run(dir, &["doctor", "--model", "model"]));
    assert!(text.contains("one image of 32 px"), "{text}");
    stdout(&run(dir, &["generate", "--model", "model", "--impression", "Normal.", "--steps", "2", "--out", "image"]));
    // A model that is there already is not made into parts.
    let mut args = sources.args(Path::new("none"), "parts", "--parts");
    args.drain(2..4);
    let place = args.iter().position(|arg| arg == "--out").unwrap() + 1;
    args[place] = dir.join("model").display().to_string();
    let refused = crate::import::sources::command(args).unwrap_err().to_string();
    assert!(refused.contains("holds a whole model"), "{refused}");
}

#[test]
fn a_prepared_set_is_trained_on_in_half_precision_with_all_switches() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "siim", 12);
    let source = "[[source]]\nkind = \"siim\"\nroot = \"siim\"\ncaptions = \"captions.csv\"\nsplit = \"train\"\n";
    settings(dir, "shard_cases = 5\nconditions = [\"mask\", \"box\"]\n[captions]\nover = \"cut\"\nmissing = \"empty\"", source);
    stdout(&prepare(dir, &[]));
    let features = engine::noise::normal(engine::domain::Seed(1), engine::domain::Stream::Start, 0, 12 * 16 * 3);
    let features = candle_core::Tensor::from_vec(features, (12, 48), &candle_core::Device::Cpu).unwrap();
    std::fs::write(dir.join("f.safetensors"), safetensors::serialize([("features", features)], None).unwrap()).unwrap();
    let out = dir.join("run");
    let set = "data={ kind = \"prepared\", folder = \"nowhere\", split = \"train\", sample_posterior = true }";
    let alignment = "objective.alignment={ features = \"f.safetensors\", width = 3, block = 2, hidden = 8, weight = 0.5 }";
    let mut command = train("control", &out, Some(&runs().second));
    command.arg("--set").arg(set).arg("--set").arg(alignment).arg("--data").arg(dir.join("set"));
    command.args(["--set=train.compute=bf16", "--set=objective.min_snr_gamma=5.0", "--set=control.train_base=true"]);
    command.arg("--set=train.checkpoints.milestones={ second = 2 }").arg("--set=train.checkpoints.keep_last=1");
    command.arg("--set=train.optimizer.groups=[{ contains = \".bias\", lr_scale = 1.0, weight_decay = 0.0 }]");
    let output = command.output().unwrap();
    stdout(&output);
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    for line in &lines {
        let parts: Vec<&str> = line["parts"].as_array().unwrap().iter().map(|part| part[0].as_str().unwrap()).collect();
        assert_eq!(parts, ["mse", "hidden"]);
        assert!(line["loss"].as_f64().unwrap().is_finite() && line["grad_norm"].as_f64().unwrap() > 0.0);
    }
    let kept = crate::support::names(&out.join("control"));
    let steps: Vec<&String> = kept.iter().filter(|name| name.starts_with("step-") && name.ends_with(".json")).collect();
    assert_eq!(steps, ["step-00000002.json", "step-00000006.json"], "a milestone and the last");
    stdout(&run(dir, &["export", "run", "--out", "model", "--dtype", "f16"]));
    stdout(&run(dir, &["generate", "--model", "model", "--impression", "Normal.", "--steps", "2", "--out", "image"]));
    // Another model's parts do not fit a set that was encoded with these.
    let sources = Sources::new();
    let other = sources.imported(&golden("dit_a_weights.pth"), "other", "--heads 5");
    let mut command = train("control", &dir.join("other"), Some(&runs().second));
    command.arg("--set").arg(set).arg("--data").arg(dir.join("set"));
    command.arg("--set").arg(format!("parts=\"{}\"", other.display()));
    let text = stderr(&command.output().unwrap());
    assert!(text.contains("was prepared with another autoencoder"), "{text}");
}

#[test]
fn a_full_disk_costs_a_checkpoint_and_not_the_training() {
    let expected = runs();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    // A limit on the size of a file stands for the full disk: no checkpoint fits, but all else does.
    let script = "trap '' XFSZ; ulimit -f $1; shift; exec \"$0\" \"$@\"";
    let limited = |blocks: &str, more: &str| {
        let inner = train("stage1-256", &out, None);
        let mut command = Command::new("bash");
        command.args(["-c", script]).arg(inner.get_program()).arg(blocks).args(inner.get_args()).arg(more);
        command.arg(format!("--set=data.cache=\"{}\"", expected.first.join("phantoms").display()));
        command.current_dir(dir.path()).output().unwrap()
    };
    let blocks = std::fs::metadata(expected.first.join("text/final.safetensors")).unwrap().len() / 1024 + 64;
    let output = limited(&blocks.to_string(), "--set=train.checkpoints.give_up_after=0");
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("checkpoint of step 1 was not written") && said.contains("there is none yet"), "{said}");
    assert!(said.contains("larger than the file system") && said.contains("training goes on"), "{said}");
    let weights = |run: &Path| std::fs::read(run.join("text/final.safetensors")).unwrap();
    assert!(weights(&out) == weights(&expected.first), "the training was not disturbed");
    std::fs::remove_dir_all(&out).unwrap();
    let output = limited(&blocks.to_string(), "--set=train.checkpoints.give_up_after=2");
    assert!(output.status.code() == Some(1) && stderr(&output).contains("give_up_after ends the run"), "{}", stderr(&output));
}

#[test]
fn configurations_are_shown_compared_and_checked() {
    let runs = runs();
    let dir = tempfile::tempdir().unwrap();
    let second = runs.second.to_str().unwrap();
    let shown = stdout(&run(dir.path(), &["config", "show", second]));
    assert!(shown.contains("hidden_size = 32") && shown.contains(runs.first.to_str().unwrap()));
    let checkpoint = runs.second.join("text/step-00000006.json");
    assert_eq!(stdout(&run(dir.path(), &["config", "show", checkpoint.to_str().unwrap()])), shown);
    let differences = run(dir.path(), &["config", "diff", runs.first.to_str().unwrap(), second]);
    assert_eq!(differences.status.code(), Some(1));
    let text = String::from_utf8(differences.stdout).unwrap();
    assert!(text.contains("network.input_size: 4 → 8") && !text.contains("hidden_size"), "{text}");
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let release = configs.join("stage1-256.release.toml");
    let release = release.to_str().unwrap();
    let said = stdout(&run(dir.path(), &["config", "check", release]));
    assert!(said.contains("611.6 M parameters of which 611.3 M learn"), "{said}");
    let wrong = run(dir.path(), &["config", "check", release, "--set", "train.bach_size=3"]);
    assert!(stderr(&wrong).contains("did you mean train.batch_size"), "{}", stderr(&wrong));
}

#[test]
fn what_cannot_be_trained_is_said_in_a_sentence() {
    let runs = runs();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    let text = said(&mut train("stage2-512", &out, None));
    assert!(text.contains("start.from is missing"), "{text}");
    let text = said(train("stage2-512", &out, Some(&runs.first)).arg("--set=network.hidden_size=64"));
    assert!(text.contains("does not fit this stage") && text.contains("32") && text.contains("64"), "{text}");
    let text = said(train("stage1-256", &out, None).arg("--set=network.in_channels=8"));
    assert!(text.contains("network.in_channels is 8") && text.contains("has 4"), "{text}");
    let text = said(train("control", &out, Some(&dir.path().join("nothing"))).arg("--set=train.steps=1"));
    assert!(text.contains("does not exist"), "{text}");
    let text = said(train("stage1-256", &out, None).arg("--data").arg(dir.path()));
    assert!(text.contains("dataset.json") && text.contains("chexgen prepare finished"), "{text}");
    // A damaged checkpoint is named, and nothing is lost.
    std::fs::create_dir_all(out.join("text")).unwrap();
    for (name, mut content) in files(&runs.first.join("text")) {
        if name.ends_with("step-00000006.safetensors") {
            let last = content.len() - 1;
            content[last] ^= 1;
        }
        if !name.contains('/') && name != "final.safetensors" {
            std::fs::write(out.join("text").join(name), content).unwrap();
        }
    }
    let text = said(&mut train("stage1-256", &out, None));
    assert!(text.contains("step-00000006.safetensors is damaged"), "{text}");
}
