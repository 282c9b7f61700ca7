//! From bytes to a parsed data set: preamble, meta group, transfer syntax, inflation, parser.
//!
//! Files without preamble or meta group are read as well: older exports leave them out.
//!
//! # Source
//! DICOM PS3.10, section 7.1; PS3.5, annex A (transfer syntaxes), section 10.

use std::io::Read as _;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::{EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};

use super::guard::{Spelling, checked_len};
use super::syntax::Syntax;
use crate::imageio::fault::{Fault, guarded};
use crate::imageio::png::MAX_FILE_BYTES;

/// Length of the preamble before the letters `DICM`.
const PREAMBLE: usize = 128;

/// A parsed data set and how its pixels are packed.
pub(super) struct Opened {
    pub(super) set: InMemDicomObject,
    pub(super) syntax: Syntax,
}

/// Parses a DICOM file.
///
/// # Errors
/// When it is another kind of file, cut off, damaged, or spelled in an unknown way.
pub(super) fn open(bytes: &[u8]) -> Result<Opened, Fault> {
    let start = if bytes.get(PREAMBLE..PREAMBLE + 4) == Some(b"DICM") { PREAMBLE + 4 } else { 0 };
    let body = bytes.get(start..).unwrap_or_default();
    let (declared, rest) = meta(body)?;
    let syntax = match declared {
        Some(uid) => Syntax::from_uid(&uid)?,
        None => guess(rest).ok_or(Fault::Foreign { expected: "DICOM" })?,
    };
    let unpacked;
    let data = if syntax == Syntax::Deflated {
        unpacked = inflate(rest)?;
        unpacked.as_slice()
    } else {
        rest
    };
    let spelling = syntax.spelling();
    let data = &data[..checked_len(data, spelling)?];
    let set = guarded("the data set", || {
        let parsed = match spelling {
            Spelling { explicit: false, .. } => InMemDicomObject::read_dataset_with_ts(data, &IMPLICIT_VR_LITTLE_ENDIAN.erased()),
            Spelling { big_endian: false, .. } => {
                InMemDicomObject::read_dataset_with_ts(data, &EXPLICIT_VR_LITTLE_ENDIAN.erased())
            }
            Spelling { .. } => InMemDicomObject::read_dataset_with_ts(data, &EXPLICIT_VR_BIG_ENDIAN.erased()),
        };
        // What the parser says may quote a value, so it is not passed on.
        parsed.map_err(|_| Fault::damaged("the data set", "does not follow the rules of DICOM"))
    })?;
    Ok(Opened { set, syntax })
}

/// The transfer syntax that the meta group names, if there is one, and what follows the group.
///
/// The group is walked element by element, because its own length is often wrong or missing.
fn meta(body: &[u8]) -> Result<(Option<String>, &[u8]), Fault> {
    let mut at = 0;
    let mut uid = None;
    while let Some(head) = body.get(at..at + 8) {
        if head[..2] != [2, 0] {
            break;
        }
        let element = u16::from_le_bytes([head[2], head[3]]);
        let long = matches!(&head[4..6], b"OB" | b"OW" | b"UN" | b"UT" | b"SQ");
        let (from, length) = if long {
            let size = body.get(at + 8..at + 12).and_then(|size| size.first_chunk::<4>());
            (at + 12, u32::from_le_bytes(*size.ok_or_else(|| Fault::truncated("the meta group"))?) as usize)
        } else {
            (at + 8, usize::from(u16::from_le_bytes([head[6], head[7]])))
        };
        let value = body.get(from..).and_then(|rest| rest.get(..length)).ok_or_else(|| Fault::truncated("the meta group"))?;
        if element == 0x0010 {
            let digits = value.iter().filter(|byte| byte.is_ascii_digit() || **byte == b'.').take(64);
            uid = Some(digits.map(|byte| char::from(*byte)).collect());
        }
        at = from + length;
    }
    Ok((uid, &body[at..]))
}

/// How a data set without a meta group is spelled, if it looks like one: its first group is 8 (or below).
fn guess(body: &[u8]) -> Option<Syntax> {
    let head = body.get(..8)?;
    let tag = Tag(u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]));
    if tag < Tag(0x0008, 0x0000) || tag > tags::REFERENCED_IMAGE_SEQUENCE {
        return None;
    }
    let explicit = head[4].is_ascii_uppercase() && head[5].is_ascii_uppercase();
    Some(if explicit { Syntax::ExplicitLittle } else { Syntax::ImplicitLittle })
}

/// Unpacks a deflated data set, up to the size of the largest file that is read.
fn inflate(packed: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut reader = flate2::read::DeflateDecoder::new(packed).take(MAX_FILE_BYTES + 1);
    let result = reader.read_to_end(&mut out);
    if out.len() as u64 > MAX_FILE_BYTES {
        let max = format!("{} MiB", MAX_FILE_BYTES >> 20);
        return Err(Fault::TooLarge { field: "the unpacked data set".to_owned(), actual: format!("more than {max}"), max });
    }
    result.map_err(|_| Fault::damaged("the deflated data set", "cannot be unpacked"))?;
    Ok(out)
}
