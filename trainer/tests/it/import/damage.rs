//! Damaged checkpoints: each is refused with one sentence or gives the same tensors; no panic, bounded memory.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use engine::cancel::Cancel;
use engine::import::{ImportRequest, Outcome, run};
use engine::store::hash::hash_file;

use super::resume::request;
use super::sources::*;

/// Random numbers for the places of the damage (splitmix64).
struct Places(u64);

impl Places {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }
}

/// Most memory this process ever had, in bytes; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Bit(usize, u8),
    Set(usize, u8),
    Cut(usize),
}

fn damages(seed: u64, length: usize, bytes: std::ops::Range<usize>, count: usize) -> Vec<Damage> {
    let mut places = Places(seed);
    (0..count)
        .map(|i| {
            let at = bytes.start + places.next(bytes.len());
            match i % 4 {
                0 => Damage::Cut(places.next(length)),
                1 => Damage::Set(at, places.next(256) as u8),
                _ => Damage::Bit(at, places.next(8) as u8),
            }
        })
        .collect()
}

fn damaged(whole: &[u8], damage: Damage) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match damage {
        Damage::Bit(at, bit) => bytes[at] ^= 1 << bit,
        Damage::Set(at, value) => bytes[at] = value,
        Damage::Cut(length) => bytes.truncate(length),
    }
    bytes
}

/// Imports after each damage of `path`; gives how many were refused.
fn try_all(request: &ImportRequest, path: &Path, file: &str, damages: &[Damage]) -> usize {
    let whole = std::fs::read(path).unwrap();
    let Outcome::Done(_) = run(request, &Cancel::new(), &mut |_| {}).unwrap() else { panic!("done") };
    let made = request.out.join(file);
    let good = hash_file(&made).unwrap();
    let mut refused = 0;
    let mut sentences: BTreeMap<String, usize> = BTreeMap::new();
    for &damage in damages {
        let bytes = damaged(&whole, damage);
        if bytes == whole {
            continue;
        }
        std::fs::write(path, bytes).unwrap();
        let outcome =
            catch_unwind(AssertUnwindSafe(|| run(request, &Cancel::new(), &mut |_| {}).map_err(|error| error.to_string())));
        match outcome.unwrap_or_else(|_| panic!("{damage:?} of {} panics", path.display())) {
            Ok(Outcome::Done(_)) => assert_eq!(hash_file(&made).unwrap(), good, "{damage:?} changes tensors in silence"),
            Ok(Outcome::Cancelled) => panic!("nobody cancelled"),
            Err(error) => {
                sentence(&error);
                refused += 1;
                *sentences.entry(error).or_default() += 1;
                assert_eq!(hash_file(&made).unwrap(), good, "{damage:?} is refused and still writes");
            }
        }
    }
    std::fs::write(path, whole).unwrap();
    refused
}

#[test]
fn damaged_checkpoints_are_refused_or_change_nothing() {
    let before = peak_bytes();
    let mut tried = 0;
    let sources = Sources::new();
    for (seed, name, heads) in [(1, "dit_a_weights.pth", 5), (2, "control_weights.pth", 4)] {
        let path = sources.path(name);
        std::fs::copy(golden(name), &path).unwrap();
        let length = path.metadata().unwrap().len() as usize;
        // Everywhere, and once more where structure is dense: the description in front, the zip directory behind.
        let mut all = damages(seed, length, 0..length, 80);
        all.extend(damages(seed + 10, length, 0..18_000, 60));
        all.extend(damages(seed + 20, length, length - 12_000..length, 60));
        let refused = try_all(&request(&sources, &path, heads, name.trim_end_matches(".pth")), &path, "dit.safetensors", &all);
        assert!(refused > all.len() / 3, "only {refused} of {} were refused", all.len());
        tried += all.len();
    }

    // Safetensors have no checksums, so only header and length are damaged.
    let dit = golden("dit_a_weights.pth");
    let path = sources.path("t5/model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let all = damages(3, whole.len(), 0..header, 80);
    let refused = try_all(&request(&sources, &dit, 5, "t5-out"), &path, "text.safetensors", &all);
    assert!(refused > 40, "only {refused}");
    tried += all.len();
    assert!(tried >= 480, "{tried}");
    let grown = peak_bytes().saturating_sub(before);
    assert!(grown < 1 << 30, "memory grew by {grown} bytes");
}

#[test]
fn damaged_pieces_of_a_t5_are_refused_or_change_nothing() {
    let sources = Sources::new();
    let t5 = sources.path("t5");
    std::fs::remove_file(t5.join("model.safetensors")).unwrap();
    save_pieces(&t5, "pytorch_model.bin", &t5_tensors(&t5_config()), torch_save);
    let path = t5.join("pytorch_model-00002-of-00002.bin");
    let length = path.metadata().unwrap().len() as usize;
    let dit = golden("dit_a_weights.pth");
    let refused = try_all(&request(&sources, &dit, 5, "out"), &path, "text.safetensors", &damages(4, length, 0..length, 60));
    assert!(refused > 30, "only {refused}");
    let index = t5.join("pytorch_model.bin.index.json");
    let length = index.metadata().unwrap().len() as usize;
    let refused = try_all(&request(&sources, &dit, 5, "out"), &index, "text.safetensors", &damages(5, length, 0..length, 40));
    assert!(refused > 20, "only {refused}");
}
