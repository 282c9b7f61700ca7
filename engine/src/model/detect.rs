//! The sizes of a diffusion transformer, told from the shapes of its tensors.
//!
//! The published checkpoints come without a configuration; all but the number of attention heads stands in them.

use std::collections::BTreeMap;

use super::config::DitConfig;
use super::error::{ModelError, Result};

/// Width and heads of the published network, DiT-XL.
const KNOWN_HEADS: (usize, usize) = (1152, 16);

/// What a set of tensors is.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// Sizes; `pos_embed_scale` is 1 until [`Detected::with_position_scale`] was called.
    pub config: DitConfig,
    /// Copied blocks of the control branch; 0 without one.
    pub control_blocks: usize,
}

impl Detected {
    /// Name of the stored position table.
    pub fn position_table(&self) -> &'static str {
        if self.control_blocks > 0 { "base_model.pos_embed" } else { "pos_embed" }
    }

    /// Tells the scale of the positions from the stored table (values in row order).
    ///
    /// The first value of the second token is `sin(1 / scale)`; scales come in steps of an eighth unless the table
    /// clearly says otherwise.
    #[must_use]
    pub fn with_position_scale(mut self, table: &[f32]) -> Self {
        let angle = table.get(self.config.hidden_size).map_or(0.0, |value| f64::from(*value).asin());
        let scale = 1.0 / angle;
        if scale.is_finite() && scale > 0.0 {
            let rounded = (scale * 8.0).round() / 8.0;
            self.config.pos_embed_scale = if (rounded - scale).abs() < 0.03 && rounded > 0.0 { rounded } else { scale };
        }
        self
    }
}

/// Tells the sizes from the shapes by official name; `heads` for widths whose number of heads is not known here.
///
/// # Errors
/// When a tensor that tells a size is missing or has another rank, or the number of heads is not known.
pub fn detect(shapes: &BTreeMap<String, Vec<usize>>, heads: Option<usize>) -> Result<Detected> {
    let blocks = |prefix: &str| {
        let numbers = shapes.keys().filter_map(|name| name.strip_prefix(prefix)?.split('.').next()?.parse::<usize>().ok());
        numbers.max().map_or(0, |last| last.saturating_add(1))
    };
    let base = if shapes.keys().any(|name| name.starts_with("base_model.")) { "base_model." } else { "" };
    let control_blocks = blocks("controlnet.");
    if base.is_empty() != (control_blocks == 0) {
        let what = if base.is_empty() { "base_model" } else { "controlnet" };
        return Err(unknown(what, "a control model holds base_model.* and controlnet.*"));
    }
    let shape = |name: &'static str, rank: usize| {
        let found = shapes.get(&format!("{base}{name}")).filter(|shape| shape.len() == rank && !shape.contains(&0));
        found.ok_or_else(|| unknown(name, "a transformer of this family holds it"))
    };
    let patches = shape("x_embedder.proj.weight", 4)?;
    let (width, channels, patch) = (patches[0], patches[1], patches[3]);
    let tokens = shape("pos_embed", 3)?[1];
    let grid = tokens.isqrt();
    if grid * grid != tokens {
        return Err(unknown("pos_embed", "it has one row for each place of a square grid"));
    }
    let captions = shape("y_embedder.y_embedding", 2)?;
    let outputs = shape("final_layer.linear.weight", 2)?[0] / patch.saturating_mul(patch).max(1);
    let known = (width == KNOWN_HEADS.0).then_some(KNOWN_HEADS.1);
    let Some(num_heads) = heads.or(known) else {
        return Err(ModelError::Config {
            field: "num_heads",
            value: "unknown".into(),
            expected: format!("tensors do not tell it at width {width}; say how many attention heads there are"),
        });
    };
    let config = DitConfig {
        input_size: grid.saturating_mul(patch),
        in_channels: channels,
        patch_size: patch,
        hidden_size: width,
        depth: blocks(&format!("{base}blocks.")),
        num_heads,
        mlp_ratio: shape("blocks.0.mlp.fc1.weight", 2)?[0] as f64 / width as f64,
        text_embed_dims: captions[1],
        token_num: captions[0],
        pos_embed_scale: 1.0,
        learn_sigma: outputs == channels.saturating_mul(2),
        ..DitConfig::default()
    };
    config.check()?;
    // A number in a damaged name could claim any depth, and building so many blocks would take memory.
    let claimed = config.depth.max(control_blocks);
    if claimed > shapes.len() {
        return Err(unknown("blocks", "their numbers have no gaps"));
    }
    Ok(Detected { config, control_blocks })
}

fn unknown(name: &'static str, why: &str) -> ModelError {
    ModelError::Config { field: name, value: "missing or misshapen".into(), expected: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::embed::position_table;
    use crate::model::{Base, Param, control_params, dit_params};

    fn shapes(list: Vec<Param>) -> BTreeMap<String, Vec<usize>> {
        list.into_iter().map(|param| (param.name, param.shape)).collect()
    }

    #[test]
    fn the_released_sizes_are_told_from_their_tensors() {
        for config in [DitConfig::xl_2_256(), DitConfig::xl_2_512()] {
            let table = position_table(config.hidden_size, config.grid(), config.pos_embed_scale, &candle_core::Device::Cpu);
            let table = table.unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let text = detect(&shapes(dit_params(&config).unwrap()), None).unwrap();
            assert_eq!(text.position_table(), "pos_embed");
            assert_eq!(text.with_position_scale(&table), Detected { config: config.clone(), control_blocks: 0 });
            let control = detect(&shapes(control_params(&config, 13, Base::Frozen).unwrap()), None).unwrap();
            assert_eq!(control.position_table(), "base_model.pos_embed");
            assert_eq!(control.with_position_scale(&table), Detected { config, control_blocks: 13 });
        }
    }

    #[test]
    fn what_tensors_do_not_tell_must_be_said() {
        let config = DitConfig { hidden_size: 40, num_heads: 5, depth: 2, learn_sigma: false, ..DitConfig::default() };
        let list = shapes(dit_params(&config).unwrap());
        assert!(detect(&list, None).unwrap_err().to_string().contains("width 40"));
        assert_eq!(detect(&list, Some(5)).unwrap().config, config);
        assert!(detect(&list, Some(7)).unwrap_err().to_string().contains("num_heads"));
        let mut gap = list.clone();
        gap.insert("blocks.9999999.attn.proj.bias".into(), vec![40]);
        assert!(detect(&gap, Some(5)).is_err());
        for name in ["pos_embed", "x_embedder.proj.weight", "y_embedder.y_embedding", "final_layer.linear.weight"] {
            let mut less = list.clone();
            less.remove(name);
            assert!(detect(&less, Some(5)).unwrap_err().to_string().contains(name), "{name}");
        }
    }
}
