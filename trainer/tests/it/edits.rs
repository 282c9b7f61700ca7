//! Control and editing from outside: masks that act, changed images, twins, forks, noise, maps and films.

use std::path::Path;

use engine::domain::{Finding, GrayImage, Mask, Seed, Source, StepRange, Stream};
use engine::imageio::png::{encode_mask, read_gray, read_text};
use engine::noise;
use engine::store::record::RunRecord;

use crate::support::{files, generate, names, run, stderr, stdout, tiny, write_mask};

const TEXT: [&str; 2] = ["--impression", "Large right pneumothorax."];

/// Runs `generate` with a text and gives what it said on standard error.
fn made(dir: &Path, args: &str, text: &[&str]) -> String {
    let steps = if args.contains("--steps") { "" } else { "--steps 4" };
    let output = generate(dir, &format!("{steps} --out out {args}"), text);
    stdout(&output);
    stderr(&output)
}

fn refused(dir: &Path, args: &str, words: &[&str]) {
    let output = generate(dir, &format!("--steps 4 --out refused {args}"), &TEXT);
    let sentence = stderr(&output);
    assert!(output.status.code() == Some(1) && sentence.lines().count() == 1, "{args}: {sentence}");
    assert!(words.iter().all(|word| sentence.contains(word)), "{args}: {words:?} are not all in: {sentence}");
    assert_eq!(names(&dir.join("refused")), Vec::<String>::new(), "{args}");
}

fn record(dir: &Path, name: &str) -> RunRecord {
    RunRecord::read(&dir.join("out").join(name)).unwrap()
}

fn picture(dir: &Path, name: &str) -> GrayImage {
    read_gray(&dir.join("out").join(name)).unwrap()
}

fn replays(dir: &Path, name: &str, more: &[&str]) {
    let file = format!("out/{name}");
    let mut args = vec!["replay", file.as_str(), "--model", tiny().model.to_str().unwrap()];
    args.extend(more);
    assert_eq!(stdout(&run(dir, &args)), "identical\n", "{name}");
}

fn mask(dir: &Path, name: &str, inside: impl Fn(u32, u32) -> bool) {
    std::fs::write(dir.join(name), encode_mask(&Mask::from_fn(64, 64, inside), &[]).unwrap()).unwrap();
}

/// A folder with an image `out/base-0000`, made by ddim.
fn base(args: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("m.png"), 64, 64);
    made(dir.path(), &format!("--name base --seed 3 --sampler ddim --mask m.png {args}"), &TEXT);
    dir
}

#[test]
fn masks_and_boxes_act_as_they_say() {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("a.png"), 64, 64);
    write_mask(&dir.path().join("b,c.png"), 100, 50);
    let args = "--mask nodule=a.png --mask pleural_effusion=b,c.png,strength=0.8,steps=0.2-1,area=12 --mask a.png,area=3 \
                --control-strength 0.5 --control-steps 0-0.75";
    let boxes = r#"[{"class": "device", "box": [4, 4, 20, 20], "steps": [0.5, 1], "area": 7, "strength": 1}]"#;
    made(dir.path(), args, &[&TEXT[..], &["--boxes", boxes]].concat());
    let all = StepRange { first: 0.0, last: 0.75 };
    let told: Vec<_> = record(dir.path(), "image-0000.json")
        .request
        .annotations
        .iter()
        .map(|drawn| (drawn.finding, drawn.strength, drawn.steps, drawn.area_px))
        .collect();
    assert_eq!(
        told,
        [
            (Finding::Nodule, 0.5, all, None),
            (Finding::PleuralEffusion, 0.8, StepRange { first: 0.2, last: 1.0 }, Some(12)),
            (Finding::Pneumothorax, 0.5, all, Some(3)),
            (Finding::Device, 1.0, StepRange { first: 0.5, last: 1.0 }, Some(7)),
        ]
    );
    replays(dir.path(), "image-0000.png", &[]);
}

#[test]
fn outside_the_region_every_pixel_stays_and_what_must_not_change_wins() {
    let dir = base("");
    let dir = dir.path();
    mask(dir, "may.png", |x, _| x < 40);
    mask(dir, "keep.png", |x, y| x < 20 && y < 20);
    let edit = "--image out/base-0000.png --seed 9";
    let text = ["--impression", "No acute findings."];
    made(dir, &format!("{edit} --name may --may-change may.png --feather 3"), &text);
    made(dir, &format!("{edit} --name both --may-change may.png --must-not-change keep.png"), &text);
    made(dir, &format!("{edit} --name rest --must-not-change keep.png --edit-strength 0.75"), &text);
    let old = picture(dir, "base-0000.png");
    let may = |x: u32, _: u32| x < 40;
    let keep = |x: u32, y: u32| x < 20 && y < 20;
    let check = |name: &str, may_change: &dyn Fn(u32, u32) -> bool| {
        let new = picture(dir, name);
        let mut changed = [0usize; 2];
        for (i, (a, b)) in old.pixels().iter().zip(new.pixels()).enumerate() {
            changed[usize::from(may_change(i as u32 % 64, i as u32 / 64))] += usize::from(a != b);
        }
        assert!(changed[0] == 0 && changed[1] > 500, "{name}: {changed:?}");
        replays(dir, name, &[]);
    };
    check("may-0000.png", &may);
    check("both-0000.png", &|x, y| may(x, y) && !keep(x, y));
    check("rest-0000.png", &|x, y| !keep(x, y));
    let again = record(dir, "rest-0000.json");
    assert_eq!(again.steps_ran, 3);
    assert!(matches!(again.request.source, Source::Region { feather_px: 0, .. }), "{:?}", again.request.source);
    // The same edit again is there already; another is kept and said.
    assert!(made(dir, &format!("{edit} --name may --may-change may.png --feather 3"), &text).is_empty());
    assert!(made(dir, &format!("{edit} --name may --may-change may.png"), &text).contains("another beginning"));
}

#[test]
fn an_image_of_another_kind_and_shape_is_changed_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let grey: Vec<u8> = (0..100 * 50u32).map(|i| (i % 100 * 2) as u8).collect();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut jpeg).encode(&grey, 100, 50, image::ExtendedColorType::L8).unwrap();
    std::fs::write(dir.join("photo.jpg"), jpeg).unwrap();
    let said = made(dir, "--image photo.jpg --edit-strength 0.25", &TEXT);
    assert!(said.lines().count() == 1 && said.contains("photo.jpg is 100×50") && said.contains("64×64"), "{said}");
    let Source::Image { image, strength, .. } = record(dir, "edit-0000.json").request.source else { panic!("an image") };
    assert_eq!((strength, image.get(32, 2), image.get(0, 32) < image.get(63, 32)), (0.25, Some(0), true));
    assert_eq!(record(dir, "edit-0000.json").steps_ran, 1);
    replays(dir, "edit-0000.json", &[]);
    assert!(made(dir, "--name more --image photo.jpg --edit-strength 1", &TEXT).contains("photo.jpg"));
    assert_ne!(picture(dir, "edit-0000.png"), picture(dir, "more-0000.png"));
}

#[test]
fn an_inverted_image_is_followed_closer_than_its_text_alone() {
    let dir = base("--steps 8");
    let dir = dir.path();
    made(dir, "--image out/base-0000.png --invert --guidance 1 --steps 20 --name same", &TEXT);
    made(dir, "--guidance 1 --steps 20 --sampler ddim --name other --seed 77", &TEXT);
    let distance = |name: &str| -> u64 {
        let (a, b) = (picture(dir, "base-0000.png"), picture(dir, name));
        a.pixels().iter().zip(b.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
    };
    assert!(3 * distance("same-0000.png") < 2 * distance("other-0000.png"));
    let request = record(dir, "same-0000.png").request;
    assert!(matches!(request.source, Source::Latent { step: 0, .. }));
    assert_eq!(request.sampler.name(), "ddim");
    replays(dir, "same-0000.png", &[]);
    refused(dir, "--image out/base-0000.png --invert --sampler dpmpp", &["ddim", "--sampler"]);
}

#[test]
fn a_twin_shares_the_seed_and_its_difference_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_mask(&dir.join("m.png"), 64, 64);
    let more = ["--impression", "Large right pneumothorax.", "--twin", "No acute findings."];
    let output = generate(dir, "--steps 4 --out out --mask m.png --seed 5 --count 2 --batch 2 --json", &more);
    let line: serde_json::Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["twin"], &line["difference"]),
        (&"out/image-0000_twin.png".into(), &"out/image-0000_difference.png".into())
    );
    let twin = record(dir, "image-0000_twin.png");
    assert_eq!((twin.request.seed, twin.request.annotations.len()), (Seed(5), 0));
    replays(dir, "image-0000_twin.png", &[]);
    replays(dir, "image-0001.png", &[]);
    let (a, b) = (picture(dir, "image-0001.png"), picture(dir, "image-0001_twin.png"));
    let expected: Vec<u16> = a.pixels().iter().zip(b.pixels()).map(|(a, b)| a.abs_diff(*b)).collect();
    let difference = dir.join("out/image-0001_difference.png");
    assert_eq!(read_gray(&difference).unwrap().pixels(), expected);
    assert!(read_text(&difference, "Comment").unwrap().unwrap().contains("synthetic"));
    // The twin is the image of its own text.
    made(dir, "--seed 5 --name alone", &["--impression", "No acute findings."]);
    assert_eq!(picture(dir, "alone-0000.png"), picture(dir, "image-0000_twin.png"));
    // A lost twin is made again; everything else stays byte for byte.
    let before = files(&dir.join("out"));
    std::fs::remove_file(dir.join("out/image-0001_twin.png")).unwrap();
    made(dir, "--mask m.png --seed 5 --count 2", &more);
    assert!(files(&dir.join("out")) == before);
}

#[test]
fn a_fork_without_a_change_is_the_run_itself() {
    let dir = base("");
    let dir = dir.path();
    let fork = |args: &str, text: &[&str]| generate(dir, &format!("--out out {args}"), text);
    for (step, file) in [(1, "out/base-0000.json"), (3, "out/base-0000.png")] {
        let said = fork(&format!("--fork {file} --from-step {step} --name f{step}"), &[]);
        assert!(stdout(&said).starts_with("1 image") && stderr(&said).is_empty(), "{}", stderr(&said));
        assert_eq!(picture(dir, &format!("f{step}-0000.png")), picture(dir, "base-0000.png"), "step {step}");
        replays(dir, &format!("f{step}-0000.json"), &[]);
    }
    let changed = "--fork out/base-0000.png --from-step 1";
    stdout(&fork(&format!("{changed} --name text"), &["--impression", "No acute findings."]));
    stdout(&fork(&format!("{changed} --name weak --control-strength 0.1"), &[]));
    stdout(&fork(&format!("{changed} --name guided --guidance 6"), &[]));
    for name in ["text", "weak", "guided"] {
        assert_ne!(picture(dir, &format!("{name}-0000.png")), picture(dir, "base-0000.png"), "{name}");
        replays(dir, &format!("{name}-0000.png"), &[]);
    }
    assert_eq!(record(dir, "weak-0000.json").request.annotations[0].strength, 0.1);
    // A sampler with a memory says that it begins anew.
    made(dir, "--name memory --seed 3 --sampler dpmpp", &TEXT);
    assert!(stderr(&fork("--fork out/memory-0000.png --from-step 2 --name m2", &[])).contains("remembers the step before"));
    replays(dir, "m2-0000.png", &[]);

    let sentence = |args: &str, words: &[&str]| {
        let output = fork(&format!("{args} --name none"), &[]);
        let text = stderr(&output);
        assert!(output.status.code() == Some(1) && text.lines().count() == 1, "{args}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{args}: {text}");
    };
    sentence("--fork out/base-0000.png --from-step 0", &["--from-step is 0", "1 to 3"]);
    sentence("--fork out/base-0000.png --from-step 4", &["--from-step is 4"]);
    sentence("--fork m.png --from-step 1", &["m.png", "no run record"]);
    sentence(&format!("{changed} --steps 5"), &["--steps", "leave it out"]);
    let text = std::fs::read_to_string(dir.join("out/base-0000.json")).unwrap();
    let hash = record(dir, "base-0000.json").pixels_blake3;
    std::fs::write(dir.join("other.json"), text.replace(&hash, &"0".repeat(64))).unwrap();
    sentence("--fork other.json --from-step 1", &["other.json", "bit for bit"]);
    mask(dir, "may.png", |x, _| x < 40);
}

#[test]
fn a_fork_of_an_edit_keeps_the_rest_of_its_image() {
    let dir = base("");
    let dir = dir.path();
    mask(dir, "may.png", |x, _| x < 40);
    made(dir, "--name part --sampler ddim --image out/base-0000.png --may-change may.png --feather 2", &TEXT);
    let fork = |args: &str, text: &[&str]| stdout(&generate(dir, &format!("--out out --fork out/part-0000.json {args}"), text));
    fork("--from-step 2 --name same", &[]);
    assert!(picture(dir, "same-0000.png") == picture(dir, "part-0000.png"), "nothing was changed");
    fork("--from-step 1 --name other", &["--impression", "No acute findings."]);
    let (old, new) = (picture(dir, "base-0000.png"), picture(dir, "other-0000.png"));
    assert!(new != picture(dir, "part-0000.png"), "other words");
    for (i, (a, b)) in old.pixels().iter().zip(new.pixels()).enumerate() {
        assert!(i % 64 < 40 || a == b, "pixel {i} lies outside the region");
    }
    let request = record(dir, "other-0000.json").request;
    assert!(matches!(&request.source, Source::Region { kept: Some(kept), feather_px: 2, .. } if kept.step == 1));
    for name in ["same-0000.json", "other-0000.png"] {
        replays(dir, name, &[]);
    }
    // It is there already, and is not made again.
    let before = files(&dir.join("out"));
    fork("--from-step 2 --name same", &[]);
    assert!(files(&dir.join("out")) == before);
}

#[test]
fn noise_from_a_file_takes_the_place_of_seeds() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let rows = [Seed(11), Seed(12)].map(|seed| noise::normal(seed, Stream::Start, 0, 4 * 8 * 8));
    let bytes: Vec<u8> = rows.concat().iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 4, 8, 8], &bytes).unwrap();
    let file = safetensors::serialize([("start", view)], None).unwrap();
    std::fs::write(dir.join("noise.safetensors"), file).unwrap();
    made(dir, "--noise noise.safetensors --count 2 --batch 2", &TEXT);
    made(dir, "--seed 12 --name seed", &TEXT);
    assert_eq!(picture(dir, "image-0001.png"), picture(dir, "seed-0000.png"), "row 1 is the noise of seed 12");
    assert_eq!(record(dir, "image-0001.png").noise.unwrap().row, 1);
    replays(dir, "image-0001.png", &["--noise", "noise.safetensors"]);
    std::fs::write(dir.join("c.csv"), "name,impression\na,Large right pneumothorax.\nb,Large right pneumothorax.\n").unwrap();
    stdout(&generate(dir, "--cases c.csv --noise noise.safetensors --steps 4 --out out", &[]));
    assert_eq!(picture(dir, "b.png"), picture(dir, "seed-0000.png"), "case 1 has row 1");
    assert!(made(dir, "--name seed --seed 12 --noise noise.safetensors", &TEXT).contains("another noise"));
    refused(dir, "--noise noise.safetensors --count 3", &["noise", "rows"]);
    refused(dir, "--noise none.safetensors", &["--noise", "none.safetensors"]);
}

#[test]
fn columns_of_a_case_file_do_what_the_flags_do() {
    let dir = base("");
    let dir = dir.path();
    mask(dir, "may.png", |x, _| x < 40);
    let edit = "--image out/base-0000.png --may-change may.png --feather 2 --edit-strength 0.5 --seed 6 --name one";
    made(dir, edit, &["--impression", "A nodule.", "--twin", "No acute findings.", "--mask", "nodule=m.png,area=5"]);
    let columns = "name,impression,seed,masks,edit_image,may_change,feather,edit_strength,twin\n";
    let row = "two,A nodule.,6,\"nodule=m.png,area=5\",out/base-0000.png,may.png,2,0.5,No acute findings.\n";
    std::fs::write(dir.join("c.csv"), format!("{columns}{row}plain,A nodule.,6,,,,,,\n")).unwrap();
    let json = r#"[{"name": "three", "impression": "A nodule.", "seed": 6, "masks": [{"file": "m.png", "class": "nodule", "area": 5}],
                   "edit_image": "out/base-0000.png", "may_change": "may.png", "feather": 2, "edit_strength": 0.5, "twin": "No acute findings."}]"#;
    std::fs::write(dir.join("c.json"), json).unwrap();
    for file in ["c.csv", "c.json"] {
        stdout(&generate(dir, &format!("--cases {file} --steps 4 --out out --batch 4"), &[]));
    }
    for name in ["two", "three"] {
        for ending in ["", "_twin", "_difference", "_mask"] {
            let one = if ending.is_empty() { "one-0000.png".to_owned() } else { format!("one-0000{ending}.png") };
            assert_eq!(picture(dir, &format!("{name}{ending}.png")), picture(dir, &one), "{name}{ending}");
        }
    }
    made(dir, "--seed 6 --name text", &["--impression", "A nodule."]);
    assert_eq!(picture(dir, "plain.png"), picture(dir, "text-0000.png"), "a row without an edit is a new image");
    std::fs::write(dir.join("bad.csv"), "name,impression,edit_image,feather\na,A nodule.,out/base-0000.png,2\n").unwrap();
    let output = generate(dir, "--cases bad.csv --out refused", &[]);
    assert!(
        stderr(&output).contains("bad.csv: case \"a\": feather is the seam of a region; add may_change"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn maps_and_films_stand_beside_an_image_that_stays_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    made(dir, "--seed 2 --name plain", &TEXT);
    made(dir, "--seed 2 --name rich --word-maps auto --filmstrip", &TEXT);
    made(dir, "--seed 2 --name deep --word-maps 1 --filmstrip decoded", &TEXT);
    assert_eq!(picture(dir, "rich-0000.png"), picture(dir, "plain-0000.png"));
    let legend = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(dir.join("out").join(name)).unwrap()).unwrap()
    };
    let rich = legend("rich-0000_words.json");
    assert_eq!((&rich["blocks"], &rich["image"]), (&serde_json::json!([0, 1]), &"rich-0000.png".into()));
    assert_eq!(rich["columns"], serde_json::json!(["mean", "1", "2", "3", "4"]));
    let (rows, cell) = (rich["rows"].as_array().unwrap(), rich["cell_px"].as_u64().unwrap() as u32);
    let said: String = rows.iter().map(|row| row["token"].as_str().unwrap()).collect();
    assert_eq!(said.replace(' ', ""), "largerightpneumothorax.");
    let sheet = picture(dir, "rich-0000_words.png");
    assert_eq!((sheet.width(), sheet.height()), (5 * (cell + 4) - 4, rows.len() as u32 * (cell + 4) - 4));
    assert_ne!(picture(dir, "deep-0000_words.png"), sheet);
    let film = picture(dir, "rich-0000_steps.png");
    assert_eq!((film.width(), film.height()), (4 * 68 - 4, 64));
    let decoded = picture(dir, "deep-0000_steps.png");
    let last: Vec<u16> = (0..64 * 64).map(|i| decoded.get(3 * 68 + i % 64, i / 64).unwrap()).collect();
    assert_eq!(last, picture(dir, "plain-0000.png").pixels(), "the last frame of a decoded film is the image");
    for name in ["rich-0000_words.png", "rich-0000_steps.png"] {
        let mark = read_text(&dir.join("out").join(name), "Comment").unwrap().unwrap();
        assert!(mark.to_lowercase().contains("synthetic"), "{name}: {mark}");
    }
    refused(dir, "--word-maps 7", &["--word-maps", "block 7", "0 to 1"]);
}

#[test]
fn what_does_not_go_together_is_one_sentence() {
    let dir = base("");
    let dir = dir.path();
    mask(dir, "may.png", |x, _| x < 40);
    mask(dir, "none.png", |_, _| false);
    let image = "--image out/base-0000.png";
    refused(dir, &format!("{image} --feather 3"), &["--feather", "--may-change"]);
    refused(dir, &format!("{image} --edit-strength 2"), &["--edit-strength is 2", "0 to 1"]);
    refused(dir, &format!("{image} --invert --may-change may.png"), &["--invert", "--may-change"]);
    refused(dir, &format!("{image} --invert --edit-strength 0.3"), &["--invert", "--edit-strength"]);
    refused(dir, &format!("{image} --may-change none.png"), &["no pixel", "--may-change"]);
    refused(dir, &format!("{image} --may-change gone.png"), &["--may-change", "gone.png"]);
    refused(dir, "--image gone.png", &["--image", "gone.png"]);
    refused(dir, "--mask spleen=m.png", &["--mask", "spleen"]);
    refused(dir, "--mask nodule=m.png,power=3", &["--mask", "power", "strength, steps and area"]);
    refused(dir, "--mask m.png,steps=0.9-0.1", &["--mask", "steps", "smaller first"]);
    refused(dir, "--twin ...", &["--twin", "no word"]);
    // Wrong usage.
    for args in [
        "--edit-strength 0.5",
        "--may-change may.png",
        "--from-step 2",
        "--fork out/base-0000.png",
        "--fork out/base-0000.png --from-step 2 --count 2",
        "--fork out/base-0000.png --from-step 2 --image m.png",
        "--control-strength 3",
        "--control-steps 1",
        "--word-maps some",
        "--filmstrip fast",
        "--cases c.csv --twin x",
    ] {
        let output = generate(dir, &format!("{args} --out refused"), &TEXT);
        assert_eq!(output.status.code(), Some(2), "{args}: {}", stderr(&output));
    }
}
