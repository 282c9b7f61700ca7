//! What is written comes back; what is damaged is named.

use proptest::prelude::*;

use super::testing::{binding, sample, write};
use super::*;

#[test]
fn samples_come_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), 10);
    let all = data.subset("train", &|_| true).unwrap();
    assert_eq!(all.len(), 10);
    for index in [9, 0, 4, 3] {
        assert_eq!(all.sample(index).unwrap(), sample(index));
        assert_eq!(all.key(index), sample(index).about.key);
    }
    assert!(all.sample(10).is_err());
    let masks = data.subset("train", &|about| !about.conditions.is_empty()).unwrap();
    assert_eq!((masks.len(), masks.sample(1).unwrap()), (4, sample(3)));
    assert_ne!(masks.fingerprint(), all.fingerprint());
    let error = data.subset("test", &|_| true).unwrap_err().to_string();
    assert!(error.contains("no split \"test\"; it has train"), "{error}");
    assert!(data.subset("train", &|_| false).is_err());
}

#[test]
fn a_shard_is_a_plain_tar_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 5);
    let file = std::fs::File::open(dir.path().join("train-00001.tar")).unwrap();
    let mut archive = tar::Archive::new(file);
    let names: Vec<String> =
        archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(names, ["train-00001-00000.safetensors"]);
    let again = tempfile::tempdir().unwrap();
    write(again.path(), 5);
    for name in ["train-00000.tar", "train-00000.json", "train-00001.tar", "dataset.json"] {
        let bytes = |dir: &Path| std::fs::read(dir.join(name)).unwrap();
        assert!(bytes(dir.path()) == bytes(again.path()), "{name} differs from run to run");
    }
}

#[test]
fn half_precision_rounds_and_keeps_the_shape() {
    let sample = sample(3);
    let bytes = sample.to_bytes(&binding(), Stored::F16, Stored::Bf16).unwrap();
    let back = Sample::from_bytes(&bytes, &binding()).unwrap();
    assert_eq!((&back.about, &back.ids), (&sample.about, &sample.ids));
    for (there, here) in back.caption.iter().zip(&sample.caption) {
        assert!((there - here).abs() <= here.abs() / 256.0, "{there} {here}");
    }
    for (there, here) in back.image.mean.iter().zip(&sample.image.mean) {
        assert!((there - here).abs() <= here.abs() / 2048.0, "{there} {here}");
    }
}

#[test]
fn damage_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), 8);
    let tar = dir.path().join("train-00001.tar");
    let whole = std::fs::read(&tar).unwrap();
    let mut bytes = whole.clone();
    bytes[700] ^= 1;
    std::fs::write(&tar, &bytes).unwrap();
    let subset = data.subset("train", &|_| true).unwrap();
    assert!(subset.sample(0).is_ok());
    let error = format!("{:#}", subset.sample(4).unwrap_err());
    assert!(error.contains("train-00001.tar is damaged") && error.contains("prepare again"), "{error}");
    std::fs::write(&tar, &whole[..600]).unwrap();
    let error = format!("{:#}", data.subset("train", &|_| true).unwrap_err());
    assert!(error.contains("train-00001.tar is damaged: it has 600 bytes"), "{error}");
    std::fs::write(&tar, &whole).unwrap();
    let index = dir.path().join("train-00000.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replacen("\"drawn\"", "\"other\"", 1)).unwrap();
    assert!(format!("{:#}", data.subset("train", &|_| true).unwrap_err()).contains("not the one that was written"));
    std::fs::write(&index, "{").unwrap();
    assert!(format!("{:#}", data.subset("train", &|_| true).unwrap_err()).contains("train-00000.json is damaged"));
    std::fs::remove_file(&index).unwrap();
    assert!(format!("{:#}", data.subset("train", &|_| true).unwrap_err()).contains("train-00000.json is missing"));
    std::fs::remove_file(dir.path().join("dataset.json")).unwrap();
    assert!(Dataset::open(dir.path()).unwrap_err().to_string().contains("chexgen prepare finished"));
}

#[test]
fn another_model_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), 2);
    assert!(data.check(&Binding { model: "same weights".to_owned(), palette: "practice".to_owned(), ..binding() }).is_ok());
    for (other, word) in [
        (Binding { autoencoder: "x".to_owned(), ..binding() }, "another autoencoder"),
        (Binding { text: "x".to_owned(), ..binding() }, "another text encoder"),
        (Binding { tokenizer: "x".to_owned(), ..binding() }, "another tokenizer"),
        (Binding { size_px: 64, ..binding() }, "side 32 instead of 64"),
        (Binding { max_tokens: 7, ..binding() }, "token limit of 6 instead of 7"),
    ] {
        let error = data.check(&other).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("prepare it again"), "{error}");
    }
}

#[test]
fn a_shard_that_is_dropped_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ShardWriter::create(dir.path(), "train", 0, "recipe").unwrap();
    writer.add(sample(0).about, b"half").unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

proptest! {
    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..4000, cut in 0usize..6000) {
        let _read_or_not = Sample::from_bytes(&bytes, &binding());
        let mut whole = sample(3).to_bytes(&binding(), Stored::F32, Stored::F16).unwrap();
        let at = at % whole.len();
        bytes.truncate(whole.len() - at);
        whole[at..at + bytes.len()].copy_from_slice(&bytes);
        whole.truncate(cut);
        let _read_or_not = Sample::from_bytes(&whole, &binding());
    }
}
