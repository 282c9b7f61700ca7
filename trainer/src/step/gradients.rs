//! Gradients of an update: gathered part by part and micro-batch by micro-batch, in a fixed order.
//!
//! The backward pass hands over what it has found of one part of the network at a time. In the last
//! micro-batch of an update such a gradient is final, and whoever listens (the exchange between cards) is
//! told at once, while the backward pass goes on.

use anyhow::{Result, bail};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Storage, Tensor, Var};
use rayon::prelude::*;

use super::in_place::{PIECE, slice};

/// Is told that the gradients of these variables (positions in the list) are final; it may replace them.
pub type OnFinal = Box<dyn FnMut(&[usize], &mut [Option<Tensor>]) -> Result<()>>;

/// One gradient for each variable.
pub struct Gradients {
    vars: Vec<(String, Var)>,
    sums: Vec<Option<Tensor>>,
    is_last: bool,
    on_final: Option<OnFinal>,
}

impl Gradients {
    /// No gradient yet, of these variables.
    pub fn new(vars: Vec<(String, Var)>) -> Self {
        let sums = vars.iter().map(|_| None).collect();
        Self { vars, sums, is_last: true, on_final: None }
    }

    /// Tells `listener` of final gradients.
    pub fn listen(&mut self, listener: OnFinal) {
        self.on_final = Some(listener);
    }

    /// The variables with their names, in order.
    pub fn vars(&self) -> &[(String, Var)] {
        &self.vars
    }

    /// Begins a micro-batch; `first` forgets the update before, after `last` gradients are final.
    pub fn begin(&mut self, first: bool, last: bool) {
        if first {
            self.sums.iter_mut().for_each(|sum| *sum = None);
        }
        self.is_last = last;
    }

    /// Takes the gradients of all variables that are in `found` and adds them to those of the micro-batches before.
    ///
    /// # Errors
    /// When a shape is not its variable's, or the device fails.
    pub fn absorb(&mut self, found: &mut GradStore) -> Result<()> {
        let mut seen = Vec::new();
        for (i, (name, var)) in self.vars.iter().enumerate() {
            let Some(gradient) = found.remove(var.as_tensor()) else { continue };
            if gradient.elem_count() != var.elem_count() {
                bail!("the gradient of {name} has shape {:?}, the variable {:?}", gradient.dims(), var.dims());
            }
            let gradient = gradient.detach().to_dtype(DType::F32)?.reshape(var.shape())?.contiguous()?;
            let sum = &mut self.sums[i];
            *sum = Some(match sum.take() {
                Some(before) => (before + gradient)?,
                None => gradient,
            });
            seen.push(i);
        }
        match &mut self.on_final {
            Some(listener) if self.is_last && !seen.is_empty() => listener(&seen, &mut self.sums),
            _ => Ok(()),
        }
    }

    /// Lets somebody put others in the place of the gradients, such as their sums over ranks.
    ///
    /// # Errors
    /// As `with`.
    pub fn replace(&mut self, with: impl FnOnce(&mut [Option<Tensor>]) -> Result<()>) -> Result<()> {
        with(&mut self.sums)
    }

    /// Makes the update void for all ranks that sum their gradients with these: their norm is not finite any more.
    ///
    /// # Errors
    /// When the device fails.
    pub fn spoil(&mut self) -> Result<()> {
        if let Some(((_, var), sum)) = self.vars.iter().zip(&mut self.sums).next() {
            *sum = Some((var.as_detached_tensor().zeros_like()? + f64::NAN)?);
        }
        Ok(())
    }

    /// The gradient of the variable at a position.
    pub fn at(&self, index: usize) -> Option<&Tensor> {
        self.sums.get(index)?.as_ref()
    }

    /// The gradient of a variable by name; zeros where it has none.
    ///
    /// # Errors
    /// When there is no such variable.
    pub fn of(&self, name: &str) -> Result<Tensor> {
        let Some(i) = self.vars.iter().position(|(known, _)| known == name) else { bail!("there is no variable {name}") };
        match &self.sums[i] {
            Some(gradient) => Ok(gradient.clone()),
            None => Ok(self.vars[i].1.zeros_like()?.detach()),
        }
    }

    /// Names of variables without a gradient.
    pub fn missing(&self) -> Vec<&str> {
        let without = self.vars.iter().zip(&self.sums).filter(|(_, sum)| sum.is_none());
        without.map(|((name, _), _)| name.as_str()).collect()
    }

    /// Euclidean norm of all gradients together; on the CPU summed in `f64`, in an order that no thread count changes.
    ///
    /// # Errors
    /// When the device fails.
    pub fn norm(&self) -> Result<f64> {
        let mut squares = 0.0;
        let mut on_device = Vec::new();
        for gradient in self.sums.iter().flatten() {
            if matches!(gradient.device(), Device::Cpu) {
                let (storage, layout) = gradient.storage_and_layout();
                let Storage::Cpu(storage) = &*storage else { bail!("a gradient left the CPU") };
                let values = slice(storage, layout)?;
                let of = |values: &[f32]| values.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
                let parts: Vec<f64> =
                    if values.len() <= PIECE { vec![of(values)] } else { values.par_chunks(PIECE).map(of).collect() };
                squares += parts.iter().sum::<f64>();
            } else {
                on_device.push(gradient.sqr()?.sum_all()?);
            }
        }
        if !on_device.is_empty() {
            squares += f64::from(Tensor::stack(&on_device, 0)?.sum_all()?.to_scalar::<f32>()?);
        }
        Ok(squares.sqrt())
    }
}

/// The factor to multiply gradients with so that their norm is at most `max_norm`, as
/// `torch.nn.utils.clip_grad_norm_`: `min(1, max_norm / (norm + 1e-6))`; 1 without a limit.
pub fn clip_factor(norm: f64, max_norm: Option<f64>) -> f64 {
    max_norm.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0))
}
