//! What a run begins with, as it stands in a record: edited images and kept latents are inside.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::base64;
use super::v1::{mask_from_runs, runs_from_mask};
use crate::domain::{GrayImage, KeptStep, LatentValues, Source};
use crate::imageio::png;

/// A source other than noise. Images are 16-bit grey PNG, latents `f32` from the lowest byte up, both in base64.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
pub(super) enum SourceV1 {
    Image {
        strength: f32,
        png: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<LatentV1>,
    },
    Region {
        strength: f32,
        feather_px: u32,
        may_change: String,
        png: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<LatentV1>,
    },
    Latent(LatentV1),
}

/// Latents and the step that comes next, from 0.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LatentV1 {
    step: usize,
    channels: usize,
    height: usize,
    width: usize,
    values: String,
}

impl LatentV1 {
    fn new(latent: &LatentValues, step: usize) -> Self {
        let (channels, height, width) = latent.dims();
        let bytes: Vec<u8> = latent.values().iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { step, channels, height, width, values: base64::encode(&bytes) }
    }

    fn into_kept(self) -> Result<KeptStep, String> {
        let Self { step, channels, height, width, values } = self;
        let bytes = base64::decode(&values).ok_or("values is not base64")?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers = numbers.iter().map(|&number| f32::from_le_bytes(number)).collect();
        let latent = LatentValues::new(channels, height, width, numbers).filter(|_| rest.is_empty());
        let latent = latent.ok_or_else(|| format!("values is not {channels}×{height}×{width} finite numbers"))?;
        Ok(KeptStep { latent, step })
    }
}

impl SourceV1 {
    /// `None` for noise.
    pub(super) fn from_source(source: &Source) -> Result<Option<Self>, png::PngError> {
        let packed = |image: &GrayImage| Ok::<_, png::PngError>(base64::encode(&png::encode_gray16(image, &[])?));
        let latent = |kept: &Option<Box<KeptStep>>| kept.as_ref().map(|kept| LatentV1::new(&kept.latent, kept.step));
        Ok(match source {
            Source::Noise => None,
            Source::Image { image, strength, kept } => {
                Some(Self::Image { strength: *strength, png: packed(image)?, kept: latent(kept) })
            }
            Source::Region { image, may_change, strength, feather_px, kept } => Some(Self::Region {
                strength: *strength,
                feather_px: *feather_px,
                may_change: runs_from_mask(may_change),
                png: packed(image)?,
                kept: latent(kept),
            }),
            Source::Latent { latent, step } => Some(Self::Latent(LatentV1::new(latent, *step))),
        })
    }

    /// The source, or what is wrong with it.
    pub(super) fn into_source(self) -> Result<Source, String> {
        let image = |text: &str| {
            let bytes = base64::decode(text).ok_or("png is not base64")?;
            png::decode_gray(&bytes, "png").map(Arc::new).map_err(|error| error.to_string())
        };
        let kept = |kept: Option<LatentV1>| kept.map(|kept| kept.into_kept().map(Box::new)).transpose();
        match self {
            Self::Image { strength, png, kept: from } => Ok(Source::Image { image: image(&png)?, strength, kept: kept(from)? }),
            Self::Region { strength, feather_px, may_change, png, kept: from } => {
                let image = image(&png)?;
                let may_change = Arc::new(mask_from_runs(image.width(), image.height(), &may_change)?);
                Ok(Source::Region { image, may_change, strength, feather_px, kept: kept(from)? })
            }
            Self::Latent(latent) => latent.into_kept().map(|KeptStep { latent, step }| Source::Latent { latent, step }),
        }
    }
}
