//! The tensors of a stage's network at its beginning.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use engine::domain::{Seed, Stream};
use engine::model::embed::position_table;
use engine::model::init::{self, ControlStart, InitOptions};
use engine::model::{Base, DitConfig, Param, control_params, dit_params};
use engine::noise;

use super::source::{self, TRAINING_ONLY};
use crate::config::StageConfig;
use crate::config::stage::{AlignmentSettings, StageKind};

/// What a network begins with, and how that came about in a sentence.
pub struct Start {
    /// All tensors under official names.
    pub tensors: BTreeMap<String, Tensor>,
    /// In words.
    pub story: String,
}

/// The tensors of a stage's network: those that learn are marked so.
///
/// # Errors
/// When the sizes describe no network.
pub fn parameters(config: &StageConfig) -> Result<Vec<Param>> {
    let base = if config.control.as_ref().is_some_and(|control| control.train_base) { Base::Trained } else { Base::Frozen };
    Ok(match config.stage {
        StageKind::Text => dit_params(&config.dit())?,
        StageKind::Control => control_params(&config.dit(), config.network.control_blocks, base)?,
    })
}

/// New weights, or those of `start.from` fitted to this stage: the position table is made for its size, the null caption
/// is kept, a control branch starts as a copy of the first blocks.
///
/// # Errors
/// When the source cannot be read or is of another network.
pub fn begin(config: &StageConfig) -> Result<Start> {
    let sizes = config.dit();
    let list = parameters(config)?;
    let options = InitOptions { seed: Seed(config.seed), gate_mean: config.start.gate_mean, control: ControlStart::Zero };
    let Some(from) = &config.start.from else {
        ensure!(!config.start.required, "field start.from is missing: this stage continues an earlier one; name it with --from");
        let tensors = init::initial_dit(&list, &sizes, &options, &Device::Cpu)?;
        return Ok(Start { tensors, story: "new weights".to_owned() });
    };
    let (found, path) = source::read(from, config.start.weights.into())?;
    let mut story = vec![format!("weights of {}", path.display())];
    let has_control = found.keys().any(|name| name.starts_with("controlnet."));
    let as_base = |found: BTreeMap<String, Tensor>| -> BTreeMap<String, Tensor> {
        let plain = |(name, tensor): (String, Tensor)| {
            let name = if has_control { name.strip_prefix("base_model.")?.to_owned() } else { name };
            Some((name, tensor))
        };
        found.into_iter().filter_map(plain).collect()
    };
    let context = || format!("{} does not fit this stage", path.display());
    let tensors = match config.stage {
        StageKind::Control if has_control => {
            fitted(found, &list, "base_model.", config, &options, &mut story).with_context(context)?
        }
        StageKind::Control => {
            let base = dit_params(&sizes)?;
            let base = fitted(found, &base, "", config, &options, &mut story).with_context(context)?;
            story.push("control blocks are copies".to_owned());
            init::control_from_base(&base, &list, &options, &Device::Cpu)?
        }
        StageKind::Text => fitted(as_base(found), &list, "", config, &options, &mut story).with_context(context)?,
    };
    Ok(Start { tensors, story: story.join(", ") })
}

/// The tensors of `list`: found ones, with position table and null caption as the stage wants them.
fn fitted(
    mut found: BTreeMap<String, Tensor>,
    list: &[Param],
    prefix: &str,
    config: &StageConfig,
    options: &InitOptions,
    story: &mut Vec<String>,
) -> Result<BTreeMap<String, Tensor>> {
    let sizes = config.dit();
    let table = format!("{prefix}pos_embed");
    let wanted = position_table(sizes.hidden_size, sizes.grid(), sizes.pos_embed_scale, &Device::Cpu)?;
    // A stored table of the same positions wins, to the last bit.
    if !found.get(&table).is_some_and(|stored| is_near(stored, &wanted)) {
        if found.contains_key(&table) {
            story.push(format!("position table made anew for {0}×{0} tokens", sizes.grid()));
        }
        found.insert(table, wanted);
    }
    let null = format!("{prefix}y_embedder.y_embedding");
    if !config.start.keep_null_caption {
        let params: Vec<Param> = list.iter().filter(|param| param.name == null).cloned().collect();
        found.extend(init::initial_dit(&params, &sizes, options, &Device::Cpu)?);
        story.push("new null caption".to_owned());
    }
    let mut tensors = BTreeMap::new();
    let mut faults = Vec::new();
    for param in list {
        match found.remove(&param.name) {
            Some(tensor) if tensor.dims() == param.shape => drop(tensors.insert(param.name.clone(), tensor)),
            Some(tensor) => faults.push(format!("{} is {:?} there and {:?} here", param.name, tensor.dims(), param.shape)),
            None => faults.push(format!("{} is missing", param.name)),
        }
    }
    faults.extend(found.keys().map(|name| format!("{name} has no place here")));
    if let Some(first) = faults.first() {
        bail!("{first}{}", if faults.len() > 1 { format!(", and {} more differences", faults.len() - 1) } else { String::new() });
    }
    Ok(tensors)
}

fn is_near(stored: &Tensor, wanted: &Tensor) -> bool {
    let difference = || -> candle_core::Result<f32> {
        let stored = stored.to_dtype(candle_core::DType::F32)?.to_device(&Device::Cpu)?;
        (stored - wanted)?.abs()?.flatten_all()?.max(0)?.to_scalar()
    };
    stored.dims() == wanted.dims() && difference().is_ok_and(|difference| difference < 1e-3)
}

/// First weights of the projection that hidden tokens pass before they are compared: three linear layers.
///
/// # Errors
/// When a tensor cannot be made.
pub fn projection(sizes: &DitConfig, settings: &AlignmentSettings, seed: u64) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    let widths = [sizes.hidden_size, settings.hidden, settings.hidden, settings.width];
    for (layer, pair) in widths.windows(2).enumerate() {
        let (inputs, outputs) = (pair[0], pair[1]);
        let name = format!("{TRAINING_ONLY}{layer}.weight");
        let deviation = (1.0 / inputs as f64).sqrt() as f32;
        let values = noise::normal(Seed::for_case(seed, &name), Stream::Init, 0, inputs * outputs);
        let values: Vec<f32> = values.into_iter().map(|value| value * deviation).collect();
        tensors.insert(name, Tensor::from_vec(values, (outputs, inputs), &Device::Cpu)?);
        let bias = Tensor::zeros(outputs, candle_core::DType::F32, &Device::Cpu)?;
        tensors.insert(format!("{TRAINING_ONLY}{layer}.bias"), bias);
    }
    Ok(tensors)
}
