//! RLE Lossless: a table of segments, each one byte plane in PackBits runs.
//!
//! # Source
//! DICOM PS3.5, annex G.

use crate::imageio::dicom::layout::Layout;
use crate::imageio::fault::Fault;

/// Bytes of the table: a count and fifteen offsets.
const TABLE: usize = 64;

/// A frame as unpacked bytes: samples of 8 bits interleaved, words of 16 bits with the low byte first.
///
/// # Errors
/// When the table or a segment does not fit the frame.
pub(in crate::imageio::dicom) fn decode(data: &[u8], layout: &Layout) -> Result<Vec<u8>, Fault> {
    let samples = layout.photometric.samples();
    let width = layout.allocated as usize / 8;
    let planes = samples * width;
    let number = |i: usize| {
        let bytes = data.get(4 * i..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map(|bytes| u32::from_le_bytes(*bytes) as usize).ok_or_else(|| Fault::truncated("the table of RLE segments"))
    };
    let count = number(0)?;
    if count != planes {
        return Err(Fault::damaged("the table of RLE segments", format!("counts {count} segments where {planes} are needed")));
    }
    let n = layout.pixels();
    let mut out = vec![0u8; n * planes];
    for plane in 0..planes {
        let from = number(1 + plane)?;
        let to = if plane + 1 < planes { number(2 + plane)? } else { data.len() };
        if from < TABLE || to < from {
            return Err(Fault::damaged("the table of RLE segments", "points to no segment"));
        }
        let segment = data.get(from..to).ok_or_else(|| Fault::truncated("an RLE segment"))?;
        // The high byte of a word comes first. Colours are brought together unless the layout keeps them apart.
        let (sample, byte) = (plane / width, width - 1 - plane % width);
        let place = |i: usize| {
            if layout.planar { (sample * n + i) * width + byte } else { (i * samples + sample) * width + byte }
        };
        unpack(segment, n, |i, value| out[place(i)] = value)?;
    }
    Ok(out)
}

/// Unpacks `count` bytes of PackBits runs; what follows them is padding.
fn unpack(segment: &[u8], count: usize, mut put: impl FnMut(usize, u8)) -> Result<(), Fault> {
    let short = || Fault::truncated("an RLE segment");
    let (mut at, mut done) = (0, 0);
    while done < count {
        let head = *segment.get(at).ok_or_else(short)?;
        at += 1;
        match head {
            0..128 => {
                let run = usize::from(head) + 1;
                let values = segment.get(at..at + run).ok_or_else(short)?;
                for value in values.iter().take(count - done) {
                    put(done, *value);
                    done += 1;
                }
                at += run;
            }
            128 => {}
            129.. => {
                let value = *segment.get(at).ok_or_else(short)?;
                at += 1;
                for _ in 0..(257 - usize::from(head)).min(count - done) {
                    put(done, value);
                    done += 1;
                }
            }
        }
    }
    Ok(())
}
