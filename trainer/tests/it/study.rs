//! A reader study by the program: from a template to a joined table, and everything that does not belong in one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ::study::answers::{Answers, Event, Looked, Moment, Screen};
use ::study::key::Key;
use ::study::reading::Purpose;
use ::study::sealed::Study;
use engine::domain::GrayImage;
use engine::imageio::png::encode_gray16;

use crate::support::{chexgen, run, stderr, stdout};

const TEXTS: [(&str, &str); 3] =
    [("PTX", "Moderate right pneumothorax."), ("none", "No acute findings."), ("EFF", "Small left pleural effusion.")];

/// A picture that differs a little from any other one, with no trait of an arm.
fn picture(number: u32) -> Vec<u8> {
    let noise = |i: u32| (i ^ number.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b).rotate_left(13) >> 20;
    let pixels = (0..64 * 64).map(|i| (20_000 + 300 * (i % 64) + 2 * noise(i)) as u16).collect();
    encode_gray16(&GrayImage::new(64, 64, pixels).unwrap(), &[]).unwrap()
}

/// Writes a design of two arms and readers, and a table of cases, into a new folder `s`.
fn design(dir: &Path, cases: u32, more: &str) -> PathBuf {
    let folder = dir.join("s");
    std::fs::create_dir_all(folder.join("images")).unwrap();
    let text = format!(
        "format = 1\ntitle = \"A study\"\ntemplate = \"report-alignment\"\nseed = 5\nreaders = [\"R1\", \"R2\"]\n\
         arms = [\"ours\", \"rival\"]\ncases = \"cases.csv\"\nconsent = \"I agree.\"\n[plan]\nseparation = 2\n{more}"
    );
    std::fs::write(folder.join("study.toml"), text).unwrap();
    let mut table = "case,impression,findings,use,image:ours,image:rival\n".to_owned();
    for case in 0..cases {
        let (findings, impression) = TEXTS[case as usize % 3];
        let (ours, rival) = (format!("images/secret-ours-{case}.png"), format!("images/secret-rival-{case}.png"));
        // Which number an arm's picture gets says nothing: they change places from case to case.
        let turn = case.count_ones() % 2;
        std::fs::write(folder.join(&ours), picture(2 * case + turn)).unwrap();
        std::fs::write(folder.join(&rival), picture(2 * case + 1 - turn)).unwrap();
        writeln!(table, "c{case},{impression},{findings},scored,{ours},{rival}").unwrap();
    }
    std::fs::write(folder.join("cases.csv"), table).unwrap();
    folder
}

/// The one sentence of a failure.
fn fails<S: AsRef<std::ffi::OsStr>>(dir: &Path, args: &[S]) -> String {
    let output = run(dir, args);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("chexgen: ") && text.lines().count() == 1, "{text}");
    text
}

fn seal(dir: &Path) {
    stdout(&run(dir, &["study", "seal", "s", "--without-audit", "a test", "--out", "s.cxstudy"]));
}

/// Answers every trial of a reader of `s.cxstudy` as a person would.
fn read(dir: &Path, reader: &str) -> PathBuf {
    let file = dir.join("s.cxstudy");
    answer(&file, &Answers::file_beside(&file, reader), reader, "ours")
}

/// Answers every trial of a reader, better where the image is of the `best` arm.
fn answer(file: &Path, path: &Path, reader: &str, best: &str) -> PathBuf {
    let study = Study::open(file).unwrap();
    let key = Key::read(&file.with_extension("cxkey")).unwrap();
    let mut answers = Answers::open(path, &study, reader).unwrap();
    let mut secs = 0;
    let mut add = |event| {
        secs += 7;
        answers.append(Moment { wall_ms: 1000 * secs, mono_secs: secs as f64 }, event).unwrap();
    };
    let screen = Screen { window_px: (1600, 1000), pixels_per_point: 1.0, scale: (1, 1) };
    add(Event::Opened { program: "a test".to_owned(), screen, simulated: false });
    add(Event::Consent);
    for (trial, meaning) in (1..).zip(&key.trials[reader]) {
        add(Event::Shown { trial, screen });
        let image = &key.images[&study.reader(reader).unwrap().trial(trial).unwrap().2.images[0]];
        let better = i32::from(image.arm.as_deref() == Some(best));
        let value = if meaning.purpose == Purpose::Catch { -2 } else { better + trial as i32 % 2 };
        add(Event::Locked { trial, values: vec![value], seconds: 6.0, looked: Looked::default() });
    }
    add(Event::Closed);
    path.to_owned()
}

#[test]
fn a_study_goes_from_design_to_joined_table() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    design(dir, 12, "catch = 2\n");
    let text = stdout(&run(dir, &["study", "check", "s"]));
    assert!(text.contains("28 trials a reader: 24 that count, 2 hidden repeats, 2 catch trials"), "{text}");

    // Sealing asks for an audit of just these images.
    assert!(fails(dir, &["study", "seal", "s"]).contains("no leak audit was made of these images"));
    let text = stdout(&run(dir, &["study", "audit", "s", "--permutations", "199"]));
    assert!(text.contains("The images as readers will see them"), "{text}");
    let kept = std::fs::read(dir.join("s/images/secret-ours-0.png")).unwrap();
    std::fs::write(dir.join("s/images/secret-ours-0.png"), picture(999)).unwrap();
    assert!(fails(dir, &["study", "seal", "s"]).contains("is of other images or settings than these"));
    std::fs::write(dir.join("s/images/secret-ours-0.png"), kept).unwrap();

    // Sealed twice, the same bytes; another seed, others.
    for name in ["a", "b"] {
        stdout(&run(dir, &["study", "seal", "s", "--out", &format!("{name}.cxstudy")]));
    }
    let bytes = |name: &str| std::fs::read(dir.join(name)).unwrap();
    assert!(bytes("a.cxstudy") == bytes("b.cxstudy") && bytes("a.cxkey") == bytes("b.cxkey"));
    let toml = std::fs::read_to_string(dir.join("s/study.toml")).unwrap();
    std::fs::write(dir.join("s/study.toml"), toml.replace("seed = 5", "seed = 6")).unwrap();
    stdout(&run(dir, &["study", "seal", "s", "--without-audit", "a test", "--out", "c.cxstudy"]));
    assert!(bytes("a.cxstudy") != bytes("c.cxstudy") && bytes("a.cxkey") != bytes("c.cxkey"));
    std::fs::write(dir.join("s/study.toml"), toml).unwrap();
    let again = fails(dir, &["study", "seal", "s", "--out", "a.cxstudy"]);
    assert!(again.contains("a.cxstudy is there already; readers may have answered it"), "{again}");

    stdout(&run(dir, &["study", "seal", "s", "--out", "s.cxstudy"]));
    let hash = Study::open(&dir.join("s.cxstudy")).unwrap().hash()[..4].to_owned();
    let answers = ["R1", "R2"].map(|reader| read(dir, reader));
    let [one, two] = &answers;
    let verify = run(dir, &["study", "verify", "s.cxstudy", "--key", "s.cxkey", one.to_str().unwrap()]);
    let text = stdout(&verify);
    assert!(text.contains(&hash) && text.contains("fits the study") && text.contains("28 of 28 answers locked"), "{text}");

    let join = run(dir, &["study", "join", "s.cxstudy", one.to_str().unwrap(), two.to_str().unwrap()]);
    let text = stdout(&join);
    assert!(text.contains("passed 56 of 56 answers locked") && text.contains("56 answers, 2 readers"), "{text}");
    let csv = std::fs::read_to_string(dir.join("s-joined.csv")).unwrap();
    assert_eq!(csv.lines().count(), 57);
    for file in ["s-joined.json", "s-joined-dictionary.csv"] {
        assert!(dir.join(file).is_file(), "{file}");
    }
    let names = ["secret-", "images/", dir.to_str().unwrap()];
    for file in ["s.cxstudy", "s.cxkey", "s-R1.cxanswers", "s-joined.json"] {
        let bytes = bytes(file);
        let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(file == "s.cxstudy" || names.iter().all(|word| !has(word)), "{file} names a file");
        assert!(!has("secret-") && !has(dir.to_str().unwrap()), "{file} names a file");
        assert_eq!(has("rival"), ["s.cxkey", "s-joined.json"].contains(&file), "{file}");
    }

    let report = run(dir, &["study", "report", "s-joined.json", "--resamples", "200", "--all", "all"]);
    stdout(&report);
    let html = std::fs::read_to_string(dir.join("s-joined.html")).unwrap();
    assert!(html.contains("<svg") && html.contains("A study") && html.contains(&hash), "the report shows the study");
    assert_eq!(std::fs::read_to_string(dir.join("all/report.html")).unwrap(), html);
    assert!(dir.join("all/figures/scores.png").is_file() && dir.join("all/methods.txt").is_file());
}

#[test]
fn bad_designs_and_tables_are_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let folder = design(dir, 4, "");
    let (toml, table) = (folder.join("study.toml"), folder.join("cases.csv"));
    let (good_toml, good_table) = (std::fs::read_to_string(&toml).unwrap(), std::fs::read_to_string(&table).unwrap());
    let said = |toml_text: &str, table_text: &str| {
        std::fs::write(&toml, toml_text).unwrap();
        std::fs::write(&table, table_text).unwrap();
        fails(dir, &["study", "check", "s"])
    };
    for (from, to, words) in [
        ("images/secret-rival-2.png", "images/none.png", "line 4: the image of rival of the case \"c2\" is not there"),
        (
            "images/secret-rival-2.png",
            "",
            "arms of different counts of images (ours 4, rival 3): the case \"c2\" has none of rival",
        ),
        ("c2,", "c1,", "line 4: the case \"c1\" stands in line 3 already"),
        ("image:rival", "image:other", "names an arm that the design does not list"),
        ("impression", "text", "the column `text` is unknown"),
    ] {
        let text = said(&good_toml, &good_table.replace(from, to));
        assert!(text.contains("cases.csv: ") && text.contains(words), "{text}");
    }
    for (from, to, words) in [
        ("separation = 2", "separation = 40", "the largest separation that works here is"),
        ("seed = 5", "sead = 5", "sead"),
        ("cases.csv", "none.csv", "none.csv: there is no such file"),
        ("readers = [\"R1\", \"R2\"]", "readers = []", "readers: 1 to"),
    ] {
        let text = said(&good_toml.replace(from, to), &good_table);
        assert!(text.contains(words), "{text}");
    }
    std::fs::write(&toml, &good_toml).unwrap();
    std::fs::write(&table, &good_table).unwrap();
    std::fs::write(folder.join("images/secret-ours-1.png"), "no image").unwrap();
    let text = fails(dir, &["study", "seal", "s", "--without-audit", "a test"]);
    assert!(text.contains("secret-ours-1.png"), "{text}");
    assert!(fails(dir, &["study", "check", "nothing"]).contains("nothing: there is no such file"));
    assert!(fails(dir, &["study", "seal", "s", "--without-audit", " "]).contains("--without-audit: say why"));
}

#[test]
fn files_that_do_not_belong_together_are_one_sentence_and_no_answer_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    design(dir, 6, "");
    seal(dir);
    let answers = read(dir, "R1");
    let name = answers.to_str().unwrap();
    let before = std::fs::read(&answers).unwrap();
    // Another study, sealed from another seed.
    let toml = std::fs::read_to_string(dir.join("s/study.toml")).unwrap();
    std::fs::write(dir.join("s/study.toml"), toml.replace("seed = 5", "seed = 6")).unwrap();
    stdout(&run(dir, &["study", "seal", "s", "--without-audit", "a test", "--out", "other.cxstudy"]));

    let text = fails(dir, &["study", "join", "s.cxstudy", "--key", "other.cxkey", name]);
    assert!(text.contains("other.cxkey does not belong here: it is the key of study"), "{text}");
    let text = fails(dir, &["study", "join", "other.cxstudy", name]);
    assert!(text.contains("s-R1.cxanswers does not belong here: it holds answers to study"), "{text}");
    let text = fails(dir, &["study", "join", "s.cxstudy", "--key", "s.cxstudy", name]);
    assert!(text.contains("s.cxstudy"), "{text}");
    let text = fails(dir, &["study", "join", "s.cxstudy", "s.cxkey"]);
    assert!(text.contains("this is no file of answers"), "{text}");
    let text = fails(dir, &["study", "join", "s.cxstudy", "s"]);
    assert!(text.contains("cannot read s: it is a folder"), "{text}");
    let text = fails(dir, &["study", "join", "s.cxkey", name]);
    assert!(text.contains("this is not a sealed study"), "{text}");
    let text = fails(dir, &["study", "report", "s.cxkey"]);
    assert!(text.contains("not what `chexgen study join` writes"), "{text}");

    let mut edited = std::fs::read(dir.join("s.cxstudy")).unwrap();
    let place = edited.windows(7).rposition(|window| window == b"A study").unwrap();
    edited[place] = b'B';
    std::fs::write(dir.join("edited.cxstudy"), edited).unwrap();
    for args in [&["study", "verify", "edited.cxstudy"][..], &["study", "join", "edited.cxstudy", "--key", "s.cxkey", name]] {
        let text = fails(dir, args);
        assert!(text.contains("edited.cxstudy was changed after it was sealed"), "{text}");
    }
    let key = std::fs::read_to_string(dir.join("s.cxkey")).unwrap();
    std::fs::write(dir.join("edited.cxkey"), key.replacen("\"rival\"", "\"ours\"", 2)).unwrap();
    let text = fails(dir, &["study", "join", "s.cxstudy", "--key", "edited.cxkey", name]);
    assert!(text.contains("edited.cxkey was changed after it was sealed"), "{text}");
    assert_eq!(std::fs::read(&answers).unwrap(), before, "joining changes no answers");

    // Files of others stay as they are.
    std::fs::write(dir.join("mine.csv"), "mine").unwrap();
    for (args, words) in [
        (&["study", "join", "s.cxstudy", name, "--out", "mine.json"][..], "mine.csv is there already"),
        (&["study", "join", "s.cxstudy", name, "--out", "mine.csv"], "--out: mine.csv must end with .json"),
    ] {
        let text = fails(dir, args);
        assert!(text.contains(words), "{text}");
    }
    stdout(&run(dir, &["study", "join", "s.cxstudy", name]));
    stdout(&run(dir, &["study", "join", "s.cxstudy", name]));
    std::fs::write(dir.join("mine.html"), "mine").unwrap();
    for (out, words) in [("mine.html", "mine.html is there already and is no report"), ("mine.csv", "must end with .html")] {
        let text = fails(dir, &["study", "report", "s-joined.json", "--out", out]);
        assert!(text.contains(words), "{text}");
    }
    let mine = |file: &str| std::fs::read_to_string(dir.join(file)).unwrap();
    assert_eq!((mine("mine.csv").as_str(), mine("mine.html").as_str()), ("mine", "mine"));
}

#[test]
fn a_full_disk_leaves_no_part_of_a_study() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    design(dir, 6, "");
    // A limit on the size of a file stands for the full disk.
    let script = "trap '' XFSZ; ulimit -f 24; exec \"$0\" \"$@\"";
    let output = Command::new("bash")
        .args([
            "-c",
            script,
            env!("CARGO_BIN_EXE_chexgen"),
            "study",
            "seal",
            "s",
            "--without-audit",
            "a test",
            "--out",
            "s.cxstudy",
        ])
        .current_dir(dir)
        .output()
        .unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.lines().count() == 1 && text.contains("cannot write s.cxstudy"), "{text}");
    let left: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["s"]);
}

#[test]
fn every_template_begins_with_files_that_explain_themselves() {
    let dir = tempfile::tempdir().unwrap();
    for template in
        ["report-alignment", "realism", "real-or-synthetic", "pairwise-choice", "quartet", "visual-grading", "assisted-reading"]
    {
        stdout(&run(dir.path(), &["study", "new", "--template", template, template]));
        let folder = dir.path().join(template);
        // Images where the README makes them.
        let table = std::fs::read_to_string(folder.join("cases.csv")).unwrap();
        let files = table.split([',', ';', '\n']).filter(|field| field.ends_with(".png"));
        for (number, file) in (0..).zip(files) {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, picture(number)).unwrap();
        }
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.contains(&format!("chexgen-studio read {template}.cxstudy")), "{readme}");
        let text = stdout(&run(dir.path(), &["study", "check", template]));
        assert!(text.contains("12 cases, 4 for practice"), "{text}");
        // Each command of the README works; as it comes, and with the figures that the design proposes.
        let power = ["study", "power", template, "--studies", "100"];
        let usual = stdout(&run(dir.path(), &power));
        assert!(usual.contains("12 cases: power 0.") && usual.contains("set your own under [power]"), "{template}: {usual}");
        let design = folder.join("study.toml");
        let text = std::fs::read_to_string(&design).unwrap();
        let (before, after) = text.split_once("# [power]").unwrap();
        std::fs::write(&design, format!("{before}[power]{}", after.replace("\n# ", "\n"))).unwrap();
        assert!(stdout(&run(dir.path(), &power)).contains("the design says so"), "{template}");
        std::fs::write(&design, text).unwrap();
        stdout(&run(dir.path(), &["study", "seal", template, "--without-audit", "a test"]));
        let study = Study::open(&folder.join(format!("{template}.cxstudy"))).unwrap();
        assert_eq!((study.sheet().practice.len(), study.sheet().readers.len()), (3, 2));
    }
    let again = fails(dir.path(), &["study", "new", "quartet"]);
    assert!(again.contains("is there already; choose another folder"), "{again}");
    let output = chexgen(dir.path(), &["study", "new", "--template", "guess", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("known are report-alignment"), "{}", stderr(&output));
}

#[test]
fn simulated_readers_answer_a_study_and_the_report_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    design(dir, 12, "repeats = 0.2\n");
    seal(dir);
    stdout(&run(dir, &["study", "simulate", "s.cxstudy", "--write", "world.toml"]));
    let world = std::fs::read_to_string(dir.join("world.toml")).unwrap();
    assert!(world.contains("case_sd") && world.contains("[readers.R1]"), "{world}");
    std::fs::write(dir.join("world.toml"), world.replace("case_sd = 0.8", "case_sd = 0.1")).unwrap();
    let simulate = ["study", "simulate", "s.cxstudy", "--world", "world.toml", "--seed", "3", "--out"];
    for out in ["one", "two"] {
        let text = stdout(&run(dir, &[&simulate[..], &[out]].concat()));
        assert!(text.contains("2 files: SIMULATED answers, of no person"), "{text}");
    }
    let again = fails(dir, &[&simulate[..], &["one"]].concat());
    assert!(again.contains("there are answers already"), "{again}");
    let files = |out: &str| ["R1", "R2"].map(|reader| format!("{out}/s-{reader}.cxanswers"));
    let table = |out: &str| {
        let [one, two] = files(out);
        stdout(&run(dir, &["study", "join", "s.cxstudy", &one, &two, "--out", &format!("{out}.json")]));
        std::fs::read_to_string(dir.join(format!("{out}.csv"))).unwrap()
    };
    assert_eq!(table("one"), table("two"), "the same seed, the same answers");
    stdout(&run(dir, &["study", "report", "one.json", "--resamples", "200"]));
    let html = std::fs::read_to_string(dir.join("one.html")).unwrap();
    assert!(html.to_uppercase().contains("SIMULATED READERS"), "the report says so");
    std::fs::write(dir.join("bad.toml"), "[world]\n").unwrap();
    let bad = fails(dir, &["study", "simulate", "s.cxstudy", "--world", "bad.toml", "--out", "three"]);
    assert!(bad.contains("bad.toml is no world of simulated readers"), "{bad}");
}

/// Every command of the README that `new` writes, as it stands; images are made by the tiny model, and this test reads the
/// study instead of simulated readers.
#[cfg(unix)]
#[test]
fn the_readme_of_an_example_works_as_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    stdout(&run(dir.path(), &["study", "new", "example"]));
    let folder = dir.path().join("example");
    let programs = dir.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_chexgen"), programs.join("chexgen")).unwrap();
    let path =
        std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap()))).unwrap();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut done = 0;
    for line in readme.lines().filter(|line| line.starts_with("chexgen ")) {
        let mut line = line.to_owned();
        if line.starts_with("chexgen generate") {
            write!(line, " --steps 2 --model {}", crate::support::tiny().model.display()).unwrap();
        }
        if line.starts_with("chexgen study seal") {
            // Six training steps draw what a probe may tell apart.
            line += " --despite-leaks tiny";
        }
        done += 1;
        if line.starts_with("chexgen study simulate") {
            std::fs::create_dir(folder.join("simulated")).unwrap();
            for reader in ["R1", "R2"] {
                let answers = folder.join(format!("simulated/example-{reader}.cxanswers"));
                answer(&folder.join("example.cxstudy"), &answers, reader, "guided");
            }
            continue;
        }
        let output = Command::new("sh").args(["-c", &line]).current_dir(&folder).env("PATH", &path).output().unwrap();
        let text = format!("{line}: {}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
        assert!(output.status.success() || line.contains("study audit"), "{text}");
    }
    assert_eq!(done, 9, "{readme}");
    let html = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.contains("<svg") && html.contains("guided"));
    assert_eq!(std::fs::read_to_string(folder.join("joined.csv")).unwrap().lines().count(), 57);
}
