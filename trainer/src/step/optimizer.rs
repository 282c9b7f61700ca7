//! The optimiser: master weights, moments, averages and clipping as one thing with one state.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use candle_core::{DType, Device, Tensor, Var};
use rayon::prelude::*;

use super::adamw::{AdamWConfig, Moments, Rate};
use super::ema::Average;
use super::gradients::{Gradients, clip_factor};

/// Variables that are treated apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Part of the name of its variables.
    pub contains: String,
    /// Multiplies the learning rate.
    pub lr_scale: f64,
    /// Replaces the decay.
    pub weight_decay: f64,
}

/// Constants of the optimiser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerConfig {
    /// AdamW's own.
    pub adamw: AdamWConfig,
    /// Groups; a variable belongs to the first that names it, else the rate and decay of all.
    pub groups: Vec<Group>,
    /// Largest global gradient norm; `None` never clips.
    pub clip_norm: Option<f64>,
    /// Averages that are kept.
    pub averages: Vec<Average>,
}

struct Slot {
    name: String,
    var: Var,
    moments: Moments,
    averages: Vec<Tensor>,
    config: AdamWConfig,
    lr_scale: f64,
}

impl Slot {
    /// Update number `step` of the variable and its averages; without a gradient it counts as zero.
    fn change(&mut self, gradient: Option<&Tensor>, rate: &Rate, averages: &[Average], step: u64) -> Result<()> {
        if self.var.device().is_cpu() {
            let kept: Vec<(f64, &Tensor)> = averages.iter().map(|average| average.decay_at(step)).zip(&self.averages).collect();
            return self.moments.update_here(&self.var, gradient, rate, &kept);
        }
        let zeros;
        let gradient = match gradient {
            Some(gradient) => gradient,
            None => {
                zeros = self.moments.exp_avg.zeros_like()?;
                &zeros
            }
        };
        self.moments.update(&self.var, gradient, rate)?;
        averages.iter().zip(&mut self.averages).try_for_each(|(average, shadow)| average.update(shadow, &self.var, step))
    }
}

/// Parameters, moments and averages of one training run.
pub struct Optimizer {
    slots: Vec<Slot>,
    averages: Vec<Average>,
    clip_norm: Option<f64>,
    step: u64,
    /// The trained weights while an average is shown in their place.
    hidden: Option<Vec<Tensor>>,
}

/// What a step did.
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// Global gradient norm before clipping.
    pub grad_norm: f64,
    /// What gradients were multiplied with.
    pub clip_scale: f64,
    /// Whether the update was applied; it is not when the norm is not finite.
    pub applied: bool,
}

impl Optimizer {
    /// Takes over the given variables; moments start at zero, averages as copies.
    ///
    /// # Errors
    /// When the list is empty, a name occurs twice, a variable is not `f32`, a group has none, or the device fails.
    pub fn new(vars: Vec<(String, Var)>, config: &OptimizerConfig) -> Result<Self> {
        ensure!(!vars.is_empty(), "there is no variable to train");
        let names: BTreeSet<&str> = vars.iter().map(|(name, _)| name.as_str()).collect();
        ensure!(names.len() == vars.len(), "a variable is listed twice");
        for group in &config.groups {
            if !names.iter().any(|name| name.contains(&group.contains)) {
                bail!("field optimizer.groups: no trainable tensor has {:?} in its name", group.contains);
            }
        }
        let slot = |(name, var): (String, Var)| -> Result<Slot> {
            ensure!(var.dtype() == DType::F32, "the variable {name} is {:?}; master weights are f32", var.dtype());
            let group = config.groups.iter().find(|group| name.contains(&group.contains));
            Ok(Slot {
                moments: Moments::zeros(&var)?,
                averages: config.averages.iter().map(|_| var.as_detached_tensor().copy()).collect::<candle_core::Result<_>>()?,
                config: AdamWConfig {
                    weight_decay: group.map_or(config.adamw.weight_decay, |group| group.weight_decay),
                    ..config.adamw
                },
                lr_scale: group.map_or(1.0, |group| group.lr_scale),
                name,
                var,
            })
        };
        let slots = vars.into_iter().map(slot).collect::<Result<_>>()?;
        Ok(Self { slots, averages: config.averages.clone(), clip_norm: config.clip_norm, step: 0, hidden: None })
    }

    /// Updates done.
    pub fn steps_taken(&self) -> u64 {
        self.step
    }

    /// The averages that are kept.
    pub fn averages(&self) -> &[Average] {
        &self.averages
    }

    /// One update at the given rate. A non-finite gradient norm leaves everything as it was.
    ///
    /// A variable without a gradient counts as one with a zero gradient, so it is still decayed.
    ///
    /// # Errors
    /// When gradients belong to other variables or the device fails.
    pub fn step(&mut self, gradients: &Gradients, lr: f64) -> Result<StepReport> {
        let grad_norm = gradients.norm()?;
        let clip_scale = clip_factor(grad_norm, self.clip_norm);
        if !grad_norm.is_finite() {
            return Ok(StepReport { grad_norm, clip_scale, applied: false });
        }
        ensure!(gradients.vars().len() == self.slots.len(), "gradients and variables are two different lists");
        let in_order = |(slot, (name, _)): (&Slot, &(String, Var))| slot.name == *name;
        ensure!(self.slots.iter().zip(gradients.vars()).all(in_order), "gradients and variables are in different orders");
        self.step += 1;
        let (averages, step) = (&self.averages, self.step);
        let given: Vec<Option<&Tensor>> = (0..self.slots.len()).map(|i| gradients.at(i)).collect();
        let change = |(slot, gradient): (&mut Slot, &Option<&Tensor>)| {
            let rate = Rate::new(&slot.config, lr * slot.lr_scale, clip_scale, step);
            slot.change(*gradient, &rate, averages, step)
        };
        match self.slots.iter().all(|slot| slot.var.device().is_cpu()) {
            // Small variables are work for a thread each, large ones are cut further.
            true => self.slots.par_iter_mut().zip(&given).try_for_each(change)?,
            false => self.slots.iter_mut().zip(&given).try_for_each(change)?,
        }
        Ok(StepReport { grad_norm, clip_scale, applied: true })
    }

    /// Puts an average into the variables, for sampling; without one, or when none is kept, the trained weights stay.
    ///
    /// # Errors
    /// When the device fails.
    pub fn show_average(&mut self, index: usize) -> Result<()> {
        if self.hidden.is_some() || index >= self.averages.len() {
            return Ok(());
        }
        let trained = self.slots.iter().map(|slot| slot.var.as_detached_tensor().copy()).collect::<candle_core::Result<_>>()?;
        self.hidden = Some(trained);
        for slot in &self.slots {
            slot.var.set(&slot.averages[index])?;
        }
        Ok(())
    }

    /// Puts the trained weights back into the variables.
    ///
    /// # Errors
    /// When the device fails.
    pub fn show_weights(&mut self) -> Result<()> {
        for (slot, trained) in self.slots.iter().zip(self.hidden.take().unwrap_or_default()) {
            slot.var.set(&trained)?;
        }
        Ok(())
    }

    /// An average by parameter name, on the CPU; the trained weights where none is kept.
    ///
    /// # Errors
    /// When the device fails.
    pub fn average_tensors(&self, index: usize) -> Result<BTreeMap<String, Tensor>> {
        let value = |slot: &Slot| slot.averages.get(index).cloned().unwrap_or_else(|| slot.var.as_detached_tensor());
        self.slots.iter().map(|slot| Ok((slot.name.clone(), on_cpu(&value(slot))?))).collect()
    }

    /// Everything a resumed run needs, as copies on the CPU that later updates do not change: `weight.NAME`,
    /// `exp_avg.NAME`, `exp_avg_sq.NAME` and `average.HALF_LIFE.NAME`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut state = BTreeMap::new();
        for (i, slot) in self.slots.iter().enumerate() {
            let name = &slot.name;
            let trained = self.hidden.as_ref().map_or_else(|| slot.var.as_detached_tensor(), |hidden| hidden[i].clone());
            state.insert(format!("weight.{name}"), on_cpu(&trained)?);
            state.insert(format!("exp_avg.{name}"), on_cpu(&slot.moments.exp_avg)?);
            state.insert(format!("exp_avg_sq.{name}"), on_cpu(&slot.moments.exp_avg_sq)?);
            for (average, shadow) in self.averages.iter().zip(&slot.averages) {
                state.insert(format!("average.{}.{name}", average.name), on_cpu(shadow)?);
            }
        }
        Ok(state)
    }

    /// Restores [`Optimizer::state`] after `steps_taken` updates and fills the variables.
    ///
    /// # Errors
    /// Names a missing, misshapen or foreign tensor; then nothing has changed.
    pub fn load_state(&mut self, steps_taken: u64, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let find = |slot: &Slot, key: String| -> Result<Tensor> {
            let Some(tensor) = state.get(&key) else { bail!("the saved state has no tensor {key}") };
            if tensor.shape() != slot.var.shape() {
                bail!("the saved tensor {key} has shape {:?}, expected {:?}", tensor.dims(), slot.var.dims());
            }
            // Updates change storage in place, which must be this state's own.
            Ok(tensor.to_dtype(DType::F32)?.to_device(slot.var.device())?.copy()?)
        };
        let mut found = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let name = &slot.name;
            let averages = self.averages.iter().map(|average| find(slot, format!("average.{}.{name}", average.name)));
            let moments = Moments {
                exp_avg: find(slot, format!("exp_avg.{name}"))?,
                exp_avg_sq: find(slot, format!("exp_avg_sq.{name}"))?,
            };
            found.push((find(slot, format!("weight.{name}"))?, moments, averages.collect::<Result<Vec<_>>>()?));
        }
        let expected = self.slots.len() * (3 + self.averages.len());
        ensure!(state.len() == expected, "the saved state has {} tensors, expected {expected}", state.len());
        for (slot, (weight, moments, averages)) in self.slots.iter_mut().zip(found) {
            slot.var.set(&weight)?;
            (slot.moments, slot.averages) = (moments, averages);
        }
        self.step = steps_taken;
        Ok(())
    }
}

/// A copy with storage of its own.
fn on_cpu(tensor: &Tensor) -> Result<Tensor> {
    Ok(if matches!(tensor.device(), Device::Cpu) { tensor.copy()? } else { tensor.to_device(&Device::Cpu)? })
}
