//! The network in training, in the number type it computes in.

use anyhow::Result;
use candle_core::DType;
use engine::denoise::Network;
use engine::model::{ControlDit, Dit, DitConfig};

use crate::step::params::ParamStore;

/// Makes a network of the present values of parameters.
pub struct NetworkMaker {
    params: ParamStore,
    prefix: &'static str,
    config: DitConfig,
    control_blocks: usize,
    dtype: DType,
    /// In `f32` the network reads the variables themselves, so one serves for ever.
    built: Option<Network>,
}

impl NetworkMaker {
    /// A network whose parameters stand under `prefix`; with `control_blocks` 0 it has no control branch.
    ///
    /// # Errors
    /// When a parameter has another shape.
    pub fn new(
        params: &ParamStore,
        prefix: &'static str,
        config: &DitConfig,
        control_blocks: usize,
        dtype: DType,
    ) -> Result<Self> {
        let mut maker = Self { params: params.clone(), prefix, config: config.clone(), control_blocks, dtype, built: None };
        // Built once in any case, so that missing parameters are made now and not in the first step.
        let network = maker.build(DType::F32)?;
        maker.built = (dtype == DType::F32).then_some(network);
        Ok(maker)
    }

    /// Sizes.
    pub fn config(&self) -> &DitConfig {
        &self.config
    }

    /// Whether there is a control branch.
    pub fn has_control(&self) -> bool {
        self.control_blocks > 0
    }

    /// The network with the present values.
    ///
    /// # Errors
    /// When the device fails.
    pub fn network(&self) -> Result<Network> {
        match &self.built {
            Some(network) => Ok(network.clone()),
            None => self.build(self.dtype),
        }
    }

    fn build(&self, dtype: DType) -> Result<Network> {
        let vb = self.params.builder_in(dtype);
        let vb = if self.prefix.is_empty() { vb } else { vb.pp(self.prefix) };
        Ok(match self.control_blocks {
            0 => Network::Text(Box::new(Dit::new(vb, &self.config)?)),
            blocks => Network::Control(Box::new(ControlDit::new(vb, &self.config, blocks)?)),
        })
    }
}
