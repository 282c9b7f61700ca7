//! JPEG baseline and extended with 8 bits, and lossless JPEG with up to 16.
//!
//! # Source
//! DICOM PS3.5, annex A.4.1; ITU-T T.81.

use jpeg_decoder::{ColorTransform, Decoder, PixelFormat};

use crate::imageio::dicom::frame::Frame;
use crate::imageio::dicom::layout::{Layout, Photometric};
use crate::imageio::fault::{Fault, guarded};
use crate::imageio::png::luma;

/// Memory of the decoder's result.
const DECODER_BYTES: usize = 512 << 20;

/// A frame from a JPEG stream.
///
/// # Errors
/// When it is damaged, of another size than the layout, or of a kind that is not read.
pub(in crate::imageio::dicom) fn decode(data: &[u8], layout: &Layout) -> Result<Frame, Fault> {
    let part = "the JPEG data";
    guarded(part, || {
        let fail = |error: jpeg_decoder::Error| match error {
            jpeg_decoder::Error::Unsupported(jpeg_decoder::UnsupportedFeature::SamplePrecision(bits)) => {
                Fault::unsupported(format!("JPEG with {bits} bits"), "convert the file to Explicit VR Little Endian first")
            }
            jpeg_decoder::Error::Unsupported(_) => {
                Fault::unsupported("this kind of JPEG", "convert the file to Explicit VR Little Endian first")
            }
            _ => Fault::damaged(part, "cannot be unpacked"),
        };
        let mut decoder = Decoder::new(data);
        decoder.set_max_decoding_buffer_size(DECODER_BYTES);
        match layout.photometric {
            Photometric::Rgb => decoder.set_color_transform(ColorTransform::RGB),
            Photometric::Ybr => decoder.set_color_transform(ColorTransform::YCbCr),
            Photometric::Monochrome1 | Photometric::Monochrome2 => {}
        }
        decoder.read_info().map_err(fail)?;
        let info = decoder.info().ok_or_else(|| Fault::damaged(part, "has no header"))?;
        if (u32::from(info.width), u32::from(info.height)) != (layout.width, layout.height) {
            return Err(Fault::damaged(part, format!("is {}×{} pixels, unlike Rows and Columns", info.width, info.height)));
        }
        let pixels = decoder.decode().map_err(fail)?;
        let wide = |v: u8| u16::from(v) * 257;
        match (info.pixel_format, layout.photometric.samples()) {
            (PixelFormat::L8, 1) => Ok(Frame::Grey(pixels.into_iter().map(u16::from).collect())),
            (PixelFormat::L16, 1) if layout.allocated == 16 => {
                Ok(Frame::Grey(pixels.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect()))
            }
            (PixelFormat::RGB24, 3) => {
                Ok(Frame::Luma(pixels.chunks_exact(3).map(|p| luma(wide(p[0]), wide(p[1]), wide(p[2]))).collect()))
            }
            _ => Err(Fault::damaged(part, "has other samples than SamplesPerPixel and BitsAllocated say")),
        }
    })
}
