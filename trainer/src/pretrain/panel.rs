//! The panel of a stage: first cases of its data, and prompts of its configuration.

use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use engine::domain::{Annotation, Finding, Mask, Preset, RectPx};
use engine::model::Autoencoder;

use super::parts::{Parts, decode};
use crate::config::StageConfig;
use crate::config::stage::{PanelPrompt, StageKind};
use crate::data::cases::{Caption, Cases, ConditionKind};
use crate::data::latents::Normaliser;
use crate::stages::panel::Panel;

/// What prompts are encoded and samples decoded with.
pub struct Source<'a> {
    /// The frozen parts.
    pub parts: &'a Parts,
    /// The autoencoder.
    pub autoencoder: Arc<dyn Autoencoder>,
    /// Maps of picture and condition latents.
    pub maps: &'a (Normaliser, Normaliser),
}

/// Builds the panel; `None` where the configuration wants no row.
///
/// # Errors
/// When a case cannot be read or a prompt not be encoded.
pub fn build(config: &StageConfig, device: &Device, cases: &dyn Cases, source: Source<'_>) -> Result<Option<Panel>> {
    let with_control = config.stage == StageKind::Control;
    let first = |has: &[ConditionKind]| if with_control { has.first().copied() } else { None };
    let (mut captions, mut conditions, mut truth) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..config.panel.cases.min(cases.len()) {
        let case = cases.read(index, &first)?;
        captions.push(case.caption);
        conditions.push(case.condition.map(|condition| condition.mean));
        truth.push(case.image.mean);
    }
    if !config.panel.prompts.is_empty() {
        let text = source.parts.text(config.network.token_num)?;
        for row in &config.panel.prompts {
            captions.push(Caption::Rows(text.embed(&row.prompt)?));
            conditions.push(if with_control { condition(config, device, row, &source)? } else { None });
        }
    }
    if captions.is_empty() {
        return Ok(None);
    }
    let (autoencoder, map) = (source.autoencoder.clone(), source.maps.0.clone());
    Ok(Some(Panel {
        captions,
        caption_width: cases.caption_width(),
        conditions,
        truth,
        sampling: config.panel.sampling,
        preset: config.export.preset.parse::<Preset>().context("field export.preset")?,
        prediction: config.objective.prediction.into(),
        decode: Box::new(move |latents| decode(autoencoder.as_ref(), &map, latents)),
    }))
}

/// Latents of what a row draws.
fn condition(config: &StageConfig, device: &Device, row: &PanelPrompt, source: &Source<'_>) -> Result<Option<Vec<f32>>> {
    let (Some(finding), Some([left, top, right, bottom])) = (&row.finding, row.place) else { return Ok(None) };
    let size = (config.network.input_size * source.autoencoder.factor()) as u32;
    let side = size as f32;
    let finding: Finding = finding.parse().context("panel.prompts.finding")?;
    let rect = RectPx { x0: left * side, y0: top * side, x1: right * side, y1: bottom * side };
    let drawn = match row.filled {
        true => Annotation::mask(finding, Mask::from_rect(size, size, &rect)),
        false => Annotation::boxed(finding, rect, size, size),
    };
    let Some(picture) = engine::condition::compile(&[drawn], size, &source.parts.palette()?) else { return Ok(None) };
    let greys: Vec<f32> = picture.pixels().iter().map(|&v| f32::from(v) / 32767.5 - 1.0).collect();
    let picture = Tensor::from_vec(greys, (1, 1, size as usize, size as usize), device)?;
    let picture = picture.repeat((1, source.autoencoder.image_channels(), 1, 1))?;
    let latent = source.maps.1.apply(&source.autoencoder.encode(&picture)?.mean)?;
    Ok(Some(latent.flatten_all()?.to_vec1()?))
}
