//! JPEG 2000, lossless and lossy.
//!
//! # Source
//! DICOM PS3.5, annex A.4.4; ITU-T T.800, annex A.5.1 (image and tile size).

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

use crate::imageio::dicom::frame::Frame;
use crate::imageio::dicom::layout::{Layout, Photometric};
use crate::imageio::fault::{Fault, guarded};
use crate::imageio::png::luma;

/// Place of the first component's precision after the start of a codestream.
const PRECISION_AT: usize = 42;

/// A frame from a JPEG 2000 codestream, bare or in a file of its own.
///
/// # Errors
/// When it is damaged or of another size than the layout.
pub(in crate::imageio::dicom) fn decode(data: &[u8], layout: &Layout) -> Result<Frame, Fault> {
    let part = "the JPEG 2000 data";
    guarded(part, || {
        let start = data.windows(4).position(|four| four == [0xff, 0x4f, 0xff, 0x51]);
        let start = start.ok_or_else(|| Fault::damaged(part, "has no codestream"))?;
        let precision = *data.get(start + PRECISION_AT).ok_or_else(|| Fault::truncated(part))?;
        let (signed, bits) = (precision & 0x80 != 0, u32::from(precision & 0x7f) + 1);
        if bits > layout.allocated {
            return Err(Fault::damaged(part, format!("has {bits} bits, more than BitsAllocated")));
        }
        let settings = DecodeSettings { resolve_palette_indices: false, ..DecodeSettings::default() };
        let unread = || Fault::damaged(part, "cannot be unpacked");
        let image = Image::new(&data[start..], &settings).map_err(|_| unread())?;
        if (image.width(), image.height()) != (layout.width, layout.height) {
            return Err(Fault::damaged(part, format!("is {}×{} pixels, unlike Rows and Columns", image.width(), image.height())));
        }
        let mut context = DecoderContext::default();
        let decoded = image.decode(&mut context).map_err(|_| unread())?;
        let planes = decoded.components();
        if planes.len() != layout.photometric.samples() || planes.iter().any(|p| p.samples().len() != layout.pixels()) {
            return Err(Fault::damaged(part, "has other samples than SamplesPerPixel says"));
        }
        // The decoder moves signed samples up by half their range; stored words keep the sign.
        let (half, max) = (1i32 << (bits - 1), (1i64 << bits) as f32 - 1.0);
        let level = |v: f32| v.round().clamp(0.0, max) as i32;
        if let [grey] = planes {
            let shift = if signed { half } else { 0 };
            return Ok(Frame::Grey(grey.samples().iter().map(|v| ((level(*v) - shift) << layout.shift) as u16).collect()));
        }
        let scale = 65535.0 / max;
        let wide = |v: f32| (level(v) as f32 * scale).round() as u16;
        if layout.photometric == Photometric::Ybr {
            return Ok(Frame::Luma(planes[0].samples().iter().map(|v| wide(*v)).collect()));
        }
        let (r, g, b) = (planes[0].samples(), planes[1].samples(), planes[2].samples());
        Ok(Frame::Luma((0..layout.pixels()).map(|i| luma(wide(r[i]), wide(g[i]), wide(b[i]))).collect()))
    })
}
