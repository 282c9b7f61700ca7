//! Contact sheets of grey pictures.

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use engine::domain::GrayImage;
use engine::imageio::png::{Text, encode_gray16};
use engine::store::record::SYNTHETIC_MARK;

/// Pictures `[n, 1, H, W]` in `-1..=1` as grey images.
///
/// # Errors
/// When the tensor has another rank.
pub fn grey_images(pictures: &Tensor) -> Result<Vec<GrayImage>> {
    let (n, _, h, w) = pictures.dims4()?;
    let values = pictures
        .detach()
        .to_dtype(DType::F32)?
        .affine(0.5, 0.5)?
        .to_device(&Device::Cpu)?
        .reshape((n, h * w))?
        .to_vec2::<f32>()?;
    values.iter().map(|v| Ok(GrayImage::from_unit(w as u32, h as u32, v)?)).collect()
}

/// Black between the pictures of a sheet.
pub const GAP_PX: usize = 4;

/// One picture of equal pictures in rows of `columns`, with a thin black gap.
pub fn grid(images: &[GrayImage], columns: usize) -> GrayImage {
    let columns = columns.clamp(1, images.len().max(1));
    let (w, h) = images.first().map_or((1, 1), |i| (i.width() as usize, i.height() as usize));
    let rows = images.len().div_ceil(columns).max(1);
    let (width, height) = (columns * (w + GAP_PX) - GAP_PX, rows * (h + GAP_PX) - GAP_PX);
    let mut pixels = vec![0u16; width * height];
    for (i, image) in images.iter().enumerate() {
        let (x0, y0) = (i % columns * (w + GAP_PX), i / columns * (h + GAP_PX));
        for (y, line) in image.pixels().chunks_exact(w).enumerate().take(h) {
            let at = (y0 + y) * width + x0;
            pixels[at..at + w].copy_from_slice(line);
        }
    }
    GrayImage::new(width as u32, height as u32, pixels).unwrap_or_else(|_| GrayImage::black(1, 1))
}

/// Writes a sheet as a PNG.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write(path: &Path, images: &[GrayImage], columns: usize) -> Result<()> {
    let mark = Text::Plain(SYNTHETIC_MARK.0, SYNTHETIC_MARK.1);
    let png = encode_gray16(&grid(images, columns), &[mark]).with_context(|| format!("cannot encode {}", path.display()))?;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    engine::store::atomic::write_atomic(path, &png).with_context(|| format!("cannot write {}", path.display()))
}
