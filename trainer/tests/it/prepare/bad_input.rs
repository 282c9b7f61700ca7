//! Damaged pictures, missing captions, other models, a full disk: one sentence each, and nothing lost.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{phantoms, prepare, settings, whole};
use crate::support::{run, stderr, stdout, tiny};

const SOURCE: &str = "[[source]]\nkind = \"mimic\"\nroot = \"mimic\"\n";

fn below(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(folder) = todo.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                todo.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sentence(output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn bad_cases_are_listed_with_their_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 10);
    let pictures = below(&dir.join("mimic"), ".jpg");
    let bytes = std::fs::read(&pictures[0]).unwrap();
    std::fs::write(&pictures[0], &bytes[..bytes.len() / 2]).unwrap();
    std::fs::remove_file(&pictures[1]).unwrap();
    std::fs::write(&pictures[2], b"GIF89a").unwrap();
    let reports = below(&dir.join("mimic"), ".txt");
    std::fs::write(&reports[4], " INDICATION: cough\n").unwrap();
    std::fs::write(&reports[5], format!(" IMPRESSION: {}\n", "effusion and nodule ".repeat(30))).unwrap();
    std::fs::write(&reports[6], b" IMPRESSION: \xff\n").unwrap();
    settings(dir, "[captions]\nfrom = [\"impression\"]", SOURCE);
    let text = stdout(&prepare(dir, &[]));
    assert!(text.contains("rejected, picture: 3"), "{text}");
    let mut table = csv::Reader::from_path(dir.join("set/rejects.csv")).unwrap();
    let rows: Vec<Vec<String>> = table.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let mut kinds: Vec<&str> = rows.iter().map(|row| row[3].as_str()).collect();
    kinds.sort_unstable();
    // The phantoms' own texts may be too long for the tiny model, too.
    assert_eq!(
        kinds.iter().filter(|kind| **kind != "too_long").collect::<Vec<_>>(),
        [&"no_caption", &"picture", &"picture", &"picture", &"text"]
    );
    assert!(kinds.contains(&"too_long"), "{kinds:?}");
    let reasons: Vec<&str> = rows.iter().map(|row| row[4].as_str()).collect();
    for words in ["cut off", "no such file", "GIF", "none of the sections", "tokens, and at most 24 are taken", "UTF-8"] {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "{words}: {reasons:?}");
    }
}

#[test]
fn mixed_sizes_are_brought_to_one() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::create_dir(dir.join("images")).unwrap();
    let mut list = "image,impression\n".to_owned();
    for (at, (w, h)) in [(64, 64), (130, 70), (40, 300), (1, 1)].into_iter().enumerate() {
        let image = engine::domain::GrayImage::new(w, h, (0..w * h).map(|i| (i * 97 % 60000) as u16).collect()).unwrap();
        let bytes = engine::imageio::png::encode_gray16(&image, &[]).unwrap();
        std::fs::write(dir.join(format!("images/{at}.png")), bytes).unwrap();
        list.push_str(&format!("images/{at}.png,Clear.\n"));
    }
    std::fs::write(dir.join("list.csv"), list).unwrap();
    settings(dir, "", "[[source]]\nkind = \"manifest\"\nroot = \".\"\nlist = \"list.csv\"\n");
    assert!(stdout(&prepare(dir, &[])).starts_with("4 samples, 0 rejects"));
}

#[test]
fn other_settings_and_other_models_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 4);
    settings(dir, "", SOURCE);
    stdout(&prepare(dir, &[]));
    let before = whole(dir, "set");
    settings(dir, "shard_cases = 2", SOURCE);
    assert!(sentence(&prepare(dir, &[])).contains("holds a data set of other settings"));
    assert!(whole(dir, "set") == before);
    let practice = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice");
    if practice.join("model.toml").is_file() {
        let error = sentence(&run(dir, &["prepare", "release", "set", "--model", practice.to_str().unwrap(), "--out", "npz"]));
        assert!(error.contains("was prepared with another model"), "{error}");
    }
    let text = std::fs::read_to_string(dir.join("prepare.toml")).unwrap();
    std::fs::write(dir.join("prepare.toml"), text.replace(tiny().model.to_str().unwrap(), "nowhere")).unwrap();
    assert!(sentence(&prepare(dir, &[])).contains("model.toml"));
}

#[test]
fn a_damaged_shard_is_named_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 6);
    settings(dir, "shard_cases = 2", SOURCE);
    stdout(&prepare(dir, &[]));
    let before = whole(dir, "set");
    let path = dir.join("set/train-00001.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[2000] ^= 4;
    std::fs::write(&path, &bytes).unwrap();
    // All of them are listed, whatever is wrong.
    let (index, last) = (dir.join("set/train-00000.json"), dir.join("set/train-00002.tar"));
    let kept = [(&index, std::fs::read(&index).unwrap()), (&last, std::fs::read(&last).unwrap())];
    std::fs::remove_file(&index).unwrap();
    std::fs::write(&last, &kept[1].1[..1024]).unwrap();
    let verified = run(dir, &["prepare", "verify", "set"]);
    assert!(sentence(&verified).contains("3 of 3 shards of set are damaged or missing"));
    let listed = String::from_utf8(verified.stdout).unwrap();
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].contains("train-00000.json is missing") && lines[1].contains("train-00001.tar is damaged"), "{listed}");
    assert!(lines[2].contains("train-00002.tar is damaged: it has 1024 bytes") && lines[3] == "0 samples are whole", "{listed}");
    for (path, bytes) in kept {
        std::fs::write(path, bytes).unwrap();
    }
    let verified = run(dir, &["prepare", "verify", "set"]);
    assert!(sentence(&verified).contains("1 of 3 shards of set is damaged or missing"));
    assert!(String::from_utf8(verified.stdout).unwrap().ends_with("4 samples are whole\n"));
    std::fs::write(&path, &bytes[..1024]).unwrap();
    assert!(sentence(&run(dir, &["prepare", "report", "set"])).contains("train-00001.tar is damaged: it has 1024 bytes"));
    let text = stdout(&prepare(dir, &[]));
    assert!(text.contains("train-00001.tar was damaged and is made anew") && text.contains("1 shards written, 2 kept"), "{text}");
    assert!(whole(dir, "set") == before);
}

#[test]
fn a_full_disk_is_one_sentence_and_finished_shards_stay() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 12);
    settings(dir, "shard_cases = 4\n[captions]\nover = \"cut\"", SOURCE);
    // A limit on the size of a file stands for the full disk: no shard fits.
    let script = "trap '' XFSZ; ulimit -f $1; shift; exec \"$0\" \"$@\"";
    let limited = |blocks: &str| {
        Command::new("bash")
            .args(["-c", script, env!("CARGO_BIN_EXE_chexgen"), blocks, "prepare", "prepare.toml", "--out", "set"])
            .current_dir(dir)
            .output()
            .unwrap()
    };
    let error = sentence(&limited("8"));
    assert!(error.contains("train-00000.tar") && error.contains("larger than the file system or its limits allow"), "{error}");
    let left = crate::support::names(&dir.join("set"));
    assert!(left.iter().all(|name| name.starts_with(".prepare")), "{left:?}");
    let text = stdout(&limited("100000"));
    assert!(text.contains("12 samples"), "{text}");
}

/// A `.npz` file with one latent, `(4, 8, 8)`, whose fourth number is NaN.
fn spoiled_latent() -> Vec<u8> {
    let mut header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 8, 8), }".to_owned();
    header.extend(std::iter::repeat_n(' ', 117 - header.len()));
    header.push('\n');
    let mut array = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    array.extend(header.bytes());
    array.extend((0..256).flat_map(|i| if i == 3 { f32::NAN } else { i as f32 }.to_le_bytes()));
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("image.npy", stored).unwrap();
    std::io::Write::write_all(&mut archive, &array).unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_latent_with_nan_is_left_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 5);
    settings(dir, "caption_rows = \"f32\"\n[captions]\nover = \"cut\"", SOURCE);
    stdout(&prepare(dir, &[]));
    stdout(&run(dir, &["prepare", "release", "set", "--model", tiny().model.to_str().unwrap(), "--out", "npz"]));
    let list = std::fs::read_to_string(dir.join("npz/train.txt")).unwrap();
    let image = list.lines().nth(2).unwrap().split(' ').next().unwrap();
    std::fs::write(dir.join("npz").join(image), spoiled_latent()).unwrap();
    settings(dir, "", "[[source]]\nkind = \"release\"\nroot = \"npz\"\nlist = \"train.txt\"\n");
    let text = stdout(&run(dir, &["prepare", "prepare.toml", "--out", "again"]));
    assert!(text.starts_with("4 samples, 1 rejects") && text.contains("rejected, not_finite: 1"), "{text}");
    let rejects = std::fs::read_to_string(dir.join("again/rejects.csv")).unwrap();
    assert!(rejects.contains("its image.mean holds numbers that are not finite"), "{rejects}");
}

#[test]
fn nonsense_in_settings_and_folders_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assert!(sentence(&prepare(dir, &[])).contains("cannot read prepare.toml"));
    settings(dir, "", SOURCE);
    assert!(sentence(&prepare(dir, &[])).contains("source mimic: cannot list"));
    std::fs::create_dir(dir.join("mimic")).unwrap();
    assert!(sentence(&prepare(dir, &[])).contains("cxr-record-list"));
    settings(dir, "size_px = 65", SOURCE);
    assert!(sentence(&prepare(dir, &[])).contains("field size_px is 65"));
    assert!(sentence(&run(dir, &["prepare", "report", "mimic"])).contains("chexgen prepare finished"));
    let output = run(dir, &["prepare"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
