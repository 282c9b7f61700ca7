//! Content hashes: BLAKE3, written as 64 lower-case hexadecimal digits.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::domain::GrayImage;

/// Number of digits of a hash in text.
pub const HEX_LEN: usize = 64;

/// Hash of bytes in memory.
pub fn hash_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Hash of a file's content, read in pieces.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().to_hex().to_string()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Tells whether a file is probably the one seen before, without reading all of a large one.
///
/// Up to 64 MiB the hash of the content; above, a hash of length, time of the last change and sixteen pieces.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn sample_hash(path: &Path) -> io::Result<String> {
    const WHOLE: u64 = 64 << 20;
    const PIECE: u64 = 64 << 10;
    const PIECES: u64 = 16;
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let length = metadata.len();
    if length <= WHOLE {
        return hash_file(path);
    }
    let changed = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&changed.to_le_bytes());
    let mut buffer = vec![0u8; PIECE as usize];
    for piece in 0..PIECES {
        file.seek(SeekFrom::Start((length - PIECE) / (PIECES - 1) * piece))?;
        file.read_exact(&mut buffer)?;
        hasher.update(&buffer);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Hash of an image's size and grey values, whatever file format carries them.
pub fn hash_image(image: &GrayImage) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&image.width().to_le_bytes());
    hasher.update(&image.height().to_le_bytes());
    let bytes: Vec<u8> = image.pixels().iter().flat_map(|v| v.to_le_bytes()).collect();
    hasher.update(&bytes);
    hasher.finalize().to_hex().to_string()
}

/// Whether the text has the form of a hash.
pub fn is_hash(text: &str) -> bool {
    text.len() == HEX_LEN && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_and_bytes_agree_and_the_empty_hash_is_blake3s() {
        assert_eq!(hash_bytes(b""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let content: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        assert_eq!(hash_file(&path).unwrap(), hash_bytes(&content));
        assert!(is_hash(&hash_bytes(&content)));
        assert!(!is_hash("af13"));
    }

    #[test]
    fn image_hash_sees_shape_and_pixels() {
        let image = |w, h, p: &[u16]| GrayImage::new(w, h, p.to_vec()).unwrap();
        let a = hash_image(&image(2, 1, &[1, 2]));
        assert_ne!(a, hash_image(&image(1, 2, &[1, 2])));
        assert_ne!(a, hash_image(&image(2, 1, &[2, 1])));
        assert_eq!(a, hash_image(&image(2, 1, &[1, 2])));
    }
}
