//! Kinds of the diffusion transformer.

use std::collections::BTreeMap;

use anyhow::Context as _;
use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use engine::domain::Preset;
use engine::model::embed::{position_table, timestep_features};
use engine::model::{Dit, DitConfig, Param, dit_params};

use super::context::Tensors;
use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[
    ("dit.pos_embed", position),
    ("dit.timestep", timestep),
    ("dit.caption_drop", caption_drop),
    ("dit.forward", forward),
    ("dit.forward_with_cfg", forward_with_cfg),
];

/// A variable builder over tensors that are exactly the expected ones, for a network that computes in `dtype`.
pub(super) fn strict_builder(tensors: Tensors, params: &[Param], dtype: DType) -> anyhow::Result<VarBuilder<'static>> {
    let device = tensors.device().clone();
    let mut map = tensors.into_map();
    let mut chosen = std::collections::HashMap::new();
    let mut faults = Vec::new();
    for param in params {
        match map.remove(&param.name) {
            None => faults.push(format!("{} is missing", param.name)),
            Some(tensor) if tensor.dims() != param.shape => {
                faults.push(format!("{} has shape {:?}, expected {:?}", param.name, tensor.dims(), param.shape));
            }
            Some(tensor) => {
                chosen.insert(param.name.clone(), tensor);
            }
        }
    }
    faults.extend(map.keys().map(|name| format!("{name} is unexpected")));
    anyhow::ensure!(faults.is_empty(), "weights do not fit the configuration: {}", faults.join("; "));
    Ok(VarBuilder::from_tensors(chosen, dtype, &device))
}

/// The network of an entry's configuration with the weights it names.
pub(super) fn network(context: &Context, entry: &Entry) -> anyhow::Result<Dit> {
    let config: DitConfig = entry.config_as()?;
    let (_, weights) = context.weights(entry)?;
    Ok(Dit::new(strict_builder(weights, &dit_params(&config)?, context.dtype())?, &config)?)
}

/// A caption stored `(B, 1, L, De)` or `(B, L, De)`, as `(B, L, De)`.
pub(super) fn caption(tensors: &Tensors, name: &str) -> anyhow::Result<Tensor> {
    let y = tensors.f32(name)?;
    Ok(if y.rank() == 4 { y.squeeze(1)? } else { y })
}

/// Compares every output the entry lists with what was computed under that name.
pub(super) fn compare(entry: &Entry, golden: &Tensors, computed: &BTreeMap<String, Tensor>) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::new();
    for name in entry.outputs() {
        let want = golden.get(name)?;
        match computed.get(name) {
            Some(got) => comparison.tensor(name, got, want, &entry.tolerance(name))?,
            None => comparison.fail(format!("{name}: no such output of this kind")),
        }
    }
    Ok(comparison)
}

/// The guidance scale in an output's name, such as 1.5 in `out_scale1_5`.
pub(super) fn scale_in_name(name: &str, prefix: &str) -> anyhow::Result<f64> {
    let digits = name.strip_prefix(prefix).with_context(|| format!("output {name:?} names no scale"))?;
    digits.replace('_', ".").parse().with_context(|| format!("output {name:?} names no scale"))
}

fn position(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let config: DitConfig = entry.config_as()?;
    config.check()?;
    let table = position_table(config.hidden_size, config.grid(), config.pos_embed_scale, context.device())?;
    compare(entry, &context.tensors(entry)?, &BTreeMap::from([("pos_embed".to_owned(), table)]))
}

fn timestep(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let t = golden.f32("t")?;
    let embedding = network(context, entry)?.timesteps().forward(&t)?;
    let computed = [("features".to_owned(), timestep_features(&t)?), ("embedding".to_owned(), embedding)];
    compare(entry, &golden, &BTreeMap::from(computed))
}

fn caption_drop(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let dit = network(context, entry)?;
    let drop: Vec<bool> = golden.integers("drop")?.iter().map(|&d| d == 1).collect();
    let y = dit.captions().drop_captions(&caption(&golden, "y")?, &drop)?;
    let out = dit.captions().forward(&y)?;
    let out = if golden.get("out")?.rank() == 4 { out.unsqueeze(1)? } else { out };
    compare(entry, &golden, &BTreeMap::from([("out".to_owned(), out)]))
}

fn forward(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let dit = network(context, entry)?;
    let (x, t, y) = (golden.f32("x")?, golden.f32("t")?, caption(&golden, "y")?);
    let mask = golden.find("mask");
    let mut computed = stages(&dit, &x, &t, &y, mask)?;
    computed.insert("out".to_owned(), dit.forward(&x, &t, &y, mask)?);
    computed.insert("out_without_mask".to_owned(), dit.forward(&x, &t, &y, None)?);
    compare(entry, &golden, &computed)
}

/// Outputs of the network's modules, by the names the goldens use.
fn stages(dit: &Dit, x: &Tensor, t: &Tensor, y: &Tensor, mask: Option<&Tensor>) -> anyhow::Result<BTreeMap<String, Tensor>> {
    let mut found = BTreeMap::new();
    let mut keep = |name: String, value: &Tensor| found.insert(format!("mid.{name}"), value.clone());
    let time = dit.time_context(t)?;
    keep("x_embedder".into(), &dit.embed_patches(x)?);
    keep("t_embedder".into(), &time.vector);
    keep("t_block".into(), &time.modulation.flatten_from(1)?);
    keep("y_embedder".into(), &dit.captions().forward(y)?.unsqueeze(1)?);
    let (tokens, kept) = dit.caption_tokens(y, mask)?;
    let mut x = dit.embed_latent(x)?;
    for (i, block) in dit.blocks().iter().enumerate() {
        let caption = block.key_value(&tokens)?;
        let (first, second) = block.modulation(&time.modulation)?;
        let gate = |m: &Tensor| m.unsqueeze(1);
        let attention = block.self_attention(&x, &first)?;
        x = (&x + attention.broadcast_mul(&gate(&first.gate)?)?)?;
        let cross = block.cross_attention(&x, &caption, &kept)?;
        x = (&x + &cross)?;
        let mlp = block.feed_forward(&x, &second)?;
        x = (&x + mlp.broadcast_mul(&gate(&second.gate)?)?)?;
        for (part, value) in [(".attn", &attention), (".cross_attn", &cross), (".mlp", &mlp), ("", &x)] {
            keep(format!("block{i}{part}"), value);
        }
    }
    keep("block_last".into(), &x);
    keep("final_layer".into(), &dit.output_patches(&x, &time)?);
    Ok(found)
}

fn forward_with_cfg(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let dit = network(context, entry)?;
    let (z, t) = (golden.f32("z")?, golden.f32("t")?);
    let y = Tensor::cat(&[caption(&golden, "y_cond")?, caption(&golden, "y_null")?], 0)?;
    let mut computed = BTreeMap::new();
    for name in entry.outputs() {
        let scale = scale_in_name(name, "out_scale")?;
        let out = dit.forward_with_cfg(&z, &t, &y, golden.find("mask"), scale, Preset::Release)?;
        computed.insert(name.to_owned(), out);
    }
    compare(entry, &golden, &computed)
}
