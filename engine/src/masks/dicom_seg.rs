//! DICOM segmentations: one bit a pixel, one frame a segment.
//!
//! The label of a segment is the name of the class. Written files say that they are synthetic; their
//! content date is fixed, because nothing here reads a clock. The type of every segment is a
//! code of our own with the class as its meaning, for the classes of a model are not those of a terminology.
//!
//! # Source
//! DICOM PS3.3, A.51 and C.8.20 (segmentation), C.7.6.16 (functional groups), C.7.6.17 (dimensions); PS3.5, 8.1.1 (bits in a byte).

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::LabelledMask;
use crate::domain::Mask;
use crate::imageio::dicom::element::{Put as _, file, synthetic_patient, uid};
use crate::imageio::dicom::field::Fields as _;
use crate::imageio::dicom::parse;
use crate::imageio::fault::{Fault, FormatError, check_size};

/// Most segments; their pixels together are limited, too.
const MAX_SEGMENTS: usize = 1000;
/// Most pixels of all segments together.
const MAX_PIXELS: usize = 1 << 28;
/// Longest label, in characters.
const MAX_LABEL: usize = 64;
const STATEMENT: &str = "Masks of a synthetic image, made by ChexGen Studio. They show no patient.";

/// The segments of a binary segmentation of one image, in the order of their frames.
///
/// # Errors
/// When it is another kind of DICOM file, fractional or packed, has several frames of one segment, or is damaged.
pub fn decode(bytes: &[u8], name: &str) -> Result<Vec<LabelledMask>, FormatError> {
    read(bytes).map_err(|fault| fault.of(name))
}

fn read(bytes: &[u8]) -> Result<Vec<LabelledMask>, Fault> {
    let set = parse(bytes)?;
    if set.text(tags::SOP_CLASS_UID)?.as_deref() != Some(uids::SEGMENTATION_STORAGE) {
        return Err(Fault::Foreign { expected: "DICOM segmentation" });
    }
    if set.text(tags::SEGMENTATION_TYPE)?.as_deref() != Some("BINARY") || set.needed(tags::BITS_ALLOCATED)? != 1 {
        return Err(Fault::unsupported("a segmentation that is not binary", "export it as a binary segmentation"));
    }
    let (width, height) = check_size(set.needed(tags::COLUMNS)?.into(), set.needed(tags::ROWS)?.into())?;
    let frames = set.count(tags::NUMBER_OF_FRAMES)?.unwrap_or(1) as usize;
    let pixels = width as usize * height as usize;
    if frames > MAX_SEGMENTS || frames.saturating_mul(pixels) > MAX_PIXELS {
        return Err(Fault::TooLarge {
            field: "NumberOfFrames".to_owned(),
            actual: format!("{frames} of {width}×{height} pixels"),
            max: format!("{MAX_SEGMENTS} frames and {MAX_PIXELS} pixels"),
        });
    }
    let element = set.get(tags::PIXEL_DATA).ok_or_else(|| Fault::missing("PixelData"))?;
    let packed: Vec<u8> = match element.value().primitive() {
        Some(PrimitiveValue::U8(bytes)) => bytes.to_vec(),
        Some(PrimitiveValue::U16(words)) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        _ => return Err(Fault::unsupported("a packed segmentation", "convert it to Explicit VR Little Endian first")),
    };
    // Frames follow each other without a gap, so only the whole is padded to bytes.
    if packed.len() < (frames * pixels).div_ceil(8) {
        return Err(Fault::truncated("PixelData"));
    }
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for frame in 0..frames {
        let number = segment_of(&set, frame)?;
        if seen.contains(&number) {
            return Err(Fault::unsupported("a segmentation of several slices", "export the masks of a single image"));
        }
        seen.push(number);
        let bit = |at: usize| packed[at / 8] >> (at % 8) & 1 == 1;
        let from = frame * pixels;
        let mask = Mask::from_fn(width, height, |x, y| bit(from + y as usize * width as usize + x as usize));
        found.push(LabelledMask { label: label_of(&set, number)?, mask });
    }
    Ok(found)
}

/// The segment of a frame: its own, or that which all share.
fn segment_of(set: &InMemDicomObject, frame: usize) -> Result<u32, Fault> {
    let own = set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(frame);
    let shared = set.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let named = |groups: &InMemDicomObject| match groups.items(tags::SEGMENT_IDENTIFICATION_SEQUENCE).first() {
        Some(item) => item.count(tags::REFERENCED_SEGMENT_NUMBER),
        None => Ok(None),
    };
    for groups in [own, shared].into_iter().flatten() {
        if let Some(number) = named(groups)? {
            return Ok(number);
        }
    }
    Err(Fault::missing(format!("ReferencedSegmentNumber of frame {}", frame + 1)))
}

fn label_of(set: &InMemDicomObject, number: u32) -> Result<String, Fault> {
    for item in set.items(tags::SEGMENT_SEQUENCE) {
        if item.count(tags::SEGMENT_NUMBER)? == Some(number) {
            return item.text(tags::SEGMENT_LABEL)?.ok_or_else(|| Fault::missing(format!("SegmentLabel of segment {number}")));
        }
    }
    Err(Fault::missing(format!("SegmentSequence for segment {number}")))
}

/// A binary segmentation of masks of one size; `spacing_mm` is down and across.
///
/// `image` is the file that they belong to, as [`crate::imageio::dicom::encode_secondary_capture`] made it: the
/// segmentation joins its study and refers to it. The same arguments give the same bytes.
///
/// # Errors
/// When there is no mask or more than 1000, sizes differ, a label is empty, longer than 64 characters or has a
/// backslash or a control character, or `image` is not a synthetic image of that size.
pub fn encode(masks: &[LabelledMask], spacing_mm: Option<(f64, f64)>, image: Option<&[u8]>) -> Result<Vec<u8>, FormatError> {
    write(masks, spacing_mm, image).map_err(|fault| fault.of("the DICOM segmentation"))
}

fn write(masks: &[LabelledMask], spacing_mm: Option<(f64, f64)>, image: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    let (columns, rows) = checked(masks)?;
    let packed = packed(masks);
    let labels = masks.iter().map(|entry| entry.label.as_str()).collect::<Vec<_>>().join("\\");
    let shape = [columns.to_le_bytes(), rows.to_le_bytes()].concat();
    let content: [&[u8]; 4] = [&shape, &packed, labels.as_bytes(), image.unwrap_or_default()];

    let mut set = InMemDicomObject::new_empty();
    synthetic_patient(&mut set, "SEG", STATEMENT);
    set.put_text(tags::STUDY_INSTANCE_UID, VR::UI, &uid("study", &content));
    if let Some(bytes) = image {
        refer(&mut set, &parse(bytes)?, columns, rows)?;
    }
    set.put_text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY");
    set.put_text(tags::SOP_CLASS_UID, VR::UI, uids::SEGMENTATION_STORAGE);
    set.put_text(tags::SOP_INSTANCE_UID, VR::UI, &uid("segmentation", &content));
    set.put_text(tags::SERIES_INSTANCE_UID, VR::UI, &uid("segmentation series", &content));
    set.put_text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &uid("frame of reference", &content));
    set.put_text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
    set.put_text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "ChexGen Studio");
    set.put_text(tags::DEVICE_SERIAL_NUMBER, VR::LO, "0");
    set.put_text(tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION"));
    set.put_text(tags::CONTENT_DATE, VR::DA, "19700101");
    set.put_text(tags::CONTENT_TIME, VR::TM, "000000");
    set.put_text(tags::CONTENT_LABEL, VR::CS, "MASKS");
    set.put_text(tags::CONTENT_DESCRIPTION, VR::LO, "Masks of a synthetic image");
    set.put_text(tags::CONTENT_CREATOR_NAME, VR::PN, "");
    set.put_text(tags::SERIES_NUMBER, VR::IS, "2");
    set.put_text(tags::INSTANCE_NUMBER, VR::IS, "1");
    set.put_text(tags::NUMBER_OF_FRAMES, VR::IS, &masks.len().to_string());
    set.put_text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    set.put_text(tags::SEGMENTATION_TYPE, VR::CS, "BINARY");
    set.put_words(tags::SAMPLES_PER_PIXEL, &[1]);
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    set.put_words(tags::ROWS, &[rows]);
    set.put_words(tags::COLUMNS, &[columns]);
    set.put_words(tags::BITS_ALLOCATED, &[1]);
    set.put_words(tags::BITS_STORED, &[1]);
    set.put_words(tags::HIGH_BIT, &[0]);
    set.put_words(tags::PIXEL_REPRESENTATION, &[0]);
    set.put_sequence(tags::SEGMENT_SEQUENCE, (1..).zip(masks).map(|(number, entry)| segment(number, &entry.label)).collect());
    dimensions(&mut set, &uid("dimensions", &content));
    let mut shared = InMemDicomObject::new_empty();
    if let Some((down, across)) = spacing_mm {
        let mut measures = InMemDicomObject::new_empty();
        let spacing = crate::imageio::dicom::spacing_text(down, across)?;
        measures.put_text(tags::PIXEL_SPACING, VR::DS, &spacing);
        shared.put_sequence(tags::PIXEL_MEASURES_SEQUENCE, vec![measures]);
    }
    set.put_sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]);
    let frames = (1..).zip(masks).map(|(number, _)| frame(number)).collect();
    set.put_sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    set.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(packed.into())));
    file(set)
}

/// Columns and rows of all masks, when they can be written.
fn checked(masks: &[LabelledMask]) -> Result<(u16, u16), Fault> {
    let request = |what: String| Err(Fault::Request(what));
    let Some(first) = masks.first() else { return request("there is no mask to write".to_owned()) };
    if masks.len() > MAX_SEGMENTS {
        return request(format!("at most {MAX_SEGMENTS} masks go into a segmentation, not {}", masks.len()));
    }
    let size = (first.mask.width(), first.mask.height());
    for LabelledMask { label, mask } in masks {
        if (mask.width(), mask.height()) != size {
            return request("the masks have different sizes".to_owned());
        }
        let unfit = label.contains('\\') || label.chars().any(char::is_control) || label.trim_matches(' ') != label;
        if label.is_empty() || label.chars().count() > MAX_LABEL || unfit {
            return request(format!(
                "the class name {label:?} does not fit; it has 1 to {MAX_LABEL} characters, no backslash, no blanks around it"
            ));
        }
    }
    match (u16::try_from(size.0), u16::try_from(size.1)) {
        (Ok(columns), Ok(rows)) => Ok((columns, rows)),
        _ => request(format!("masks of {}×{} pixels are too large, at most 65535 go", size.0, size.1)),
    }
}

/// All bits, the earlier in the lower place, padded to an even count of bytes.
fn packed(masks: &[LabelledMask]) -> Vec<u8> {
    let bits: usize = masks.iter().map(|entry| entry.mask.bits().len()).sum();
    let mut bytes = vec![0u8; bits.div_ceil(16) * 2];
    for (at, bit) in masks.iter().flat_map(|entry| entry.mask.bits()).enumerate() {
        bytes[at / 8] |= bit << (at % 8);
    }
    bytes
}

/// Joins the study of a synthetic image.
fn refer(set: &mut InMemDicomObject, image: &InMemDicomObject, columns: u16, rows: u16) -> Result<(), Fault> {
    // The identifiers of a patient's image must not go into another file.
    if image.text(tags::SYNTHETIC_DATA)?.as_deref() != Some("YES") {
        return Err(Fault::Request("the image that it refers to is not marked as synthetic".to_owned()));
    }
    if (image.count(tags::COLUMNS)?, image.count(tags::ROWS)?) != (Some(columns.into()), Some(rows.into())) {
        return Err(Fault::Request("the image that it refers to has another size than the masks".to_owned()));
    }
    let text = |tag| image.text(tag)?.ok_or_else(|| Fault::missing("an identifier of the image that it refers to"));
    let mut instance = InMemDicomObject::new_empty();
    instance.put_text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, &text(tags::SOP_CLASS_UID)?);
    instance.put_text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &text(tags::SOP_INSTANCE_UID)?);
    let mut series = InMemDicomObject::new_empty();
    series.put_text(tags::SERIES_INSTANCE_UID, VR::UI, &text(tags::SERIES_INSTANCE_UID)?);
    series.put_sequence(tags::REFERENCED_INSTANCE_SEQUENCE, vec![instance]);
    set.put_sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
    set.put_text(tags::STUDY_INSTANCE_UID, VR::UI, &text(tags::STUDY_INSTANCE_UID)?);
    Ok(())
}

fn code(value: &str, scheme: &str, meaning: &str) -> Vec<InMemDicomObject> {
    let mut item = InMemDicomObject::new_empty();
    item.put_text(tags::CODE_VALUE, VR::SH, value);
    item.put_text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme);
    item.put_text(tags::CODE_MEANING, VR::LO, meaning);
    vec![item]
}

fn segment(number: u16, label: &str) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    item.put_words(tags::SEGMENT_NUMBER, &[number]);
    item.put_text(tags::SEGMENT_LABEL, VR::LO, label);
    item.put_text(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "MANUAL");
    let category = code("49755003", "SCT", "Morphologically Altered Structure");
    item.put_sequence(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, category);
    item.put_sequence(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, code(&format!("CLASS{number}"), "99CHEXGEN", label));
    item
}

/// The only dimension: the number of the segment.
fn dimensions(set: &mut InMemDicomObject, organization: &str) {
    let mut item = InMemDicomObject::new_empty();
    item.put_text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, organization);
    let mut index = item.clone();
    for (tag, target) in [
        (tags::DIMENSION_INDEX_POINTER, tags::REFERENCED_SEGMENT_NUMBER),
        (tags::FUNCTIONAL_GROUP_POINTER, tags::SEGMENT_IDENTIFICATION_SEQUENCE),
    ] {
        index.put(DataElement::new(tag, VR::AT, PrimitiveValue::Tags([target][..].into())));
    }
    set.put_sequence(tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![item]);
    set.put_sequence(tags::DIMENSION_INDEX_SEQUENCE, vec![index]);
}

fn frame(number: u16) -> InMemDicomObject {
    let mut content = InMemDicomObject::new_empty();
    content.put(DataElement::new(tags::DIMENSION_INDEX_VALUES, VR::UL, PrimitiveValue::from(u32::from(number))));
    let mut identification = InMemDicomObject::new_empty();
    identification.put_words(tags::REFERENCED_SEGMENT_NUMBER, &[number]);
    let mut groups = InMemDicomObject::new_empty();
    groups.put_sequence(tags::FRAME_CONTENT_SEQUENCE, vec![content]);
    groups.put_sequence(tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![identification]);
    groups
}
