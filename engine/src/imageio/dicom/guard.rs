//! Looks over the bytes of a data set before the parser sees them.
//!
//! The parser takes memory for whatever length an element claims, up to 4 GiB for a file of a few
//! hundred bytes. Here every claimed length is compared with what is there, nesting and the count
//! of elements are limited, and the end of the pixel data is found; what lies behind it is not read.
//!
//! # Source
//! DICOM PS3.5, section 7.1 (elements), 7.5 (sequences), annex A.4 (encapsulated pixel data).

use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

use crate::imageio::fault::Fault;

/// Deepest nesting of sequences; functional groups need four.
const MAX_DEPTH: usize = 16;
/// Most elements, items and fragments; a parsed one takes up to 200 bytes.
const MAX_ELEMENTS: usize = 500_000;
/// Begin and end of an item, end of a sequence (PS3.5, 7.5).
const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);
/// The length that says: until a delimiter.
const UNDEFINED: u32 = u32::MAX;

/// How elements are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Whether each element names the kind of its value.
    pub(super) explicit: bool,
    /// Whether numbers have their high byte first.
    pub(super) big_endian: bool,
}

/// Length in bytes of the data set up to and with its pixel data.
///
/// # Errors
/// When a length points outside, nesting is too deep, or there are too many elements.
pub(super) fn checked_len(bytes: &[u8], spelling: Spelling) -> Result<usize, Fault> {
    let mut walk = Walk { bytes, at: 0, spelling, seen: 0 };
    walk.elements(bytes.len(), false, 0)?;
    Ok(walk.at)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    spelling: Spelling,
    seen: usize,
}

/// Keyword of a known tag, for errors.
pub(super) fn keyword(tag: Tag) -> String {
    match StandardDataDictionary.by_tag(tag) {
        Some(entry) => entry.alias().to_owned(),
        None => format!("the element ({:04X},{:04X})", tag.0, tag.1),
    }
}

impl Walk<'_> {
    fn take<const N: usize>(&mut self, end: usize, place: impl FnOnce() -> String) -> Result<[u8; N], Fault> {
        let part = self.bytes.get(self.at..end).and_then(|rest| rest.first_chunk::<N>());
        let part = part.ok_or_else(|| Fault::truncated(place()))?;
        self.at += N;
        Ok(*part)
    }

    fn u16(&mut self, end: usize, place: impl FnOnce() -> String) -> Result<u16, Fault> {
        let bytes = self.take::<2>(end, place)?;
        Ok(if self.spelling.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&mut self, end: usize, place: impl FnOnce() -> String) -> Result<u32, Fault> {
        let bytes = self.take::<4>(end, place)?;
        Ok(if self.spelling.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn tag(&mut self, end: usize) -> Result<Tag, Fault> {
        let group = self.u16(end, || "the data set".to_owned())?;
        Ok(Tag(group, self.u16(end, || "the data set".to_owned())?))
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.seen += 1;
        if self.seen > MAX_ELEMENTS {
            let max = MAX_ELEMENTS.to_string();
            return Err(Fault::TooLarge { field: "the count of elements".to_owned(), actual: format!("more than {max}"), max });
        }
        Ok(())
    }

    /// Moves over `length` bytes that must be there.
    fn skip(&mut self, length: u32, end: usize, tag: Tag) -> Result<(), Fault> {
        if length as usize > end - self.at {
            return Err(Fault::truncated(keyword(tag)));
        }
        self.at += length as usize;
        Ok(())
    }

    /// Elements up to `end`, or to a delimiter where the item has no length.
    fn elements(&mut self, end: usize, delimited: bool, depth: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::TooLarge {
                field: "the nesting of sequences".to_owned(),
                actual: format!("more than {MAX_DEPTH} levels"),
                max: MAX_DEPTH.to_string(),
            });
        }
        while self.at < end {
            let tag = self.tag(end)?;
            self.count()?;
            if tag == ITEM_END {
                let length = self.u32(end, || "an item".to_owned())?;
                return if delimited && length == 0 { Ok(()) } else { Err(Fault::damaged("an item", "ends where none began")) };
            }
            let (vr, length) = self.header(tag, end)?;
            if length == UNDEFINED && tag != tags::PIXEL_DATA && !matches!(vr, VR::SQ | VR::UN) {
                return Err(Fault::damaged(keyword(tag), "has no length"));
            }
            let sequence = vr == VR::SQ || (length == UNDEFINED && tag != tags::PIXEL_DATA);
            if sequence {
                // A sequence of unknown kind is spelled implicitly (PS3.5, 6.2.2, note 2).
                let outer = self.spelling;
                if vr == VR::UN {
                    self.spelling = Spelling { explicit: false, big_endian: false };
                }
                let inner = if length == UNDEFINED { end } else { self.bounded(length, end, tag)? };
                self.items(inner, length == UNDEFINED, depth + 1)?;
                self.spelling = outer;
            } else if length == UNDEFINED {
                self.fragments(end)?;
            } else {
                self.skip(length, end, tag)?;
            }
            if tag == tags::PIXEL_DATA && depth == 0 {
                return Ok(());
            }
        }
        if delimited { Err(Fault::truncated("an item of a sequence")) } else { Ok(()) }
    }

    fn bounded(&self, length: u32, end: usize, tag: Tag) -> Result<usize, Fault> {
        if length as usize > end - self.at {
            return Err(Fault::truncated(keyword(tag)));
        }
        Ok(self.at + length as usize)
    }

    fn header(&mut self, tag: Tag, end: usize) -> Result<(VR, u32), Fault> {
        if !self.spelling.explicit {
            let known = StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed());
            return Ok((known, self.u32(end, || keyword(tag))?));
        }
        let letters = self.take::<2>(end, || keyword(tag))?;
        let vr = VR::from_binary(letters).ok_or_else(|| Fault::damaged(keyword(tag), "has no known kind of value"))?;
        let length = match vr {
            VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV => {
                self.take::<2>(end, || keyword(tag))?;
                self.u32(end, || keyword(tag))?
            }
            _ => u32::from(self.u16(end, || keyword(tag))?),
        };
        Ok((vr, length))
    }

    fn items(&mut self, end: usize, delimited: bool, depth: usize) -> Result<(), Fault> {
        while self.at < end {
            let tag = self.tag(end)?;
            self.count()?;
            let length = self.u32(end, || "a sequence".to_owned())?;
            match tag {
                ITEM if length == UNDEFINED => self.elements(end, true, depth)?,
                ITEM => {
                    let inner = self.bounded(length, end, tag)?;
                    self.elements(inner, false, depth)?;
                }
                SEQUENCE_END if delimited => return Ok(()),
                _ => return Err(Fault::damaged("a sequence", "holds something that is no item")),
            }
        }
        if delimited { Err(Fault::truncated("a sequence")) } else { Ok(()) }
    }

    fn fragments(&mut self, end: usize) -> Result<(), Fault> {
        while self.at < end {
            let tag = self.tag(end)?;
            self.count()?;
            let length = self.u32(end, || "PixelData".to_owned())?;
            match tag {
                ITEM => self.skip(length, end, tags::PIXEL_DATA)?,
                SEQUENCE_END => return Ok(()),
                _ => return Err(Fault::damaged("PixelData", "holds something that is no fragment")),
            }
        }
        Err(Fault::truncated("PixelData"))
    }
}
