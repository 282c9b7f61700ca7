use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use candle_core::{DType, Device};

use super::*;

fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).expect("shape")
}

fn saved(dir: &tempfile::TempDir, tensors: &[(&str, Tensor)]) -> PathBuf {
    let path = dir.path().join("weights.bin");
    let map: std::collections::HashMap<String, Tensor> =
        tensors.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone())).collect();
    candle_core::safetensors::save(&map, &path).expect("writes");
    path
}

fn bytes(dir: &tempfile::TempDir, content: &[u8]) -> PathBuf {
    let path = dir.path().join("weights.bin");
    File::create(&path).and_then(|mut file| file.write_all(content)).expect("writes");
    path
}

fn sentence(path: &Path) -> String {
    let sentence = load(path, None).expect_err("unusable").to_string();
    assert!(sentence.starts_with("weights.bin: ") && !sentence.contains('\n'), "{sentence}");
    sentence
}

#[test]
fn reads_safetensors_bit_for_bit_whatever_the_name() {
    let dir = tempfile::tempdir().expect("folder");
    let half = tensor(&[0.1, -2.5], &[2]).to_dtype(DType::BF16).expect("casts");
    let path = saved(&dir, &[("module.a.weight", tensor(&[1.0, f32::MIN_POSITIVE, -0.0, 7.25], &[2, 2])), ("b", half.clone())]);
    let map = load(&path, None).expect("reads");
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a.weight", "b"]);
    let values: Vec<f32> = map["a.weight"].flatten_all().and_then(|t| t.to_vec1()).expect("f32");
    assert_eq!(values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), [1.0, f32::MIN_POSITIVE, -0.0, 7.25].map(f32::to_bits));
    assert_eq!(map["b"].dtype(), DType::BF16);
    assert_eq!(map["b"].to_vec1::<half::bf16>().expect("bf16"), half.to_vec1::<half::bf16>().expect("bf16"));
}

#[test]
fn a_prefix_selects_in_safetensors() {
    let dir = tempfile::tempdir().expect("folder");
    let path = saved(&dir, &[("ema.a", tensor(&[1.0], &[1])), ("live.a", tensor(&[2.0], &[1]))]);
    assert_eq!(load(&path, Some("ema")).expect("reads").keys().collect::<Vec<_>>(), ["a"]);
    let refused = load(&path, Some("raw")).expect_err("not there").to_string();
    assert!(refused.contains("raw") && refused.contains("ema, live"), "{refused}");
}

#[test]
fn bad_files_give_one_sentence() {
    let dir = tempfile::tempdir().expect("folder");
    let path = saved(&dir, &[("a", tensor(&[1.0; 64], &[8, 8]))]);
    let whole = std::fs::read(&path).expect("reads");
    assert!(sentence(&bytes(&dir, &whole[..whole.len() - 10])).contains("cut off"));
    assert!(sentence(&bytes(&dir, &whole[..20])).contains("cut off"));
    assert!(sentence(&bytes(&dir, &[&whole[..], b"more"].concat())).contains("4 bytes lie behind"));
    assert!(sentence(&bytes(&dir, b"")).contains("neither"));
    assert!(sentence(&bytes(&dir, b"<!DOCTYPE html><html>")).contains("neither"));
    assert!(sentence(&bytes(&dir, b"version https://git-lfs.github.com/spec/v1\n")).contains("Git LFS"));
    assert!(sentence(&bytes(&dir, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")).contains("old format"));
    assert!(sentence(&bytes(&dir, b"PK\x03\x04 and then nothing")).contains("cut off"));
    let mut broken = whole.clone();
    broken[9] = b'!';
    assert!(sentence(&bytes(&dir, &broken)).contains("damaged"));
    assert!(sentence(&saved(&dir, &[])).contains("no tensors"));
    let missing = load(&dir.path().join("absent.pth"), None).expect_err("absent").to_string();
    assert!(missing.starts_with("absent.pth: cannot be read"), "{missing}");
    assert!(load(dir.path(), None).is_err(), "a folder");
}

#[test]
fn equal_names_after_stripping_are_refused() {
    let dir = tempfile::tempdir().expect("folder");
    let path = saved(&dir, &[("module.a", tensor(&[1.0], &[1])), ("a", tensor(&[2.0], &[1]))]);
    assert!(sentence(&path).contains("two tensors named a"));
}

#[test]
fn strict_check_lists_all_differences() {
    let found = BTreeMap::from([
        ("same".to_owned(), tensor(&[0.0; 6], &[2, 3])),
        ("turned".to_owned(), tensor(&[0.0; 6], &[3, 2])),
        ("surplus".to_owned(), tensor(&[0.0], &[1])),
    ]);
    let expected = |names: &[(&str, &[usize])]| -> Vec<(String, Vec<usize>)> {
        names.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
    };
    let exact = expected(&[("same", &[2, 3]), ("turned", &[3, 2]), ("surplus", &[1])]);
    assert_eq!(check_strict(&found, &exact), Ok(()));
    let other = expected(&[("same", &[2, 3]), ("turned", &[2, 3]), ("absent", &[4])]);
    let mismatch = check_strict(&found, &other).expect_err("differs");
    assert_eq!(mismatch.missing, ["absent"]);
    assert_eq!(mismatch.extra, ["surplus"]);
    assert_eq!(mismatch.misshapen, [("turned".to_owned(), vec![3, 2], vec![2, 3])]);
    let sentence = mismatch.to_string();
    for part in ["1 missing (absent)", "1 not expected (surplus)", "turned is [3, 2], expected [2, 3]"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let many: Vec<(String, Vec<usize>)> = (0..20).map(|i| (format!("n{i:02}"), vec![1])).collect();
    let sentence = check_strict(&BTreeMap::new(), &many).expect_err("differs").to_string();
    assert!(sentence.contains("20 missing") && sentence.contains("n07 and 12 more"), "{sentence}");
}

proptest::proptest! {
    #[test]
    fn no_damage_panics(at in 0usize..400, value: u8, cut in 0usize..400) {
        let dir = tempfile::tempdir().expect("folder");
        let path = saved(&dir, &[("a", tensor(&[1.0; 6], &[2, 3])), ("b", tensor(&[2.0], &[1]))]);
        let mut content = std::fs::read(&path).expect("reads");
        let at = at % content.len();
        content[at] = value;
        content.truncate(content.len().max(cut) - cut.min(content.len() / 2));
        let _read_or_refused = load(&bytes(&dir, &content), None);
    }
}
