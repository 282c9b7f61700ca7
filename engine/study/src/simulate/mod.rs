//! Simulated readers: answers with a known truth, to try a study out and to prove its analysis.
//!
//! A hidden value of each image is cut into scores by thresholds: value = arm + finding + case + image + reader's
//! bias + learning − fatigue + reading noise. The reading noise is logistic, so that with noise 1 and without image
//! and order effects the scores follow the ordinal model of the analysis exactly, with the same thresholds and
//! effects. Answers go through the reader's own file of answers; every one is marked as simulated, and the report
//! says SIMULATED READERS.

mod answer;
mod expected;
mod log;
pub mod proof;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use log::{events, read};

use crate::key::Key;
use crate::sealed::Study;
use crate::template::Template;

/// What is true of images and readers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulation {
    /// Images.
    pub world: World,
    /// Readers, by their codes.
    pub readers: BTreeMap<String, ReaderModel>,
}

/// What is true of images, in logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Thresholds between the values of the scale, rising; unused where images are chosen from.
    pub thresholds: Vec<f64>,
    /// Effect of each arm. Of assisted reading: how far apart present and absent findings lie, half of it.
    pub arms: BTreeMap<String, f64>,
    /// What a finding adds to the images of an arm.
    pub findings: Vec<FindingEffect>,
    /// Deviation between cases, shared by all images of a case.
    pub case_sd: f64,
    /// Deviation between images, shared by all readers.
    pub image_sd: f64,
}

/// What a finding adds to the images of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingEffect {
    /// The arm.
    pub arm: String,
    /// Class code, such as "PTX".
    pub finding: String,
    /// Logits.
    pub effect: f64,
}

/// One simulated reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReaderModel {
    /// Logits that are added to every image: positive is mild, negative is strict.
    pub bias: f64,
    /// Size of the reading noise; 1 is a standard logistic deviation.
    pub noise: f64,
    /// Logits by which the first images are scored higher; it falls to a third within 30 images.
    pub learning: f64,
    /// Logits by which the last image is scored lower.
    pub fatigue: f64,
    /// Share of catch trials that are noticed.
    pub attention: f64,
    /// Median of the time for an image in seconds.
    pub seconds: f64,
    /// Deviation of the logarithm of the time.
    pub seconds_spread: f64,
    /// How much longer the first images take, as a share; it falls to a third within 30 images.
    pub slow_start: f64,
}

impl Default for ReaderModel {
    fn default() -> Self {
        Self {
            bias: 0.0,
            noise: 1.0,
            learning: 0.0,
            fatigue: 0.0,
            attention: 0.97,
            seconds: 14.0,
            seconds_spread: 0.4,
            slow_start: 0.5,
        }
    }
}

impl Simulation {
    /// A usual world for a study: the first arm (or the real one) is better than the others, readers differ a little.
    pub fn usual(study: &Study, key: &Key) -> Self {
        let sheet = study.sheet();
        let values = sheet.template.choices().len();
        let best = key.real.as_ref().or(key.arms.first());
        let arms = key.arms.iter().enumerate().map(|(i, arm)| {
            let effect = match sheet.template {
                // Without help, then with help.
                Template::AssistedReading => 1.2 + 0.6 * i as f64,
                _ if Some(arm) == best => 0.0,
                _ => -1.0 - 0.2 * i as f64,
            };
            (arm.clone(), effect)
        });
        let middle = match sheet.template {
            Template::ReportAlignment => -1.8,
            Template::Realism | Template::RealOrSynthetic | Template::VisualGrading => -0.8,
            _ => 0.0,
        };
        let cuts = values.saturating_sub(1);
        let thresholds = (0..cuts).map(|i| middle + 1.1 * (i as f64 - (cuts as f64 - 1.0) / 2.0)).collect();
        let world = World { thresholds, arms: arms.collect(), findings: Vec::new(), case_sd: 0.8, image_sd: 0.6 };
        let count = sheet.readers.len();
        let readers = sheet.readers.iter().enumerate().map(|(i, plan)| {
            let place = if count > 1 { i as f64 / (count - 1) as f64 - 0.5 } else { 0.0 };
            (plan.reader.clone(), ReaderModel { bias: 0.8 * place, seconds: 13.0 + 6.0 * place, ..ReaderModel::default() })
        });
        Self { world, readers: readers.collect() }
    }

    /// Checks the simulation against a study. The words say what is wrong.
    fn check(&self, study: &Study, key: &Key) -> Result<(), String> {
        let sheet = study.sheet();
        let cuts = sheet.template.choices().len().saturating_sub(1);
        let rising = self.world.thresholds.windows(2).all(|pair| pair[0] < pair[1]);
        if sheet.template.is_ordinal() && (self.world.thresholds.len() != cuts || !rising) {
            return Err(format!("world.thresholds: {cuts} rising numbers are needed"));
        }
        if let Some(arm) = key.arms.iter().find(|arm| !self.world.arms.contains_key(*arm)) {
            return Err(format!("world.arms: the effect of {arm:?} is missing"));
        }
        let spreads = [self.world.case_sd, self.world.image_sd];
        if spreads.iter().any(|sd| !(0.0..=20.0).contains(sd)) {
            return Err("world.case_sd and world.image_sd: both must lie between 0 and 20".to_owned());
        }
        for (code, reader) in &self.readers {
            let sizes = [reader.noise, reader.seconds, reader.seconds_spread, reader.slow_start];
            if sizes.iter().any(|size| !(0.0..=600.0).contains(size)) || !(0.0..=1.0).contains(&reader.attention) {
                return Err(format!("readers.{code}: noise and seconds must lie between 0 and 600, attention between 0 and 1"));
            }
        }
        Ok(())
    }
}
