//! An image with the facts of its file: everything beside the picture that could tell who made it.

use std::path::Path;

use engine::domain::GrayImage;
use engine::imageio::dicom::decode_radiograph;
use engine::imageio::fault::{FormatError, read_file};
use engine::imageio::kind::FileKind;
use engine::imageio::photo::decode_photo;
use engine::imageio::png::PngError;
use serde::{Deserialize, Serialize};

/// In what an image came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// A PNG file.
    Png,
    /// A JPEG file.
    Jpeg,
    /// A DICOM file.
    Dicom,
}

/// Facts of the file of an image. Nothing here says whose radiograph it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// File name without folders.
    pub name: String,
    /// The kind of file.
    pub container: Container,
    /// Bits of a stored grey value.
    pub bits: u32,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Whether the file says how large a pixel is.
    pub has_spacing: bool,
    /// Names of what the file carries beside the picture, such as "tEXt Comment" or "APP1"; never what it holds.
    pub metadata: Vec<String>,
}

/// A picture, with its file's facts where it comes from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// What is shown; 0 is black.
    pub image: GrayImage,
    /// The file; `None` of an image that was equalised, for its file is the study's own.
    pub source: Option<Source>,
}

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// A PNG or a JPEG, or a file that is neither.
    #[error(transparent)]
    Photo(#[from] PngError),
    /// A DICOM file, or one that the system does not give.
    #[error(transparent)]
    File(#[from] FormatError),
}

impl Picture {
    /// Reads a PNG, JPEG or DICOM file; its content tells which it is.
    ///
    /// # Errors
    /// One sentence that names the file.
    pub fn open(path: &Path) -> Result<Self, PictureError> {
        let bytes = read_file(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::decode(&bytes, &path.display().to_string(), &name)
    }

    /// As [`Picture::open`], from bytes: `shown` is used in errors, `name` is the file's name.
    ///
    /// # Errors
    /// As [`Picture::open`], without those of the file system.
    pub fn decode(bytes: &[u8], shown: &str, name: &str) -> Result<Self, PictureError> {
        let (image, container, bits, has_spacing, metadata) = match FileKind::of(bytes) {
            FileKind::Dicom => {
                let radiograph = decode_radiograph(bytes, shown)?;
                (radiograph.image, Container::Dicom, radiograph.bits, radiograph.spacing_mm.is_some(), vec!["DICOM".to_owned()])
            }
            FileKind::Jpeg => {
                let (bits, metadata) = jpeg_facts(bytes);
                (decode_photo(bytes, shown)?, Container::Jpeg, bits, false, metadata)
            }
            _ => {
                let image = decode_photo(bytes, shown)?;
                let (bits, metadata) = png_facts(bytes);
                let has_spacing = metadata.iter().any(|name| name == "pHYs");
                (image, Container::Png, bits, has_spacing, metadata)
            }
        };
        let source = Source { name: name.to_owned(), container, bits, bytes: bytes.len() as u64, has_spacing, metadata };
        Ok(Self { image, source: Some(source) })
    }
}

/// Bits of a value, and the chunks beside picture and palette; texts with their keyword.
fn png_facts(bytes: &[u8]) -> (u32, Vec<String>) {
    let bits = bytes.get(24).copied().map_or(8, u32::from);
    let mut found = Vec::new();
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = String::from_utf8_lossy(&head[4..]).into_owned();
        let Some(body) = bytes.get(at + 8..).and_then(|rest| rest.get(..length)) else { break };
        match kind.as_str() {
            "IHDR" | "IDAT" | "IEND" | "PLTE" => {}
            "tEXt" | "iTXt" | "zTXt" => {
                let keyword = body.split(|&b| b == 0).next().unwrap_or_default();
                found.push(format!("{kind} {}", String::from_utf8_lossy(keyword)));
            }
            _ => found.push(kind),
        }
        at += length + 12;
    }
    found.sort();
    found.dedup();
    (bits, found)
}

/// Bits of a value, and the application segments and comments.
fn jpeg_facts(bytes: &[u8]) -> (u32, Vec<String>) {
    let (mut bits, mut found) = (8, Vec::new());
    let mut at = 2;
    while let Some(&[0xff, mark, high, low]) = bytes.get(at..at + 4) {
        match mark {
            0xc0..=0xc3 => bits = bytes.get(at + 4).copied().map_or(8, u32::from),
            0xe0..=0xef => found.push(format!("APP{}", mark - 0xe0)),
            0xfe => found.push("COM".to_owned()),
            // The scan begins: no more segments that matter.
            0xda => break,
            _ => {}
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    found.sort();
    found.dedup();
    (bits, found)
}

#[cfg(test)]
mod tests {
    use engine::imageio::dicom::encode_secondary_capture;
    use engine::imageio::png::{Text, encode_gray16};

    use super::*;

    fn ramp() -> GrayImage {
        GrayImage::new(16, 8, (0..128).map(|i| i * 500).collect()).expect("a picture")
    }

    #[test]
    fn files_tell_their_facts_and_not_their_words() {
        let png =
            encode_gray16(&ramp(), &[Text::Plain("Comment", "made by arm A"), Text::Packed("chexgen-run", "{}")]).expect("a PNG");
        let picture = Picture::decode(&png, "x/a.png", "a.png").expect("a picture");
        assert_eq!(picture.image, ramp());
        let source = picture.source.expect("from a file");
        assert_eq!(
            (source.container, source.bits, source.name.as_str(), source.has_spacing),
            (Container::Png, 16, "a.png", false)
        );
        assert_eq!(source.metadata, ["iTXt chexgen-run", "tEXt Comment"]);
        assert!(!format!("{source:?}").contains("made by"));

        let dicom = encode_secondary_capture(&ramp(), "{}", Some((0.2, 0.2))).expect("a DICOM file");
        let source = Picture::decode(&dicom, "a.dcm", "a.dcm").expect("a picture").source.expect("from a file");
        assert_eq!((source.container, source.has_spacing), (Container::Dicom, true));
        assert!(source.bits >= 8);
    }

    #[test]
    fn segments_of_a_jpeg_are_named() {
        let head = [
            &[0xff, 0xd8, 0xff, 0xe1, 0, 4, b'E', b'x', 0xff, 0xfe, 0, 3, b'c'][..],
            &[0xff, 0xc0, 0, 3, 12],
            &[0xff, 0xda, 0, 2],
        ]
        .concat();
        assert_eq!(jpeg_facts(&head), (12, vec!["APP1".to_owned(), "COM".to_owned()]));
    }

    #[test]
    fn what_is_no_image_is_one_sentence() {
        let error = Picture::decode(b"hello", "cases/a.png", "a.png").expect_err("no image").to_string();
        assert!(error.contains("cases/a.png") && !error.contains('\n'), "{error}");
        let error = Picture::open(Path::new("/nowhere/a.png")).expect_err("no file").to_string();
        assert!(error.contains("a.png"), "{error}");
    }
}
