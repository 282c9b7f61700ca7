//! Reads every sample of a data set and compares it with its hash.

use anyhow::{Context, Result, ensure};

use crate::data::dataset::{Dataset, Sample, SampleEntry, ShardEntry, ShardReader};

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Samples that are whole, in shards that are.
    pub samples: usize,
    /// All shards.
    pub shards: usize,
    /// Those that are damaged or missing.
    pub damaged: usize,
}

/// What is told while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// So many samples are behind, those of damaged shards too.
    Behind(usize),
    /// A shard is damaged or missing: a sentence.
    Damaged(&'a str),
}

/// Checks every shard of every split; a damaged one does not end it.
///
/// # Errors
/// When the news cannot be told.
pub fn verify(data: &Dataset, tell: &mut dyn FnMut(News<'_>) -> Result<()>) -> Result<Found> {
    let mut found = Found::default();
    let mut behind = 0;
    for shard in data.form().splits.values().flatten() {
        found.shards += 1;
        let mut done = 0;
        let checked = check(data, shard, &mut || {
            done += 1;
            tell(News::Behind(behind + done))
        });
        match checked {
            Ok(()) => found.samples += done,
            Err(Fault::Damage(damage)) => {
                found.damaged += 1;
                tell(News::Damaged(&format!("{damage:#}")))?;
            }
            Err(Fault::Told(error)) => return Err(error),
        }
        behind += shard.samples;
    }
    Ok(found)
}

/// Why a shard was not checked to its end.
enum Fault {
    Damage(anyhow::Error),
    /// Nobody could be told.
    Told(anyhow::Error),
}

fn check(data: &Dataset, shard: &ShardEntry, done: &mut dyn FnMut() -> Result<()>) -> std::result::Result<(), Fault> {
    let form = data.index(shard).map_err(Fault::Damage)?;
    let reader = ShardReader::new(data.dir().join(&shard.file));
    for entry in &form.samples {
        sample(data, &reader, &shard.file, entry).map_err(Fault::Damage)?;
        done().map_err(Fault::Told)?;
    }
    Ok(())
}

fn sample(data: &Dataset, reader: &ShardReader, file: &str, entry: &SampleEntry) -> Result<()> {
    let SampleEntry { offset, bytes, blake3, about } = entry;
    let read = reader.bytes(*offset, *bytes, blake3)?;
    let sample = Sample::from_bytes(&read, data.binding()).with_context(|| format!("{file}: {}", about.key))?;
    ensure!(sample.about == *about, "{file}: {} is not what the index says of it", about.key);
    Ok(())
}
