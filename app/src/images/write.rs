//! Writing images and masks, on a thread: each file whole, under names that were free, or none of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use engine::domain::{GrayImage, Mask, Source};
use engine::imageio::edited::{Kept, SquareEdit, at_full_size, kept_outside};
use engine::imageio::letterbox::{Letterbox, unfit_mask};
use engine::masks::LabelledMask;
use engine::masks::export::{self, MaskSet};
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use engine::store::record::{FullSize, Tier, encode_dicom, encode_png};

use super::{ExportChoice, Original};
use crate::jobs::files::Artifact;

/// What to write.
#[derive(Clone, Debug)]
pub struct Order {
    /// Into which folder.
    pub folder: PathBuf,
    /// Name of the files without ending; a number is added where it is taken.
    pub stem: String,
    /// The image; none where masks are written alone.
    pub result: Option<Arc<Artifact>>,
    /// The opened image that the result changed.
    pub original: Option<Original>,
    /// Masks on the square.
    pub masks: Vec<LabelledMask>,
    /// Millimetres per pixel of the square, down and across.
    pub spacing_mm: Option<(f64, f64)>,
    /// Which files.
    pub choice: ExportChoice,
    /// Whether the record is written as JSON, too.
    pub json: bool,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// The files, the image last.
    pub files: Vec<PathBuf>,
    /// For an edit at the opened image's size: what stayed.
    pub kept: Option<Kept>,
}

/// An edit at the opened image's size.
pub struct Full {
    /// The image.
    pub image: GrayImage,
    /// What it needs to come back.
    pub full_size: FullSize,
    /// What stayed.
    pub kept: Kept,
}

/// The edit of a result on the image as it was opened; `None` where nothing was edited.
///
/// # Errors
/// When the parts do not fit each other.
pub fn at_own_size(result: &Artifact, original: &Original) -> anyhow::Result<Option<Full>> {
    let (before, may_change, feather_px) = match &result.request.source {
        Source::Region { image, may_change, feather_px, .. } => (image, Arc::clone(may_change), *feather_px),
        Source::Image { image, .. } => (image, Arc::new(Mask::empty(image.width(), image.height()).inverted()), 0),
        Source::Noise | Source::Latent { .. } => return Ok(None),
    };
    let opened = &original.image;
    let edit = SquareEdit { before, after: &result.image, may_change: &may_change, feather_px };
    let image = at_full_size(opened, edit, original.detail)?;
    let place = Letterbox::new(opened.width(), opened.height(), before.width());
    let region = unfit_mask(&may_change, place, opened.width(), opened.height());
    let kept = kept_outside(opened, &image, &region).context("the edit has another size than the opened image")?;
    let model_image = GrayImage::clone(&result.image);
    let full_size = FullSize::new(opened, &region, model_image, original.detail, original.spacing_mm);
    Ok(Some(Full { image, full_size, kept }))
}

/// Writes the files of an order.
///
/// # Errors
/// When the folder cannot be made or written, the disk is full, or a format cannot hold what is there; then no
/// file is left behind.
pub fn write(order: &Order) -> anyhow::Result<Written> {
    let ExportChoice { png, dicom, masks: formats, tier, own_size } = &order.choice;
    if order.choice.is_empty() {
        return Err(anyhow!("nothing is chosen; choose a format first"));
    }
    ensure_writable_dir(&order.folder)?;
    let stem = free_stem(&order.folder, &order.stem)?;
    let full = match (&order.result, &order.original) {
        (Some(result), Some(original)) if *own_size => at_own_size(result, original)?,
        _ => None,
    };
    // The grid of the masks is that of the image, or of the opened one where masks are written alone.
    let own = order.original.as_ref().filter(|_| *own_size && (full.is_some() || order.result.is_none()));
    let spacing_mm = if *own_size { own.and_then(|own| own.spacing_mm) } else { None }.or(order.spacing_mm);
    let masks = own.map_or_else(|| order.masks.clone(), |own| on_grid_of(&order.masks, &own.image));

    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut images: Vec<(String, Vec<u8>)> = Vec::new();
    let full_size = full.as_ref().map(|full| &full.full_size);
    let mut capture = None;
    if let Some(result) = &order.result {
        let image: &GrayImage = full.as_ref().map_or(&result.image, |full| &full.image);
        if *dicom {
            let bytes = encode_dicom(image, &result.record, *tier, full_size, spacing_mm)?;
            images.push((format!("{stem}.dcm"), bytes.clone()));
            capture = Some(bytes);
        }
        if order.json && *tier == Tier::Full {
            files.push((format!("{stem}.json"), result.record.to_json()?.into_bytes()));
        }
        if *png {
            images.push((format!("{stem}.png"), encode_png(image, &result.record, *tier, full_size)?));
        }
    }
    let image_name = if *png || !*dicom { format!("{stem}.png") } else { format!("{stem}.dcm") };
    let set = MaskSet { stem: &stem, image: &image_name, masks: &masks, spacing_mm, capture: capture.as_deref() };
    for format in formats {
        files.extend(export::encode(*format, &set)?.into_iter().map(|file| (file.name, file.bytes)));
    }
    // An image comes last: where it lies, the others lie beside it.
    files.append(&mut images);
    if files.is_empty() {
        return Err(anyhow!("there is nothing to write: no image is shown and nothing is drawn"));
    }
    let mut written = Vec::new();
    for (name, bytes) in &files {
        let path = order.folder.join(name);
        if let Err(error) = write_atomic(&path, bytes) {
            for path in &written {
                // The names were free, so what lies there is a part of this failed export.
                if std::fs::remove_file(path).is_err() {
                    tracing::debug!("a file of a failed export could not be removed");
                }
            }
            return Err(error.into());
        }
        written.push(path);
    }
    Ok(Written { folder: order.folder.clone(), files: written, kept: full.map(|full| full.kept) })
}

/// Masks of the square on the grid of the image that lies there.
fn on_grid_of(masks: &[LabelledMask], image: &GrayImage) -> Vec<LabelledMask> {
    let (width, height) = (image.width(), image.height());
    let fitted = masks.iter().map(|entry| {
        let place = Letterbox::new(width, height, entry.mask.width());
        LabelledMask { label: entry.label.clone(), mask: unfit_mask(&entry.mask, place, width, height) }
    });
    fitted.collect()
}

/// The first of `stem`, `stem-2`, `stem-3`, … of which no file is there.
fn free_stem(folder: &Path, stem: &str) -> anyhow::Result<String> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let taken: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().to_lowercase()).collect();
    let is_free = |stem: &String| {
        let rest = |name: &String| name.strip_prefix(stem.as_str()).is_some_and(|rest| rest.starts_with(['.', '_']));
        !taken.iter().any(rest)
    };
    (1..10_000)
        .map(|n| if n == 1 { stem.to_lowercase() } else { format!("{}-{n}", stem.to_lowercase()) })
        .find(is_free)
        .ok_or_else(|| anyhow!("there are already ten thousand files of this name; choose another folder"))
}
