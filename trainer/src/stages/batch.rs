//! The rows of a diffusion update as background threads make them.
//!
//! All that is drawn for a row is a function of the run's seed and the row's place in the training: not of the batch,
//! the micro-batch, the card or the thread it is in.

use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use engine::domain::{Seed, Stream};
use engine::noise;
use serde::{Deserialize, Serialize};

use crate::data::batches::shuffled_index;
use crate::data::cases::{Caption, Cases, ConditionKind};
use crate::run::rows::RowRange;

/// Timesteps of the training process.
pub const TIMESTEPS: usize = 1000;

/// How timesteps are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestepRule {
    /// Each row alike, by itself.
    #[default]
    Uniform,
    /// One row in each part of the range, which steadies the loss.
    Stratified,
}

/// What is drawn for a row and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Seed of order, noise and dropout.
    pub seed: u64,
    /// Share of captions dropped.
    pub caption_dropout: f64,
    /// How timesteps are drawn.
    pub timesteps: TimestepRule,
    /// A timestep is `1000 u^power`: above 1, fewer rows are spent on almost pure noise.
    pub timestep_power: f64,
    /// Kinds of conditions with their weights; none without control.
    pub conditions: Vec<(ConditionKind, f64)>,
    /// Share of rows with a condition.
    pub control_share: f64,
    /// The same for rows whose caption is dropped.
    pub control_share_dropped: f64,
}

/// Captions of a batch.
#[derive(Clone, Debug)]
pub enum Captions {
    /// Token ids, padded with zeros to the longest.
    Tokens(Vec<u32>),
    /// Embedding rows of this width, padded with zeros to the longest.
    Rows(Vec<f32>, usize),
}

/// A batch.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Noise levels.
    pub timesteps: Vec<usize>,
    /// Channels and side of latents.
    pub shape: (usize, usize),
    /// Clean latents.
    pub clean: Vec<f32>,
    /// Noise.
    pub noise: Vec<f32>,
    /// Whose caption is dropped.
    pub drop: Vec<bool>,
    /// Captions.
    pub captions: Captions,
    /// Tokens of each caption.
    pub lengths: Vec<usize>,
    /// Latents of conditions, zeros where there is none; empty without control.
    pub conditions: Vec<f32>,
    /// 1 where a row has a condition.
    pub strengths: Vec<f32>,
    /// Features that hidden tokens are compared with; empty where there are none.
    pub features: Vec<f32>,
}

impl Drawing {
    /// The case at a place of the training.
    pub fn case(&self, place: u64, cases: u64) -> u64 {
        shuffled_index(self.seed, place, cases)
    }

    /// Seed of all that is drawn for the row at a place.
    fn row_seed(&self, place: u64) -> Seed {
        Seed(self.seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Draws a batch.
    ///
    /// # Errors
    /// When a case cannot be read.
    pub fn batch(&self, cases: &Arc<dyn Cases>, at: &RowRange) -> Result<Batch> {
        let rows = at.rows.len();
        let (channels, side) = cases.latent_shape();
        let per_row = channels * side * side;
        let with_control = !self.conditions.is_empty();
        let mut batch = Batch {
            timesteps: Vec::with_capacity(rows),
            shape: (channels, side),
            clean: Vec::with_capacity(rows * per_row),
            noise: Vec::with_capacity(rows * per_row),
            drop: Vec::with_capacity(rows),
            captions: Captions::Tokens(Vec::new()),
            lengths: Vec::with_capacity(rows),
            conditions: Vec::with_capacity(if with_control { rows * per_row } else { 0 }),
            strengths: Vec::with_capacity(rows),
            features: Vec::new(),
        };
        let mut captions = Vec::with_capacity(rows);
        for row in at.rows.clone() {
            let place = at.step as u64 * at.of as u64 + row as u64;
            let own = self.row_seed(place);
            let u = noise::uniform(own, Stream::Timestep, 0, 4);
            let even = match self.timesteps {
                TimestepRule::Uniform => u[0],
                TimestepRule::Stratified => (row as f64 + u[0]) / at.of as f64,
            };
            batch.timesteps.push(((even.powf(self.timestep_power) * TIMESTEPS as f64) as usize).min(TIMESTEPS - 1));
            batch.noise.extend(noise::normal(own, Stream::TrainNoise, 0, per_row));
            let dropped = u[1] < self.caption_dropout;
            batch.drop.push(dropped);
            let share = if dropped { self.control_share_dropped } else { self.control_share };
            let choose = |has: &[ConditionKind]| if u[2] < share { self.choose(has, u[3]) } else { None };
            let case = cases.read(self.case(place, cases.len() as u64) as usize, &choose)?;
            ensure!(case.image.mean.len() == per_row, "a case has latents of another size than the others");
            batch.clean.extend(case.image.sampled(|count| noise::normal(own, Stream::Posterior, 0, count)));
            captions.push(case.caption);
            batch.features.extend(case.features.into_iter().flatten());
            if with_control {
                batch.strengths.push(f32::from(u8::from(case.condition.is_some())));
                match case.condition {
                    Some(condition) => {
                        batch.conditions.extend(condition.sampled(|count| noise::normal(own, Stream::Condition, 0, count)));
                    }
                    None => batch.conditions.resize(batch.conditions.len() + per_row, 0.0),
                }
            }
        }
        (batch.captions, batch.lengths) = padded(captions, cases.caption_width())?;
        Ok(batch)
    }

    /// One of the kinds that a case has, by weight.
    fn choose(&self, has: &[ConditionKind], u: f64) -> Option<ConditionKind> {
        let known: Vec<_> = self.conditions.iter().filter(|(kind, weight)| has.contains(kind) && *weight > 0.0).collect();
        let total: f64 = known.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        for (kind, weight) in &known {
            sum += weight / total;
            if u < sum {
                return Some(*kind);
            }
        }
        known.last().map(|(kind, _)| *kind)
    }
}

/// Captions padded to the longest, and their lengths.
///
/// # Errors
/// When tokens and embeddings are mixed, or a caption is empty.
pub fn padded(captions: Vec<Caption>, width: Option<usize>) -> Result<(Captions, Vec<usize>)> {
    let per_token = width.unwrap_or(1).max(1);
    let lengths: Vec<usize> = captions
        .iter()
        .map(|caption| match caption {
            Caption::Tokens(ids) => ids.len(),
            Caption::Rows(rows) => rows.len() / per_token,
        })
        .collect();
    ensure!(lengths.iter().all(|length| *length > 0), "a caption has no token");
    let longest = lengths.iter().copied().max().unwrap_or(1);
    let mut tokens = Vec::new();
    let mut rows = Vec::new();
    for caption in captions {
        match (caption, width) {
            (Caption::Tokens(ids), None) => {
                let end = tokens.len() + longest;
                tokens.extend(ids);
                tokens.resize(end, 0);
            }
            (Caption::Rows(values), Some(width)) => {
                let end = rows.len() + longest * width;
                rows.extend(values);
                rows.resize(end, 0.0);
            }
            _ => anyhow::bail!("a case has tokens where embeddings are expected, or embeddings where tokens are"),
        }
    }
    Ok((width.map_or(Captions::Tokens(tokens), |width| Captions::Rows(rows, width)), lengths))
}

/// Non-zero for the real tokens `(B, L)`.
///
/// # Errors
/// When the device fails.
pub fn mask(lengths: &[usize], device: &Device) -> Result<Tensor> {
    let longest = lengths.iter().copied().max().unwrap_or(1);
    let mask: Vec<u32> = lengths.iter().flat_map(|&n| (0..longest).map(move |i| u32::from(i < n))).collect();
    Ok(Tensor::from_vec(mask, (lengths.len(), longest), device)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::cases::{Case, Choose, Latents};

    struct Numbers;

    impl Cases for Numbers {
        fn len(&self) -> usize {
            37
        }
        fn id(&self, index: usize) -> String {
            index.to_string()
        }
        fn fingerprint(&self) -> String {
            String::new()
        }
        fn latent_shape(&self) -> (usize, usize) {
            (1, 2)
        }
        fn caption_width(&self) -> Option<usize> {
            None
        }
        fn read(&self, index: usize, choose: Choose<'_>) -> Result<Case> {
            let value = index as f32;
            let latents = |mean: f32| Latents { mean: vec![mean; 4], deviation: vec![0.5; 4] };
            let has: &[ConditionKind] =
                if index.is_multiple_of(3) { &[] } else { &[ConditionKind::Mask, ConditionKind::Severity] };
            Ok(Case {
                image: latents(value),
                caption: Caption::Tokens(vec![1 + index as u32; 1 + index % 5]),
                condition: choose(has).map(|kind| latents(100.0 * (1.0 + f32::from(kind as u8)))),
                features: None,
            })
        }
    }

    fn drawing() -> Drawing {
        Drawing {
            seed: 5,
            caption_dropout: 0.3,
            timesteps: TimestepRule::Stratified,
            timestep_power: 1.0,
            conditions: vec![(ConditionKind::Mask, 1.0), (ConditionKind::Box, 5.0), (ConditionKind::Severity, 1.0)],
            control_share: 0.9,
            control_share_dropped: 0.5,
        }
    }

    #[test]
    fn a_row_is_the_same_however_the_update_is_cut() -> Result<()> {
        let cases: Arc<dyn Cases> = Arc::new(Numbers);
        let drawing = drawing();
        let whole = drawing.batch(&cases, &RowRange { step: 3, rows: 0..12, of: 12 })?;
        let mut clean = Vec::new();
        let mut rest = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for first in [0, 4, 8] {
            let part = drawing.batch(&cases, &RowRange { step: 3, rows: first..first + 4, of: 12 })?;
            clean.extend(part.clean);
            rest.0.extend(part.timesteps);
            rest.1.extend(part.noise);
            rest.2.extend(part.drop);
            rest.3.extend(part.conditions);
        }
        assert_eq!(clean, whole.clean);
        assert_eq!(rest, (whole.timesteps.clone(), whole.noise, whole.drop, whole.conditions));
        for (row, t) in whole.timesteps.iter().enumerate() {
            assert!((row * TIMESTEPS / 12..=(row + 1) * TIMESTEPS / 12).contains(t), "{t} is not of part {row}");
        }
        Ok(())
    }

    #[test]
    fn conditions_are_those_that_a_case_has_in_the_wanted_shares() -> Result<()> {
        let cases: Arc<dyn Cases> = Arc::new(Numbers);
        let batch = drawing().batch(&cases, &RowRange { step: 0, rows: 0..3700, of: 3700 })?;
        let with = batch.strengths.iter().filter(|s| **s == 1.0).count() as f64 / 3700.0;
        // Two cases in three have conditions; 0.9 of seven in ten and 0.5 of three in ten want one.
        assert!((with - 0.67 * (0.9 * 0.7 + 0.5 * 0.3)).abs() < 0.03, "{with}");
        let near = |value: f32| batch.conditions.chunks(4).filter(|c| (c[0] - value).abs() < 10.0).count();
        assert_eq!(near(200.0), 0, "no case has a box");
        assert!(near(100.0) > 800 && near(400.0) > 800);
        Ok(())
    }

    #[test]
    fn captions_are_padded_and_mixtures_refused() -> Result<()> {
        let (captions, lengths) = padded(vec![Caption::Rows(vec![1.0; 2]), Caption::Rows(vec![2.0; 6])], Some(2))?;
        assert_eq!(lengths, [1, 3]);
        assert!(matches!(captions, Captions::Rows(rows, 2) if rows.len() == 12 && rows[2..6] == [0.0; 4]));
        assert!(padded(vec![Caption::Tokens(vec![1])], Some(2)).is_err());
        assert!(padded(vec![Caption::Tokens(Vec::new())], None).is_err());
        assert_eq!(mask(&[1, 3], &Device::Cpu)?.to_vec2::<u32>()?, [[1, 0, 0], [1, 1, 1]]);
        Ok(())
    }
}
