//! Opening a file of any kind by its content, on a thread: a saved run, a radiograph, masks, or one sentence.
//!
//! Who a patient is never passes this door: of a DICOM file only pixels, spacing, projection and window numbers are
//! taken, and a case made of one is named after its pixels, for names of such files are often the patient's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::{GrayImage, Source};
use engine::imageio::dicom::{self, Radiograph, Stored};
use engine::imageio::fault::{FormatError, read_file};
use engine::imageio::kind::FileKind;
use engine::imageio::letterbox::fit_image;
use engine::imageio::{photo, png};
use engine::masks::recognise::{self, Target};
use engine::store::hash::hash_image;
use engine::store::record::{CONDITION_MARK, FULL_SIZE_KEYWORD, FullSize, PNG_KEYWORD, RunRecord, SHAREABLE_KEYWORD, Shareable};

use super::offer::Offer;
use super::photo::is_in_colour;
use super::{Original, originals};
use crate::jobs::files::{Artifact, Opened};
use crate::state::View;

/// Longest file name in a sentence, in letters.
const NAME_LETTERS: usize = 60;

/// What recognising a file depends on.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Side of the document's square in pixels.
    pub size_px: u32,
    /// The studio's own folder, where opened images of edits are kept; empty where they are not looked for.
    pub folder: PathBuf,
    /// Title, width and height of the image under the layers as it was opened.
    pub base: Option<(String, u32, u32)>,
}

impl Hints {
    /// What it depends on now.
    pub fn of(state: &crate::state::State) -> Self {
        let document = &state.document;
        let base = document.base.as_ref().map(|b| (b.title.clone(), b.original.width(), b.original.height()));
        Self { size_px: document.size_px, base, folder: PathBuf::new() }
    }
}

/// What a file turned out to be.
#[derive(Debug)]
pub enum Found {
    /// A saved run.
    Restored(Box<Restored>),
    /// A picture to put under the layers.
    Picture(Box<Picture>),
    /// Masks.
    Masks(Box<Offer>),
    /// A run folder of a training, for its room.
    Training(PathBuf),
}

/// A saved run.
#[derive(Debug)]
pub struct Restored {
    /// The model's image and its record.
    pub opened: Opened,
    /// The opened image that the run changed, where the file has it.
    pub original: Option<Original>,
    /// What a person should know; sentences without a full stop.
    pub notes: Vec<String>,
}

/// A picture that was opened.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Name of the file without folder.
    pub title: String,
    /// Name for a case made of it.
    pub case: String,
    /// The image as it is.
    pub original: Arc<GrayImage>,
    /// The image on the document's square.
    pub square: Arc<GrayImage>,
    /// Millimetres per pixel, down and across.
    pub spacing_mm: Option<(f64, f64)>,
    /// The projection, where the file says it.
    pub view: View,
    /// Stored values, where there is more than one way to show them.
    pub stored: Option<Arc<Stored>>,
    /// Seed and settings of a shareable file.
    pub shareable: Option<Box<Shareable>>,
    /// What a person should know; sentences without a full stop.
    pub notes: Vec<String>,
}

/// Opens a file.
///
/// # Errors
/// One sentence, with the file's name at its end.
pub fn open(path: &Path, hints: &Hints) -> Result<Found, String> {
    let name = path.file_name().map_or_else(|| "this path".to_owned(), |name| name.to_string_lossy().into_owned());
    if path.join("metrics.jsonl").is_file() || (path.join("config.toml").is_file() && path.join("lock").is_file()) {
        return Ok(Found::Training(path.to_owned()));
    }
    let read = || {
        let bytes = read_file(path).map_err(said)?;
        recognise(&bytes, path, &name, hints)
    };
    // Decoders of others may stop in the middle; what they say is not passed on, it could quote the file.
    let found = catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("The file is damaged in a way its decoder cannot take".to_owned()));
    found.map_err(|why| sentence(&why, &name))
}

/// One sentence with the file's name last.
fn sentence(why: &str, name: &str) -> String {
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let why = why.trim_end_matches(['.', ' ']);
    let mut letters = why.chars();
    let capital: String = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
    let mut short: String = name.chars().filter(|c| !c.is_control()).take(NAME_LETTERS).collect();
    if name.chars().count() > NAME_LETTERS {
        short.push('…');
    }
    format!("{capital} ({short}).")
}

fn said(error: FormatError) -> String {
    error.fault.to_string()
}

/// Why a picture is not read, with what to do.
fn refused(error: png::PngError) -> String {
    let remedy = match error {
        png::PngError::TooLarge { .. } => "; scale it down first",
        png::PngError::DamagedJpeg { .. } => "; copy or export it again",
        _ => "",
    };
    format!("{error}{remedy}")
}

/// What the errors of pictures call the file; its name comes at the end of the sentence.
const FILE: &str = "the file";

fn recognise(bytes: &[u8], path: &Path, name: &str, hints: &Hints) -> Result<Found, String> {
    match FileKind::of(bytes) {
        FileKind::Empty => Err("The file is empty; copy it again".to_owned()),
        FileKind::Other("") => Err("This kind of file is not known; open a PNG, JPEG, DICOM or NIfTI file, run lengths or COCO JSON".to_owned()),
        FileKind::Other(what) => Err(format!("This is {what}, which is not read; convert or unpack it to PNG, JPEG or DICOM first")),
        FileKind::Png => open_png(bytes, path, name, hints),
        FileKind::Jpeg => {
            let image = photo::decode_photo(bytes, FILE).map_err(refused)?;
            picture(name, image, is_in_colour(bytes), hints)
        }
        FileKind::Dicom => open_dicom(bytes, name, hints),
        FileKind::Json if has(bytes, b"\"chexgen-run\"") => open_json(bytes, path, name, hints),
        FileKind::Json | FileKind::Text | FileKind::Nifti | FileKind::Gzip => masks(bytes, name, hints)?.ok_or_else(|| {
            "The file holds no masks that are known: run lengths, a SIIM table, YOLO boxes, COCO JSON and NIfTI label maps are read"
                .to_owned()
        }),
    }
}

fn has(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|part| part == words)
}

fn masks(bytes: &[u8], name: &str, hints: &Hints) -> Result<Option<Found>, String> {
    let target = hints.base.as_ref().map(|(name, width, height)| Target { name, width: *width, height: *height });
    let found = recognise::decode(bytes, name, target).map_err(|error| match error.name.strip_prefix(name) {
        // The name of a line of a table.
        Some(rest) if rest.len() > 2 => format!("{}: {}", rest.trim_start_matches([',', ' ']), error.fault),
        _ => said(error),
    })?;
    found.map(|found| Ok(Found::Masks(Box::new(Offer::new(name, found, hints, None))))).transpose()
}

fn open_png(bytes: &[u8], path: &Path, name: &str, hints: &Hints) -> Result<Found, String> {
    let text = |keyword: &str| png::decode_text(bytes, keyword, FILE).map_err(refused);
    if let Some(json) = text(PNG_KEYWORD)? {
        let record = RunRecord::from_json(&json, "the record").map_err(|error| error.to_string())?;
        let image = png::decode_gray(bytes, FILE).map_err(refused)?;
        let full = text(FULL_SIZE_KEYWORD)?;
        return restored(stem(name), record, image, full.as_deref(), beside(path), hints).map(|r| Found::Restored(Box::new(r)));
    }
    if text(CONDITION_MARK.0)?.as_deref() == Some(CONDITION_MARK.1) {
        return Err("This is a condition picture, which a model saw; open the image that was saved beside it".to_owned());
    }
    let image = png::decode_gray(bytes, FILE).map_err(refused)?;
    let shareable = match text(SHAREABLE_KEYWORD)? {
        Some(json) => Some(Shareable::from_json(&json, "the record").map_err(|error| error.to_string())?),
        None => None,
    };
    if shareable.is_none()
        && recognise::two_levels(&image).is_some()
        && let Some(Found::Masks(mut offer)) = masks(bytes, name, hints)?
    {
        if let Found::Picture(picture) = picture(name, image, false, hints)? {
            offer.picture = Some(picture);
        }
        return Ok(Found::Masks(offer));
    }
    let mut found = picture(name, image, is_in_colour(bytes), hints)?;
    if let Found::Picture(picture) = &mut found {
        picture.shareable = shareable.map(Box::new);
    }
    Ok(found)
}

fn open_dicom(bytes: &[u8], name: &str, hints: &Hints) -> Result<Found, String> {
    let mut shareable = None;
    if let Some(json) = dicom::decode_text(bytes, FILE).map_err(said)? {
        if has(json.as_bytes(), b"\"chexgen-run\"") {
            let record = RunRecord::from_json(&json, "the record").map_err(|error| error.to_string())?;
            let shown = dicom::decode_radiograph(bytes, FILE).map_err(said)?;
            let full = dicom::decode_full_size(bytes, FILE).map_err(said)?;
            return restored(stem(name), record, shown.image, full.as_deref(), None, hints).map(|r| Found::Restored(Box::new(r)));
        }
        shareable = Some(Shareable::from_json(&json, "the record").map_err(|error| error.to_string())?);
    }
    if let Some(found) = masks(bytes, name, hints)? {
        return Ok(found);
    }
    let Radiograph { image, spacing_mm, view, notes, stored, .. } = dicom::decode_radiograph(bytes, FILE).map_err(said)?;
    let case = format!("Radiograph {}", &hash_image(&image)[..4]);
    let square = square(&image, hints.size_px)?;
    Ok(Found::Picture(Box::new(Picture {
        title: name.to_owned(),
        case,
        square,
        original: Arc::new(image),
        spacing_mm,
        view: match view {
            Some(dicom::View::PosteroAnterior) => View::Pa,
            Some(dicom::View::AnteroPosterior) => View::Ap,
            _ => View::Unstated,
        },
        stored: stored.map(Arc::new),
        shareable: shareable.map(Box::new),
        notes: notes.iter().map(ToString::to_string).collect(),
    })))
}

/// A JSON record with its picture beside it.
fn open_json(bytes: &[u8], path: &Path, name: &str, hints: &Hints) -> Result<Found, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "The record is not UTF-8 text".to_owned())?;
    let record = RunRecord::from_json(text, "the record").map_err(|error| error.to_string())?;
    let picture = path.with_extension("png");
    let bytes =
        read_file(&picture).map_err(|error| format!("Its picture with the ending .png cannot be opened: {}", error.fault))?;
    let image = png::decode_gray(&bytes, "its picture").map_err(|error| error.to_string())?;
    let full = png::decode_text(&bytes, FULL_SIZE_KEYWORD, "its picture").map_err(|error| error.to_string())?;
    restored(stem(name), record, image, full.as_deref(), beside(&picture), hints).map(|r| Found::Restored(Box::new(r)))
}

/// The condition picture that was saved beside an image; a copy of what the record holds, so nothing is lost without.
fn beside(path: &Path) -> Option<GrayImage> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    png::read_gray(&path.with_file_name(format!("{stem}_mask.png"))).ok()
}

fn restored(
    name: String,
    record: RunRecord,
    image: GrayImage,
    full: Option<&str>,
    condition: Option<GrayImage>,
    hints: &Hints,
) -> Result<Restored, String> {
    let mut notes = Vec::new();
    let mut original = None;
    let mut model_image = image;
    let source = match &record.request.source {
        Source::Region { image, .. } | Source::Image { image, .. } => Some(image),
        Source::Noise | Source::Latent { .. } => None,
    };
    if let Some(json) = full {
        let full = FullSize::from_json(json, "the edit").map_err(|error| error.to_string())?;
        let opened =
            full.opened(&model_image).ok_or("The edit does not fit the picture; it was cut or scaled after it was saved")?;
        if let Some(square) = source {
            let (image, spacing_mm, detail) = (Arc::new(opened), full.spacing_mm, full.detail);
            original = Some(Original { square: Arc::clone(square), image, spacing_mm, detail });
        }
        model_image = full.result;
    } else if let Some(square) = source.filter(|_| !hints.folder.as_os_str().is_empty()) {
        // The library's own file has the model's image; what it was made of lies beside.
        match originals::find(&hints.folder, square) {
            Ok(found) => original = found,
            Err(why) => notes.push(why),
        }
    }
    let side = record.size_px;
    if (model_image.width(), model_image.height()) != (side, side) {
        if side == 0 || side > png::MAX_SIDE_PX {
            return Err(format!("The record speaks of an image of {side} pixels, which is not possible"));
        }
        model_image = fit_image(&model_image, side).map_err(|error| error.to_string())?;
        notes.push("the picture was scaled after it was saved".to_owned());
    } else if hash_image(&model_image) != record.pixels_blake3 {
        notes.push("the picture was changed after it was saved, and differs from what its record says".to_owned());
    }
    if let Some(Original { square, image, .. }) = &original
        && fit_image(image, square.width()).ok().as_ref() != Some(square)
    {
        notes.push("the opened image was changed after it was saved".to_owned());
    }
    let artifact = Artifact { image: Arc::new(model_image), condition, request: record.request.clone(), record };
    Ok(Restored { opened: Opened { name, artifact }, original, notes })
}

fn stem(name: &str) -> String {
    Path::new(name).file_stem().map_or_else(|| "Untitled".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn square(image: &GrayImage, size_px: u32) -> Result<Arc<GrayImage>, String> {
    fit_image(image, size_px.max(1)).map(Arc::new).map_err(|error| error.to_string())
}

fn picture(name: &str, image: GrayImage, colour: bool, hints: &Hints) -> Result<Found, String> {
    let notes = if colour { vec!["the image is in colour; it is shown in grey".to_owned()] } else { Vec::new() };
    Ok(Found::Picture(Box::new(Picture {
        title: name.to_owned(),
        case: stem(name),
        square: square(&image, hints.size_px)?,
        original: Arc::new(image),
        spacing_mm: None,
        view: View::Unstated,
        stored: None,
        shareable: None,
        notes,
    })))
}
