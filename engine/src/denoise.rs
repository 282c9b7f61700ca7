//! The network as samplers see it: model, conditioning, guidance and prediction joined.
//!
//! Input: captions and condition latents that were prepared once. Output: what
//! [`crate::diffusion::Sampler`] asks for. Rows with and without a condition may share a batch; each
//! row gets the bits it would get alone.

mod unet;

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};

use crate::diffusion::{Denoiser, ModelOutput, Prediction};
use crate::domain::{Preset, StepRange};
use crate::model::{AttentionWatch, CaptionContext, ControlDit, ControlInput, Dit, DitConfig, ModelError, guidance};

pub use unet::GuidedUnet;

/// A network with or without a control branch.
#[derive(Clone, Debug)]
pub enum Network {
    /// Text only.
    Text(Box<Dit>),
    /// With control.
    Control(Box<ControlDit>),
}

impl Network {
    /// The network without its control branch.
    pub fn base(&self) -> &Dit {
        match self {
            Self::Text(dit) => dit,
            Self::Control(control) => control.base(),
        }
    }

    /// Sizes of the network.
    pub fn config(&self) -> &DitConfig {
        self.base().config()
    }

    fn caption_context(&self, captions: &Tensor, mask: &Tensor) -> Result<CaptionContext, ModelError> {
        match self {
            Self::Text(dit) => dit.caption_context(captions, Some(mask)),
            Self::Control(control) => control.caption_context(captions, Some(mask)),
        }
    }
}

/// How guidance and control act in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuidanceRule {
    /// Strength; 1.0 is off and costs nothing.
    pub scale: f64,
    /// Channels it acts on, and whether it acts on controlled rows.
    pub preset: Preset,
    /// Whether the unconditional prediction sees the condition too.
    pub control_unconditional: bool,
}

/// One condition of a row.
#[derive(Clone, Debug)]
pub struct RowCondition {
    /// Scaled latent of the condition picture `(1, C, h, w)`.
    pub latent: Tensor,
    /// Multiplies the control branch's skips; at 0 the branch does not run.
    pub strength: f64,
    /// The part of the run in which it acts.
    pub steps: StepRange,
    /// Multiplies the skips of each token `(1, N)`; `None` is everywhere.
    pub area: Option<Tensor>,
}

impl RowCondition {
    /// A condition that acts in the whole run and everywhere.
    pub fn new(latent: Tensor, strength: f64) -> Self {
        Self { latent, strength, steps: StepRange::ALL, area: None }
    }
}

/// What the rows of a batch are to show.
#[derive(Clone, Debug)]
pub struct Conditioning {
    /// Caption embedding of each row, `(1, L, De)` with its own `L`.
    pub captions: Vec<Tensor>,
    /// Conditions of each row, none for text only.
    pub conditions: Vec<Vec<RowCondition>>,
}

/// The same condition number of all rows of a group.
struct Slot {
    latent: Tensor,
    strength: Tensor,
    area: Option<Tensor>,
}

/// Rows that are computed together: all have the same count of acting conditions.
struct Group {
    rows: Vec<usize>,
    captions: CaptionContext,
    null: Option<CaptionContext>,
    conditions: Vec<Slot>,
}

/// The groups of all steps in which the same conditions act.
struct Phase {
    /// Acting conditions of each row.
    acting: Vec<Vec<usize>>,
    groups: Vec<Group>,
}

/// A [`Denoiser`] over a network, for one batch of rows.
///
/// At a step where no condition of a row acts, the control branch does not run for that row.
pub struct GuidedNetwork<'a> {
    network: &'a Network,
    prediction: Prediction,
    rule: GuidanceRule,
    conditioning: &'a Conditioning,
    step: (usize, usize),
    phase: Phase,
    watched: Option<Watched>,
}

/// Blocks whose cross-attention is noted, and the notes.
struct Watched {
    blocks: Vec<usize>,
    watch: AttentionWatch,
    rows: RowAttention,
}

/// The cross-attention of the last answer, row by row; clones share it.
#[derive(Clone, Debug, Default)]
pub struct RowAttention(Arc<Mutex<Vec<Tensor>>>);

impl RowAttention {
    /// Weights `(N, M)` of each row's image tokens over its own caption tokens, mean over heads and watched
    /// blocks; empty when they were taken already.
    pub fn take(&self) -> Vec<Tensor> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, rows: Vec<Tensor>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }
}

impl<'a> GuidedNetwork<'a> {
    /// Prepares everything that does not depend on the timestep.
    ///
    /// # Errors
    /// When shapes differ, or a row has a condition and the network no control branch.
    pub fn new(
        network: &'a Network,
        prediction: Prediction,
        rule: GuidanceRule,
        conditioning: &'a Conditioning,
    ) -> Result<Self, ModelError> {
        if matches!(network, Network::Text(_)) && conditioning.conditions.iter().any(|row| !row.is_empty()) {
            return Err(ModelError::Config {
                field: "control_blocks",
                value: "0".into(),
                expected: "a condition needs a network with control blocks".into(),
            });
        }
        let step = (0, 1);
        let phase = Phase::new(network, rule, conditioning, acting(conditioning, step))?;
        Ok(Self { network, prediction, rule, conditioning, step, phase, watched: None })
    }

    /// Notes the cross-attention of some blocks to the captions from now on; answers stay the same.
    pub fn watch_attention(&mut self, blocks: &[usize]) -> RowAttention {
        let watched = Watched { blocks: blocks.to_vec(), watch: AttentionWatch::default(), rows: RowAttention::default() };
        self.phase.watch(&watched);
        self.watched.insert(watched).rows.clone()
    }

    fn group(&self, group: &Group, x: &Tensor, t: &Tensor) -> Result<Tensor, ModelError> {
        let conditional = self.forward(group, &group.captions, x, t, true)?;
        let Some(null) = &group.null else { return Ok(conditional) };
        let unconditional = self.forward(group, null, x, t, self.rule.control_unconditional)?;
        let channels = guidance::guided_channels(self.rule.preset, self.network.config().in_channels);
        guidance::guide(&conditional, &unconditional, channels, self.rule.scale)
    }

    fn forward(
        &self,
        group: &Group,
        captions: &CaptionContext,
        x: &Tensor,
        t: &Tensor,
        controlled: bool,
    ) -> Result<Tensor, ModelError> {
        let answer = match self.network {
            Network::Control(net) if controlled => {
                let inputs: Vec<ControlInput<'_>> = group.conditions.iter().map(Slot::input).collect();
                net.forward_with_controls(x, t, captions, &inputs)?
            }
            network => network.base().forward_with_context(x, t, captions)?,
        };
        // The network may compute in half precision; guidance and samplers never do.
        Ok(answer.to_dtype(x.dtype())?)
    }
}

/// Which conditions of each row act at step `step.0` of `step.1`.
fn acting(conditioning: &Conditioning, step: (usize, usize)) -> Vec<Vec<usize>> {
    let acts = |condition: &RowCondition| condition.strength != 0.0 && condition.steps.contains(step.0, step.1);
    let of_row = |row: &Vec<RowCondition>| (0..row.len()).filter(|&i| acts(&row[i])).collect();
    conditioning.conditions.iter().map(of_row).collect()
}

impl Phase {
    fn new(
        network: &Network,
        rule: GuidanceRule,
        conditioning: &Conditioning,
        acting: Vec<Vec<usize>>,
    ) -> Result<Self, ModelError> {
        let most = acting.iter().map(Vec::len).max().unwrap_or(0);
        let rows_with = |count: usize| (0..acting.len()).filter(|&row| acting[row].len() == count).collect::<Vec<_>>();
        let groups = (0..=most).rev().map(rows_with).filter(|rows| !rows.is_empty());
        let groups = groups.map(|rows| Group::new(network, rule, conditioning, &acting, rows));
        Ok(Self { groups: groups.collect::<Result<_, _>>()?, acting })
    }

    fn watch(&mut self, watched: &Watched) {
        for group in &mut self.groups {
            group.captions.watch(&watched.blocks, &watched.watch);
        }
    }
}

impl Watched {
    /// Gives what a group's conditional half left to its rows.
    fn sort(&self, group: &Group, rows: &mut [Option<Tensor>]) -> candle_core::Result<()> {
        let notes = self.watch.take();
        if notes.is_empty() {
            return Ok(());
        }
        let mean = Tensor::stack(&notes, 0)?.mean(0)?; // (B, N, M)
        for ((place, &row), &kept) in group.rows.iter().enumerate().zip(group.captions.kept()) {
            rows[row] = Some(mean.get(place)?.narrow(1, 0, kept)?);
        }
        Ok(())
    }
}

impl Slot {
    /// From one condition of every row.
    fn new(conditions: &[&RowCondition], device: &Device) -> Result<Self, ModelError> {
        let latents: Vec<&Tensor> = conditions.iter().map(|condition| &condition.latent).collect();
        let strengths: Vec<f32> = conditions.iter().map(|condition| condition.strength as f32).collect();
        let count = strengths.len();
        let area = match conditions.iter().find_map(|condition| condition.area.as_ref()) {
            None => None,
            Some(one) => {
                let everywhere = one.ones_like()?;
                let rows: Vec<&Tensor> = conditions.iter().map(|c| c.area.as_ref().unwrap_or(&everywhere)).collect();
                Some(Tensor::cat(&rows, 0)?) // (n, N)
            }
        };
        Ok(Self { latent: Tensor::cat(&latents, 0)?, strength: Tensor::from_vec(strengths, count, device)?, area })
    }

    fn input(&self) -> ControlInput<'_> {
        ControlInput { latent: &self.latent, strength: 1.0, row_strength: Some(&self.strength), area: self.area.as_ref() }
    }
}

impl Group {
    fn new(
        network: &Network,
        rule: GuidanceRule,
        conditioning: &Conditioning,
        acting: &[Vec<usize>],
        rows: Vec<usize>,
    ) -> Result<Self, ModelError> {
        let captions: Vec<&Tensor> = rows.iter().map(|&row| &conditioning.captions[row]).collect();
        let count = rows.first().map_or(0, |&row| acting[row].len());
        // The release guides only where no condition acts.
        let guided = rule.scale != 1.0 && !(count > 0 && rule.preset == Preset::Release);
        let (text, mask) = padded(&captions)?;
        let null = guided.then(|| -> Result<_, ModelError> {
            let (n, longest, _) = text.dims3()?;
            // Cut to as many rows as the caption has tokens, as the release does.
            let null = network.base().captions().null_caption(n, longest)?.to_dtype(text.dtype())?;
            network.caption_context(&null, &mask)
        });
        let slot = |number: usize| {
            let conditions = rows.iter().map(|&row| &conditioning.conditions[row][acting[row][number]]);
            Slot::new(&conditions.collect::<Vec<_>>(), text.device())
        };
        Ok(Self {
            captions: network.caption_context(&text, &mask)?,
            null: null.transpose()?,
            conditions: (0..count).map(slot).collect::<Result<_, _>>()?,
            rows,
        })
    }

    fn index(&self, device: &Device) -> candle_core::Result<Tensor> {
        let rows: Vec<u32> = self.rows.iter().map(|&row| row as u32).collect();
        Tensor::from_vec(rows, self.rows.len(), device)
    }
}

impl Denoiser for GuidedNetwork<'_> {
    fn prediction(&self) -> Prediction {
        self.prediction
    }

    fn begin_step(&mut self, index: usize, of: usize) {
        self.step = (index, of);
    }

    fn denoise(&mut self, x: &Tensor, timestep: usize) -> candle_core::Result<ModelOutput> {
        let acting = acting(self.conditioning, self.step);
        if acting != self.phase.acting {
            self.phase = Phase::new(self.network, self.rule, self.conditioning, acting)?;
            if let Some(watched) = &self.watched {
                self.phase.watch(watched);
            }
        }
        let device = x.device();
        // Times stay in f32: bf16 would round those above 256.
        let time = |rows: usize| Tensor::full(timestep as f32, rows, device);
        let mut attention = vec![None; x.dim(0)?];
        let mut sort = |group: &Group| self.watched.as_ref().map_or(Ok(()), |watched| watched.sort(group, &mut attention));
        let output = match self.phase.groups.as_slice() {
            [all] => {
                let output = self.group(all, x, &time(all.rows.len())?)?;
                sort(all)?;
                output
            }
            groups => {
                let mut order = vec![0u32; x.dim(0)?];
                let mut parts = Vec::with_capacity(groups.len());
                let mut place = 0;
                for group in groups {
                    let part = x.index_select(&group.index(device)?, 0)?;
                    parts.push(self.group(group, &part, &time(group.rows.len())?)?);
                    sort(group)?;
                    for &row in &group.rows {
                        order[row] = place;
                        place += 1;
                    }
                }
                let count = order.len();
                Tensor::cat(&parts, 0)?.index_select(&Tensor::from_vec(order, count, device)?, 0)?
            }
        };
        if let Some(watched) = &self.watched {
            watched.rows.put(attention.into_iter().flatten().collect());
        }
        let config = self.network.config();
        let channels = config.in_channels;
        let prediction = output.narrow(1, 0, channels)?.contiguous()?;
        let variance = config.learn_sigma.then(|| output.narrow(1, channels, channels)?.contiguous());
        Ok(ModelOutput { prediction, variance: variance.transpose()? })
    }
}

/// Captions `(1, L, De)` of different lengths as `(n, longest, De)`, and their mask `(n, longest)`.
fn padded(captions: &[&Tensor]) -> candle_core::Result<(Tensor, Tensor)> {
    let lengths = captions.iter().map(|caption| caption.dim(1)).collect::<candle_core::Result<Vec<_>>>()?;
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let rows = captions
        .iter()
        .zip(&lengths)
        .map(|(caption, &length)| caption.pad_with_zeros(1, 0, longest - length))
        .collect::<candle_core::Result<Vec<_>>>()?;
    let text = Tensor::cat(&rows, 0)?;
    let mask: Vec<u32> = lengths.iter().flat_map(|&length| (0..longest).map(move |i| u32::from(i < length))).collect();
    let mask = Tensor::from_vec(mask, (captions.len(), longest), text.device())?;
    Ok((text, mask))
}

#[cfg(test)]
mod tests;
