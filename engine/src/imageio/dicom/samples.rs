//! DICOM files made in code, for tests: every transfer syntax, every kind of pixel.

use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::{EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};

use super::element::Put as _;

pub(crate) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(crate) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(crate) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub(crate) const BIG: &str = "1.2.840.10008.1.2.2";
pub(crate) const RLE: &str = "1.2.840.10008.1.2.5";
pub(crate) const JPEG: &str = "1.2.840.10008.1.2.4.50";
pub(crate) const LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
pub(crate) const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
pub(crate) const J2K: &str = "1.2.840.10008.1.2.4.90";

/// A name that must never come out.
pub(crate) const PATIENT: &str = "DOE^JANE";

/// 16×12 words of 16 bits, `341 i` modulo 65536, as a lossless JPEG 2000 codestream made by OpenJPEG.
pub(crate) const J2K_16_BITS: &str = "ff4fff5100290000000000100000000c0000000000000000000000100000000c000000000000000000010f0101ff52000c00000001000104\
        040001ff5c00074080888890ff640025000143726561746564206279204f70656e4a5045472076657273696f6e20322e352e34ff90000a00\
        000000008e0001ff93dff892e81229d16f2e951ed8a6f87602fbf5ceb2f6a46c24012d1a094830dd2ae1931fdd781128fb00384f66cbd3f7\
        1975614f01bc05d06aa212a68537cf7f1a80f6743e765ab9e33bfbcc6e23ce088ea6841b11e18e37419798bbc428973b917fc01f984c1ff8\
        0070369d257e37f49b7e90408e00bf909719415ea906bd887fffd9";

/// The picture of [`J2K_16_BITS`].
pub(crate) fn j2k_picture() -> Vec<u16> {
    (0..16 * 12u32).map(|i| (i * 341 % 65536) as u16).collect()
}

/// Bytes of hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// A grey image without pixels; identity is there to see whether it leaks.
pub(crate) fn grey(width: u16, height: u16, allocated: u16, stored: u16, signed: bool) -> InMemDicomObject {
    let mut set = InMemDicomObject::new_empty();
    set.put_text(tags::SOP_CLASS_UID, VR::UI, "1.2.840.10008.5.1.4.1.1.1");
    set.put_text(tags::SOP_INSTANCE_UID, VR::UI, "2.25.7");
    set.put_text(tags::PATIENT_NAME, VR::PN, PATIENT);
    set.put_text(tags::PATIENT_ID, VR::LO, PATIENT);
    set.put_words(tags::SAMPLES_PER_PIXEL, &[1]);
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    set.put_words(tags::ROWS, &[height]);
    set.put_words(tags::COLUMNS, &[width]);
    set.put_words(tags::BITS_ALLOCATED, &[allocated]);
    set.put_words(tags::BITS_STORED, &[stored]);
    set.put_words(tags::HIGH_BIT, &[stored - 1]);
    set.put_words(tags::PIXEL_REPRESENTATION, &[u16::from(signed)]);
    set
}

/// An image in colour of 8 bits without pixels.
pub(crate) fn colour(width: u16, height: u16, photometric: &str, planar: u16) -> InMemDicomObject {
    let mut set = grey(width, height, 8, 8, false);
    set.put_words(tags::SAMPLES_PER_PIXEL, &[3]);
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric);
    set.put_words(tags::PLANAR_CONFIGURATION, &[planar]);
    set
}

/// Pixels that are not packed.
pub(crate) fn put_pixels(set: &mut InMemDicomObject, words: &[u16]) {
    set.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into())));
}

/// Pixels of 8 bits that are not packed.
pub(crate) fn put_bytes(set: &mut InMemDicomObject, bytes: &[u8]) {
    set.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into())));
}

/// Packed frames, each in one fragment.
pub(crate) fn put_fragments(set: &mut InMemDicomObject, fragments: &[Vec<u8>]) {
    let even = fragments.iter().map(|part| if part.len() % 2 == 0 { part.clone() } else { [&part[..], &[0]].concat() });
    let sequence = PixelFragmentSequence::new_fragments(even.collect::<Vec<_>>());
    set.put(DataElement::new(tags::PIXEL_DATA, VR::OB, sequence));
}

/// A whole file: preamble, a meta group with the syntax alone, data set.
pub(crate) fn file(set: &InMemDicomObject, syntax: &str) -> Vec<u8> {
    let mut bytes = vec![0u8; 128];
    bytes.extend(b"DICM");
    let mut uid = syntax.as_bytes().to_vec();
    if uid.len() % 2 == 1 {
        uid.push(0);
    }
    bytes.extend([2, 0, 0x10, 0, b'U', b'I']);
    bytes.extend((uid.len() as u16).to_le_bytes());
    bytes.extend(uid);
    bytes.extend(data_set(set, syntax));
    bytes
}

/// A data set alone.
pub(crate) fn data_set(set: &InMemDicomObject, syntax: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match syntax {
        IMPLICIT => set.write_dataset_with_ts(&mut bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased()).unwrap(),
        BIG => set.write_dataset_with_ts(&mut bytes, &EXPLICIT_VR_BIG_ENDIAN.erased()).unwrap(),
        _ => set.write_dataset_with_ts(&mut bytes, &EXPLICIT_VR_LITTLE_ENDIAN.erased()).unwrap(),
    }
    if syntax == DEFLATED { deflated(&bytes) } else { bytes }
}

pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A look-up table item.
pub(crate) fn table(first: u16, bits: u16, entries: &[u16]) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    item.put_words(tags::LUT_DESCRIPTOR, &[entries.len() as u16, first, bits]);
    item.put_words(tags::LUT_DATA, entries);
    item
}

/// A text field.
pub(crate) fn with(mut set: InMemDicomObject, tag: Tag, vr: VR, text: &str) -> InMemDicomObject {
    set.put_text(tag, vr, text);
    set
}

/// RLE of byte planes, each as runs and literals (PS3.5, annex G).
pub(crate) fn rle(planes: &[Vec<u8>]) -> Vec<u8> {
    let mut table = vec![planes.len() as u32];
    let mut body: Vec<u8> = Vec::new();
    for plane in planes {
        table.push(64 + body.len() as u32);
        let mut at = 0;
        while at < plane.len() {
            let run = plane[at..].iter().take(128).take_while(|value| **value == plane[at]).count();
            if run > 1 {
                body.extend([(257 - run) as u8, plane[at]]);
                at += run;
            } else {
                let next = plane[at..].windows(2).position(|pair| pair[0] == pair[1]).unwrap_or(plane.len() - at);
                let count = next.clamp(1, 128);
                body.push(count as u8 - 1);
                body.extend(&plane[at..at + count]);
                at += count;
            }
        }
        if body.len() % 2 == 1 {
            body.push(128);
        }
    }
    table.resize(16, 0);
    let mut bytes: Vec<u8> = table.into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend(body);
    bytes
}

/// RLE of words: the plane of high bytes, then that of low ones.
pub(crate) fn rle_words(words: &[u16]) -> Vec<u8> {
    rle(&[words.iter().map(|word| (word >> 8) as u8).collect(), words.iter().map(|word| *word as u8).collect()])
}

/// JPEG baseline of grey bytes.
pub(crate) fn jpeg(width: u32, height: u32, grey: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100);
    encoder.encode(grey, width, height, image::ExtendedColorType::L8).unwrap();
    bytes
}

/// JPEG lossless, process 14, first-order prediction, of words of `bits` (ITU-T T.81, annex H).
///
/// All seventeen categories have codes of five bits.
pub(crate) fn jpeg_lossless(width: u16, height: u16, bits: u8, words: &[u16]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xc3, 0, 11, bits];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([1, 1, 0x11, 0, 0xff, 0xc4, 0, 19 + 17, 0]);
    bytes.extend([0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(0..17u8);
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0]);
    let (mut hold, mut count) = (0u64, 0u32);
    let mut push = |value: u32, bits: u32, bytes: &mut Vec<u8>| {
        hold = hold << bits | u64::from(value);
        count += bits;
        while count >= 8 {
            count -= 8;
            let byte = (hold >> count) as u8;
            bytes.push(byte);
            if byte == 0xff {
                bytes.push(0);
            }
        }
    };
    let w = usize::from(width);
    for (at, word) in words.iter().enumerate() {
        let guess = match (at / w, at % w) {
            (0, 0) => 1u16 << (bits - 1),
            (_, 0) => words[at - w],
            _ => words[at - 1],
        };
        let difference = i32::from(word.wrapping_sub(guess) as i16);
        let size = if difference == -32768 { 16 } else { 32 - difference.unsigned_abs().leading_zeros() };
        push(size, 5, &mut bytes);
        if size < 16 {
            let low = if difference < 0 { difference - 1 } else { difference };
            push(low as u32 & ((1 << size) - 1), size, &mut bytes);
        }
    }
    push(0x7f, 7, &mut bytes);
    bytes.extend([0xff, 0xd9]);
    bytes
}
