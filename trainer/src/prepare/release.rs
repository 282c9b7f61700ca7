//! A data set as the lists that the published trainer reads: `.npz` files, and a list of them.

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use engine::domain::{Seed, Stream};
use engine::noise;
use engine::pipeline::Encoders;
use engine::store::atomic::{ensure_writable_dir, write_atomic};

use super::npz::{self, Array};
use crate::data::dataset::{Binding, ConditionKind, Dataset, Moments};

/// Writes a split: `image/KEY.npz`, `text/KEY.npz`, for masks `mask/KEY.npz`, and `SPLIT.txt`. Latents are drawn once
/// from their distribution, as the published preparation does, by `seed` and each sample's name. Gives the number of
/// cases; `show` sees how many are done. An older list of the split goes first: without it there is no set.
///
/// # Errors
/// When a sample is damaged, or the disk is full.
pub fn write(
    data: &Dataset,
    split: &str,
    encoders: &Encoders,
    out: &Path,
    seed: u64,
    show: &mut dyn FnMut(usize, usize),
) -> Result<usize> {
    let subset = data.subset(split, &|_| true)?;
    let binding = data.binding();
    for dir in ["image", "text", "mask"] {
        ensure_writable_dir(&out.join(dir))?;
    }
    // A list that an earlier call wrote would name files of two calls, should this one be killed.
    let path = out.join(format!("{split}.txt"));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove the old list {}", path.display()));
        }
        _ => {}
    }
    let mut list = String::new();
    for index in 0..subset.len() {
        let sample = subset.sample(index)?;
        let key = sample.about.key.clone();
        let latents = |moments: &Moments, stream: Stream| -> Result<Array> {
            let shape = vec![binding.channels, binding.side, binding.side];
            let noise = noise::normal(Seed::for_case(seed, &key), stream, 0, moments.mean.len());
            let drawn = moments.mean.iter().zip(&moments.log_var).zip(noise);
            let values: Vec<f32> = drawn.map(|((mean, log_var), noise)| mean + (0.5 * log_var).exp() * noise).collect();
            let tensor = Tensor::from_vec(values, (1, shape[0], shape[1], shape[2]), &Device::Cpu)?;
            Ok(Array { shape, values: encoders.scaled(&tensor.to_device(encoders.device())?)?.flatten_all()?.to_vec1()? })
        };
        let put = |dir: &str, arrays: &[(&str, &Array)]| -> Result<String> {
            let name = format!("{dir}/{key}.npz");
            write_atomic(&out.join(&name), &npz::bytes(arrays)?)?;
            Ok(name)
        };
        let image = put("image", &[("image", &latents(&sample.image, Stream::Posterior)?)])?;
        let (rows, mask) = caption(&sample.caption, sample.about.tokens, binding);
        let text = put("text", &[("caption_embedding", &rows), ("caption_mask", &mask)])?;
        let condition = match sample.conditions.get(&ConditionKind::Mask) {
            Some(moments) => format!(" {}", put("mask", &[("image", &latents(moments, Stream::Condition)?)])?),
            None => String::new(),
        };
        list.push_str(&format!("{image} {text}{condition}\n"));
        show(index + 1, subset.len());
    }
    // The list comes last: what it names is whole.
    write_atomic(&path, list.as_bytes()).with_context(|| format!("the list of {split}"))?;
    Ok(subset.len())
}

/// Rows filled up to the limit, and which of them are real.
fn caption(rows: &[f32], tokens: usize, binding: &Binding) -> (Array, Array) {
    let (limit, width) = (binding.max_tokens, binding.text_width);
    let mut values = rows.to_vec();
    values.resize(limit * width, 0.0);
    let mask = (0..limit).map(|at| f32::from(u8::from(at < tokens))).collect();
    (Array { shape: vec![limit, width], values }, Array { shape: vec![limit], values: mask })
}
