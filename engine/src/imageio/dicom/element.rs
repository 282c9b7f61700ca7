//! Elements and files of DICOM to write.

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use crate::imageio::fault::Fault;

/// Our implementation: a UID of its own, from the hash of its name.
const IMPLEMENTATION: &str = "chexgen studio";

/// Puts elements, one a call.
pub(crate) trait Put {
    /// A text; several values are parted by backslashes.
    fn put_text(&mut self, tag: Tag, vr: VR, text: &str);
    /// Whole numbers of 16 bits.
    fn put_words(&mut self, tag: Tag, words: &[u16]);
    /// Items of a sequence.
    fn put_sequence(&mut self, tag: Tag, items: Vec<InMemDicomObject>);
}

impl Put for InMemDicomObject {
    fn put_text(&mut self, tag: Tag, vr: VR, text: &str) {
        let value = if text.is_empty() { PrimitiveValue::Empty } else { PrimitiveValue::from(text) };
        self.put(DataElement::new(tag, vr, value));
    }

    fn put_words(&mut self, tag: Tag, words: &[u16]) {
        self.put(DataElement::new(tag, VR::US, PrimitiveValue::U16(words.into())));
    }

    fn put_sequence(&mut self, tag: Tag, items: Vec<InMemDicomObject>) {
        self.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
    }
}

/// A UID under 2.25 from the hash of parts, so that the same content has the same UID.
///
/// The hash fills a UUID of version 8 (RFC 9562, section 5.8), written as a decimal number (PS3.5, B.2).
pub(crate) fn uid(purpose: &str, parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [purpose.as_bytes()].iter().chain(parts) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut bytes = [0u8; 16];
    hasher.finalize_xof().fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

/// What every file says about its invented patient and its maker.
pub(crate) fn synthetic_patient(set: &mut InMemDicomObject, modality: &str, what: &str) {
    set.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    set.put_text(tags::SYNTHETIC_DATA, VR::CS, "YES");
    set.put_text(tags::MODALITY, VR::CS, modality);
    set.put_text(tags::MANUFACTURER, VR::LO, "ChexGen Studio");
    set.put_text(tags::DERIVATION_DESCRIPTION, VR::ST, what);
    set.put_text(tags::PATIENT_NAME, VR::PN, "SYNTHETIC");
    set.put_text(tags::PATIENT_ID, VR::LO, "SYNTHETIC");
    set.put_text(tags::CONTENT_QUALIFICATION, VR::CS, "RESEARCH");
    set.put_text(tags::STUDY_ID, VR::SH, "SYNTHETIC");
    // There was no examination: these must be present, and are empty.
    for (tag, vr) in [
        (tags::STUDY_DATE, VR::DA),
        (tags::STUDY_TIME, VR::TM),
        (tags::ACCESSION_NUMBER, VR::SH),
        (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
        (tags::PATIENT_BIRTH_DATE, VR::DA),
        (tags::PATIENT_SEX, VR::CS),
    ] {
        set.put_text(tag, vr, "");
    }
}

/// A whole file in Explicit VR Little Endian.
///
/// # Errors
/// When a value does not fit its kind.
pub(crate) fn file(set: InMemDicomObject) -> Result<Vec<u8>, Fault> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax("1.2.840.10008.1.2.1")
        .implementation_class_uid(uid(IMPLEMENTATION, &[]))
        .implementation_version_name("CHEXGEN_STUDIO");
    let fail = |error: String| Fault::Request(format!("the DICOM file cannot be made: {error}"));
    let whole = set.with_meta(meta).map_err(|error| fail(error.to_string()))?;
    let mut bytes = Vec::new();
    whole.write_all(&mut bytes).map_err(|error| fail(error.to_string()))?;
    Ok(bytes)
}
