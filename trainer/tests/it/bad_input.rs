//! Nonsense in: one sentence on standard error, exit code not zero, nothing in the output folder.

use std::path::Path;

use crate::support::{files, generate, names, run, stderr, tiny, write_mask};

/// Runs `generate` and returns its only line.
fn refused(dir: &Path, args: &str, text: &[&str]) -> String {
    let output = generate(dir, &format!("{args} --out out"), text);
    let sentence = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{args} {text:?}: {sentence}");
    assert_eq!(sentence.lines().count(), 1, "{args} {text:?}: {sentence}");
    assert!(output.stdout.is_empty(), "{args} {text:?}");
    assert_eq!(names(&dir.join("out")), Vec::<String>::new(), "{args} {text:?}");
    sentence
}

fn expect(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "{word:?} is not in: {sentence}");
    }
}

#[test]
fn settings() {
    let dir = tempfile::tempdir().unwrap();
    let text = ["--impression", "Right nodule."];
    for (args, words) in [
        ("--guidance NaN", ["guidance is NaN", "0 to 30"]),
        ("--guidance inf", ["guidance is inf", "0 to 30"]),
        ("--guidance -1", ["guidance is -1", "0 to 30"]),
        ("--steps 0", ["steps is 0", "1 to 1000"]),
        ("--steps 1001", ["steps is 1001", "1 to 1000"]),
        ("--sampler ddim --eta 1.5", ["eta is 1.5", "0 to 1"]),
        ("--sampler ddpm --karras", ["--karras", "dpmpp"]),
        ("--device cuda:77", ["cuda:77", "device"]),
    ] {
        expect(&refused(dir.path(), args, &text), &words);
    }
    // Words that are no choice are wrong usage.
    for args in ["--sampler euler", "--preset best", "--finding spleen", "--count 0", "--seed -1", "--device gpu"] {
        let output = generate(dir.path(), &format!("{args} --out out"), &text);
        assert_eq!(output.status.code(), Some(2), "{args}");
        expect(&stderr(&output), &[args.split(' ').next().unwrap()]);
    }
    assert_eq!(generate(dir.path(), "--out out", &[]).status.code(), Some(2), "neither impression nor cases");
}

#[test]
fn impressions() {
    let dir = tempfile::tempdir().unwrap();
    expect(&refused(dir.path(), "", &["--impression", ""]), &["impression is empty"]);
    expect(&refused(dir.path(), "", &["--impression", " \n\t"]), &["impression is empty"]);
    expect(&refused(dir.path(), "", &["--impression", "..."]), &["impression", "no word"]);
    expect(&refused(dir.path(), "", &["--impression", &"effusion ".repeat(3000)]), &["impression", "27000 characters"]);
    expect(&refused(dir.path(), "--name ../x", &["--impression", "A nodule."]), &["--name", "leaves the output folder"]);
}

#[test]
fn masks() {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("good.png"), 64, 64);
    let good = std::fs::read(dir.path().join("good.png")).unwrap();
    std::fs::write(dir.path().join("cut.png"), &good[..good.len() / 2]).unwrap();
    std::fs::write(dir.path().join("empty.png"), "").unwrap();
    std::fs::write(dir.path().join("photo.png"), [0xff, 0xd8, 0xff, 0xe0]).unwrap();
    let text = ["--impression", "Right pneumothorax."];
    for (mask, words) in [
        ("none.png", ["--mask", "none.png", "no such file"]),
        ("cut.png", ["--mask", "cut.png", "cut off"]),
        ("empty.png", ["--mask", "empty.png", "empty"]),
        ("photo.png", ["--mask", "photo.png", "JPEG"]),
        (".", ["--mask", ".", "folder"]),
    ] {
        expect(&refused(dir.path(), &format!("--mask {mask}"), &text), &words);
    }
    let untold = refused(dir.path(), "--mask good.png", &["--impression", "No pneumothorax."]);
    expect(&untold, &["--mask", "good.png", "--finding"]);
}

#[test]
fn boxes() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("boxes.json"), r#"[{"class": "nodule", "x0": 0, "y0": 0, "x1": 5}]"#).unwrap();
    for (boxes, words) in [
        (r#"[{"class": "nodule", "x0": 8, "y0": 8, "x1": 65, "y1": 30}]"#, ["--boxes", "box 1", "64×64"]),
        (r#"[{"class": "nodule", "x0": -1, "y0": 8, "x1": 20, "y1": 30}]"#, ["--boxes", "box 1", "-1"]),
        (r#"[{"class": "spleen", "x0": 1, "y0": 8, "x1": 20, "y1": 30}]"#, ["--boxes", "box 1", "spleen"]),
        (r#"[{"class": "nodule", "x0": 1, "y0": 8, "x1": NaN, "y1": 30}]"#, ["--boxes", "JSON", "column"]),
        ("boxes.json", ["boxes.json", "box 1", "y1"]),
        ("none.json", ["--boxes", "none.json", "cannot be read"]),
    ] {
        expect(&refused(dir.path(), "", &["--impression", "A nodule.", "--boxes", boxes]), &words);
    }
}

#[test]
fn case_files() {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("good.png"), 64, 64);
    for (name, text, words) in [
        ("a.csv", "name,text\nx,A nodule.\n", ["a.csv", "`impression`", "name, text"]),
        ("b.csv", "name,impression\nx,A nodule, and more.\n", ["b.csv", "line 2", "quotes"]),
        ("c.csv", "name,impression,mask\nx,A nodule.,none.png\n", ["c.csv", "\"x\"", "none.png"]),
        ("d.csv", "name,impression\n../x,A nodule.\n", ["d.csv", "../x", "leaves the output folder"]),
        ("e.csv", "name,impression\nx.png,A nodule.\nx.jpg,A mass.\n", ["e.csv", "x.jpg", "x.png"]),
        ("f.csv", "name,impression,seed\nx,A nodule.,-1\n", ["f.csv", "line 2", "seed"]),
        ("g.csv", "name,impression\n", ["g.csv", "no case", "impression"]),
        ("h.csv", "name,impression,mask\ny,A nodule.,good.png\nx,Clear lungs.,good.png\n", ["h.csv", "\"x\"", "--finding"]),
        ("a.json", "{\"impression\": \"A nodule.\"}", ["a.json", "list", ""]),
        ("b.json", "[{\"name\": \"x\"}]", ["b.json", "item 0", "impression"]),
        (
            "c.json",
            "[{\"impression\": \"A nodule.\", \"boxes\": [{\"class\": \"nodule\", \"box\": [0, 0, 99, 9]}]}]",
            ["c.json", "box 1", "64×64"],
        ),
        ("a.jsonl", "{\"impression\": \"A nodule.\"}\n{\n", ["a.jsonl", "line 2", "JSON"]),
        ("a.txt", "A nodule.\n\nA mass.\n", ["a.txt", "\"1\"", "impression is empty"]),
        ("a.xlsx", "", ["a.xlsx", ".csv", ""]),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
        expect(&refused(dir.path(), &format!("--cases {name}"), &[]), &words);
    }
    std::fs::write(dir.path().join("latin.csv"), b"name,impression\nx,na\xefve\n").unwrap();
    expect(&refused(dir.path(), "--cases latin.csv", &[]), &["latin.csv", "UTF-8"]);
    expect(&refused(dir.path(), "--cases none.csv", &[]), &["none.csv", "cannot be read"]);
}

#[test]
fn output_folders() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "mine").unwrap();
    let text = ["--impression", "Right nodule."];
    for out in ["file", "file/deeper"] {
        let output = generate(dir.path(), &format!("--steps 1 --out {out}"), &text);
        let sentence = stderr(&output);
        assert!(output.status.code() == Some(1) && sentence.lines().count() == 1, "{sentence}");
        expect(&sentence, &["--out", "file"]);
    }
    // Files that are not results stay as they are.
    for name in ["image-0000.png", "image-0000.json", "image-0000_mask.png"] {
        let out = dir.path().join(name.replace('.', "-"));
        std::fs::create_dir(&out).unwrap();
        write_mask(&out.join(name), 8, 8);
        let before = files(&out);
        let output = generate(dir.path(), &format!("--steps 1 --out {}", out.display()), &text);
        let sentence = stderr(&output);
        assert!(output.status.code() == Some(1) && sentence.lines().count() == 1, "{sentence}");
        expect(&sentence, &[name, "--out"]);
        assert!(files(&out) == before);
    }
}

#[test]
fn models() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    let fresh = |change: &dyn Fn(&Path)| {
        if model.exists() {
            std::fs::remove_dir_all(&model).unwrap();
        }
        std::fs::create_dir(&model).unwrap();
        for (name, bytes) in files(&tiny().model) {
            std::fs::write(model.join(name), bytes).unwrap();
        }
        change(&model);
        let args = ["generate", "--model", "model", "--impression", "A nodule.", "--steps", "1", "--out", "out"];
        let output = run(dir.path(), &args);
        let sentence = stderr(&output);
        assert!(output.status.code() == Some(1) && sentence.lines().count() == 1, "{sentence}");
        assert!(!dir.path().join("out").exists());
        sentence
    };
    let cut = |model: &Path, name: &str| {
        let bytes = std::fs::read(model.join(name)).unwrap();
        std::fs::write(model.join(name), &bytes[..bytes.len() / 2]).unwrap();
    };
    expect(&fresh(&|model| std::fs::remove_dir_all(model).unwrap()), &["--model", "model.toml"]);
    expect(&fresh(&|model| std::fs::remove_file(model.join("model.toml")).unwrap()), &["--model", "model.toml"]);
    expect(&fresh(&|model| std::fs::write(model.join("model.toml"), "format = 9").unwrap()), &["model.toml", "field"]);
    expect(&fresh(&|model| std::fs::remove_file(model.join("dit.safetensors")).unwrap()), &["dit.safetensors", "exist"]);
    expect(&fresh(&|model| cut(model, "dit.safetensors")), &["dit.safetensors"]);
    expect(&fresh(&|model| cut(model, "tokenizer.json")), &["tokenizer.json"]);
    expect(&fresh(&|model| std::fs::write(model.join("text.safetensors"), "no weights").unwrap()), &["text.safetensors"]);
}

#[test]
fn a_model_that_is_not_there_is_told_by_doctor_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["doctor", "--model", "nowhere"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    expect(&text, &["FAIL cannot read nowhere/model.toml: there is no such file or folder; choose a folder"]);
    assert!(!text.contains("os error"), "{text}");
}
