//! Kinds of the control model.

use std::collections::BTreeMap;

use anyhow::Context as _;
use candle_core::{Device, Tensor};
use engine::domain::Preset;
use engine::model::embed::position_table;
use engine::model::guidance::{RELEASE_CHANNELS, guide_both};
use engine::model::{Base, ControlDit, DitConfig, control_params};

use super::context::Tensors;
use super::dit::{caption, compare, scale_in_name, strict_builder};
use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("control.forward", forward), ("control.forward_with_cfg", forward_with_cfg)];

/// The control model of an entry's configuration with the weights it names.
pub(super) fn network(context: &Context, entry: &Entry) -> anyhow::Result<ControlDit> {
    let config: DitConfig = entry.config_as()?;
    let copies = entry.config().get("copy_blocks_num").and_then(serde_json::Value::as_u64);
    let copies = usize::try_from(copies.context("config.copy_blocks_num is missing")?)?;
    let (_, weights) = context.weights(entry)?;
    let params = control_params(&config, copies, Base::Frozen)?;
    Ok(ControlDit::new(strict_builder(weights, &params, context.dtype())?, &config, copies)?)
}

fn forward(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let model = network(context, entry)?;
    let (x, t, y) = (golden.f32("x")?, golden.f32("t")?, caption(&golden, "y")?);
    let (mask, condition) = (golden.find("mask"), golden.f32("cond")?);
    let mut computed = stages(&model, &golden)?;
    let mut keep = |name: &str, value: Tensor| computed.insert(name.to_owned(), value);
    keep("out", model.forward(&x, &t, &y, mask, Some(&condition), 1.0)?);
    keep("out_without_cond", model.forward(&x, &t, &y, mask, None, 1.0)?);
    keep("cond_tokens", model.condition_tokens(&condition)?);
    let mut comparison = compare(entry, &golden, &computed)?;
    // Tables that stand in the file without being listed as outputs.
    for name in ["base_pos_embed", "cond_pos_embed"] {
        if let Some(want) = golden.find(name) {
            let config = model.base().config();
            let table = position_table(config.hidden_size, config.grid(), config.pos_embed_scale, &Device::Cpu)?;
            comparison.tensor(name, &table.broadcast_as(want.shape())?, want, &entry.tolerance(name))?;
        }
    }
    Ok(comparison)
}

/// Outputs of the model's modules, by the names the goldens use.
fn stages(model: &ControlDit, golden: &Tensors) -> anyhow::Result<BTreeMap<String, Tensor>> {
    let mut found = BTreeMap::new();
    let mut keep = |name: String, value: &Tensor| found.insert(format!("mid.{name}"), value.clone());
    let base = model.base();
    let time = base.time_context(&golden.f32("t")?)?;
    let (captions, kept) = base.caption_tokens(&caption(golden, "y")?, golden.find("mask"))?;
    let mut x = base.embed_latent(&golden.f32("x")?)?;
    let mut state = model.condition_tokens(&golden.f32("cond")?)?;
    for (i, block) in base.blocks().iter().enumerate() {
        if let Some(control) = i.checked_sub(1).and_then(|j| model.control_blocks().get(j)) {
            let caption = control.key_value(&captions)?;
            let (next, skip) = control.forward(&x, &state, &time.modulation, &caption, &kept)?;
            keep(format!("control{}_state", i - 1), &next);
            keep(format!("control{}_skip", i - 1), &skip);
            state = next;
            x = (x + skip)?;
        }
        x = block.forward(&x, &time.modulation, &block.key_value(&captions)?, &kept)?;
        keep(format!("base_block{i}"), &x);
    }
    keep("final_layer".into(), &base.output_patches(&x, &time)?);
    Ok(found)
}

fn forward_with_cfg(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let model = network(context, entry)?;
    let (z, t, condition) = (golden.f32("z")?, golden.f32("t")?, golden.f32("cond")?);
    let y = Tensor::cat(&[caption(&golden, "y_cond")?, caption(&golden, "y_null")?], 0)?;
    let mask = golden.find("mask");
    let mut computed = BTreeMap::new();
    for name in entry.outputs() {
        // The release ignores the scale, so any serves.
        let out = model.forward_with_cfg(&z, &t, &y, mask, Some(&condition), 1.0, 4.0, Preset::Release)?;
        let out = if name == "out" { out } else { guide_both(&out, RELEASE_CHANNELS, scale_in_name(name, "out_guided_scale")?)? };
        computed.insert(name.to_owned(), out);
    }
    compare(entry, &golden, &computed)
}
