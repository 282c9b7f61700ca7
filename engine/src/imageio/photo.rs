//! A grey image from a file of any kind that is read: PNG of 8 or 16 bits, or JPEG.

use std::path::Path;

use image::ImageDecoder as _;

use super::png::{MAX_SIDE_PX, PngError, decode_gray, luma, read_bytes};
use crate::domain::GrayImage;

/// Memory that the JPEG decoder may take.
const DECODER_BYTES: u64 = 512 << 20;

/// Reads a PNG or JPEG file as 16-bit grey; which of them it is, its content tells.
///
/// # Errors
/// As [`super::png::read_gray`]; also when a JPEG is damaged or too large.
pub fn read_photo(path: &Path) -> Result<GrayImage, PngError> {
    decode_photo(&read_bytes(path)?, &path.display().to_string())
}

/// As [`read_photo`], from bytes; `name` is used in errors.
///
/// # Errors
/// As [`read_photo`], without those of the file system.
pub fn decode_photo(bytes: &[u8], name: &str) -> Result<GrayImage, PngError> {
    if !bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        return decode_gray(bytes, name).map_err(|error| match error {
            PngError::Foreign { name, hint } => PngError::NoPhoto { name, hint },
            other => other,
        });
    }
    let damaged = |reason: String| PngError::DamagedJpeg { name: name.to_owned(), reason };
    if is_cut_off(bytes) {
        return Err(damaged("it is cut off before its end mark".to_owned()));
    }
    // The decoder's words may run over lines.
    let fail = |error: image::ImageError| damaged(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
    let mut decoder = image::codecs::jpeg::JpegDecoder::new(std::io::Cursor::new(bytes)).map_err(fail)?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        return Err(PngError::TooLarge {
            name: name.to_owned(),
            what: format!("{width}×{height} pixels"),
            max: format!("{MAX_SIDE_PX}×{MAX_SIDE_PX}"),
        });
    }
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(DECODER_BYTES);
    decoder.set_limits(limits).map_err(fail)?;
    let wide = |value: u8| u16::from(value) * 257;
    let pixels = match image::DynamicImage::from_decoder(decoder).map_err(fail)? {
        image::DynamicImage::ImageLuma8(grey) => grey.into_raw().into_iter().map(wide).collect(),
        colour => colour.to_rgb8().pixels().map(|p| luma(wide(p[0]), wide(p[1]), wide(p[2]))).collect(),
    };
    GrayImage::new(width, height, pixels).map_err(|error| damaged(error.to_string()))
}

/// Whether no end mark follows the last scan. The decoder would fill what is missing with grey, without a word.
///
/// Inside a scan 0xFF is always followed by a zero or a restart mark, so the marks looked for are real ones.
fn is_cut_off(bytes: &[u8]) -> bool {
    const START_OF_SCAN: [u8; 2] = [0xff, 0xda];
    const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
    let last = |mark: [u8; 2]| bytes.windows(2).rposition(|pair| pair == mark);
    match (last(START_OF_SCAN), last(END_OF_IMAGE)) {
        (Some(scan), Some(end)) => end < scan,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imageio::png::encode_gray16;

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let grey: Vec<u8> = (0..width * height).map(|i| (i % width * 255 / width) as u8).collect();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.encode(&grey, width, height, image::ExtendedColorType::L8).unwrap();
        bytes
    }

    #[test]
    fn the_content_tells_the_kind() {
        let image = decode_photo(&jpeg(32, 16), "a.png").unwrap();
        assert_eq!((image.width(), image.height()), (32, 16));
        assert!(image.get(31, 8).unwrap() > 60000 && image.get(0, 8).unwrap() < 3000);
        let png = encode_gray16(&image, &[]).unwrap();
        assert_eq!(decode_photo(&png, "a.jpg").unwrap(), image);
        assert!(decode_photo(b"GIF89a", "a.gif").unwrap_err().to_string().contains("a.gif is neither a PNG nor a JPEG file"));
    }

    #[test]
    fn a_damaged_jpeg_is_a_sentence() {
        let mut bytes = jpeg(32, 16);
        bytes.truncate(40);
        let sentence = decode_photo(&bytes, "cut.jpg").unwrap_err().to_string();
        assert!(sentence.contains("cut.jpg") && sentence.contains("JPEG"), "{sentence}");
    }

    #[test]
    fn a_jpeg_without_its_end_is_refused_wherever_it_is_cut() {
        let whole = jpeg(64, 64);
        for cut in 3..whole.len() {
            let sentence = decode_photo(&whole[..cut], "cut.jpg").expect_err("no end").to_string();
            assert!(sentence.contains("cut.jpg") && !sentence.contains('\n'), "{cut}: {sentence}");
        }
        let followed = [whole, vec![0; 9]].concat();
        assert!(decode_photo(&followed, "a.jpg").is_ok(), "what comes after the end does not matter");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), cut in 0usize..700) {
            let mut whole = jpeg(16, 16);
            whole.truncate(cut);
            whole.append(&mut bytes);
            let _image_or_not = decode_photo(&whole, "x");
        }
    }
}
