//! What an edit at the opened image's size needs to come back: the model's own image, and the pixels that were
//! there before. All others are in the picture itself.

use serde::{Deserialize, Serialize};

use super::{RecordError, base64};
use crate::domain::{GrayImage, Mask};
use crate::imageio::edited::Detail;
use crate::imageio::png::{self, PngError};

/// Value of the `format` field.
const FORMAT: &str = "chexgen-full-size";

/// An edit at the opened image's size.
#[derive(Clone, Debug, PartialEq)]
pub struct FullSize {
    /// The image on the model's square.
    pub result: GrayImage,
    /// Where the fine structure in the region came from.
    pub detail: Detail,
    /// Distance of pixel centres of the opened image in millimetres, down and across.
    pub spacing_mm: Option<(f64, f64)>,
    /// The opened image's pixels around the region, and their upper left corner; none where nothing could change.
    patch: Option<(u32, u32, GrayImage)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullSizeV1 {
    format: String,
    version: u32,
    result: String,
    keeps_detail: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spacing_mm: Option<(f64, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch: Option<PatchV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatchV1 {
    x: u32,
    y: u32,
    png: String,
}

impl FullSize {
    /// Keeps what is needed; `region` is what could change, on the opened image's grid.
    pub fn new(opened: &GrayImage, region: &Mask, result: GrayImage, detail: Detail, spacing_mm: Option<(f64, f64)>) -> Self {
        let patch = region.bounds().and_then(|bounds| {
            let (x, y) = (bounds.x0 as u32, bounds.y0 as u32);
            let (width, height) = (bounds.x1 as u32 - x, bounds.y1 as u32 - y);
            let rows = opened.pixels().chunks_exact(opened.width() as usize).skip(y as usize).take(height as usize);
            let pixels: Vec<u16> = rows.filter_map(|row| row.get(x as usize..(x + width) as usize)).flatten().copied().collect();
            GrayImage::new(width, height, pixels).ok().map(|image| (x, y, image))
        });
        Self { result, detail, spacing_mm, patch }
    }

    /// The image as it was opened, from the edited one; `None` when the patch does not lie in it.
    pub fn opened(&self, edited: &GrayImage) -> Option<GrayImage> {
        let mut pixels = edited.pixels().to_vec();
        if let Some((x, y, patch)) = &self.patch {
            let (x, y, width) = (*x as usize, *y as usize, patch.width() as usize);
            let of = edited.width() as usize;
            if x + width > of || y + patch.height() as usize > edited.height() as usize {
                return None;
            }
            for (row, values) in patch.pixels().chunks_exact(width).enumerate() {
                let from = (y + row) * of + x;
                pixels[from..from + width].copy_from_slice(values);
            }
        }
        GrayImage::new(edited.width(), edited.height(), pixels).ok()
    }

    /// As JSON text.
    ///
    /// # Errors
    /// When a picture cannot be packed.
    pub fn to_json(&self) -> Result<String, PngError> {
        let packed = |image: &GrayImage| Ok::<_, PngError>(base64::encode(&png::encode_gray16(image, &[])?));
        let patch = match &self.patch {
            Some((x, y, image)) => Some(PatchV1 { x: *x, y: *y, png: packed(image)? }),
            None => None,
        };
        let v1 = FullSizeV1 {
            format: FORMAT.to_owned(),
            version: 1,
            result: packed(&self.result)?,
            keeps_detail: self.detail == Detail::Opened,
            spacing_mm: self.spacing_mm,
            patch,
        };
        serde_json::to_string(&v1).map_err(|error| PngError::Encode { reason: error.to_string() })
    }

    /// Reads JSON text; `name` is used in errors.
    ///
    /// # Errors
    /// When it is other JSON or a picture is damaged.
    pub fn from_json(text: &str, name: &str) -> Result<Self, RecordError> {
        let field = |reason: String| RecordError::Field { name: name.to_owned(), reason };
        let v1: FullSizeV1 = serde_json::from_str(text)
            .map_err(|error| RecordError::NotJson { name: name.to_owned(), reason: error.to_string() })?;
        if v1.format != FORMAT || v1.version != 1 {
            return Err(RecordError::Version { name: name.to_owned(), version: v1.version.to_string() });
        }
        let image = |text: &str| {
            let bytes = base64::decode(text).ok_or_else(|| field("a picture is not base64".to_owned()))?;
            png::decode_gray(&bytes, name).map_err(RecordError::Png)
        };
        let patch = match v1.patch {
            Some(PatchV1 { x, y, png }) => Some((x, y, image(&png)?)),
            None => None,
        };
        let spacing_mm = v1.spacing_mm.filter(|(down, across)| *down > 0.0 && *across > 0.0);
        let detail = if v1.keeps_detail { Detail::Opened } else { Detail::Model };
        Ok(Self { result: image(&v1.result)?, detail, spacing_mm, patch })
    }
}
