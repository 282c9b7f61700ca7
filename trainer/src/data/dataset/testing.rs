//! A small data set made of numbers, for tests of what reads it.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// The networks of the small data set.
pub(crate) fn binding() -> Binding {
    Binding {
        model: "tiny".to_owned(),
        autoencoder: "a".to_owned(),
        text: "t".to_owned(),
        tokenizer: "k".to_owned(),
        size_px: 32,
        channels: 2,
        side: 4,
        text_width: 3,
        max_tokens: 6,
        palette: "release".to_owned(),
    }
}

/// Sample `index`; every third has a mask.
pub(crate) fn sample(index: usize) -> Sample {
    let binding = binding();
    let tokens = 1 + index % 5;
    let value = |k: usize| (index * 131 + k) as f32 / 64.0;
    let moments = |from: usize| Moments {
        mean: (0..binding.channels * 16).map(|k| value(from + k)).collect(),
        log_var: (0..binding.channels * 16).map(|k| -value(from + 2 * k)).collect(),
    };
    let with_mask = index.is_multiple_of(3);
    let conditions: Vec<ConditionKind> = with_mask.then_some(ConditionKind::Mask).into_iter().collect();
    let about = About {
        key: format!("train-{:05}-{:05}", index / 4, index % 4),
        set: "drawn".to_owned(),
        patient: format!("{:016x}", index / 2),
        view: "PA".to_owned(),
        labels: BTreeMap::from([("Edema".to_owned(), 1)]),
        conditions: conditions.clone(),
        tokens,
        width: 40,
        height: 32,
        ..About::default()
    };
    Sample {
        about,
        text: format!("caption {index}"),
        image: moments(0),
        ids: (0..tokens as u32).collect(),
        caption: (0..tokens * binding.text_width).map(|k| value(k + 7)).collect(),
        conditions: conditions.into_iter().map(|kind| (kind, moments(99))).collect(),
    }
}

/// Writes `count` samples as the split `train`, four a shard.
pub(crate) fn write(dir: &Path, count: usize) -> Dataset {
    let mut shards = Vec::new();
    for number in 0..count.div_ceil(4) {
        let mut writer = ShardWriter::create(dir, "train", number, "recipe").unwrap();
        for index in number * 4..count.min(number * 4 + 4) {
            let sample = sample(index);
            let bytes = sample.to_bytes(&binding(), Stored::F32, Stored::F32).unwrap();
            writer.add(sample.about, &bytes).unwrap();
        }
        let samples = writer.finish().unwrap().samples.len();
        let file = shard_file("train", number);
        let (_, index_blake3) = read_index(dir, &file, "recipe").unwrap().unwrap();
        shards.push(ShardEntry { file, samples, index_blake3 });
    }
    let form = DatasetForm {
        format: DATASET_FORMAT.to_owned(),
        version: VERSION,
        name: "small".to_owned(),
        recipe: "recipe".to_owned(),
        binding: binding(),
        splits: BTreeMap::from([("train".to_owned(), shards)]),
    };
    Dataset::write(dir, &form).unwrap();
    Dataset::open(dir).unwrap()
}
