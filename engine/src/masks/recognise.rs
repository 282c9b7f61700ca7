//! Masks from a file of any format here; its content tells which.

use super::{coco, dicom_seg, export, nifti, run_length, run_length::RunOrder, yolo};
use crate::domain::{Finding, GrayImage, Mask, RectPx};
use crate::imageio::fault::{Fault, FormatError};
use crate::imageio::kind::FileKind;
use crate::imageio::png;

/// Side of the images of SIIM-ACR, whose run lengths do not say it.
pub const SIIM_SIDE_PX: u32 = 1024;
/// Most masks of a file that are given back.
const MAX_ITEMS: usize = 256;

/// Where something lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// Pixels.
    Mask(Mask),
    /// A rectangle.
    Box(RectPx),
}

/// Something drawn in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its class, where the file names one of ours.
    pub finding: Option<Finding>,
    /// Where it lies, on the file's grid.
    pub area: Area,
}

/// What a file of masks holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    /// The format's name.
    pub format: &'static str,
    /// Width of the grid in pixels.
    pub width: u32,
    /// Height of the grid in pixels.
    pub height: u32,
    /// In the order of the file.
    pub items: Vec<Item>,
    /// What a person should know about how it was read; sentences without a full stop.
    pub notes: Vec<String>,
}

/// The image that masks are meant for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its name, with or without ending.
    pub name: &'a str,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// The masks in a file; `None` when it is no file of masks, such as a radiograph. `name` is the file's name, in
/// which a class is looked for where the content names none.
///
/// # Errors
/// When it is a file of masks that is damaged, too large, or speaks of other images only.
pub fn decode(bytes: &[u8], name: &str, target: Option<Target<'_>>) -> Result<Option<Recognised>, FormatError> {
    let found = match FileKind::of(bytes) {
        FileKind::Png => picture(bytes, name)?,
        FileKind::Dicom => segmentation(bytes, name)?,
        FileKind::Nifti => Some(label_map(bytes, name)?),
        FileKind::Gzip if is_packed_nifti(bytes) => Some(label_map(bytes, name)?),
        FileKind::Json => objects(bytes, name, target)?,
        FileKind::Text => match std::str::from_utf8(bytes) {
            Ok(text) => lines(text, name, target)?,
            Err(_) => None,
        },
        FileKind::Empty | FileKind::Jpeg | FileKind::Gzip | FileKind::Other(_) => None,
    };
    Ok(found.map(|mut found| {
        if found.items.len() > MAX_ITEMS {
            found.notes.push(format!("the file has {} masks; the first {MAX_ITEMS} are read", found.items.len()));
            found.items.truncate(MAX_ITEMS);
        }
        let of_name = class_in(name);
        for item in &mut found.items {
            item.finding = item.finding.or(of_name);
        }
        found
    }))
}

/// The class that a file name mentions.
fn class_in(name: &str) -> Option<Finding> {
    let words = name.to_ascii_lowercase().replace([' ', '-'], "_");
    Finding::ALL.into_iter().find(|finding| words.contains(finding.name()))
}

/// A grey picture of two levels, one of them black: a mask, whatever its white is.
pub fn two_levels(image: &GrayImage) -> Option<Mask> {
    let white = *image.pixels().iter().find(|value| **value != 0)?;
    let only = image.pixels().iter().all(|value| *value == 0 || *value == white);
    let black = image.pixels().contains(&0);
    (only && black).then(|| Mask::from_fn(image.width(), image.height(), |x, y| image.get(x, y) == Some(white)))
}

fn picture(bytes: &[u8], name: &str) -> Result<Option<Recognised>, FormatError> {
    let fail = |error: png::PngError| Fault::Request(error.to_string()).of(name);
    let Some(mask) = two_levels(&png::decode_gray(bytes, "the picture").map_err(fail)?) else { return Ok(None) };
    let label = png::decode_text(bytes, export::LABEL_KEYWORD, "the picture").map_err(fail)?;
    let finding = label.and_then(|label| label.parse().ok());
    let (width, height) = (mask.width(), mask.height());
    let items = vec![Item { finding, area: Area::Mask(mask) }];
    Ok(Some(Recognised { format: "PNG mask", width, height, items, notes: Vec::new() }))
}

fn segmentation(bytes: &[u8], name: &str) -> Result<Option<Recognised>, FormatError> {
    let segments = match dicom_seg::decode(bytes, name) {
        Err(FormatError { fault: Fault::Foreign { .. }, .. }) => return Ok(None),
        other => other?,
    };
    let (width, height) = segments.first().map_or((1, 1), |segment| (segment.mask.width(), segment.mask.height()));
    let items = segments
        .into_iter()
        .map(|segment| Item { finding: segment.label.parse().ok(), area: Area::Mask(segment.mask) })
        .collect();
    Ok(Some(Recognised { format: "DICOM segmentation", width, height, items, notes: Vec::new() }))
}

fn is_packed_nifti(bytes: &[u8]) -> bool {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(bytes).take(352).read_to_end(&mut head);
    read.is_ok() && FileKind::of(&head) == FileKind::Nifti
}

fn label_map(bytes: &[u8], name: &str) -> Result<Recognised, FormatError> {
    let map = nifti::decode(bytes, name)?;
    let mut notes = Vec::new();
    if !map.labels.is_empty() && class_in(name).is_none() {
        notes.push("label numbers are read in the order of the class keys, from 1".to_owned());
    }
    let one = map.labels.len() == 1;
    let items = map
        .labels
        .into_iter()
        .map(|(label, mask)| {
            let by_number = usize::try_from(label).ok().and_then(|n| Finding::ALL.get(n.wrapping_sub(1))).copied();
            // A single label in a file that names its class is that class, whatever its number.
            let finding = if one { class_in(name).or(by_number) } else { by_number };
            Item { finding, area: Area::Mask(mask) }
        })
        .collect();
    Ok(Recognised { format: "NIfTI label map", width: map.width, height: map.height, items, notes })
}

/// Whether two names are the same image's: without folders and endings.
fn same_image(one: &str, other: &str) -> bool {
    let stem = |name: &str| {
        let base = name.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        base.rsplit_once('.').map_or(base.clone(), |(stem, _)| stem.to_owned())
    };
    stem(one) == stem(other)
}

/// The one of several images that is meant: that of the target's name, or the only one.
fn chosen<'a>(images: &'a [String], target: Option<Target<'_>>, name: &str) -> Result<&'a str, FormatError> {
    let of_target = target.and_then(|target| images.iter().find(|image| same_image(image, target.name)));
    match (of_target, images) {
        (Some(image), _) | (None, [image]) => Ok(image),
        (None, []) => Err(Fault::missing("the list of images").of(name)),
        (None, _) => Err(Fault::Request(format!(
            "the file speaks of {} images, and none has the name of the opened one; open the image of a mask first",
            images.len()
        ))
        .of(name)),
    }
}

fn objects(bytes: &[u8], name: &str, target: Option<Target<'_>>) -> Result<Option<Recognised>, FormatError> {
    let has = |key: &[u8]| bytes.windows(key.len()).any(|part| part == key);
    if !(has(b"\"images\"") && has(b"\"annotations\"")) {
        return Ok(None);
    }
    let images = coco::file_names(bytes, name)?;
    let image = coco::decode(bytes, chosen(&images, target, name)?, name)?;
    let items = image
        .objects
        .into_iter()
        .map(|object| Item { finding: object.labelled.label.parse().ok(), area: Area::Mask(object.labelled.mask) })
        .collect();
    Ok(Some(Recognised { format: "COCO JSON", width: image.width, height: image.height, items, notes: Vec::new() }))
}

/// A table of run lengths, bare run lengths, or boxes.
fn lines(text: &str, name: &str, target: Option<Target<'_>>) -> Result<Option<Recognised>, FormatError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let (width, height) = target.map_or((SIIM_SIDE_PX, SIIM_SIDE_PX), |target| (target.width, target.height));
    let assumed = || match target {
        Some(_) => Vec::new(),
        None => vec![format!("run lengths do not say their size; {SIIM_SIDE_PX} × {SIIM_SIDE_PX} is assumed")],
    };
    let header = text.lines().next().unwrap_or_default();
    if header.contains("ImageId") && header.contains("EncodedPixels") {
        let images = run_length::image_names(text);
        let image = chosen(&images, target, name)?;
        let mask = run_length::from_table(text, image, width, height, name)?.unwrap_or_else(|| Mask::empty(width, height));
        let items = vec![Item { finding: None, area: Area::Mask(mask) }];
        return Ok(Some(Recognised { format: "SIIM run lengths", width, height, items, notes: assumed() }));
    }
    let words = || text.split_ascii_whitespace();
    let whole = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    if text == "-1" || (words().next().is_some() && words().all(whole)) {
        let mask = run_length::decode(text, RunOrder::RelativeColumns, width, height, name)?;
        let items = vec![Item { finding: None, area: Area::Mask(mask) }];
        return Ok(Some(Recognised { format: "SIIM run lengths", width, height, items, notes: assumed() }));
    }
    let is_box = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        words.len() == 5 && whole(words[0]) && words[1..].iter().all(|word| word.parse::<f64>().is_ok())
    };
    if !text.lines().filter(|line| !line.trim().is_empty()).all(is_box) || text.is_empty() {
        return Ok(None);
    }
    let boxes = yolo::decode(text, width, height, name)?;
    let items = boxes
        .into_iter()
        .map(|found| Item { finding: Finding::ALL.get(found.class).copied(), area: Area::Box(found.rect) })
        .collect();
    let notes = vec!["class numbers are read in the order of the class keys, from 0".to_owned()];
    Ok(Some(Recognised { format: "YOLO boxes", width, height, items, notes }))
}
