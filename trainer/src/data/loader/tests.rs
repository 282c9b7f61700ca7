//! The order is a function of seed and place; places are saved and restored.

use candle_core::Device;
use engine::domain::Stream;

use super::*;
use crate::data::dataset::testing::{binding, write};

fn subset(dir: &std::path::Path, count: usize) -> Arc<Subset> {
    Arc::new(write(dir, count).subset("train", &|_| true).unwrap())
}

fn config(threads: usize, share: WorkShare) -> LoaderConfig {
    LoaderConfig { seed: 7, batch_rows: 6, threads, share }
}

fn keys(loader: &mut Loader, batches: usize) -> Vec<Vec<String>> {
    (0..batches).map(|_| loader.take().unwrap().keys().iter().map(|key| (*key).to_owned()).collect()).collect()
}

#[test]
fn threads_and_processes_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = subset(dir.path(), 10);
    let expected = keys(&mut Loader::start(data.clone(), &config(1, WorkShare::WHOLE), None).unwrap(), 9);
    assert_eq!(keys(&mut Loader::start(data.clone(), &config(4, WorkShare::WHOLE), None).unwrap(), 9), expected);
    for world in [2, 3] {
        let mut joined = vec![Vec::new(); 9];
        for rank in 0..world {
            let share = WorkShare::new(rank, world).unwrap();
            let mut loader = Loader::start(data.clone(), &config(2, share), None).unwrap();
            for (whole, part) in joined.iter_mut().zip(keys(&mut loader, 9)) {
                whole.extend(part);
            }
        }
        assert_eq!(joined, expected);
    }
    // Each epoch has every sample once.
    let flat: Vec<&String> = expected.iter().flatten().collect();
    for epoch in 0..5 {
        let mut seen: Vec<&String> = flat[epoch * 10..epoch * 10 + 10].to_vec();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    }
    assert_ne!(flat[..10], flat[10..20]);
    assert!(Loader::start(data, &LoaderConfig { batch_rows: 5, ..config(1, WorkShare::new(0, 2).unwrap()) }, None).is_err());
}

#[test]
fn a_saved_place_goes_on_in_mid_epoch_also_with_other_processes() {
    let dir = tempfile::tempdir().unwrap();
    let data = subset(dir.path(), 10);
    let mut whole = Loader::start(data.clone(), &config(2, WorkShare::WHOLE), None).unwrap();
    let before = keys(&mut whole, 4);
    let saved = serde_json::to_string(whole.position()).unwrap();
    assert!((whole.epoch() - 2.4).abs() < 1e-12);
    let after = keys(&mut whole, 5);
    let position: Position = serde_json::from_str(&saved).unwrap();
    let mut resumed = Loader::start(data.clone(), &config(3, WorkShare::WHOLE), Some(&position)).unwrap();
    assert_eq!(keys(&mut resumed, 5), after);
    assert_ne!(before[0], after[0]);
    // Another batch size goes on at the same sample.
    let other = LoaderConfig { batch_rows: 3, ..config(1, WorkShare::WHOLE) };
    let mut halves = Loader::start(data.clone(), &other, Some(&position)).unwrap();
    assert_eq!(keys(&mut halves, 2).concat(), after[0]);
    let foreign = LoaderConfig { seed: 8, ..config(1, WorkShare::WHOLE) };
    let error = Loader::start(data, &foreign, Some(&position)).err().unwrap().to_string();
    assert!(error.contains("other data") && error.contains("seed"), "{error}");
}

#[test]
fn a_batch_becomes_tensors() {
    let dir = tempfile::tempdir().unwrap();
    let data = subset(dir.path(), 10);
    let mut loader = Loader::start(data.clone(), &config(1, WorkShare::WHOLE), None).unwrap();
    let batch = loader.take().unwrap();
    let tensors = batch.tensors(&binding(), &Device::Cpu).unwrap();
    let longest = *tensors.lengths.iter().max().unwrap();
    assert_eq!(tensors.image.mean.dims(), [6, 2, 4, 4]);
    assert_eq!(tensors.captions.dims(), [6, longest, 3]);
    let mask = tensors.mask.to_vec2::<u32>().unwrap();
    let captions = tensors.captions.to_vec3::<f32>().unwrap();
    for (row, sample) in batch.samples.iter().enumerate() {
        assert_eq!(mask[row].iter().sum::<u32>() as usize, sample.about.tokens);
        assert_eq!(captions[row][..sample.about.tokens].concat(), sample.caption);
        assert!(captions[row][sample.about.tokens..].concat().iter().all(|v| *v == 0.0));
        let ids = tensors.ids.as_ref().unwrap().to_vec2::<u32>().unwrap();
        assert_eq!(ids[row][..sample.about.tokens], sample.ids);
        let mean = tensors.image.mean.get(row).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(mean, sample.image.mean);
        let masks = &tensors.conditions[&crate::data::dataset::ConditionKind::Mask];
        assert_eq!(masks.present[row], sample.conditions.len() == 1);
        let mean = masks.posterior.mean.get(row).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(masks.present[row], mean.iter().any(|v| *v != 0.0));
    }
    // Noise follows the place: another epoch, another draw; another process, the same.
    let noise = |batch: &Batch| batch.noise(3, Stream::Posterior, 0, &binding(), &Device::Cpu).unwrap();
    let whole = noise(&batch).get(3).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let mut second = Loader::start(data, &config(1, WorkShare::new(1, 2).unwrap()), None).unwrap();
    let part = noise(&second.take().unwrap()).get(0).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(whole, part);
}

#[test]
fn a_damaged_shard_ends_the_reading_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let data = subset(dir.path(), 8);
    let path = dir.path().join("train-00001.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[600..].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let mut loader = Loader::start(data, &config(2, WorkShare::WHOLE), None).unwrap();
    let error = (0..8).find_map(|_| loader.take().err()).unwrap();
    assert!(format!("{error:#}").contains("train-00001.tar is damaged"));
}
