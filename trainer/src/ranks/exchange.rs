//! Sums gradients over ranks while the backward pass still goes on.
//!
//! Variables are put into buckets in the order in which their gradients become final. A bucket goes out when all of
//! its gradients are final and the buckets before it have gone, so that all ranks send the same in the same order. A
//! variable that rests on a rank goes out as zeros, at the latest when the backward pass has ended.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor, Var};

use super::group::{Group, Pending};
use crate::step::Gradients;
use crate::step::gradients::OnFinal;

/// Bytes of a bucket: large enough for the full speed of a connection, small enough for many in a backward pass.
pub const BUCKET_BYTES: usize = 25 << 20;

/// The exchange of one stage.
pub struct Exchange {
    group: Rc<Group>,
    vars: Vec<(String, Var)>,
    bucket: usize,
    /// Which variables are in which bucket; known after the first update.
    plan: Vec<Vec<usize>>,
    is_final: Vec<bool>,
    /// In the first update, the order in which they became final.
    order: Vec<usize>,
    /// The next bucket that goes out.
    next: usize,
    under_way: VecDeque<Pending<Tensor>>,
    waited: Duration,
}

/// An exchange that listens to gradients.
#[derive(Clone)]
pub struct Shared(Rc<RefCell<Exchange>>);

impl Shared {
    /// Of these variables, in buckets of so many bytes.
    pub fn new(group: &Rc<Group>, vars: Vec<(String, Var)>, bucket_bytes: usize) -> Self {
        let exchange = Exchange {
            group: group.clone(),
            is_final: vec![false; vars.len()],
            vars,
            bucket: bucket_bytes / size_of::<f32>(),
            plan: Vec::new(),
            order: Vec::new(),
            next: 0,
            under_way: VecDeque::new(),
            waited: Duration::ZERO,
        };
        Self(Rc::new(RefCell::new(exchange)))
    }

    /// What gradients call when they are final.
    pub fn listener(&self) -> OnFinal {
        let exchange = self.0.clone();
        Box::new(move |found, sums| exchange.borrow_mut().on_final(found, sums))
    }

    /// Ends an update: sends what has not gone yet, waits, and puts the sums in the place of the gradients.
    ///
    /// # Errors
    /// When the device or the connection fails.
    pub fn finish(&self, gradients: &mut Gradients) -> Result<()> {
        gradients.replace(|sums| self.0.borrow_mut().finish(sums))
    }

    /// Time that was spent waiting for other ranks since the last call of this function.
    pub fn take_waited(&self) -> Duration {
        std::mem::take(&mut self.0.borrow_mut().waited)
    }
}

impl Exchange {
    fn on_final(&mut self, found: &[usize], sums: &[Option<Tensor>]) -> Result<()> {
        for &i in found {
            let name = &self.vars[i].0;
            ensure!(!self.is_final[i], "the gradient of {name} came again after it was said to be final");
            self.is_final[i] = true;
            if self.plan.is_empty() {
                self.order.push(i);
            }
        }
        while self.plan.get(self.next).is_some_and(|bucket| bucket.iter().all(|&i| self.is_final[i])) {
            self.send(sums)?;
        }
        Ok(())
    }

    /// Sends the next bucket.
    fn send(&mut self, sums: &[Option<Tensor>]) -> Result<()> {
        let flat = |&i: &usize| match &sums[i] {
            Some(gradient) => Ok(gradient.flatten_all()?),
            None => Ok(self.vars[i].1.as_detached_tensor().zeros_like()?.flatten_all()?),
        };
        let parts = self.plan[self.next].iter().map(flat).collect::<Result<Vec<Tensor>>>()?;
        let values = Tensor::cat(&parts, 0)?;
        self.next += 1;
        self.under_way.push_back(self.group.begin(move |ranks| ranks.sum(&values))?);
        Ok(())
    }

    fn finish(&mut self, sums: &mut [Option<Tensor>]) -> Result<()> {
        let begin = Instant::now();
        if self.plan.is_empty() {
            self.plan = self.agreed_plan()?;
        }
        while self.next < self.plan.len() {
            self.send(sums)?;
        }
        for bucket in &self.plan {
            let Some(pending) = self.under_way.pop_front() else { break };
            let values = self.group.wait(pending)?;
            let mut at = 0;
            for &i in bucket {
                let var = &self.vars[i].1;
                sums[i] = Some(values.narrow(0, at, var.elem_count())?.reshape(var.shape())?);
                at += var.elem_count();
            }
        }
        self.next = 0;
        self.is_final.fill(false);
        self.waited += begin.elapsed();
        Ok(())
    }

    /// The order of rank 0, cut into buckets; what never became final there comes last.
    fn agreed_plan(&mut self) -> Result<Vec<Vec<usize>>> {
        let mine = serde_json::to_vec(&std::mem::take(&mut self.order))?;
        let mut order: Vec<usize> = serde_json::from_slice(&self.group.broadcast(mine)?)?;
        order.extend((0..self.vars.len()).filter(|i| !order.contains(i)).collect::<Vec<_>>());
        let mut plan: Vec<Vec<usize>> = Vec::new();
        let mut room = 0;
        for i in order {
            let count = self.vars[i].1.elem_count();
            if plan.is_empty() || count > room {
                plan.push(Vec::new());
                room = self.bucket.max(count);
            }
            room -= count;
            if let Some(bucket) = plan.last_mut() {
                bucket.push(i);
            }
        }
        Ok(plan)
    }
}

/// Gives all ranks the values that rank 0 has, to the last bit.
///
/// # Errors
/// When the device or the connection fails.
pub fn spread(group: &Group, vars: &[(String, Var)]) -> Result<()> {
    if group.is_alone() {
        return Ok(());
    }
    for (_, var) in vars {
        let values = |var: &Var| var.as_detached_tensor().flatten_all()?.to_device(&Device::Cpu)?.to_vec1::<f32>();
        let mine = if group.leads() { values(var)?.iter().flat_map(|value| value.to_le_bytes()).collect() } else { Vec::new() };
        let bytes = group.broadcast(mine)?;
        if !group.leads() {
            let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu)?.to_device(var.device())?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
