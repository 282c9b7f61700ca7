//! Trainable parameters by name, made on first request by the network that asks for them.
//!
//! Values are `f32`. A builder for half precision hands out casts of them: gradients pass through the cast and arrive
//! in `f32`, so a network for half precision is built anew for each step and sees the present values.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

/// Rule that gives a parameter's initial values from its name and shape, row-major.
pub type InitRule = dyn Fn(&str, &[usize]) -> Vec<f32> + Send + Sync;

/// Tells which parameters are constants.
pub type FrozenRule = dyn Fn(&str) -> bool + Send + Sync;

/// A growing set of named parameters on one device, all `f32`.
#[derive(Clone)]
pub struct ParamStore {
    inner: Arc<Inner>,
}

struct Inner {
    vars: Mutex<BTreeMap<String, Var>>,
    frozen: Mutex<BTreeMap<String, Tensor>>,
    /// Constants in half precision, cast once.
    halved: Mutex<BTreeMap<String, Tensor>>,
    is_frozen: Box<FrozenRule>,
    device: Device,
    init: Box<InitRule>,
}

struct Backend(ParamStore);

impl ParamStore {
    /// An empty set whose parameters start as the rule says; those whose name `is_frozen` are constants.
    pub fn new(device: &Device, init: Box<InitRule>, is_frozen: Box<FrozenRule>) -> Self {
        let (vars, frozen, halved) = Default::default();
        Self { inner: Arc::new(Inner { vars, frozen, halved, is_frozen, device: device.clone(), init }) }
    }

    /// Parameters that start from given tensors by name.
    pub fn starting_from(tensors: BTreeMap<String, Tensor>, device: &Device, is_frozen: Box<FrozenRule>) -> Result<Self> {
        let store = Self::new(device, Box::new(|_, shape| vec![0.0; shape.iter().product()]), is_frozen);
        for (name, tensor) in tensors {
            let tensor = tensor.to_dtype(DType::F32)?.to_device(device)?.contiguous()?;
            if (store.inner.is_frozen)(&name) {
                lock(&store.inner.frozen).insert(name, tensor.detach());
            } else {
                // A variable's values change in place, so they must be its own.
                lock(&store.inner.vars).insert(name, Var::from_tensor(&tensor.copy()?)?);
            }
        }
        Ok(store)
    }

    /// A builder that creates what a network asks for.
    pub fn builder(&self) -> VarBuilder<'static> {
        self.builder_in(DType::F32)
    }

    /// A builder of the present values in a number type.
    pub fn builder_in(&self, dtype: DType) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(Backend(self.clone())), dtype, self.inner.device.clone())
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// All trainable parameters in order of their names.
    pub fn vars(&self) -> Vec<(String, Var)> {
        lock(&self.inner.vars).iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// Copies of all parameters by name, constants included, on the CPU.
    ///
    /// # Errors
    /// When the device fails.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut all = BTreeMap::new();
        for (name, var) in lock(&self.inner.vars).iter() {
            all.insert(name.clone(), var.as_detached_tensor().copy()?.to_device(&Device::Cpu)?);
        }
        for (name, tensor) in lock(&self.inner.frozen).iter() {
            all.insert(name.clone(), tensor.to_device(&Device::Cpu)?);
        }
        Ok(all)
    }

    /// Overwrites existing trainable parameters by name; names that are not here are ignored.
    ///
    /// # Errors
    /// When a shape differs.
    pub fn assign(&self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, var) in lock(&self.inner.vars).iter() {
            if let Some(tensor) = tensors.get(name) {
                var.set(&tensor.to_device(&self.inner.device)?.to_dtype(DType::F32)?.contiguous()?)?;
            }
        }
        Ok(())
    }

    fn constant(&self, name: &str, tensor: &Tensor, dtype: DType) -> Result<Tensor> {
        if dtype == DType::F32 {
            return Ok(tensor.clone());
        }
        let mut halved = lock(&self.inner.halved);
        if let Some(known) = halved.get(name).filter(|known| known.dtype() == dtype) {
            return Ok(known.clone());
        }
        let cast = tensor.to_dtype(dtype)?;
        halved.insert(name.to_owned(), cast.clone());
        Ok(cast)
    }
}

/// A poisoned lock only means that another thread panicked between two whole insertions.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimpleBackend for Backend {
    fn get(&self, s: Shape, name: &str, _: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        if !self.contains_tensor(name) {
            let inner = &self.0.inner;
            let tensor = Tensor::from_vec((inner.init)(name, s.dims()), s.clone(), dev)?;
            if (inner.is_frozen)(name) {
                lock(&inner.frozen).insert(name.to_owned(), tensor);
            } else {
                lock(&inner.vars).insert(name.to_owned(), Var::from_tensor(&tensor)?);
            }
        }
        let tensor = self.get_unchecked(name, dtype, dev)?;
        if tensor.shape() != &s {
            candle_core::bail!("tensor {name} is {:?}, expected {:?}", tensor.dims(), s.dims());
        }
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, _: &Device) -> Result<Tensor> {
        if let Some(var) = lock(&self.0.inner.vars).get(name) {
            return var.as_tensor().to_dtype(dtype);
        }
        let constant = lock(&self.0.inner.frozen).get(name).cloned();
        let Some(constant) = constant else {
            return Err(candle_core::Error::CannotFindTensor { path: name.to_owned() }.bt());
        };
        self.0.constant(name, &constant, dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        lock(&self.0.inner.vars).contains_key(name) || lock(&self.0.inner.frozen).contains_key(name)
    }
}
