//! Training over MPI ranks: the same bits as one process, killed, signalled, hung, on another number of ranks.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::stages::{runs, train};
use crate::support::{files, stderr, stdout, wait_for};
use crate::training_input::{on, prepared, sample_at};

/// Whether `mpirun` starts processes here; says why not where it does not.
#[expect(clippy::print_stdout, reason = "what a skipped test says")]
fn has_mpirun() -> bool {
    match launcher(2).arg("true").output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => println!("skipped: mpirun starts nothing here: {}", stderr(&output)),
        Err(error) => println!("skipped: there is no mpirun (Debian: openmpi-bin): {error}"),
    }
    false
}

/// A launcher of so many ranks, more than there are cores.
fn launcher(count: usize) -> Command {
    let mut launcher = Command::new("mpirun");
    launcher.args(["--oversubscribe", "--bind-to", "none", "-np", &count.to_string()]);
    // The superuser of a container may start ranks, too.
    launcher.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    launcher
}

/// The same command, by so many ranks.
fn by_ranks(count: usize, command: &Command) -> Command {
    let mut ranks = launcher(count);
    ranks.arg(command.get_program()).args(command.get_args()).env("RAYON_NUM_THREADS", "1");
    ranks.current_dir(command.get_current_dir().unwrap());
    ranks
}

/// Stage 1 of the tiny model with micro-batches of so many rows.
fn stage_1(out: &Path, micro: usize) -> Command {
    let mut command = train("stage1-256", out, None);
    command.arg(format!("--set=train.micro_batch={micro}"));
    command
}

fn weights(run: &Path) -> Vec<u8> {
    std::fs::read(run.join("text/final.safetensors")).unwrap()
}

/// Reaps a killed launcher and its ranks.
fn ended(mut child: Child) -> Output {
    child.stdin.take();
    child.wait_with_output().unwrap()
}

/// The processes that a launcher started, in the order of their ranks.
fn processes(launcher: u32, count: usize) -> Vec<u32> {
    let parent = |process: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // Behind the name in brackets: the state, the parent.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let rank = |process: u32| -> Option<usize> {
        let environment = std::fs::read(format!("/proc/{process}/environ")).ok()?;
        let text = String::from_utf8_lossy(&environment).into_owned();
        text.split('\0').find_map(|entry| entry.strip_prefix("OMPI_COMM_WORLD_RANK=")?.parse().ok())
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children = all.filter(|process| parent(*process) == Some(launcher));
    let mut found: Vec<(usize, u32)> = children.filter_map(|process| Some((rank(process)?, process))).collect();
    found.sort_unstable();
    assert_eq!(found.iter().map(|(rank, _)| *rank).collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
    found.into_iter().map(|(_, process)| process).collect()
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status().unwrap().success());
}

/// Update of the newest checkpoint.
fn newest(out: &Path) -> usize {
    let entries = std::fs::read_dir(out.join("text")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix("step-")?.strip_suffix(".json")?.parse().ok()).max().unwrap_or(0)
}

fn run_in(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("run")
}

#[test]
fn two_and_four_ranks_end_with_the_bits_of_one_process() {
    if !has_mpirun() {
        return;
    }
    // Updates of 8 rows: two ranks of 4 add up as one process with micro-batches of 4 rows does, the runs of all tests.
    let dir = tempfile::tempdir().unwrap();
    let out = run_in(&dir);
    let said = stderr(&by_ranks(2, &stage_1(&out, 4)).output().unwrap());
    assert!(weights(&out) == weights(&runs().first), "{said}");
    assert_eq!(said.matches("begins with").count(), 1, "rank 0 alone speaks: {said}");
    let all = |run: &Path| {
        let mut all = files(run);
        all.retain(|name, _| name.ends_with(".safetensors") || name.ends_with(".png"));
        all
    };
    assert!(all(&out) == all(&runs().first), "checkpoints and panels");
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    for (line, step) in text.lines().zip(1..) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["step"], &line["ranks"], &line["samples"]), (&step.into(), &2.into(), &(8 * step).into()));
    }
    assert!(!out.join("waiting").exists());

    let (four, one) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (four, one) = (run_in(&four), run_in(&one));
    stdout(&stage_1(&one, 2).output().unwrap());
    stdout(&by_ranks(4, &stage_1(&four, 2)).output().unwrap());
    assert!(weights(&four) == weights(&one));

    // With several micro-batches a rank, the order of the terms differs: equal to rounding, of the largest weight.
    let dir = tempfile::tempdir().unwrap();
    let out = run_in(&dir);
    stdout(&by_ranks(2, &stage_1(&out, 2)).output().unwrap());
    let load = |run: &Path| engine::store::weights::load(&run.join("text/final.safetensors"), None).unwrap();
    let (ours, theirs) = (load(&out), load(&one));
    for (name, tensor) in &ours {
        let most = |tensor: candle_core::Tensor| {
            tensor.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap()
        };
        let (apart, size) = (most((tensor - &theirs[name]).unwrap()), most(tensor.clone()));
        assert!(apart <= 2e-4 * size.max(1e-3), "{name}: {apart} of {size}");
    }
}

#[test]
fn a_killed_rank_ends_the_job_with_its_name_and_the_next_start_gives_the_same_bits() {
    if !has_mpirun() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = run_in(&dir);
    let mut child = by_ranks(2, &stage_1(&out, 4)).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, || newest(&out) >= 2);
    if child.try_wait().unwrap().is_none() {
        signal(processes(child.id(), 2)[1], "KILL");
        let output = ended(child);
        assert!(!output.status.success());
        let said = format!("{}{}", stderr(&output), String::from_utf8_lossy(&output.stdout));
        assert!(said.contains("rank 1") && said.contains("signal 9"), "{said}");
    }
    stdout(&by_ranks(2, &stage_1(&out, 4)).output().unwrap());
    assert!(weights(&out) == weights(&runs().first));
}

#[test]
fn a_signal_to_one_rank_stops_all_with_one_checkpoint_and_another_number_of_ranks_goes_on() {
    if !has_mpirun() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = run_in(&dir);
    let mut long = stage_1(&out, 2);
    long.args(["--set=train.steps=100000", "--set=train.checkpoints.every_steps=0"]);
    let metrics = out.join("metrics.jsonl");
    let mut child = by_ranks(2, &long).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, || std::fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > 2));
    signal(processes(child.id(), 2)[1], "USR1");
    let output = ended(child);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let step = newest(&out);
    assert_eq!(std::fs::read_to_string(&metrics).unwrap().lines().count(), step, "the last update is the checkpoint's");
    assert_eq!(crate::support::names(&out.join("text")).iter().filter(|name| name.ends_with(".json")).count(), 1);

    let mut on = stage_1(&out, 2);
    on.arg(format!("--set=train.steps={}", step + 2));
    let output = by_ranks(4, &on).output().unwrap();
    stdout(&output);
    let said = stderr(&output);
    assert!(said.contains(&format!("from sample {} on 4 ranks instead of 2", 8 * step)), "{said}");
    // No row is left out and none is seen twice: the same as four ranks all the way.
    let four = tempfile::tempdir().unwrap();
    let four = run_in(&four);
    let mut all = stage_1(&four, 2);
    all.arg(format!("--set=train.steps={}", step + 2));
    stdout(&by_ranks(4, &all).output().unwrap());
    let last = |run: &Path| -> serde_json::Value {
        serde_json::from_str(std::fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().last().unwrap()).unwrap()
    };
    let (ours, theirs) = (last(&out), last(&four));
    assert_eq!((&ours["step"], &ours["samples"]), (&theirs["step"], &theirs["samples"]));
    let loss = |line: &serde_json::Value| line["loss"].as_f64().unwrap();
    assert!((loss(&ours) - loss(&theirs)).abs() < 1e-3 * loss(&theirs), "{ours} {theirs}");
}

#[test]
fn a_shard_that_is_damaged_for_one_rank_stops_all_with_a_checkpoint_from_before_it() {
    if !has_mpirun() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let set = prepared(dir.path());
    let two = |out: &Path| by_ranks(2, &on(&set, out));
    let (expected, out) = (dir.path().join("expected"), run_in(&dir));
    stdout(&two(&expected).output().unwrap());
    // Updates of two rows, one a rank: the eighth place is the second row of the fourth update, which rank 1 reads.
    let (tar, offset) = sample_at(&set, 7);
    let whole = std::fs::read(&tar).unwrap();
    let mut bytes = whole.clone();
    bytes[offset + 1000] ^= 1;
    std::fs::write(&tar, bytes).unwrap();
    let output = two(&out).output().unwrap();
    let said = stderr(&output);
    assert!(!output.status.success(), "{said}");
    let told: Vec<&str> = said.lines().filter(|line| line.starts_with("chexgen: ")).collect();
    let [told] = told.as_slice() else { panic!("it is told once: {said}") };
    assert!(told.contains("rank 1 on ") && told.contains("is damaged: the sample at byte"), "{told}");
    assert!(told.contains("the checkpoint of step 3 is from before it"), "{told}");
    assert_eq!(newest(&out), 3);
    // In the first update there is nothing to keep.
    let first = dir.path().join("first");
    let (early, at) = sample_at(&set, 1);
    let mended = std::fs::read(&early).unwrap();
    let mut bytes = mended.clone();
    bytes[at + 1000] ^= 1;
    std::fs::write(&early, bytes).unwrap();
    let said = stderr(&two(&first).output().unwrap());
    assert!(said.contains("rank 1 on ") && said.contains("is damaged") && !said.contains("from before it"), "{said}");
    assert_eq!(newest(&first), 0);
    std::fs::write(&early, mended).unwrap();
    std::fs::write(&tar, whole).unwrap();
    stdout(&two(&out).output().unwrap());
    assert!(weights(&out) == weights(&expected), "nothing was lost");
}

#[test]
fn a_rank_that_hangs_is_named_after_the_limit() {
    if !has_mpirun() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = run_in(&dir);
    let mut long = stage_1(&out, 4);
    long.args(["--set=train.steps=100000", "--rank-timeout", "45"]);
    let mut child = by_ranks(2, &long).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, || newest(&out) >= 1);
    let hung = processes(child.id(), 2)[1];
    signal(hung, "STOP");
    let output = ended(child);
    let said = stderr(&output);
    assert!(!output.status.success());
    assert!(said.contains("no answer for 45 s") && said.contains("from rank 1 on "), "{said}");
    stdout(&by_ranks(2, &stage_1(&out, 4)).arg(format!("--set=train.steps={}", newest(&out) + 1)).output().unwrap());
}

#[test]
fn every_stage_of_a_practice_model_is_trained_by_two_ranks_to_the_same_bits() {
    if !has_mpirun() {
        return;
    }
    let expected = crate::support::tiny();
    let (dir, one) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (out, one) = (run_in(&dir), run_in(&one));
    let sets = |mut command: Command| {
        command.args(["--set=base.train.micro_batch=2", "--set=control.train.micro_batch=2"]);
        command
    };
    stdout(&sets(crate::support::train(&expected.config, &one, None)).output().unwrap());
    stdout(&by_ranks(2, &sets(crate::support::train(&expected.config, &out, None))).output().unwrap());
    for stage in ["autoencoder", "checker", "base", "control"] {
        let weights = |run: &Path| std::fs::read(run.join(stage).join("final.safetensors")).unwrap();
        assert!(weights(&out) == weights(&one), "{stage} ends with other weights");
    }
    // A mistake in the command is told once.
    let output =
        by_ranks(2, crate::support::train(&expected.config, &out, None).arg("--set=base.train.stps=1")).output().unwrap();
    assert_eq!(stderr(&output).matches("chexgen:").count(), 1, "{}", stderr(&output));
    // So are ranks that were started with unlike settings, and one that cannot read its data.
    let chexgen = env!("CARGO_BIN_EXE_chexgen");
    for (unlike, sentence) in [
        ("--set=base.train.steps=7", "has another configuration than rank 0"),
        ("--stages=nonsense", "stage \"nonsense\" is unknown"),
    ] {
        let mut ranks = by_ranks(1, &crate::support::train(&expected.config, &out, None));
        ranks.args([":", "-np", "1", chexgen, "train"]).arg(&expected.config).arg("--out").arg(&out).arg(unlike);
        let said = stderr(&ranks.output().unwrap());
        assert_eq!(said.matches("chexgen: ").count(), 1, "{said}");
        assert!(said.contains("rank 1 on ") && said.contains(sentence), "{said}");
    }
}
