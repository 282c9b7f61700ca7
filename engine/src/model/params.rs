//! The list of tensors a network expects, found by building the network on a recorder.
//!
//! So the list cannot disagree with the network: names and shapes are those its constructor asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::config::DitConfig;
use super::control::ControlDit;
use super::dit::Dit;
use super::error::Result;
use super::vae::{AutoencoderKl, KlConfig};

/// One tensor a network expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Official name.
    pub name: String,
    /// Expected shape.
    pub shape: Vec<usize>,
    /// Whether an optimiser may change it.
    pub trainable: bool,
}

impl Param {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether the base network of a control model learns too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Only the control blocks learn, as in the release.
    Frozen,
    /// Base and control blocks learn together.
    Trained,
}

/// The tensors of [`Dit`], in building order.
///
/// # Errors
/// When the configuration describes no network.
pub fn dit_params(cfg: &DitConfig) -> Result<Vec<Param>> {
    record(|vb| Dit::new(vb, cfg))
}

/// The tensors of [`ControlDit`], in building order.
///
/// # Errors
/// When the configuration describes no network.
pub fn control_params(cfg: &DitConfig, control_blocks: usize, base: Base) -> Result<Vec<Param>> {
    let mut params = record(|vb| ControlDit::new(vb, cfg, control_blocks))?;
    if base == Base::Frozen {
        for param in params.iter_mut().filter(|param| param.name.starts_with("base_model.")) {
            param.trainable = false;
        }
    }
    Ok(params)
}

/// The tensors of [`AutoencoderKl`], in building order.
///
/// # Errors
/// When the configuration describes no network.
pub fn vae_params(cfg: &KlConfig) -> Result<Vec<Param>> {
    record(|vb| AutoencoderKl::new(vb, cfg))
}

/// The tensors that a constructor asks of its builder, in order; all trainable but position tables.
///
/// Values are zeros that take no memory.
///
/// # Errors
/// Those of the constructor.
pub fn record<T, E>(build: impl FnOnce(VarBuilder<'_>) -> std::result::Result<T, E>) -> std::result::Result<Vec<Param>, E> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recorder = Recorder { seen: Arc::clone(&seen) };
    build(VarBuilder::from_backend(Box::new(recorder), DType::F32, Device::Cpu))?;
    let params = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(params)
}

/// A builder that hands each tensor out once and then forgets it, so that a network which rearranges its weights holds
/// them once, not twice.
pub fn given_once(tensors: BTreeMap<String, Tensor>, dtype: DType, device: &Device) -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(Once(Mutex::new(tensors))), dtype, device.clone())
}

struct Once(Mutex<BTreeMap<String, Tensor>>);

impl Once {
    fn tensors(&self) -> MutexGuard<'_, BTreeMap<String, Tensor>> {
        // Tensors are taken out whole, so a panic elsewhere does not spoil the rest.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimpleBackend for Once {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let tensor = self.get_unchecked(name, dtype, device)?;
        if tensor.shape() != &shape {
            candle_core::bail!("tensor {name} is {:?}, expected {:?}", tensor.dims(), shape.dims());
        }
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let Some(tensor) = self.tensors().remove(name) else {
            candle_core::bail!("tensor {name} is missing, or was taken before")
        };
        tensor.to_device(device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.tensors().contains_key(name)
    }
}

struct Recorder {
    seen: Arc<Mutex<Vec<Param>>>,
}

impl SimpleBackend for Recorder {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let trainable = name.rsplit('.').next() != Some("pos_embed");
        let param = Param { name: name.to_owned(), shape: shape.dims().to_vec(), trainable };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(param);
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("tensor {name} was asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_is_given_once() {
        let tensors = BTreeMap::from([("a.weight".to_owned(), Tensor::ones((2, 3), DType::F32, &Device::Cpu).expect("small"))]);
        let vb = given_once(tensors, DType::F32, &Device::Cpu).pp("a");
        assert!(vb.contains_tensor("weight") && !vb.contains_tensor("bias"));
        assert_eq!(vb.get((2, 3), "weight").expect("there").dims(), [2, 3]);
        let again = vb.get((2, 3), "weight").expect_err("gone").to_string();
        assert!(again.contains("a.weight") && again.contains("taken before"), "{again}");
    }
}
