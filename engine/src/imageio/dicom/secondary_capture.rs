//! A synthetic image as a Secondary Capture with its run record inside.
//!
//! A class for radiographs would claim a detector that never was; a Secondary Capture is what it is.
//! The record lies in private elements `(0099,1001)` as text and `(0099,1002)` as its length, since
//! blanks at the end of a DICOM text do not count. `(0099,1003)` and `(0099,1004)` hold what an edit at the size of
//! the opened image needs to come back, in the same way.
//!
//! # Source
//! DICOM PS3.3, A.8.1 and C.8.6 (Secondary Capture), C.12.1 (SOP common: synthetic data); PS3.5, 7.8 (private elements), B.2 (UIDs).

use std::path::Path;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::element::{Put as _, file, synthetic_patient, uid};
use super::field::Fields as _;
use super::file::open;
use crate::domain::GrayImage;
use crate::imageio::fault::{Fault, FormatError, read_file};

/// Who owns the private elements.
const CREATOR: &str = "CHEXGEN";
const CREATOR_AT: Tag = Tag(0x0099, 0x0010);
const RECORD_AT: Tag = Tag(0x0099, 0x1001);
const RECORD_LENGTH_AT: Tag = Tag(0x0099, 0x1002);
const FULL_SIZE_AT: Tag = Tag(0x0099, 0x1003);
const FULL_SIZE_LENGTH_AT: Tag = Tag(0x0099, 0x1004);

/// What an image shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing of a patient.
    Synthetic,
    /// An opened image that was changed in a region.
    EditedRegion,
    /// An opened image that was changed as a whole.
    EditedWhole,
}

impl Content {
    /// What plain readers show.
    fn statement(self) -> &'static str {
        match self {
            Self::Synthetic => "Synthetic image, made by ChexGen Studio. It shows no patient and is not for diagnosis.",
            Self::EditedRegion => {
                "EDITED REGION: an opened image, changed in one region by ChexGen Studio. What it shows there is synthetic and not for diagnosis."
            }
            Self::EditedWhole => {
                "EDITED IMAGE: an opened image, changed as a whole by ChexGen Studio. What it shows is synthetic and not for diagnosis."
            }
        }
    }
}

/// An image to write.
#[derive(Clone, Copy, Debug)]
pub struct Capture<'a> {
    /// The image.
    pub image: &'a GrayImage,
    /// What it shows.
    pub content: Content,
    /// The run record, or nothing of it.
    pub record: Option<&'a str>,
    /// What an edit at the opened image's size needs to come back.
    pub full_size: Option<&'a str>,
    /// Distance of pixel centres down and across.
    pub spacing_mm: Option<(f64, f64)>,
}

/// A DICOM file of a synthetic image: Secondary Capture, MONOCHROME2 of 16 bits, with `record` inside.
///
/// `spacing_mm` is the distance of pixel centres down and across. The same image and record give the same bytes.
///
/// # Errors
/// When a side is longer than DICOM can say, the spacing is not positive, or the record is longer than 4 GiB.
pub fn encode_secondary_capture(image: &GrayImage, record: &str, spacing_mm: Option<(f64, f64)>) -> Result<Vec<u8>, FormatError> {
    encode_capture(&Capture { image, content: Content::Synthetic, record: Some(record), full_size: None, spacing_mm })
}

/// As [`encode_secondary_capture`], for images of any content.
///
/// # Errors
/// As [`encode_secondary_capture`].
pub fn encode_capture(capture: &Capture<'_>) -> Result<Vec<u8>, FormatError> {
    encode(capture).map_err(|fault| fault.of("the DICOM export"))
}

fn encode(capture: &Capture<'_>) -> Result<Vec<u8>, Fault> {
    let Capture { image, content: kind, record, full_size, spacing_mm } = *capture;
    let statement = kind.statement();
    let side = |length: u32| {
        u16::try_from(length).map_err(|_| Fault::Request(format!("a side of {length} pixels is too long, at most 65535 go")))
    };
    let (columns, rows) = (side(image.width())?, side(image.height())?);
    let length = |text: &str| u32::try_from(text.len()).map_err(|_| Fault::Request("the record is too long".to_owned()));
    let pixels: &[u8] = bytemuck::cast_slice(image.pixels());
    let shape = [columns.to_le_bytes(), rows.to_le_bytes()].concat();
    let content: [&[u8]; 3] = [&shape, pixels, record.unwrap_or_default().as_bytes()];

    let mut set = InMemDicomObject::new_empty();
    synthetic_patient(&mut set, "OT", statement);
    set.put_text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY");
    set.put_text(tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE);
    set.put_text(tags::SOP_INSTANCE_UID, VR::UI, &uid("instance", &content));
    set.put_text(tags::STUDY_INSTANCE_UID, VR::UI, &uid("study", &content));
    set.put_text(tags::SERIES_INSTANCE_UID, VR::UI, &uid("series", &content));
    set.put_text(tags::CONVERSION_TYPE, VR::CS, "SYN");
    set.put_text(tags::SERIES_NUMBER, VR::IS, "1");
    set.put_text(tags::INSTANCE_NUMBER, VR::IS, "1");
    // Across the picture to the patient's left, down to the feet.
    set.put_text(tags::PATIENT_ORIENTATION, VR::CS, "L\\F");
    set.put_text(tags::IMAGE_COMMENTS, VR::LT, statement);
    if kind == Content::Synthetic {
        // What an opened image went through before, nobody here knows.
        set.put_text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO");
        set.put_text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    }
    set.put_words(tags::SAMPLES_PER_PIXEL, &[1]);
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    set.put_words(tags::ROWS, &[rows]);
    set.put_words(tags::COLUMNS, &[columns]);
    set.put_words(tags::BITS_ALLOCATED, &[16]);
    set.put_words(tags::BITS_STORED, &[16]);
    set.put_words(tags::HIGH_BIT, &[15]);
    set.put_words(tags::PIXEL_REPRESENTATION, &[0]);
    // The window of the full range: viewers that would stretch the image otherwise show it as it is.
    set.put_text(tags::WINDOW_CENTER, VR::DS, "32768");
    set.put_text(tags::WINDOW_WIDTH, VR::DS, "65536");
    if let Some((down, across)) = spacing_mm {
        set.put_text(tags::PIXEL_SPACING, VR::DS, &spacing_text(down, across)?);
    }
    for (text, at, length_at) in [(record, RECORD_AT, RECORD_LENGTH_AT), (full_size, FULL_SIZE_AT, FULL_SIZE_LENGTH_AT)] {
        if let Some(text) = text {
            set.put_text(CREATOR_AT, VR::LO, CREATOR);
            set.put(DataElement::new(at, VR::UT, PrimitiveValue::from(text)));
            set.put(DataElement::new(length_at, VR::UL, PrimitiveValue::from(length(text)?)));
        }
    }
    set.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(image.pixels().into())));
    file(set)
}

/// Distances down and across, as `PixelSpacing` has them.
///
/// # Errors
/// When one is not positive.
pub(crate) fn spacing_text(down: f64, across: f64) -> Result<String, Fault> {
    Ok(format!("{}\\{}", decimal(down)?, decimal(across)?))
}

/// A distance in at most 16 letters, as a decimal string must be.
fn decimal(distance: f64) -> Result<String, Fault> {
    if !distance.is_finite() || distance <= 0.0 {
        return Err(Fault::Request(format!("a pixel spacing of {distance} mm is not possible")));
    }
    let plain = distance.to_string();
    Ok(if plain.len() <= 16 { plain } else { format!("{distance:.8e}") })
}

/// The record in a DICOM file that this program made; `None` in files of others.
///
/// # Errors
/// When the file cannot be read, is no DICOM file, or its record is damaged.
pub fn read_text(path: &Path) -> Result<Option<String>, FormatError> {
    decode_text(&read_file(path)?, &path.display().to_string())
}

/// As [`read_text`], from bytes; `name` is used in errors.
///
/// # Errors
/// As [`read_text`], without those of the file system.
pub fn decode_text(bytes: &[u8], name: &str) -> Result<Option<String>, FormatError> {
    text(bytes, RECORD_AT, RECORD_LENGTH_AT).map_err(|fault| fault.of(name))
}

/// What an edit at the opened image's size needs to come back; `None` where there is none.
///
/// # Errors
/// As [`decode_text`].
pub fn decode_full_size(bytes: &[u8], name: &str) -> Result<Option<String>, FormatError> {
    text(bytes, FULL_SIZE_AT, FULL_SIZE_LENGTH_AT).map_err(|fault| fault.of(name))
}

fn text(bytes: &[u8], at: Tag, length_at: Tag) -> Result<Option<String>, Fault> {
    let set = open(bytes)?.set;
    if set.text(CREATOR_AT)?.as_deref() != Some(CREATOR) || (set.get(at).is_none() && set.get(length_at).is_none()) {
        return Ok(None);
    }
    let damaged = || Fault::damaged("the run record", "is not whole");
    let length = set.count(length_at)?.ok_or_else(damaged)? as usize;
    if length == 0 {
        return Ok(Some(String::new()));
    }
    let element = set.get(at).ok_or_else(damaged)?;
    let padded = element.value().to_raw_str().map_err(|_| damaged())?;
    padded.get(..length).map(|record| Some(record.to_owned())).ok_or_else(damaged)
}
