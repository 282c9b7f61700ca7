//! What a file is, by its content: names and extensions are not asked.

/// Kinds of files that something here reads, and those that are named to tell a person what they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing inside.
    Empty,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// DICOM with its preamble, or a data set that begins like one.
    Dicom,
    /// NIfTI-1.
    Nifti,
    /// Packed with gzip; NIfTI often is.
    Gzip,
    /// A JSON object.
    Json,
    /// Readable text without control characters.
    Text,
    /// Something else, with its name where it is known.
    Other(&'static str),
}

/// Where NIfTI-1 has its letters.
const NIFTI_AT: usize = 344;
/// How much of a file is looked at to call it text.
const LOOK: usize = 4096;

impl FileKind {
    /// The kind of a file with this content; its beginning of 4 KiB suffices.
    pub fn of(bytes: &[u8]) -> Self {
        let starts = |mark: &[u8]| bytes.starts_with(mark);
        if bytes.is_empty() {
            Self::Empty
        } else if starts(b"\x89PNG") {
            Self::Png
        } else if starts(&[0xff, 0xd8, 0xff]) {
            Self::Jpeg
        } else if bytes.get(128..132) == Some(b"DICM") {
            Self::Dicom
        } else if matches!(bytes.get(NIFTI_AT..NIFTI_AT + 3), Some(b"n+1" | b"ni1")) {
            Self::Nifti
        } else if starts(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if let Some(name) = foreign(bytes) {
            Self::Other(name)
        } else if is_text(bytes) {
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
            if first == Some(&b'{') { Self::Json } else { Self::Text }
        } else if matches!(bytes, [2 | 8, 0, ..]) {
            Self::Dicom
        } else {
            Self::Other("")
        }
    }
}

/// Usual files of others, by their first letters.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [b'P', b'K', 3 | 5 | 7, ..] => "a ZIP archive",
        [b'G', b'I', b'F', b'8', ..] => "a GIF picture",
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "a BMP picture",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "a TIFF picture",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "a WebP picture",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] => "a program",
        [b'7', b'z', 0xbc, 0xaf, ..] => "a 7-Zip archive",
        [0, 0, 0, 12, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => "a bare JPEG 2000 picture",
        _ => return None,
    })
}

fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(LOOK)];
    let plain = |text: &str| text.chars().all(|c| !c.is_control() || c.is_whitespace());
    match std::str::from_utf8(head) {
        Ok(text) => plain(text),
        // A letter of several bytes may be cut at the end of what is looked at.
        Err(error) => error.error_len().is_none() && std::str::from_utf8(&head[..error.valid_up_to()]).is_ok_and(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_kind() {
        let dicom = [vec![0u8; 128], b"DICM".to_vec()].concat();
        let nifti = [vec![92, 1, 0, 0], vec![0; 340], b"n+1\0".to_vec()].concat();
        for (bytes, kind) in [
            (&b""[..], FileKind::Empty),
            (b"\x89PNG\r\n", FileKind::Png),
            (&[0xff, 0xd8, 0xff, 0xe0], FileKind::Jpeg),
            (&dicom, FileKind::Dicom),
            (&[8, 0, 5, 0, b'C', b'S'], FileKind::Dicom),
            (&nifti, FileKind::Nifti),
            (&[0x1f, 0x8b, 8], FileKind::Gzip),
            (b"\xef\xbb\xbf {\"a\": 1}", FileKind::Json),
            (b"1 2 3\n", FileKind::Text),
            ("Müll".as_bytes(), FileKind::Text),
            (b"PK\x03\x04", FileKind::Other("a ZIP archive")),
            (&[200, 1, 0, 7], FileKind::Other("")),
        ] {
            assert_eq!(FileKind::of(bytes), kind, "{bytes:?}");
        }
    }
}
