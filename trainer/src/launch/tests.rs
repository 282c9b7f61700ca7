#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use super::*;

fn cluster(starter: Starter, gpus: usize) -> Cluster {
    Cluster {
        nodes: 4,
        gpus,
        tasks: gpus.max(2),
        starter,
        cpus: 16,
        time: Some("24:00:00".to_owned()),
        partition: Some("gpu".to_owned()),
        account: None,
        memory: None,
        options: vec!["--constraint=a100".to_owned()],
        setup: vec!["module load cuda".to_owned()],
        env: vec![("NCCL_SOCKET_IFNAME".to_owned(), "ib0,ib 1".to_owned())],
        container: None,
        program: "chexgen".to_owned(),
        warning_s: 120,
    }
}

fn job(work: Work) -> Job {
    let args = ["train", "a b.toml", "--out", "run's"].map(str::to_owned).to_vec();
    Job { name: "chexgen-a".to_owned(), work, args }
}

/// What a program says of a script; none where the program is missing.
fn judged(program: &str, args: &[&str], text: &str) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("job.sh");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(program).args(args).arg(&file).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_script_is_clean_bash() {
    let mut seen = 0;
    for starter in [Starter::Slurm, Starter::Torchrun, Starter::Mpirun] {
        for gpus in [0, 8] {
            for work in [Work::Train, Work::Generate, Work::Prepare] {
                for container in [None, Some("image.sif".into())] {
                    let cluster = Cluster { container, ..cluster(starter, gpus) };
                    let one = script(&job(work), &cluster);
                    let other = Job { name: "chexgen-b".to_owned(), ..job(work) };
                    for text in [one, chain::chain(&[job(work), other], &cluster)] {
                        assert_eq!(judged("bash", &["-n"], &text).as_deref().unwrap_or_default(), "", "{text}");
                        match judged("shellcheck", &[], &text) {
                            Some(said) => assert_eq!(said, "", "{text}"),
                            None if seen == 0 => println!("skipped: shellcheck is missing"),
                            None => {}
                        }
                        seen += 1;
                    }
                }
            }
        }
    }
    assert_eq!(seen, 72);
}

#[test]
fn a_script_asks_for_what_was_asked() {
    let text = script(&job(Work::Train), &cluster(Starter::Slurm, 8));
    let options: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#SBATCH --")).collect();
    for option in [
        "job-name=chexgen-a",
        "nodes=4",
        "ntasks-per-node=8",
        "gpus-per-node=8",
        "cpus-per-task=16",
        "time=24:00:00",
        "partition=gpu",
        "constraint=a100",
        "output=%x-%j.log",
        "open-mode=append",
        "requeue",
        "signal=USR1@120",
    ] {
        assert!(options.contains(&option), "{option}: {options:?}");
    }
    assert!(!text.contains("--account") && !text.contains("--mem="), "{text}");
    assert!(text.contains("chexgen train 'a b.toml' --out 'run'\\''s' || code=$?"), "{text}");
    assert!(text.contains("export NCCL_SOCKET_IFNAME='ib0,ib 1'\n") && text.contains("\nmodule load cuda\n"), "{text}");
    // Options after the first command are none for Slurm.
    assert!(text.find("\nset -u").unwrap() > text.rfind("#SBATCH").unwrap());
    let on_processors = script(&job(Work::Train), &cluster(Starter::Slurm, 0));
    assert!(on_processors.contains("--mpi=pmix") && !on_processors.contains("NCCL_ALGO") && !on_processors.contains("gpus"));
    let images = script(&job(Work::Generate), &cluster(Starter::Slurm, 8));
    assert!(!images.contains("NCCL_ALGO"), "no collective, no library");
}

/// Runs a script with stand-ins for the programs of a cluster; gives its exit code and what the stand-ins noted.
fn played(text: &str, ranks_end_with: i32) -> (Option<i32>, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let stand_in = |name: &str, body: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/bash\necho \"{name} $*\" >> notes\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    // Options are dropped up to the next program.
    let pass_on = "while [ $# -gt 0 ]; do case $1 in torchrun|bash|chexgen) break;; esac; shift; done; \"$@\"";
    stand_in("srun", pass_on);
    stand_in("mpirun", pass_on);
    stand_in("torchrun", &format!("{pass_on} || exit 1"));
    stand_in("scontrol", "echo node1");
    stand_in("chexgen", &format!("exit {ranks_end_with}"));
    std::fs::write(dir.path().join("job.sh"), text).unwrap();
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let slurm =
        [("SLURM_JOB_ID", "7"), ("SLURM_JOB_NODELIST", "node[1-4]"), ("SLURM_NNODES", "4"), ("SLURM_CPUS_PER_TASK", "16")];
    let output = Command::new("bash").arg("job.sh").current_dir(dir.path()).env("PATH", path).envs(slurm).output().unwrap();
    let notes = std::fs::read_to_string(dir.path().join("notes")).unwrap_or_default();
    (output.status.code(), notes + &String::from_utf8(output.stderr).unwrap())
}

#[test]
fn code_three_goes_back_into_the_queue_and_no_other_does() {
    for starter in [Starter::Slurm, Starter::Torchrun, Starter::Mpirun] {
        let cluster = Cluster { setup: Vec::new(), ..cluster(starter, 8) };
        let text = script(&job(Work::Train), &cluster);
        for code in [0, 1, 3] {
            let (ended, notes) = played(&text, code);
            assert!(notes.contains("chexgen train a b.toml --out run's"), "{starter:?}: {notes}");
            assert_eq!(notes.contains("scontrol requeue 7"), code == 3, "{starter:?} {code}: {notes}");
            assert_eq!(ended, Some(code), "{starter:?}: {notes}");
        }
    }
}

#[test]
fn stages_follow_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let stage = |name: &str| root.join(format!("{name}.practice.toml")).to_str().unwrap().to_owned();
    let names = [stage("stage1-256"), stage("stage2-512"), stage("control")];
    let cluster = cluster(Starter::Slurm, 8);
    let jobs = chain::jobs(&names, "paper", Path::new("runs"), &cluster, &["--parts".to_owned(), "parts".to_owned()]).unwrap();
    let from = |job: &Job| job.args.iter().position(|word| word == "--from").map(|at| job.args[at + 1].clone());
    assert_eq!(jobs.iter().map(from).collect::<Vec<_>>(), [None, Some("runs/stage1-256".into()), Some("runs/stage2-512".into())]);
    assert!(jobs.iter().all(|job| job.args.ends_with(&["--parts".to_owned(), "parts".to_owned()])));
    let text = chain::chain(&jobs, &cluster);
    assert_eq!(text.matches("--dependency=\"afterok:${job0%%;*}\"").count(), 1);
    assert_eq!(text.matches("--dependency=\"afterok:${job1%%;*}\"").count(), 1);
    let given = ["--parts", "parts", "--from", "first"].map(str::to_owned);
    let twice = chain::jobs(&[stage("control"), stage("control")], "paper", Path::new("runs"), &cluster, &given);
    assert!(twice.unwrap_err().to_string().contains("would share the folder"));
    let missing = chain::jobs(&["stage9".to_owned()], "paper", Path::new("runs"), &cluster, &[]).unwrap_err().to_string();
    assert!(missing.contains("stage9") && missing.contains("there is no file"), "{missing}");
}

#[test]
fn a_file_tells_what_it_is_for() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name)
    };
    let cluster = cluster(Starter::Slurm, 0);
    let of = |path: &Path| Job::new(path, Path::new("out"), &cluster, &[]);
    let cases = of(&write("cases.csv", "impression\nx\n")).unwrap();
    assert_eq!((cases.work, cases.args[0].as_str(), cases.args[1].as_str()), (Work::Generate, "generate", "--cases"));
    assert!(cases.args.ends_with(&["--device".to_owned(), "cpu".to_owned()]));
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    assert_eq!(of(&shipped.join("prepare-phantom.toml")).unwrap().work, Work::Prepare);
    let with = |name: &str, more: &[&str]| {
        let more: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
        Job::new(&shipped.join(name), Path::new("out"), &cluster, &more).map_err(|error| format!("{error:#}"))
    };
    let train = with("stage1-256.paper.toml", &["--parts", "parts"]).unwrap();
    assert_eq!((train.work, train.name.as_str()), (Work::Train, "chexgen-stage1-256"));
    // What a stage cannot begin without is missed before the job waits in the queue.
    for (name, more, said) in [
        ("stage1-256.paper.toml", &[][..], "does not say --parts"),
        ("stage2-512.paper.toml", &["--parts=parts"], "does not say --from"),
        ("stage2-512.paper.toml", &["--set", "parts=parts", "--from=first"], ""),
        ("control.paper.toml", &["--from", "second", "--set=parts=parts"], ""),
    ] {
        let told = with(name, more).err().unwrap_or_default();
        assert!(told.contains(said) && told.is_empty() == said.is_empty(), "{name} {more:?}: {told}");
    }
    assert!(of(&write("x.toml", "a = 1\n")).unwrap_err().to_string().contains("name another file"));
    assert!(of(Path::new("none.csv")).unwrap_err().to_string().contains("no such file"));
}
