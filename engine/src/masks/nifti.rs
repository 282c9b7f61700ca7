//! NIfTI-1 label maps of two dimensions, plain or packed with gzip.
//!
//! Voxels are whole numbers from 0, where 0 is outside and every other number a mask of its own.
//! The picture's x grows to the patient's left and its y down, to the feet. A file says in its
//! affine where its axes point, in a space whose x grows to the right, y to the front and z to the head:
//!
//! - The axis that points most along world x is the picture's x; it is turned where it points to the right.
//! - The other is the picture's y; it is turned where it points to the head or to the front. The
//!   latter is how flat pictures are kept by programs that know no more than two axes.
//! - A file without an orientation (both codes 0) is taken as it lies: rows from the top, left to right.
//!
//! Files are written as they lie, with an affine that says so: `i` to the left, `j` to the feet.
//!
//! # Source
//! The NIfTI-1 data format, `nifti1.h` (R. W. Cox and others): header, methods 1 to 3 of orientation.

mod header;

use std::io::{Read, Write as _};

use crate::domain::Mask;
use crate::imageio::fault::{Fault, FormatError};
use header::{Header, VOXELS_AT};

/// Most different labels of a map.
const MAX_LABELS: usize = 256;

/// The masks of a label map.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMap {
    /// Distance of pixel centres in millimetres, down and across, where the file says so.
    pub spacing_mm: Option<(f64, f64)>,
    /// Each label and its pixels, in ascending order; none is empty, no two overlap.
    pub labels: Vec<(u32, Mask)>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The masks of a NIfTI-1 file, packed with gzip or not.
///
/// # Errors
/// When it is another kind of file, has more than two dimensions, is cut off, or holds something other than labels.
pub fn decode(bytes: &[u8], name: &str) -> Result<LabelMap, FormatError> {
    let fault = if bytes.starts_with(&[0x1f, 0x8b]) {
        read(flate2::read::MultiGzDecoder::new(bytes), "the packed data")
    } else {
        read(bytes, "the voxels")
    };
    fault.map_err(|fault| fault.of(name))
}

/// Reads no more than the header announces, so that a packed file cannot unpack to more.
fn read(mut source: impl Read, part: &str) -> Result<LabelMap, Fault> {
    let mut head = [0u8; VOXELS_AT];
    let got = fill(&mut source, &mut head)?;
    let header = Header::read(&head[..got])?;
    let mut gap = vec![0u8; header.voxels_at - VOXELS_AT];
    let (width, height) = (header.columns as usize, header.rows as usize);
    let mut voxels = vec![0u8; width * height * header.kind.bytes()];
    if fill(&mut source, &mut gap)? < gap.len() || fill(&mut source, &mut voxels)? < voxels.len() {
        return Err(Fault::truncated(part));
    }
    let values = header.kind.values(&voxels, header.big_endian);
    drop(voxels);
    let turned = header.orientation();
    let (out_width, out_height) = if turned.swapped { (header.rows, header.columns) } else { (header.columns, header.rows) };
    let mut labels: Vec<(u32, Mask)> = Vec::new();
    for (at, value) in values.into_iter().enumerate() {
        let value = header.scaled(value);
        if value == 0.0 {
            continue;
        }
        if value.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&value) {
            return Err(Fault::unsupported(
                "a NIfTI file whose voxels are no labels (whole numbers from 0)",
                "export a label map",
            ));
        }
        let (x, y) = turned.place((at % width) as u32, (at / width) as u32, header.columns, header.rows);
        let label = value as u32;
        let slot = match labels.binary_search_by_key(&label, |entry| entry.0) {
            Ok(slot) => slot,
            Err(_) if labels.len() == MAX_LABELS => {
                return Err(Fault::TooLarge {
                    field: "the count of labels".to_owned(),
                    actual: format!("more than {MAX_LABELS}"),
                    max: MAX_LABELS.to_string(),
                });
            }
            Err(slot) => {
                // A mask takes a byte a pixel, so that large maps may have fewer labels.
                if (labels.len() + 1) * width * height > 1 << 28 {
                    let max = "a gigabyte of masks".to_owned();
                    return Err(Fault::TooLarge { field: "the label map".to_owned(), actual: format!("more than {max}"), max });
                }
                labels.insert(slot, (label, Mask::empty(out_width, out_height)));
                slot
            }
        };
        labels[slot].1.set(x, y, true);
    }
    let spacing_mm = header.spacing_mm().map(|(i, j)| if turned.swapped { (i, j) } else { (j, i) });
    Ok(LabelMap { spacing_mm, labels, width: out_width, height: out_height })
}

/// Reads until the buffer is full or the data ends; gives the length.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Fault> {
    let mut got = 0;
    while got < buffer.len() {
        match source.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(Fault::truncated("the packed data")),
            Err(_) => return Err(Fault::damaged("the packed data", "cannot be unpacked")),
        }
    }
    Ok(got)
}

/// A NIfTI-1 file of masks of one size: the first is label 1, and so on. `gzip` packs it; the same masks give the same bytes.
///
/// # Errors
/// When there is no mask or more than 255, sizes differ, a side is longer than 32767, two masks overlap, or the
/// spacing (down, across) is not positive.
pub fn encode(masks: &[&Mask], spacing_mm: Option<(f64, f64)>, gzip: bool) -> Result<Vec<u8>, FormatError> {
    write(masks, spacing_mm, gzip).map_err(|what| Fault::Request(what).of("the NIfTI export"))
}

fn write(masks: &[&Mask], spacing_mm: Option<(f64, f64)>, gzip: bool) -> Result<Vec<u8>, String> {
    let first = masks.first().ok_or("there is no mask to write")?;
    if masks.len() > 255 {
        return Err(format!("a label map holds at most 255 masks, not {}", masks.len()));
    }
    let (width, height) = (first.width(), first.height());
    let mut voxels = vec![0u8; first.bits().len()];
    for (label, mask) in (1u8..).zip(masks) {
        if (mask.width(), mask.height()) != (width, height) {
            return Err("the masks have different sizes".to_owned());
        }
        for (voxel, _) in voxels.iter_mut().zip(mask.bits()).filter(|(_, bit)| **bit != 0) {
            if *voxel != 0 {
                return Err(format!("masks {voxel} and {label} overlap, which a label map cannot hold; write one file each"));
            }
            *voxel = label;
        }
    }
    let mut bytes = header::write(width, height, spacing_mm)?;
    bytes.extend(voxels);
    if !gzip {
        return Ok(bytes);
    }
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&bytes).and_then(|()| packer.finish()).map_err(|error| error.to_string())
}
