//! A data set by many ranks: the same bytes as by one, and gaps are shared evenly.

use std::collections::BTreeMap;
use std::path::Path;

use super::{by_mpirun, by_torchrun, count_in, identities, killed_early, together};
use crate::prepare::{phantoms, settings};
use crate::support::{chexgen, files, run, stdout};

const SOURCE: &str = "[[source]]\nkind = \"mimic\"\nroot = \"mimic\"\n";
const TOP: &str = "shard_cases = 2\n[captions]\nover = \"cut\"";

fn args(out: &str) -> [&str; 4] {
    ["prepare", "prepare.toml", "--out", out]
}

/// The files of a set without locks.
fn set(dir: &Path, out: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = files(&dir.join(out));
    found.retain(|name, _| !(name.starts_with(".prepare") && name.ends_with(".lock")));
    found
}

#[test]
fn any_number_of_ranks_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 12);
    settings(dir, TOP, SOURCE);
    stdout(&run(dir, &args("one")));
    let one = set(dir, "one");
    assert!(one.len() >= 6 * 2 + 4, "{:?}", one.keys());
    for world in [2, 3] {
        let out = format!("torchrun-{world}");
        let outputs = together((0..world).map(|rank| by_torchrun(dir, &args(&out), rank, world, "job")));
        let told: Vec<String> = outputs.iter().map(stdout).collect();
        assert!(told.iter().enumerate().all(|(rank, text)| text.starts_with(&format!("rank {rank} of {world}: "))), "{told:?}");
        assert!(told.iter().any(|text| text.contains("report.html shows what is in it")), "the last one completes: {told:?}");
        assert!(set(dir, &out) == one, "{world} ranks of torchrun");
        let Some(output) = by_mpirun(dir, &args(&format!("mpirun-{world}")), world) else { continue };
        assert!(stdout(&output).contains("12 samples"));
        assert!(set(dir, &format!("mpirun-{world}")) == one, "{world} ranks of mpirun");
    }
}

#[test]
fn a_killed_rank_leaves_gaps_that_others_fill_evenly() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 40);
    settings(dir, "shard_cases = 1\n[captions]\nover = \"cut\"", SOURCE);
    let shards = || count_in(&dir.join("set"), |name| name.starts_with("train") && name.ends_with(".json"));
    let first = || {
        let mut command = by_torchrun(dir, &args("set"), 1, 2, "first");
        command.args(["--threads", "1"]);
        command
    };
    killed_early(first, &dir.join("set"), 20, shards);
    stdout(&by_torchrun(dir, &args("set"), 0, 2, "first").output().unwrap());
    let there = shards();
    assert!((21..40).contains(&there), "{there} shards");
    let before = identities(&dir.join("set"));
    let outputs = together((0..3).map(|rank| by_torchrun(dir, &args("set"), rank, 3, "second")));
    let written = |text: String| -> usize {
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "shards").unwrap();
        words[at - 1].parse().unwrap()
    };
    let written: Vec<usize> = outputs.iter().map(|output| written(stdout(output))).collect();
    assert_eq!(written.iter().sum::<usize>(), 40 - there, "the gaps and nothing else");
    assert!(written.iter().max().unwrap() - written.iter().min().unwrap() <= 1, "evenly: {written:?}");
    let after = identities(&dir.join("set"));
    // A tar file without its index is what the kill cut off, and is written again.
    let whole = |name: &str| {
        name.starts_with("train") && before.keys().any(|index| index.strip_suffix(".json") == name.split('.').next())
    };
    assert!(before.iter().filter(|(name, _)| whole(name)).all(|(name, identity)| after[name] == *identity));
    stdout(&chexgen(dir, &args("one")).output().unwrap());
    assert!(set(dir, "set") == set(dir, "one"));
}
