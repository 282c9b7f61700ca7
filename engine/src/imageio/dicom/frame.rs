//! The first frame of the pixel data, unpacked.
//!
//! # Source
//! DICOM PS3.5, section 8 and annex A.4.

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::codec::{jpeg, jpeg_ls, jpeg2000, rle};
use super::layout::{Layout, Photometric};
use super::syntax::Syntax;
use crate::imageio::fault::Fault;
use crate::imageio::png::luma;

/// One frame.
#[derive(Debug)]
pub(super) enum Frame {
    /// Stored words of a grey image.
    Grey(Vec<u16>),
    /// Luma of a colour image, 0 to 65535.
    Luma(Vec<u16>),
}

/// The first frame.
///
/// # Errors
/// When pixel data is missing, cut off, or does not fit the layout.
pub(super) fn first_frame(set: &InMemDicomObject, syntax: Syntax, layout: &Layout) -> Result<Frame, Fault> {
    let element = set.get(tags::PIXEL_DATA).ok_or_else(|| Fault::missing("PixelData"))?;
    let packed = matches!(syntax, Syntax::Rle | Syntax::Jpeg | Syntax::Jpeg2000 | Syntax::JpegLs);
    match (element.value().fragments(), element.value().primitive(), packed) {
        (Some(fragments), _, true) => {
            let offsets = element.value().offset_table().unwrap_or_default();
            let data = joined(fragments, offsets, layout.frames, syntax)?;
            match syntax {
                Syntax::Rle => plain(&rle::decode(&data, layout)?, layout, false),
                Syntax::Jpeg => jpeg::decode(&data, layout),
                Syntax::JpegLs => jpeg_ls::decode(&data, layout),
                _ => jpeg2000::decode(&data, layout),
            }
        }
        (None, Some(value), false) => native(value, syntax, layout),
        _ => Err(Fault::damaged("PixelData", "is not packed as TransferSyntaxUID says")),
    }
}

/// The bytes of the first frame: all fragments when there is one frame.
fn joined(fragments: &[Vec<u8>], offsets: &[u32], frames: u32, syntax: Syntax) -> Result<Vec<u8>, Fault> {
    let count = if frames == 1 {
        fragments.len()
    } else if syntax == Syntax::Rle || fragments.len() == frames as usize {
        1
    } else if let Some(next) = offsets.get(1) {
        let mut at = 0u64;
        fragments
            .iter()
            .take_while(|part| {
                let begins = at;
                at += part.len() as u64 + 8;
                begins < u64::from(*next)
            })
            .count()
    } else {
        let begins = |part: &&Vec<u8>| part.starts_with(&[0xff, 0xd8]) || part.starts_with(&[0xff, 0x4f]);
        1 + fragments.iter().skip(1).take_while(|part| !begins(part)).count()
    };
    if fragments.is_empty() {
        return Err(Fault::missing("PixelData"));
    }
    Ok(fragments[..count.min(fragments.len())].concat())
}

fn native(value: &PrimitiveValue, syntax: Syntax, layout: &Layout) -> Result<Frame, Fault> {
    if layout.halved {
        return Err(Fault::unsupported("unpacked YBR_FULL_422", "export the image as MONOCHROME2 or RGB first"));
    }
    match value {
        PrimitiveValue::U16(words) if layout.allocated == 16 => {
            let frame = words.get(..layout.pixels()).ok_or_else(|| Fault::truncated("PixelData"))?;
            Ok(Frame::Grey(frame.to_vec()))
        }
        // The low byte of a word is the earlier pixel, in either order of bytes (PS3.5, 8.1.1).
        PrimitiveValue::U16(words) => {
            let need = (layout.pixels() * layout.photometric.samples()).div_ceil(2);
            let words = words.get(..need).ok_or_else(|| Fault::truncated("PixelData"))?;
            plain(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>(), layout, false)
        }
        PrimitiveValue::U8(bytes) => plain(bytes, layout, syntax == Syntax::ExplicitBig),
        PrimitiveValue::Empty => Err(Fault::missing("PixelData")),
        _ => Err(Fault::damaged("PixelData", "is of no kind that holds pixels")),
    }
}

/// Pixels from unpacked bytes.
fn plain(bytes: &[u8], layout: &Layout, big_endian: bool) -> Result<Frame, Fault> {
    let n = layout.pixels();
    let need = n * layout.photometric.samples() * layout.allocated as usize / 8;
    let bytes = bytes.get(..need).ok_or_else(|| Fault::truncated("PixelData"))?;
    let wide = |v: u8| u16::from(v) * 257;
    Ok(match (layout.photometric, layout.allocated) {
        (Photometric::Monochrome1 | Photometric::Monochrome2, 16) => {
            let word = |pair: &[u8]| {
                if big_endian { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) }
            };
            Frame::Grey(bytes.chunks_exact(2).map(word).collect())
        }
        (Photometric::Monochrome1 | Photometric::Monochrome2, _) => Frame::Grey(bytes.iter().map(|v| u16::from(*v)).collect()),
        (Photometric::Rgb, _) if layout.planar => {
            let (r, g, b) = (&bytes[..n], &bytes[n..2 * n], &bytes[2 * n..]);
            Frame::Luma((0..n).map(|i| luma(wide(r[i]), wide(g[i]), wide(b[i]))).collect())
        }
        (Photometric::Rgb, _) => Frame::Luma(bytes.chunks_exact(3).map(|p| luma(wide(p[0]), wide(p[1]), wide(p[2]))).collect()),
        (Photometric::Ybr, _) if layout.planar => Frame::Luma(bytes[..n].iter().map(|v| wide(*v)).collect()),
        (Photometric::Ybr, _) => Frame::Luma(bytes.chunks_exact(3).map(|p| wide(p[0])).collect()),
    })
}
