//! `chexgen launch` from outside: the scripts of the repository are what it prints, and bad wishes are sentences.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{chexgen, files, stderr, stdout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn launch(args: &str) -> Output {
    let words: Vec<&str> = std::iter::once("launch").chain(args.split_whitespace()).collect();
    chexgen(&root(), &words).output().unwrap()
}

#[test]
fn the_scripts_of_the_repository_are_what_launch_prints() {
    let all = "--nodes 4 --gpus 8 --time 24:00:00 --dry-run -- --parts models/parts";
    let expected = [
        ("stage1-256.sbatch", format!("--stages stage1 {all}")),
        ("stage2-512.sbatch", format!("--stages stage2 {all} --from runs/stage1-256")),
        ("control.sbatch", format!("--stages control {all} --from runs/stage2-512")),
        ("paper.sh", format!("--stages stage1 stage2 control {all}")),
    ];
    let there = files(&root().join("trainer/slurm"));
    assert_eq!(there.len(), expected.len(), "each script has a command: {:?}", there.keys());
    for (file, args) in expected {
        let printed = stdout(&launch(&args));
        let kept = String::from_utf8(there[file].clone()).unwrap();
        assert!(printed == kept, "trainer/slurm/{file} is not what this prints: chexgen launch {args}\n{printed}");
    }
}

#[test]
fn an_estimate_says_what_is_assumed() {
    let text = stdout(&launch("--stages stage1 stage2 control --nodes 4 --gpus 8 --estimate"));
    assert_eq!(text.matches(" rows a second").count(), 3, "{text}");
    let document = std::fs::read_to_string(root().join("docs/how-to/cluster.md")).unwrap();
    assert!(document.contains(&text), "docs/how-to/cluster.md shows other figures than these:\n{text}");
    assert!(text.contains("not measured") && text.contains("4 adapters of 200 Gbit/s"), "{text}");
    let text = stdout(&launch("trainer/configs/stage1-256.release.toml --gpus 8 --estimate --row-seconds 0.01"));
    assert!(text.contains("0.01 s on one card (as given)") && text.contains("forward and backward 0.320 s"), "{text}");
}

#[test]
fn bad_wishes_are_one_sentence() {
    for (args, code, said) in [
        ("--dry-run", 2, "required"),
        ("trainer/configs/stage1-256.paper.toml --dry-run", 2, "--out"),
        ("--stages stage7 --dry-run", 1, "stage \"stage7\": there is no file stage7"),
        ("--stages trainer/configs/prepare-phantom.toml --dry-run", 1, "a chain is made of stages"),
        ("Cargo.toml --out x --dry-run", 1, "name another file"),
        ("nothing.csv --out x --dry-run", 1, "no such file"),
        ("--stages stage1 --nodes 5 --dry-run", 1, "6144 rows cannot be shared by 40 ranks; set train.batch_size to a multiple"),
        ("--stages stage1 --nodes 6 --dry-run -- --set train.batch_size=960", 1, "set train.micro_batch to a divisor of 20"),
        (
            "trainer/configs/practice.toml --out x --gpus 0 --tasks 7 --dry-run",
            1,
            "stage base: a batch of 32 rows cannot be shared by 7",
        ),
        ("--stages stage1 --dry-run -- --set=train.stps=1", 1, "did you mean train.steps"),
        ("--stages stage1 --dry-run", 1, "stage1-256.paper.toml: it does not say --parts"),
        ("--stages stage1 --tasks 2 --dry-run", 1, "one rank a card"),
        ("--stages stage1 --sbatch constraint --dry-run", 1, "begin it with --"),
        ("--stages stage1 --env 1A=2 --dry-run", 2, "no name of a variable"),
        ("--stages stage1 --gpus 0 --estimate", 1, "give --gpus"),
        ("--stages stage1 --estimate --gbit 0", 2, "a number above 0"),
    ] {
        let output = launch(args);
        let text = stderr(&output);
        assert!(output.status.code() == Some(code) && text.contains(said), "{args}: {text}");
        assert!(code == 2 || text.lines().count() == 1, "{args}: {text}");
    }
    let mut alone = chexgen(&root(), &["launch", "--stages", "stage1", "--", "--parts", "parts"]);
    let output = alone.env("PATH", "").output().unwrap();
    assert!(stderr(&output).contains("sbatch is not here") && output.status.code() == Some(1), "{}", stderr(&output));
    assert!(!root().join("runs/job.sh").exists(), "nothing was written");
}
