//! A record makes its image again; what cannot be the same is named.

use std::path::Path;

use engine::store::hash::{hash_bytes, hash_file};

use crate::support::{files, generate, run, stderr, stdout, tiny, write_mask};

fn replay(dir: &Path, file: &str, model: &Path, more: &[&str]) -> (i32, String) {
    let mut args = vec!["replay", file, "--model", model.to_str().unwrap()];
    args.extend(more);
    let output = run(dir, &args);
    let text = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
    (output.status.code().unwrap(), text)
}

#[test]
fn every_sampler_and_preset_is_replayed_identically() {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("mask.png"), 64, 64);
    for (name, settings) in [
        ("defaults", ""),
        ("ddpm", "--sampler ddpm"),
        ("ddim", "--sampler ddim --eta 0.5"),
        ("karras", "--sampler dpmpp --karras"),
        ("release", "--preset release --guidance 4"),
        ("unguided", "--preset paper --guidance 1"),
    ] {
        let args = format!("--mask mask.png --steps 4 --seed 3 --name {name} --out out {settings}");
        stdout(&generate(dir.path(), &args, &["--impression", "Large right pneumothorax."]));
        for ending in ["json", "png"] {
            let verdict = replay(dir.path(), &format!("out/{name}-0000.{ending}"), &tiny().model, &[]);
            assert_eq!(verdict, (0, "identical\n".to_owned()), "{name}");
        }
    }
    // The new files are the old ones, byte for byte, and nothing is replaced.
    let again = replay(dir.path(), "out/ddim-0000.png", &tiny().model, &["--out", "again"]);
    assert_eq!(again.0, 0);
    let (old, new) = (files(&dir.path().join("out")), files(&dir.path().join("again")));
    assert!(new.len() == 3 && new.iter().all(|(name, bytes)| old[name] == *bytes));
    let (code, text) = replay(dir.path(), "out/ddim-0000.png", &tiny().model, &["--out", "again"]);
    assert!(code == 1 && text.contains("ddim-0000.png exists"), "{text}");
}

#[test]
fn changed_weights_and_changed_pictures_are_named() {
    let dir = tempfile::tempdir().unwrap();
    stdout(&generate(dir.path(), "--steps 3 --out out", &["--impression", "No acute findings."]));
    let other = dir.path().join("model");
    std::fs::create_dir(&other).unwrap();
    for (name, bytes) in files(&tiny().model) {
        std::fs::write(other.join(name), bytes).unwrap();
    }
    let weights = other.join("autoencoder.safetensors");
    let old_hash = hash_file(&weights).unwrap();
    let mut bytes = std::fs::read(&weights).unwrap();
    // The low bytes of the half-precision numbers behind the header: slightly other weights.
    let header = 8 + usize::from(bytes[0]) + 256 * usize::from(bytes[1]);
    for byte in bytes[header..].iter_mut().step_by(2) {
        *byte ^= 0x40;
    }
    std::fs::write(&weights, &bytes).unwrap();
    let (code, text) = replay(dir.path(), "out/image-0000.json", &other, &[]);
    assert!(code == 1 && text.contains("autoencoder.safetensors"), "not the file model.toml describes: {text}");
    let spec = std::fs::read_to_string(other.join("model.toml")).unwrap();
    std::fs::write(other.join("model.toml"), spec.replace(&old_hash, &hash_bytes(&bytes))).unwrap();
    let (code, text) = replay(dir.path(), "out/image-0000.json", &other, &[]);
    assert!(code == 1 && text.starts_with("different: "), "{text}");
    assert!(text.contains("model files changed: ") && text.contains("autoencoder.safetensors"), "{text}");
    assert!(text.contains("grey values differ by"), "{text}");

    // Another picture under the record's name.
    stdout(&generate(dir.path(), "--steps 3 --seed 8 --name b --out out", &["--impression", "No acute findings."]));
    std::fs::copy(dir.path().join("out/b-0000.png"), dir.path().join("out/image-0000.png")).unwrap();
    let (code, text) = replay(dir.path(), "out/image-0000.json", &tiny().model, &[]);
    assert!(code == 1 && text.contains("changed afterwards"), "{text}");
}

#[test]
fn what_is_no_record_is_refused_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    write_mask(&dir.path().join("plain.png"), 8, 8);
    std::fs::write(dir.path().join("other.json"), "{\"a\": 1}").unwrap();
    std::fs::write(dir.path().join("broken.json"), "{").unwrap();
    for (file, words) in [
        ("plain.png", "no run record inside"),
        ("other.json", "not a run record"),
        ("broken.json", "not a run record"),
        ("none.json", "cannot read none.json"),
        ("none.png", "none.png"),
    ] {
        let (code, text) = replay(dir.path(), file, &tiny().model, &[]);
        assert!(code == 1 && text.lines().count() == 1 && text.contains(words), "{file}: {text}");
    }
}
