//! What the ranks tell each other at the end of an update, joined: the same on all of them.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::log::LEVELS;
use super::stage::Losses;
use crate::ranks::Group;

/// One rank's part of an update.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    /// Its part of the mean loss, as bits: a text has no number that is not finite.
    mean: u64,
    parts: Vec<(String, u64)>,
    levels: Vec<(u64, u64)>,
    /// Samples whose loss is not finite.
    pub spoiled: Vec<String>,
    /// All its samples, where the gradient is not finite and nobody knows why.
    pub samples: Vec<String>,
    /// Variables without a gradient, in the first update.
    pub missing: Vec<String>,
    /// Why it has no data for the update.
    pub fault: Option<String>,
    /// Whether it was asked to stop.
    pub stop: bool,
    /// Norm of the joined gradient, as bits.
    pub norm: u64,
    /// Seconds in forward and backward.
    pub compute: f64,
    /// Seconds in the optimiser and the averages.
    pub update: f64,
    /// Seconds waiting for data.
    pub data_wait: f64,
    /// Seconds waiting for other ranks.
    pub exchange: f64,
    /// Memory of the process, MiB.
    pub memory_mib: f64,
}

impl Part {
    /// A part with these losses.
    pub fn of(losses: &Losses) -> Self {
        Self {
            mean: losses.mean.to_bits(),
            parts: losses.parts.iter().map(|(name, value)| ((*name).to_owned(), value.to_bits())).collect(),
            levels: losses.levels.iter().map(|(level, loss)| (level.to_bits(), loss.to_bits())).collect(),
            ..Self::default()
        }
    }
}

/// An update over all ranks.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Mean loss.
    pub mean: f64,
    /// Named parts of it.
    pub parts: Vec<(String, f64)>,
    /// Mean losses by tenth of the noise range.
    pub levels: [Option<f64>; LEVELS],
    /// Whether any rank was asked to stop.
    pub stop: bool,
    /// The parts, in the order of ranks.
    pub ranks: Vec<Part>,
}

impl Joined {
    /// Joins the parts of all ranks; where all of them computed the `same`, the first counts.
    ///
    /// # Errors
    /// When a partner does not answer.
    pub fn over(group: &Group, part: Part, same: bool) -> Result<Self> {
        let ranks: Vec<Part> = match group.is_alone() {
            true => vec![part],
            false => {
                let all = group.gather(serde_json::to_vec(&part)?)?;
                all.iter().map(|bytes| Ok(serde_json::from_slice(bytes)?)).collect::<Result<_>>()?
            }
        };
        let counted = if same { &ranks[..1] } else { &ranks[..] };
        let mut parts: Vec<(String, f64)> = Vec::new();
        for (name, value) in counted.iter().flat_map(|part| &part.parts) {
            match parts.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += f64::from_bits(*value),
                None => parts.push((name.clone(), f64::from_bits(*value))),
            }
        }
        let rows =
            counted.iter().flat_map(|part| &part.levels).map(|(level, loss)| (f64::from_bits(*level), f64::from_bits(*loss)));
        Ok(Self {
            mean: counted.iter().map(|part| f64::from_bits(part.mean)).sum(),
            parts,
            levels: by_level(rows),
            stop: ranks.iter().any(|part| part.stop),
            ranks,
        })
    }

    /// Mean of a figure over the ranks.
    pub fn mean_of(&self, figure: impl Fn(&Part) -> f64) -> f64 {
        self.ranks.iter().map(figure).sum::<f64>() / self.ranks.len().max(1) as f64
    }

    /// The largest of a figure.
    pub fn most_of(&self, figure: impl Fn(&Part) -> f64) -> f64 {
        self.ranks.iter().map(figure).fold(0.0, f64::max)
    }

    /// The samples to name where the gradient is not finite: those with such a loss, else all.
    pub fn suspects(&self) -> Vec<String> {
        let mut named: Vec<String> = self.ranks.iter().flat_map(|part| part.spoiled.clone()).collect();
        if named.is_empty() {
            named = self.ranks.iter().flat_map(|part| part.samples.clone()).collect();
        }
        // Ranks that computed the same name the same.
        let mut seen = std::collections::BTreeSet::new();
        named.retain(|name| seen.insert(name.clone()));
        named
    }

    /// The first rank that has no data for the update, and why.
    pub fn fault(&self) -> Option<(usize, &str)> {
        self.ranks.iter().enumerate().find_map(|(rank, part)| Some((rank, part.fault.as_deref()?)))
    }

    /// Variables that no rank has a gradient of.
    pub fn missing(&self) -> Vec<&str> {
        let [first, others @ ..] = self.ranks.as_slice() else { return Vec::new() };
        let missing = first.missing.iter().filter(|name| others.iter().all(|part| part.missing.contains(name)));
        missing.map(String::as_str).collect()
    }

    /// The rank whose norm of the joined gradient is not that of rank 0: its weights have gone another way.
    pub fn astray(&self) -> Option<usize> {
        let norm = |part: &Part| f64::from_bits(part.norm);
        let first = self.ranks.first().map(norm)?;
        self.ranks.iter().position(|part| {
            let other = norm(part);
            // Processors of different kinds may differ in the last bits.
            first.is_finite() != other.is_finite() || (first - other).abs() > 1e-3 * first.abs()
        })
    }
}

/// Adds the losses of another micro-batch.
pub fn add(sum: &mut Losses, part: Losses) {
    sum.mean += part.mean;
    sum.levels.extend(part.levels);
    for (name, value) in part.parts {
        match sum.parts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += value,
            None => sum.parts.push((name, value)),
        }
    }
}

/// Mean losses by tenth of the noise range.
fn by_level(rows: impl Iterator<Item = (f64, f64)>) -> [Option<f64>; LEVELS] {
    let (mut sums, mut counts) = ([0.0; LEVELS], [0usize; LEVELS]);
    for (level, loss) in rows {
        let bin = ((level * LEVELS as f64) as usize).min(LEVELS - 1);
        sums[bin] += loss;
        counts[bin] += 1;
    }
    std::array::from_fn(|bin| (counts[bin] > 0).then(|| sums[bin] / counts[bin] as f64))
}
