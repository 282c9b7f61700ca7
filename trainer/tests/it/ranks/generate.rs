//! Images by many ranks: the same files as by one, and a rank that died leaves gaps which any number of ranks fills.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{by_mpirun, by_torchrun, count_in, identities, kill, killed_early, mpirun, process_with, together};
use crate::support::{chexgen, files, names, run, stderr, stdout, tiny, wait_for, write_mask};

/// Arguments of a run over the cases of [`cases`].
pub(super) fn args<'a>(out: &'a str, steps: &'a str) -> Vec<&'a str> {
    let model = tiny().model.to_str().unwrap();
    vec!["generate", "--model", model, "--cases", "cases.csv", "--seed", "4", "--json", "--steps", steps, "--out", out]
}

/// A case file with masks, twins and folders.
pub(super) fn cases(dir: &Path, count: usize) {
    write_mask(&dir.join("m/one.png"), 64, 64);
    let row = |i: usize| match i % 3 {
        0 => format!("case-{i},No acute findings.,,"),
        1 => format!("sub/case-{i},Large right pneumothorax.,m/one.png,"),
        _ => format!("case-{i},Small left pleural effusion.,,No acute findings."),
    };
    let rows: Vec<String> = (0..count).map(row).collect();
    std::fs::write(dir.join("cases.csv"), format!("name,impression,mask,twin\n{}\n", rows.join("\n"))).unwrap();
}

/// The lines of JSON of all ranks: those of images, and the summaries.
fn lines(outputs: &[Output]) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
    let all: Vec<serde_json::Value> = outputs
        .iter()
        .flat_map(|output| stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
        .collect();
    all.into_iter().partition(|line: &serde_json::Value| line.get("summary").is_none())
}

#[test]
fn any_number_of_ranks_gives_the_same_files() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    cases(dir, 7);
    stdout(&run(dir, &args("one", "2")));
    let one = files(&dir.join("one"));
    assert_eq!(one.len(), 7 * 2 + 2 + 2 * 2);

    // By hand, one after the other: each makes its own and nothing else.
    for rank in ["2", "0", "1"] {
        let mut by_hand = args("hand", "2");
        by_hand.extend(["--rank", rank, "--world", "3"]);
        let before = names(&dir.join("hand")).len();
        let (images, summaries) = lines(&[run(dir, &by_hand)]);
        let made: Vec<&str> = images.iter().map(|line| line["name"].as_str().unwrap()).collect();
        assert!(
            made.iter()
                .all(|name| name.ends_with(|c: char| c.to_digit(10).is_some_and(|d| d % 3 == rank.parse::<u32>().unwrap())))
        );
        assert_eq!(summaries[0]["summary"]["rank"].to_string(), rank);
        assert!(names(&dir.join("hand")).len() > before);
    }
    assert!(files(&dir.join("hand")) == one, "three processes by hand");

    for world in [2, 3] {
        let out = format!("torchrun-{world}");
        let outputs = together((0..world).map(|rank| by_torchrun(dir, &args(&out, "2"), rank, world, "job")));
        let (images, summaries) = lines(&outputs);
        assert_eq!((images.len(), summaries.len()), (7, world), "each image is told once");
        assert!(summaries.iter().all(|line| line["summary"]["total"] == 7 && line["summary"]["world"] == world));
        assert!(summaries.iter().any(|line| line["summary"]["there"] == 7), "the last one sees all");
        assert!(files(&dir.join(&out)) == one, "{world} ranks of torchrun; nothing else is left");
    }

    // An image of three ranks is made again by its record alone.
    let again = stdout(&run(dir, &["replay", "torchrun-3/sub/case-1.png", "--model", tiny().model.to_str().unwrap()]));
    assert_eq!(again.trim(), "identical");
}

#[test]
fn mpirun_shares_a_run_among_its_ranks() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    cases(dir, 6);
    stdout(&run(dir, &args("one", "2")));
    for world in [2, 3] {
        let out = format!("mpirun-{world}");
        let Some(output) = by_mpirun(dir, &args(&out, "2"), world) else { return };
        let (images, summaries) = lines(&[output]);
        assert_eq!((images.len(), summaries.len()), (6, world));
        assert!(files(&dir.join(&out)) == files(&dir.join("one")), "{world} ranks of mpirun");
    }
}

/// Images of a folder and of `sub` in it.
pub(super) fn images(out: &Path) -> usize {
    let is_image = |name: &str| name.starts_with("case-") && name.ends_with(".png") && !name.contains('_');
    count_in(out, is_image) + count_in(&out.join("sub"), is_image)
}

#[test]
fn a_killed_rank_leaves_gaps_that_any_number_of_ranks_fills_evenly() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    const COUNT: usize = 24;
    cases(dir, COUNT);
    let out = dir.join("out");
    // Rank 1 is killed, and rank 0 comes late and makes its own images; the other half has gaps.
    let first = || by_torchrun(dir, &args("out", "60"), 1, 2, "first");
    let died = killed_early(first, &out, COUNT / 2, || images(&out));
    let late = together(std::iter::once(by_torchrun(dir, &args("out", "60"), 0, 2, "first")));
    let (images, summaries) = lines(&late);
    // What the killed rank made may be told by this one as kept.
    assert_eq!(images.iter().filter(|line| line["skipped"] == false).count(), COUNT / 2);
    assert_eq!(
        (&summaries[0]["summary"]["there"], &summaries[0]["summary"]["total"]),
        (&(COUNT / 2 + died).into(), &COUNT.into())
    );

    let before = identities(&out);
    let outputs = together((0..3).map(|rank| by_torchrun(dir, &args("out", "60"), rank, 3, "second")));
    let written: Vec<u64> = lines(&outputs).1.iter().map(|line| line["summary"]["written"].as_u64().unwrap()).collect();
    assert_eq!(written.iter().sum::<u64>() as usize, COUNT / 2 - died, "the gaps and nothing else");
    assert!(written.iter().max().unwrap() - written.iter().min().unwrap() <= 1, "evenly: {written:?}");
    let after = identities(&out);
    let kept = |name: &&String| !name.starts_with('.') && before[*name] != after[*name];
    assert_eq!(before.keys().filter(|name| name.contains("case-")).filter(kept).collect::<Vec<_>>(), Vec::<&String>::new());

    stdout(&run(dir, &args("one", "60")));
    assert!(files(&out) == files(&dir.join("one")), "the same files as by one process, and no others");
}

#[test]
fn mpirun_names_a_rank_that_died_and_a_rerun_makes_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    const COUNT: usize = 24;
    cases(dir, COUNT);
    let out = dir.join("out");
    let mark = dir.to_str().unwrap();
    for round in 0.. {
        assert!(round < 5, "two ranks were quicker than their kill, again and again");
        let Some(mut command) = mpirun(dir, &args("out", "60"), 2) else { return };
        command.env("CHEXGEN_TEST", mark).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        wait_for(&mut child, || images(&out) > 0);
        let Some(rank) = process_with(&[("CHEXGEN_TEST", mark), ("OMPI_COMM_WORLD_RANK", "1")]) else {
            child.wait().unwrap();
            std::fs::remove_dir_all(&out).unwrap();
            continue;
        };
        kill(rank);
        let output = child.wait_with_output().unwrap();
        let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains("rank 1") && said.contains("signal 9"), "{said}");
        break;
    }
    let (before, there) = (identities(&out), images(&out));
    assert!(there < COUNT, "the others were ended");
    let output = by_mpirun(dir, &args("out", "60"), 3).unwrap();
    let written: u64 = lines(&[output]).1.iter().map(|line| line["summary"]["written"].as_u64().unwrap()).sum();
    assert_eq!(written as usize, COUNT - there, "the gaps and nothing else");
    let after = identities(&out);
    assert!(before.iter().filter(|(name, _)| name.ends_with(".png") && !name.contains('_')).all(|(name, id)| after[name] == *id));
    stdout(&run(dir, &args("one", "60")));
    assert!(files(&out) == files(&dir.join("one")));
}

#[test]
fn contradictions_are_one_sentence_and_make_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    cases(dir, 2);
    let sentence = |command: &mut Command| {
        let output = command.output().unwrap();
        let text = stderr(&output);
        assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
        text
    };
    let mut by_hand = args("out", "1");
    by_hand.extend(["--rank", "1", "--world", "2"]);
    let text = sentence(&mut by_torchrun(dir, &by_hand, 0, 2, "job"));
    assert!(text.contains("--rank 1 --world 2 contradicts torchrun"), "{text}");
    let text = sentence(by_torchrun(dir, &args("out", "1"), 0, 2, "job").env("OMPI_COMM_WORLD_RANK", "1"));
    assert!(text.contains("OMPI_COMM_WORLD_SIZE is not"), "{text}");
    let text = sentence(chexgen(dir, &args("out", "1")).env("RANK", "2").env("WORLD_SIZE", "2").env("LOCAL_RANK", "0"));
    assert!(text.contains("RANK is 2 and WORLD_SIZE is 2"), "{text}");
    let mut half = args("out", "1");
    half.extend(["--rank", "0"]);
    assert_eq!(run(dir, &half).status.code(), Some(2));
    // An error says whose it is.
    std::fs::write(dir.join("cases.csv"), "name,impression\n../a,x\n").unwrap();
    let text = sentence(&mut by_torchrun(dir, &args("out", "1"), 1, 2, "job"));
    assert!(text.starts_with("chexgen: rank 1 of 2 on ") && text.contains("leaves the output folder"), "{text}");
    assert!(!dir.join("out").exists());
}
