//! PNG in and out: any PNG to 16-bit grey or to a mask; 16-bit grey and masks to PNG with text chunks.
//!
//! Reading works on bytes in memory. Colour becomes grey by the luma of ITU-R BT.601; transparent
//! pixels are laid on black. Nothing but pixels and the asked text chunk is taken from a foreign file.

use std::fs;
use std::io::{Cursor, Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use png::{BitDepth, ColorType, Decoder, Encoder, Limits, Transformations};

use crate::domain::{GrayImage, Mask};

/// Longest side that is read.
pub const MAX_SIDE_PX: u32 = 8192;
/// Largest file that is read.
pub const MAX_FILE_BYTES: u64 = 512 << 20;
/// Memory the decoder may take for rows, chunks and text.
const DECODER_BYTES: usize = 256 << 20;
/// Longest text chunk that is unpacked.
const MAX_TEXT_BYTES: usize = 64 << 20;

/// Why a PNG cannot be read or made; the name is the file as the caller calls it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PngError {
    /// The system refused.
    #[error("cannot read {}: {}", path.display(), system_reason(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another kind of file, or an empty one.
    #[error("{name} is not a PNG file{hint}; convert it to PNG first")]
    Foreign {
        /// The file.
        name: String,
        /// What it looks like, where that is known.
        hint: &'static str,
    },
    /// Neither of the two kinds that photographs have.
    #[error("{name} is neither a PNG nor a JPEG file{hint}; convert it to PNG first")]
    NoPhoto {
        /// The file.
        name: String,
        /// What it looks like, where that is known.
        hint: &'static str,
    },
    /// The file ends before the picture does.
    #[error("{name} is cut off: the PNG ends before its last pixel; copy it again")]
    Truncated {
        /// The file.
        name: String,
    },
    /// A PNG with a broken inside.
    #[error("{name} is a damaged PNG: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A JPEG with a broken inside.
    #[error("{name} is a damaged JPEG: {reason}")]
    DamagedJpeg {
        /// The file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// More pixels or bytes than are read.
    #[error("{name} is too large: {what}; at most {max} is read")]
    TooLarge {
        /// The file.
        name: String,
        /// Its size.
        what: String,
        /// The limit.
        max: String,
    },
    /// A picture that cannot be encoded, such as one with a text keyword PNG does not allow.
    #[error("cannot make a PNG: {reason}")]
    Encode {
        /// What is wrong.
        reason: String,
    },
}

pub(super) fn system_reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Reads a PNG file of any colour type as 16-bit grey; 8-bit values `v` become `257 v`.
///
/// # Errors
/// When the file cannot be read, is no PNG, is damaged, cut off or too large.
pub fn read_gray(path: &Path) -> Result<GrayImage, PngError> {
    decode_gray(&read_bytes(path)?, &path.display().to_string())
}

/// Reads a PNG file of any colour type as a mask: grey of at least 128 of 255 is inside.
///
/// # Errors
/// As [`read_gray`].
pub fn read_mask(path: &Path) -> Result<Mask, PngError> {
    decode_mask(&read_bytes(path)?, &path.display().to_string())
}

/// As [`read_mask`], from bytes; `name` is used in errors.
///
/// # Errors
/// As [`read_gray`], without those of the file system.
pub fn decode_mask(bytes: &[u8], name: &str) -> Result<Mask, PngError> {
    let image = decode_gray(bytes, name)?;
    Ok(Mask::from_fn(image.width(), image.height(), |x, y| image.get(x, y).is_some_and(|v| v >> 8 >= 128)))
}

/// As [`read_gray`], from bytes; `name` is used in errors.
///
/// # Errors
/// As [`read_gray`], without those of the file system.
pub fn decode_gray(bytes: &[u8], name: &str) -> Result<GrayImage, PngError> {
    let mut decoder = decoder(bytes, name)?;
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(|error| decoding(error, name))?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_size(width, height, name)?;
    let damaged = |reason: &str| PngError::Damaged { name: name.to_owned(), reason: reason.to_owned() };
    let (color, depth) = reader.output_color_type();
    let mut gray = Vec::new();
    if reader.info().interlaced {
        let size = reader.output_buffer_size().ok_or_else(|| damaged("its size overflows"))?;
        if size > DECODER_BYTES {
            return Err(PngError::TooLarge {
                name: name.to_owned(),
                what: format!("an interlaced picture of {} MiB", size >> 20),
                max: format!("{} MiB", DECODER_BYTES >> 20),
            });
        }
        let mut buffer = vec![0u8; size];
        let frame = reader.next_frame(&mut buffer).map_err(|error| decoding(error, name))?;
        push_gray(&buffer[..frame.buffer_size()], color, depth, &mut gray);
    } else {
        // Row by row, so that a large picture in colour takes no more than its grey values.
        while let Some(row) = reader.next_row().map_err(|error| decoding(error, name))? {
            push_gray(row.data(), color, depth, &mut gray);
        }
    }
    if color == ColorType::Indexed {
        return Err(damaged("its palette is missing"));
    }
    GrayImage::new(width, height, gray).map_err(|error| damaged(&error.to_string()))
}

/// The text of a chunk (`iTXt`, `tEXt` or `zTXt`) with the given keyword, if the file has one.
///
/// # Errors
/// As [`read_gray`]; also when the chunk is damaged or longer than 64 MiB.
pub fn read_text(path: &Path, keyword: &str) -> Result<Option<String>, PngError> {
    decode_text(&read_bytes(path)?, keyword, &path.display().to_string())
}

/// As [`read_text`], from bytes; `name` is used in errors.
///
/// # Errors
/// As [`read_text`], without those of the file system.
pub fn decode_text(bytes: &[u8], keyword: &str, name: &str) -> Result<Option<String>, PngError> {
    let mut reader = decoder(bytes, name)?.read_info().map_err(|error| decoding(error, name))?;
    check_size(reader.info().width, reader.info().height, name)?;
    reader.finish().map_err(|error| decoding(error, name))?;
    let info = reader.info();
    if let Some(chunk) = info.utf8_text.iter().find(|chunk| chunk.keyword == keyword) {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(MAX_TEXT_BYTES).map_err(|error| decoding(error, name))?;
        return chunk.get_text().map(Some).map_err(|error| decoding(error, name));
    }
    if let Some(chunk) = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == keyword) {
        return Ok(Some(chunk.text.clone()));
    }
    if let Some(chunk) = info.compressed_latin1_text.iter().find(|chunk| chunk.keyword == keyword) {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(MAX_TEXT_BYTES).map_err(|error| decoding(error, name))?;
        return chunk.get_text().map(Some).map_err(|error| decoding(error, name));
    }
    Ok(None)
}

/// A text chunk to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// `tEXt`: keyword and Latin-1 text, readable by every program.
    Plain(&'a str, &'a str),
    /// `iTXt`: keyword and packed UTF-8 text.
    Packed(&'a str, &'a str),
}

/// A 16-bit grey PNG with text chunks in the given order.
///
/// # Errors
/// When a keyword or text is not allowed in a PNG.
pub fn encode_gray16(image: &GrayImage, texts: &[Text<'_>]) -> Result<Vec<u8>, PngError> {
    let bytes: Vec<u8> = image.pixels().iter().flat_map(|v| v.to_be_bytes()).collect();
    encode(image.width(), image.height(), BitDepth::Sixteen, &bytes, texts)
}

/// An 8-bit grey PNG, 255 inside and 0 outside.
///
/// # Errors
/// As [`encode_gray16`].
pub fn encode_mask(mask: &Mask, texts: &[Text<'_>]) -> Result<Vec<u8>, PngError> {
    let bytes: Vec<u8> = mask.bits().iter().map(|&b| if b == 0 { 0 } else { 255 }).collect();
    encode(mask.width(), mask.height(), BitDepth::Eight, &bytes, texts)
}

/// A small 8-bit grey PNG of a picture whose longer side is at most `side_px`; each grey is the mean of what it covers.
///
/// # Errors
/// As [`encode_gray16`].
pub fn encode_thumbnail(image: &GrayImage, side_px: u32) -> Result<Vec<u8>, PngError> {
    let (width, height) = (image.width(), image.height());
    let longer = width.max(height).max(1);
    let small = |side: u32| if longer <= side_px { side } else { (side * side_px / longer).max(1) };
    let (w, h) = (small(width), small(height));
    // The pixels that a grey covers; never none.
    let span = |i: u32, n: u32, of: u32| (i * of / n) as usize..((i + 1) * of).div_ceil(n) as usize;
    let mut bytes = Vec::with_capacity((w * h) as usize);
    for y in 0..h {
        for x in 0..w {
            let (mut sum, mut count) = (0u64, 0u64);
            for row in span(y, h, height) {
                let start = row * width as usize;
                let across = span(x, w, width);
                for &grey in &image.pixels()[start + across.start..start + across.end] {
                    (sum, count) = (sum + u64::from(grey), count + 1);
                }
            }
            bytes.push((sum / count.max(1) / 257) as u8);
        }
    }
    encode(w, h, BitDepth::Eight, &bytes, &[])
}

fn encode(width: u32, height: u32, depth: BitDepth, data: &[u8], texts: &[Text<'_>]) -> Result<Vec<u8>, PngError> {
    let fail = |error: png::EncodingError| PngError::Encode { reason: error.to_string() };
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(depth);
    for text in texts {
        if let Text::Plain(keyword, text) = *text {
            encoder.add_text_chunk(keyword.to_owned(), text.to_owned()).map_err(fail)?;
        }
    }
    let mut writer = encoder.write_header().map_err(fail)?;
    for text in texts {
        if let Text::Packed(keyword, text) = *text {
            let mut chunk = png::text_metadata::ITXtChunk::new(keyword, text);
            chunk.compressed = true;
            writer.write_text_chunk(&chunk).map_err(fail)?;
        }
    }
    writer.write_image_data(data).map_err(fail)?;
    writer.finish().map_err(fail)?;
    Ok(out)
}

pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, PngError> {
    let io = |source| PngError::Io { path: path.to_owned(), source };
    let about = fs::metadata(path).map_err(io)?;
    if !about.is_file() {
        // A pipe would be waited for, a device read without an end.
        let why = if about.is_dir() { ErrorKind::IsADirectory.into() } else { Error::other("it is no plain file") };
        return Err(io(why));
    }
    let too_large = |what: String| PngError::TooLarge {
        name: path.display().to_string(),
        what,
        max: format!("{} MiB", MAX_FILE_BYTES >> 20),
    };
    if about.len() > MAX_FILE_BYTES {
        return Err(too_large(format!("{} MiB", about.len() >> 20)));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(io)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    // It may have grown since.
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(too_large("it grows".to_owned())) } else { Ok(bytes) }
}

fn decoder<'a>(bytes: &'a [u8], name: &str) -> Result<Decoder<Cursor<&'a [u8]>>, PngError> {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    if !bytes.starts_with(SIGNATURE) {
        if !bytes.is_empty() && SIGNATURE.starts_with(bytes) {
            return Err(PngError::Truncated { name: name.to_owned() });
        }
        return Err(PngError::Foreign { name: name.to_owned(), hint: guess(bytes) });
    }
    Ok(Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: DECODER_BYTES }))
}

/// What a file that is no PNG looks like.
fn guess(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => " (it is empty)",
        [0xff, 0xd8, ..] => " (it looks like JPEG)",
        [b'G', b'I', b'F', ..] => " (it looks like GIF)",
        [b'B', b'M', ..] => " (it looks like BMP)",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => " (it looks like TIFF)",
        _ if bytes.get(128..132) == Some(b"DICM") => " (it looks like DICOM)",
        _ => "",
    }
}

fn check_size(width: u32, height: u32, name: &str) -> Result<(), PngError> {
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        return Err(PngError::TooLarge {
            name: name.to_owned(),
            what: format!("{width}×{height} pixels"),
            max: format!("{MAX_SIDE_PX}×{MAX_SIDE_PX}"),
        });
    }
    Ok(())
}

fn decoding(error: png::DecodingError, name: &str) -> PngError {
    let name = name.to_owned();
    match error {
        png::DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => PngError::Truncated { name },
        png::DecodingError::LimitsExceeded => PngError::TooLarge {
            name,
            what: "its rows or chunks do not fit the decoder's memory".to_owned(),
            max: format!("{} MiB", DECODER_BYTES >> 20),
        },
        other => PngError::Damaged { name, reason: other.to_string() },
    }
}

/// Adds the grey values of samples; a palette must be expanded already.
fn push_gray(bytes: &[u8], color: ColorType, depth: BitDepth, gray: &mut Vec<u16>) {
    let samples = samples16(bytes, depth);
    match color {
        ColorType::Grayscale => gray.extend(samples),
        ColorType::GrayscaleAlpha => gray.extend(samples.chunks_exact(2).map(|p| over_black(p[0], p[1]))),
        ColorType::Rgb => gray.extend(samples.chunks_exact(3).map(|p| luma(p[0], p[1], p[2]))),
        ColorType::Rgba => gray.extend(samples.chunks_exact(4).map(|p| over_black(luma(p[0], p[1], p[2]), p[3]))),
        ColorType::Indexed => {}
    }
}

/// Big-endian samples to 16 bits; less than 8 bits a sample are expanded by the decoder.
fn samples16(bytes: &[u8], depth: BitDepth) -> Vec<u16> {
    if depth == BitDepth::Sixteen {
        bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect()
    } else {
        bytes.iter().map(|&b| u16::from(b) * 257).collect()
    }
}

/// BT.601 luma with weights in 1/65536; equal channels keep their value.
pub(super) fn luma(r: u16, g: u16, b: u16) -> u16 {
    ((u64::from(r) * 19595 + u64::from(g) * 38470 + u64::from(b) * 7471 + 32768) >> 16) as u16
}

fn over_black(value: u16, alpha: u16) -> u16 {
    ((u32::from(value) * u32::from(alpha) + 32767) / 65535) as u16
}

#[cfg(test)]
mod tests;
