//! What a run begins with, as it stands in a record: edited images and kept latents are inside.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::base64;
use super::v1::{mask_from_runs, runs_from_mask};
use crate::domain::{GrayImage, LatentValues, Source};
use crate::imageio::png;

/// A source other than noise. Images are 16-bit grey PNG, latents `f32` from the lowest byte up, both in base64.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
pub(super) enum SourceV1 {
    Image { strength: f32, png: String },
    Region { strength: f32, feather_px: u32, may_change: String, png: String },
    Latent { step: usize, channels: usize, height: usize, width: usize, values: String },
}

impl SourceV1 {
    /// `None` for noise.
    pub(super) fn from_source(source: &Source) -> Result<Option<Self>, png::PngError> {
        let packed = |image: &GrayImage| Ok::<_, png::PngError>(base64::encode(&png::encode_gray16(image, &[])?));
        Ok(match source {
            Source::Noise => None,
            Source::Image { image, strength } => Some(Self::Image { strength: *strength, png: packed(image)? }),
            Source::Region { image, may_change, strength, feather_px } => Some(Self::Region {
                strength: *strength,
                feather_px: *feather_px,
                may_change: runs_from_mask(may_change),
                png: packed(image)?,
            }),
            Source::Latent { latent, step } => {
                let (channels, height, width) = latent.dims();
                let bytes: Vec<u8> = latent.values().iter().flat_map(|v| v.to_le_bytes()).collect();
                Some(Self::Latent { step: *step, channels, height, width, values: base64::encode(&bytes) })
            }
        })
    }

    /// The source, or what is wrong with it.
    pub(super) fn into_source(self) -> Result<Source, String> {
        let image = |text: &str| {
            let bytes = base64::decode(text).ok_or("png is not base64")?;
            png::decode_gray(&bytes, "png").map(Arc::new).map_err(|error| error.to_string())
        };
        match self {
            Self::Image { strength, png } => Ok(Source::Image { image: image(&png)?, strength }),
            Self::Region { strength, feather_px, may_change, png } => {
                let image = image(&png)?;
                let may_change = Arc::new(mask_from_runs(image.width(), image.height(), &may_change)?);
                Ok(Source::Region { image, may_change, strength, feather_px })
            }
            Self::Latent { step, channels, height, width, values } => {
                let bytes = base64::decode(&values).ok_or("values is not base64")?;
                let (numbers, rest) = bytes.as_chunks::<4>();
                let numbers = numbers.iter().map(|&number| f32::from_le_bytes(number)).collect();
                let latent = LatentValues::new(channels, height, width, numbers).filter(|_| rest.is_empty());
                let latent = latent.ok_or_else(|| format!("values is not {channels}×{height}×{width} finite numbers"))?;
                Ok(Source::Latent { latent, step })
            }
        }
    }
}
