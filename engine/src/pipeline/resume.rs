//! Pausing between two steps, and going on later with the same bits.

use candle_core::{DType, Device, Tensor};

use super::{Error, Event, Outcome, Pipeline, RunOptions};
use crate::cancel::Cancel;
use crate::diffusion::{MEMORY_NAMES, Sampler, SolverMemory};
use crate::domain::GenerateRequest;
use crate::store::hash::{hash_bytes, hash_image};
use crate::store::record::RunRecord;
use crate::store::run_state::{RunState, bytes_of};

/// Waits between two steps while that is asked for, and tells it; `state` is what could be kept.
pub(super) fn rest(
    cancel: &Cancel,
    on_event: &mut dyn FnMut(Event),
    step: usize,
    of: usize,
    state: impl FnOnce() -> Result<Option<RunState>, Error>,
) -> Result<(), Error> {
    if cancel.is_paused() {
        on_event(Event::Paused { step, of, state: state()?.map(Box::new) });
        cancel.wait_while_paused();
        if !cancel.is_cancelled() {
            on_event(Event::Resumed);
        }
    }
    Ok(())
}

/// A place between two steps.
pub(super) struct Place<'a> {
    /// The step that comes next, from 0.
    pub(super) step: usize,
    /// Steps in all.
    pub(super) of: usize,
    /// The step the run began with.
    pub(super) first: usize,
    /// Latents of all images, with the noise of that step.
    pub(super) latents: &'a Tensor,
    /// What the sampler remembers.
    pub(super) memory: Option<&'a SolverMemory>,
}

impl Pipeline {
    /// Goes on with a run that was kept at a pause ([`Event::Paused`]): the images are those of the uninterrupted run,
    /// bit for bit. `options.noise` must be what the run began with.
    ///
    /// # Errors
    /// As [`Pipeline::generate_with`]; also when the run belongs to another model, engine, device or number type.
    pub fn resume(
        &self,
        state: &RunState,
        options: &RunOptions<'_>,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Error> {
        let requests: Vec<GenerateRequest> = state.records.iter().map(|record| record.request.clone()).collect();
        self.check_state(state, options)?;
        let outcome = self.run(&requests, options, Some(state), cancel, on_event);
        outcome.map_err(|error| error.on_device(&self.budget.device, requests.len()))
    }

    /// The run as it is at a place between two steps.
    pub(super) fn state(
        &self,
        requests: &[GenerateRequest],
        options: &RunOptions<'_>,
        place: &Place<'_>,
    ) -> Result<RunState, Error> {
        let kept = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32);
        let latents = kept(place.latents)?;
        let record = |(row, request): (usize, &GenerateRequest)| -> Result<RunRecord, Error> {
            let hash = hash_bytes(&bytes_of(&latents.get(row)?)?);
            let control = self.condition(request).as_ref().map(hash_image);
            let mut record = self.record(request, hash, control, place.step - place.first);
            record.noise = options.noise.map(|noise| noise.origin(row));
            Ok(record)
        };
        let remembered = place.memory.map_or(&[][..], |memory| memory.tensors.as_slice());
        let memory = remembered.iter().map(|(name, tensor)| Ok(((*name).to_owned(), kept(tensor)?)));
        Ok(RunState {
            records: requests.iter().enumerate().map(record).collect::<Result<_, _>>()?,
            step: place.step,
            of: place.of,
            solver: place.memory.map(|memory| (memory.index, memory.order)),
            memory: memory.collect::<candle_core::Result<_>>()?,
            latents,
        })
    }

    /// Puts a kept run's latents and memory where they were; gives the latents.
    pub(super) fn restore(&self, state: &RunState, sampler: &mut dyn Sampler) -> Result<Tensor, Error> {
        let of = sampler.timesteps().len();
        if state.of != of || state.step > of {
            let reason = format!("it was at step {} of {}, and the run has {of}", state.step, state.of);
            return Err(Error::State { reason });
        }
        if let Some((index, order)) = state.solver {
            let tensors = MEMORY_NAMES
                .into_iter()
                .filter_map(|name| state.memory.get(name).map(|tensor| Ok((name, tensor.to_device(&self.device)?))))
                .collect::<candle_core::Result<_>>()?;
            sampler.remember(&SolverMemory { index, order, tensors });
        }
        Ok(state.latents.to_device(&self.device)?)
    }

    fn check_state(&self, state: &RunState, options: &RunOptions<'_>) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::State { reason });
        for (row, record) in state.records.iter().enumerate() {
            let now = self.record(&record.request, String::new(), None, 0);
            let changed = record.changed_files(&now.files);
            if !changed.is_empty() {
                let files = changed.join(", ");
                return refuse(format!("it was begun by model {:?} with other files ({files})", record.model_name));
            }
            let kind = |device: &str| device.split(':').next().unwrap_or_default().to_owned();
            for (what, then, here) in [
                ("engine", record.engine_version.clone(), now.engine_version),
                ("device", kind(&record.device), kind(&now.device)),
                ("number type", record.dtype.clone(), now.dtype),
            ] {
                if then != here {
                    return refuse(format!("it was begun with {what} {then}, and this is {here}"));
                }
            }
            if record.noise != options.noise.map(|noise| noise.origin(row)) {
                return refuse("it was begun with other noise; give the same file".to_owned());
            }
        }
        let side = self.sizes.latent_side;
        let expected = [state.records.len(), self.card.latent_channels, side, side];
        let tensors = std::iter::once(&state.latents).chain(state.memory.values());
        if let Some(other) = tensors.into_iter().find(|tensor| tensor.dims() != expected) {
            return refuse(format!("its latents are {:?}, and the model has {expected:?}", other.dims()));
        }
        Ok(())
    }
}
