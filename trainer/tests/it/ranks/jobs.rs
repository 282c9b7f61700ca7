//! Jobs in a real Slurm: ranks by srun, scripts of `chexgen launch`, a job that goes back into the queue.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use super::generate::{args, cases, images};
use super::slurm::Slurm;
use super::{kill, process_with};
use crate::support::{files, run, stderr, stdout, tiny, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chexgen");

/// Submits a list of cases by `chexgen launch`, two ranks on this machine; gives the number of the job.
fn launch(slurm: &Slurm, dir: &Path, out: &str, steps: &str, more: &[&str]) -> String {
    let model = tiny().model.to_str().unwrap();
    let mut command =
        slurm.command(PROGRAM, &["launch", "cases.csv", "--out", out, "--gpus", "0", "--tasks", "2", "--cpus", "1"]);
    command.args(more).args(["--program", PROGRAM, "--", "--model", model, "--seed", "4", "--steps", steps, "--json"]);
    // sbatch is looked for on the path, and speaks to these daemons by the environment.
    let output = command.current_dir(dir).output().unwrap();
    let text = stdout(&output);
    text.split_whitespace().last().unwrap().to_owned()
}

#[test]
fn a_real_slurm_runs_ranks_and_puts_a_stopped_job_back() {
    let Some(slurm) = Slurm::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    const COUNT: usize = 12;
    cases(dir, COUNT);
    stdout(&run(dir, &args("one", "60")));
    let one = files(&dir.join("one"));

    // Two tasks of a step share the images by themselves.
    let mut srun = vec!["-n", "2", "--mpi=none", PROGRAM];
    let by_srun = args("srun", "60");
    srun.extend(&by_srun);
    let output = slurm.run(dir, "srun", &srun);
    let text = String::from_utf8(output.stdout).unwrap();
    for rank in 0..2 {
        assert!(text.contains(&format!("\"written\":{}", COUNT / 2)) && text.contains(&format!("\"rank\":{rank}")), "{text}");
    }
    assert!(files(&dir.join("srun")) == one, "two tasks of srun");

    // A task that dies is named, and the others are ended.
    let by_srun = args("died", "400");
    let mut command = slurm.command("srun", &["-n", "2", "--mpi=none", "--kill-on-bad-exit=1", PROGRAM]);
    command.args(&by_srun).current_dir(dir).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    wait_for(&mut child, || images(&dir.join("died")) > 0);
    let task = process_with(&[("SLURM_PROCID", "1"), ("SLURM_CONF", slurm.conf().to_str().unwrap())]).unwrap();
    kill(task);
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success() && stderr(&output).contains("task 1: Killed"), "{}", stderr(&output));
    assert!(images(&dir.join("died")) < COUNT);

    // The script of `chexgen launch`; it is asked to stop, ends with code 3, and goes on by itself.
    stopped_and_gone_on(&slurm, dir, &launch(&slurm, dir, "out", "60", &[]), &one);
}

/// Stops a job that writes into `out`; it goes back into the queue by itself and ends with the files of `one` process.
fn stopped_and_gone_on(slurm: &Slurm, dir: &Path, job: &str, one: &BTreeMap<String, Vec<u8>>) {
    let log = dir.join(format!("chexgen-cases-{job}.log"));
    slurm.wait_for(job, &log, || images(&dir.join("out")) > 0);
    slurm.run(dir, "scancel", &["--signal=USR1", job]);
    slurm.wait_for(job, &log, || slurm.field(job, "JobState") == "COMPLETED");
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!(slurm.field(job, "ExitCode"), "0:0", "{said}");
    assert_eq!(slurm.field(job, "Restarts"), "1", "{said}");
    assert!(said.contains("start 0,") && said.contains("start 1,") && said.contains("\"interrupted\":true"), "{said}");
    let mut found = files(&dir.join("out"));
    assert!(found.remove("job.sh").is_some());
    assert!(found == *one, "the files of a job that was stopped and went on: {said}");
}

#[test]
fn a_job_whose_ranks_torchrun_starts_is_stopped_and_goes_on() {
    use std::os::unix::fs::PermissionsExt as _;

    let Some(slurm) = Slurm::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    cases(dir, 12);
    stdout(&run(dir, &args("one", "60")));
    // torchrun is a part of PyTorch, which is not here: another program does what its documentation says.
    let program = dir.join("bin/torchrun");
    std::fs::create_dir(dir.join("bin")).unwrap();
    std::fs::write(&program, include_str!("torchrun.sh")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("export PATH=\"{}:$PATH\"", dir.join("bin").display());
    let job = launch(&slurm, dir, "out", "60", &["--launcher", "torchrun", "--setup", &path]);
    stopped_and_gone_on(&slurm, dir, &job, &files(&dir.join("one")));
    let said = std::fs::read_to_string(dir.join(format!("chexgen-cases-{job}.log"))).unwrap();
    assert!((0..2).all(|rank| said.contains(&format!("\"rank\":{rank}"))), "{said}");
    let left = crate::support::names(dir).into_iter().find(|name| name.starts_with(".stopped"));
    assert_eq!(left, None, "the mark of a stopped job is gone");

    // A rank that fails ends the job, which does not come back.
    let job = launch(&slurm, dir, "wrong", "0", &["--launcher", "torchrun", "--setup", &path]);
    let begin = std::time::Instant::now();
    while slurm.field(&job, "JobState") != "FAILED" {
        assert!(begin.elapsed() < std::time::Duration::from_secs(600), "{}", slurm.field(&job, "JobState"));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let said = std::fs::read_to_string(dir.join(format!("chexgen-cases-{job}.log"))).unwrap();
    assert_eq!((slurm.field(&job, "Restarts").as_str(), slurm.field(&job, "ExitCode").as_str()), ("0", "1:0"), "{said}");
    assert!(said.contains("steps"), "{said}");
}

/// A training over MPI ranks as Slurm starts them.
#[cfg(feature = "mpi")]
#[test]
fn a_real_slurm_trains_on_two_ranks_and_a_requeued_training_ends_with_the_same_bits() {
    use crate::stages::{runs, train};

    let Some(slurm) = Slurm::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let plugins = slurm.run(dir, "srun", &["--mpi=list"]);
    if !String::from_utf8_lossy(&[plugins.stdout, plugins.stderr].concat()).contains("pmix") {
        println!("skipped: this Slurm starts no MPI by pmix");
        return;
    }
    let words = |command: &std::process::Command| -> Vec<String> {
        command.get_args().map(|word| word.to_str().unwrap().to_owned()).collect()
    };
    let weights = |run: &Path| std::fs::read(run.join("text/final.safetensors")).unwrap();

    // Two tasks of a step; their rows add up as those of one process with two micro-batches.
    let out = dir.join("srun");
    let mut command = slurm.command("srun", &["-n", "2", "--mpi=pmix", PROGRAM]);
    command.args(words(&train("stage1-256", &out, None))).env("RAYON_NUM_THREADS", "1").current_dir(dir);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(weights(&out) == weights(&runs().first), "{}", stderr(&output));

    // A long one, stopped in the middle; Slurm starts it again, and it ends as one process that was never stopped.
    let long = ["--set=train.steps=60", "--set=train.checkpoints.every_steps=20"];
    let one = dir.join("one");
    stdout(&train("stage1-256", &one, None).args(long).output().unwrap());
    let out = dir.join("run");
    let train = words(&train("stage1-256", &out, None));
    let [_, config, _, _, sets @ ..] = train.as_slice() else { panic!("{train:?}") };
    let ask = ["--gpus", "0", "--tasks", "2", "--cpus", "1", "--program", PROGRAM, "--"];
    let mut command = slurm.command(PROGRAM, &["launch", config, "--out", "run"]);
    let output = command.args(ask).args(sets).args(long).current_dir(dir).output().unwrap();
    let job = stdout(&output).split_whitespace().last().unwrap().to_owned();
    let log = dir.join(format!("chexgen-stage1-256-{job}.log"));
    let updates = || std::fs::read_to_string(out.join("metrics.jsonl")).map_or(0, |text| text.lines().count());
    slurm.wait_for(&job, &log, || updates() > 2);
    slurm.run(dir, "scancel", &["--signal=USR1", &job]);
    slurm.wait_for(&job, &log, || slurm.field(&job, "JobState") == "COMPLETED");
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!((slurm.field(&job, "Restarts").as_str(), slurm.field(&job, "ExitCode").as_str()), ("1", "0:0"), "{said}");
    assert_eq!(updates(), 60, "{said}");
    assert!(weights(&out) == weights(&one), "{said}");
}
