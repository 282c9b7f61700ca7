//! A batch as tensors.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use engine::domain::{Seed, Stream};
use engine::model::vae::Posterior;
use engine::noise;

use super::Batch;
use crate::data::dataset::{Binding, ConditionKind, Moments};

/// The seed of a row's random numbers in training with `seed`; it depends on its place in the whole training only.
pub fn row_seed(seed: u64, place: u64) -> Seed {
    Seed(seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// Condition pictures of a batch.
#[derive(Clone, Debug)]
pub struct ConditionRows {
    /// Their distribution `(B, C, h, w)`; zeros where a row has none.
    pub posterior: Posterior,
    /// Which rows have one.
    pub present: Vec<bool>,
}

/// A batch of `B` rows on a device.
#[derive(Clone, Debug)]
pub struct BatchTensors {
    /// Pictures `(B, C, h, w)`, unscaled.
    pub image: Posterior,
    /// Caption rows `(B, L, width)`, zeros behind each caption's end; `L` is the longest of the batch.
    pub captions: Tensor,
    /// `(B, L)`, 1 where a row is real, `u32`.
    pub mask: Tensor,
    /// Real rows of each caption.
    pub lengths: Vec<usize>,
    /// Token ids `(B, L)`, `u32`, 0 behind the end; absent where a sample has none.
    pub ids: Option<Tensor>,
    /// Condition pictures of the kinds that occur in the batch.
    pub conditions: BTreeMap<ConditionKind, ConditionRows>,
}

impl Batch {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Names of the samples, for messages.
    pub fn keys(&self) -> Vec<&str> {
        self.samples.iter().map(|sample| sample.about.key.as_str()).collect()
    }

    /// The batch on a device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn tensors(&self, binding: &Binding, device: &Device) -> Result<BatchTensors> {
        let rows = self.len();
        let lengths: Vec<usize> = self.samples.iter().map(|sample| sample.about.tokens).collect();
        let longest = lengths.iter().copied().max().context("an empty batch has no tensors")?.max(1);
        let width = binding.text_width;
        let mut captions = Vec::with_capacity(rows * longest * width);
        let mut ids = Vec::with_capacity(rows * longest);
        let mut mask = Vec::with_capacity(rows * longest);
        for (row, sample) in self.samples.iter().enumerate() {
            captions.extend_from_slice(&sample.caption);
            captions.resize((row + 1) * longest * width, 0f32);
            ids.extend_from_slice(&sample.ids);
            ids.resize((row + 1) * longest, 0u32);
            mask.extend((0..longest).map(|at| u32::from(at < lengths[row])));
        }
        let known = self.samples.iter().all(|sample| sample.ids.len() == sample.about.tokens);
        let images: Vec<Option<&Moments>> = self.samples.iter().map(|sample| Some(&sample.image)).collect();
        let mut conditions = BTreeMap::new();
        for kind in ConditionKind::ALL {
            let pictures: Vec<Option<&Moments>> = self.samples.iter().map(|sample| sample.conditions.get(&kind)).collect();
            if pictures.iter().any(Option::is_some) {
                let present = pictures.iter().map(Option::is_some).collect();
                conditions.insert(kind, ConditionRows { posterior: posterior(&pictures, binding, device)?, present });
            }
        }
        Ok(BatchTensors {
            image: posterior(&images, binding, device)?,
            captions: Tensor::from_vec(captions, (rows, longest, width), device)?,
            mask: Tensor::from_vec(mask, (rows, longest), device)?,
            lengths,
            ids: known.then(|| Tensor::from_vec(ids, (rows, longest), device)).transpose()?,
            conditions,
        })
    }

    /// Standard normal noise `(B, C, h, w)` of a stream, each row from its own place, so that it is fresh in each epoch
    /// and the same on any number of processes; `block` tells several uses of a stream apart.
    ///
    /// # Errors
    /// When the device fails.
    pub fn noise(&self, seed: u64, stream: Stream, block: u32, binding: &Binding, device: &Device) -> Result<Tensor> {
        let (c, side) = (binding.channels, binding.side);
        let draw = |&place: &u64| noise::normal(row_seed(seed, place), stream, block, c * side * side);
        let values: Vec<f32> = self.places.iter().flat_map(draw).collect();
        Ok(Tensor::from_vec(values, (self.len(), c, side, side), device)?)
    }
}

fn posterior(pictures: &[Option<&Moments>], binding: &Binding, device: &Device) -> Result<Posterior> {
    let (c, side) = (binding.channels, binding.side);
    let count = c * side * side;
    let shape = (pictures.len(), c, side, side);
    let join = |part: fn(&Moments) -> &Vec<f32>| -> Result<Tensor> {
        let mut values = Vec::with_capacity(pictures.len() * count);
        for (row, picture) in pictures.iter().enumerate() {
            values.extend_from_slice(picture.map_or(&[][..], |moments| part(moments)));
            values.resize((row + 1) * count, 0f32);
        }
        Ok(Tensor::from_vec(values, shape, device)?)
    };
    Ok(Posterior { mean: join(|moments| &moments.mean)?, log_var: join(|moments| &moments.log_var)? })
}
