//! A prepared data set as a stage learns from it, and features of its cases for a comparison of hidden tokens.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use engine::store::weights::TensorFile;

use super::cases::{Caption, Case, Cases, Choose, ConditionKind, Latents};
use super::dataset::{Moments, Subset};
use super::latents::Normaliser;

/// The samples of a split.
pub struct PreparedCases {
    subset: Subset,
    maps: (Normaliser, Normaliser),
    sample_posterior: bool,
}

impl PreparedCases {
    /// The samples, their latents scaled by these maps (pictures, conditions).
    pub fn new(subset: Subset, maps: (Normaliser, Normaliser), sample_posterior: bool) -> Self {
        Self { subset, maps, sample_posterior }
    }

    fn latents(&self, moments: &Moments, map: &Normaliser) -> Latents {
        let each = moments.mean.len() / map.shift.len().max(1);
        let channel = |i: usize| (map.shift[i / each.max(1)], map.scale[i / each.max(1)]);
        let mean = moments.mean.iter().enumerate().map(|(i, value)| (value - channel(i).0) * channel(i).1).collect();
        let deviation = |(i, log_var): (usize, &f32)| (0.5 * log_var.clamp(-30.0, 20.0)).exp() * channel(i).1.abs();
        let deviation = match self.sample_posterior {
            true => moments.log_var.iter().enumerate().map(deviation).collect(),
            false => Vec::new(),
        };
        Latents { mean, deviation }
    }
}

impl Cases for PreparedCases {
    fn len(&self) -> usize {
        self.subset.len()
    }

    fn id(&self, index: usize) -> String {
        self.subset.sample(index).map_or_else(|_| format!("sample {index}"), |sample| sample.about.key)
    }

    fn fingerprint(&self) -> String {
        self.subset.fingerprint()
    }

    fn latent_shape(&self) -> (usize, usize) {
        (self.subset.binding().channels, self.subset.binding().side)
    }

    fn caption_width(&self) -> Option<usize> {
        Some(self.subset.binding().text_width)
    }

    fn read(&self, index: usize, choose: Choose<'_>) -> Result<Case> {
        let sample = self.subset.sample(index)?;
        let has: Vec<ConditionKind> = sample.conditions.keys().copied().collect();
        let condition = choose(&has).and_then(|kind| sample.conditions.get(&kind));
        Ok(Case {
            image: self.latents(&sample.image, &self.maps.0),
            condition: condition.map(|moments| self.latents(moments, &self.maps.1)),
            caption: Caption::Rows(sample.caption),
            features: None,
        })
    }
}

/// Cases with features from a file, read when they are needed.
pub struct WithFeatures {
    cases: Arc<dyn Cases>,
    file: Mutex<TensorFile>,
}

impl WithFeatures {
    /// Joins cases with the tensor `features` `(cases, numbers)` of a safetensors file.
    ///
    /// # Errors
    /// When the file holds no such tensor for as many cases.
    pub fn open(cases: Arc<dyn Cases>, path: &Path, numbers: usize) -> Result<Self> {
        let file = TensorFile::open(path, None)?;
        let info = file.info("features").with_context(|| format!("{} holds no tensor features", path.display()))?;
        ensure!(
            info.shape == [cases.len(), numbers],
            "{}: features is {:?}, expected [{}, {numbers}], a row for each case in the order of the data",
            path.display(),
            info.shape,
            cases.len()
        );
        Ok(Self { cases, file: Mutex::new(file) })
    }
}

impl Cases for WithFeatures {
    fn len(&self) -> usize {
        self.cases.len()
    }

    fn id(&self, index: usize) -> String {
        self.cases.id(index)
    }

    fn fingerprint(&self) -> String {
        self.cases.fingerprint()
    }

    fn latent_shape(&self) -> (usize, usize) {
        self.cases.latent_shape()
    }

    fn caption_width(&self) -> Option<usize> {
        self.cases.caption_width()
    }

    fn read(&self, index: usize, choose: Choose<'_>) -> Result<Case> {
        // A reader that panicked has left the file as it was: every read begins with a seek.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let features = file.read_rows_f32("features", &[index as u32])?.flatten_all()?.to_vec1::<f32>()?;
        drop(file);
        Ok(Case { features: Some(features), ..self.cases.read(index, choose)? })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::data::dataset::testing::{sample, write};

    #[test]
    fn latents_are_scaled_as_generation_does_it_and_features_join_by_place() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let subset = write(dir.path(), 7).subset("train", &|_| true)?;
        let map = |factor: f32| Normaliser { shift: vec![1.0, 2.0], scale: vec![factor, -3.0] };
        let cases = PreparedCases::new(subset, (map(0.5), map(0.25)), true);
        let masks = |has: &[ConditionKind]| has.first().copied();
        for index in 0..7 {
            let (case, stored) = (cases.read(index, &masks)?, sample(index));
            let tensor = |values: &[f32]| Tensor::from_slice(values, (1, 2, 4, 4), &Device::Cpu);
            let numbers = |tensor: Tensor| tensor.flatten_all().and_then(|t| t.to_vec1::<f32>());
            assert_eq!(case.image.mean, numbers(map(0.5).apply(&tensor(&stored.image.mean)?)?)?);
            let deviation = tensor(&stored.image.log_var)?.clamp(-30f32, 20f32)?.affine(0.5, 0.0)?.exp()?;
            for (got, want) in case.image.deviation.iter().zip(numbers(map(0.5).scaled(&deviation)?)?) {
                assert!((got - want).abs() <= 1e-5 * want.abs());
            }
            assert_eq!(case.condition.is_some(), index.is_multiple_of(3));
            assert_eq!(case.caption, Caption::Rows(stored.caption));
            assert_eq!(cases.id(index), stored.about.key);
            assert_eq!(cases.read(index, &|_| None)?.condition, None);
        }
        let features: Vec<f32> = (0..7 * 5).map(|v| v as f32).collect();
        let path = dir.path().join("features.safetensors");
        let tensors = [("features", Tensor::from_vec(features, (7, 5), &Device::Cpu)?)];
        std::fs::write(&path, safetensors::serialize(tensors, None)?)?;
        let cases: Arc<dyn Cases> = Arc::new(cases);
        let joined = WithFeatures::open(cases.clone(), &path, 5)?;
        assert_eq!(joined.read(3, &|_| None)?.features, Some(vec![15.0, 16.0, 17.0, 18.0, 19.0]));
        let refused = WithFeatures::open(cases, &path, 4).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("[7, 5]") && refused.contains("[7, 4]"), "{refused}");
        Ok(())
    }
}
