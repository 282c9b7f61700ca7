//! Results: which files, with what inside, and that nothing but the case decides about the bits.

use std::path::Path;

use engine::domain::{Finding, Seed, Shape};
use engine::imageio::png::read_gray;
use engine::store::hash::{hash_file, hash_image};
use engine::store::record::RunRecord;

use crate::support::{files, generate, names, stderr, stdout, tiny, write_mask};

const BOXES: &str = r#"[{"class": "nodule", "x0": 8, "y0": 8, "x1": 24, "y1": 30}]"#;

#[test]
fn an_image_has_its_record_and_what_the_model_saw() {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("mask.png"), 100, 200);
    let args = "--mask mask.png --seed 5 --steps 2 --guidance 1.5 --out out --json";
    let output = generate(dir.path(), args, &["--impression", "Large right pneumothorax.", "--boxes", BOXES]);
    let text = stdout(&output);
    assert_eq!(stderr(&output), "", "nothing to warn of");
    assert_eq!(names(&dir.path().join("out")), ["image-0000.json", "image-0000.png", "image-0000_mask.png"]);

    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["name"], &lines[0]["seed"], &lines[0]["skipped"]), (&"image-0000".into(), &5.into(), &false.into()));
    assert_eq!((&lines[1]["summary"]["written"], &lines[1]["summary"]["skipped"]), (&1.into(), &0.into()));
    let path = |field: &str| dir.path().join(lines[0][field].as_str().unwrap());

    let record = RunRecord::read(&path("record")).unwrap();
    assert_eq!(RunRecord::read(&path("image")).unwrap(), record, "the picture carries the same record");
    assert_eq!((record.request.num_steps, record.request.guidance_scale, record.request.seed), (2, 1.5, Seed(5)));
    let [mask, nodule] = record.request.annotations.as_slice() else { panic!("a mask and a box") };
    assert_eq!((mask.finding, nodule.finding), (Finding::Pneumothorax, Finding::Nodule));
    assert!(matches!(&mask.shape, Shape::Mask(mask) if (mask.width(), mask.height()) == (100, 200)));
    for file in &record.files {
        assert_eq!(hash_file(&tiny().model.join(&file.name)).unwrap(), file.blake3, "{}", file.name);
    }
    let image = read_gray(&path("image")).unwrap();
    assert_eq!((image.width(), image.height()), (64, 64));
    assert_eq!(hash_image(&image), record.pixels_blake3);
    let condition = read_gray(&path("mask")).unwrap();
    assert_eq!(record.control_blake3, Some(hash_image(&condition)));
}

#[test]
fn text_alone_has_no_mask_and_more_images_change_none() {
    let dir = tempfile::tempdir().unwrap();
    let text = ["--impression", "No acute findings."];
    let output = generate(dir.path(), "--steps 2 --seed 9 --count 3 --name sub/a --out few", &text);
    assert!(stdout(&output).starts_with("3 images written to few"));
    assert_eq!(names(&dir.path().join("few")).len(), 6);
    generate(dir.path(), "--steps 2 --seed 9 --count 5 --batch 4 --name sub/a --out many", &text);
    let (few, many) = (files(&dir.path().join("few")), files(&dir.path().join("many")));
    assert!(few.iter().all(|(name, bytes)| many[name] == *bytes));
    let seed = |name: &str| RunRecord::read(&dir.path().join(name)).unwrap().request.seed;
    assert_eq!(seed("many/sub/a-0000.png"), Seed(9));
    assert_eq!(seed("many/sub/a-0004.png"), Seed::for_case(9, "sub/a-0004"));
    assert_ne!(few["sub/a-0000.png"], few["sub/a-0001.png"]);
}

const ROWS: [&str; 6] = [
    "a.png,No acute findings.,,,",
    "sub/b.png,Large right pneumothorax.,m/one.png,,",
    "c,Right upper lobe nodule.,,77,\"[{\"\"class\"\": \"\"nodule\"\", \"\"box\"\": [8, 8, 30, 30]}]\"",
    "d,Small left pleural effusion.,m/two.png,,",
    "e,Left lower lobe consolidation.,,,",
    "f,Pacemaker.,m/two.png,,\"[{\"\"class\"\": \"\"device\"\", \"\"box\"\": [100, 100, 900, 900], \"\"width\"\": 1000, \"\"height\"\": 1000}]\"",
];

fn write_cases(dir: &Path, name: &str, rows: &[&str]) {
    write_mask(&dir.join("m/one.png"), 64, 64);
    write_mask(&dir.join("m/two.png"), 200, 120);
    let text = format!("name,impression,mask,seed,boxes\n{}\n", rows.join("\n"));
    std::fs::write(dir.join(name), text).unwrap();
}

#[test]
fn batch_order_and_skipping_change_no_image() {
    let dir = tempfile::tempdir().unwrap();
    write_cases(dir.path(), "cases.csv", &ROWS);
    stdout(&generate(dir.path(), "--cases cases.csv --steps 3 --seed 4 --out one", &[]));
    let one = files(&dir.path().join("one"));
    assert_eq!(one.len(), 6 * 2 + 4);
    assert!(one.contains_key("sub/b_mask.png") && !one.contains_key("a_mask.png"));

    let mut reversed = ROWS;
    reversed.reverse();
    write_cases(dir.path(), "reversed.csv", &reversed);
    stdout(&generate(dir.path(), "--cases reversed.csv --steps 3 --seed 4 --batch 4 --out two", &[]));
    assert!(files(&dir.path().join("two")) == one, "a batch of other cases in another order");

    for gone in ["two/c.png", "two/c.json", "two/c_mask.png", "two/sub/b.png"] {
        std::fs::remove_file(dir.path().join(gone)).unwrap();
    }
    let output = generate(dir.path(), "--cases cases.csv --steps 3 --seed 4 --batch 3 --out two --json", &[]);
    let lines: Vec<serde_json::Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let skipped =
        |skipped: bool| lines.iter().filter(move |line| line["skipped"] == skipped).map(|line| line["name"].as_str().unwrap());
    assert_eq!(skipped(true).collect::<Vec<_>>(), ["a.png", "d", "e", "f"]);
    assert_eq!(skipped(false).collect::<Vec<_>>(), ["sub/b.png", "c"]);
    assert!(files(&dir.path().join("two")) == one, "what was there changes nothing");

    // Each alone, as its own case file.
    for (row, file) in ROWS.iter().zip(["a.png", "sub/b.png", "c.png", "d.png", "e.png", "f.png"]) {
        write_cases(dir.path(), "alone.csv", &[row]);
        stdout(&generate(dir.path(), "--cases alone.csv --steps 3 --seed 4 --out three", &[]));
        assert!(files(&dir.path().join("three"))[file] == one[file], "{file}");
    }
}

#[test]
fn kept_results_of_other_settings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let text = ["--impression", "No acute findings."];
    stdout(&generate(dir.path(), "--steps 2 --out out", &text));
    let before = files(&dir.path().join("out"));
    let output = generate(dir.path(), "--steps 3 --count 2 --out out", &text);
    assert!(stdout(&output).contains("1 image written") && stdout(&output).contains("1 was there already and kept"));
    assert!(stderr(&output).contains("image-0000") && stderr(&output).contains("another steps"), "{}", stderr(&output));
    let after = files(&dir.path().join("out"));
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes));
}

#[test]
fn every_kind_of_case_file_gives_the_same_images() {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("masks/one.png"), 64, 64);
    let kinds = [
        ("a.csv", "other,name,impression,mask\nx,n.png,Right pneumothorax.,one.png\ny,k,No acute findings.,\n"),
        (
            "a.json",
            r#"[{"name": "n.png", "impression": "Right pneumothorax.", "mask": "one.png"}, {"name": "k", "impression": "No acute findings."}]"#,
        ),
        (
            "a.jsonl",
            "{\"name\": \"n.png\", \"impression\": \"Right pneumothorax.\", \"mask\": \"one.png\"}\n{\"name\": \"k\", \"impression\": \"No acute findings.\"}\n",
        ),
    ];
    let mut first = None;
    for (name, text) in kinds {
        std::fs::write(dir.path().join(name), text).unwrap();
        let out = format!("out-{name}");
        stdout(&generate(dir.path(), &format!("--cases {name} --mask-dir masks --steps 2 --out {out}"), &[]));
        let made = files(&dir.path().join(&out));
        assert_eq!(made.len(), 5, "{name}");
        assert!(*first.get_or_insert_with(|| made.clone()) == made, "{name}");
    }
    std::fs::write(dir.path().join("a.txt"), "Right pneumothorax.\nNo acute findings.\n").unwrap();
    stdout(&generate(dir.path(), "--cases a.txt --steps 2 --out text", &[]));
    assert_eq!(names(&dir.path().join("text")), ["0.json", "0.png", "1.json", "1.png"]);
}

#[test]
fn what_the_model_does_not_read_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("Nodule of 12x14 mm. {}", "Small left pleural effusion. ".repeat(20));
    let output = generate(dir.path(), "--steps 1 --out out", &["--impression", &long]);
    stdout(&output);
    let text = stderr(&output);
    assert!(text.lines().count() == 2 && text.contains("the model reads 24") && text.contains("12x14"), "{text}");
}
