//! Reads every sample of a data set and compares it with its hash.

use anyhow::{Context, Result, ensure};

use crate::data::dataset::{Dataset, Sample, SampleEntry, ShardReader};

/// Checks every shard of every split; gives the number of samples. `show` sees how many are done.
///
/// # Errors
/// At the first sample that cannot be read, is damaged or of other sizes.
pub fn verify(data: &Dataset, show: &mut dyn FnMut(usize)) -> Result<usize> {
    let mut done = 0;
    for split in data.form().splits.keys() {
        data.visit(split, &mut |number, form| {
            let file = &data.form().splits[split][number].file;
            let reader = ShardReader::new(data.dir().join(file));
            for SampleEntry { offset, bytes, blake3, about } in &form.samples {
                let read = reader.bytes(*offset, *bytes, blake3)?;
                let sample = Sample::from_bytes(&read, data.binding()).with_context(|| format!("{file}: {}", about.key))?;
                ensure!(sample.about == *about, "{file}: {} is not what the index says of it", about.key);
                done += 1;
                show(done);
            }
            Ok(())
        })?;
    }
    Ok(done)
}
