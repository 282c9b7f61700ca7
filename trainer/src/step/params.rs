//! Trainable parameters by name, made on first request by the network that asks for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Result, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

/// Rule that gives a parameter's initial values from its name and shape, row-major.
pub type InitRule = dyn Fn(&str, &[usize]) -> Vec<f32> + Send + Sync;

/// A growing set of named variables on one device, all `f32`.
#[derive(Clone)]
pub struct ParamStore {
    inner: Arc<Inner>,
}

struct Inner {
    vars: Mutex<BTreeMap<String, Var>>,
    frozen: Mutex<BTreeMap<String, Tensor>>,
    is_frozen: fn(&str) -> bool,
    device: Device,
    init: Box<InitRule>,
}

struct Backend(ParamStore);

impl ParamStore {
    /// An empty set whose parameters start as the rule says; those whose name `is_frozen` are constants.
    pub fn new(device: &Device, init: Box<InitRule>, is_frozen: fn(&str) -> bool) -> Self {
        let (vars, frozen) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
        Self { inner: Arc::new(Inner { vars, frozen, is_frozen, device: device.clone(), init }) }
    }

    /// A builder that creates what a network asks for.
    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(Backend(self.clone())), DType::F32, self.inner.device.clone())
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// All trainable parameters in order of their names.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.lock().iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// Copies of all parameters by name, constants included, on the CPU.
    ///
    /// # Errors
    /// When the device fails.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut all = BTreeMap::new();
        for (name, var) in self.lock().iter() {
            all.insert(name.clone(), var.as_detached_tensor().copy()?.to_device(&Device::Cpu)?);
        }
        for (name, tensor) in self.frozen().iter() {
            all.insert(name.clone(), tensor.to_device(&Device::Cpu)?);
        }
        Ok(all)
    }

    /// Overwrites existing parameters by name; names that are not here are ignored.
    ///
    /// # Errors
    /// When a shape differs.
    pub fn assign(&self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, var) in self.lock().iter() {
            if let Some(tensor) = tensors.get(name) {
                var.set(&tensor.to_device(&self.inner.device)?.to_dtype(DType::F32)?.contiguous()?)?;
            }
        }
        Ok(())
    }

    fn frozen(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Tensor>> {
        self.inner.frozen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Var>> {
        // A poisoned lock only means that another thread panicked between two whole insertions.
        self.inner.vars.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl SimpleBackend for Backend {
    fn get(&self, s: Shape, name: &str, _: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        self.get_unchecked(name, dtype, dev).or_else(|_| {
            let values = (self.0.inner.init)(name, s.dims());
            if (self.0.inner.is_frozen)(name) {
                let tensor = Tensor::from_vec(values, s.clone(), dev)?;
                self.0.frozen().insert(name.to_owned(), tensor.clone());
                return Ok(tensor);
            }
            let var = Var::from_tensor(&Tensor::from_vec(values, s.clone(), dev)?)?;
            let tensor = var.as_tensor().clone();
            self.0.lock().insert(name.to_owned(), var);
            Ok(tensor)
        })
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        let var = self.0.lock().get(name).map(|var| var.as_tensor().clone());
        var.or_else(|| self.0.frozen().get(name).cloned())
            .ok_or_else(|| candle_core::Error::CannotFindTensor { path: name.to_owned() }.bt())
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.lock().contains_key(name) || self.0.frozen().contains_key(name)
    }
}
