//! Files of images that look like noise of one length, so that an image that comes twice is not found by its bytes.
//!
//! A hidden repeat shows the same pixels under another name. As plain files both would be the same, and whoever unpacks
//! the study could list the repeats. So each file is filled up to the length of the longest, and covered with a stream
//! that belongs to its name (BLAKE3 as an extendable output). This hides nothing from this program or its source: the
//! reader must see the images without the key. It keeps them from whoever only looks.

/// Names the use of the stream; another form of the files would have another one.
const CONTEXT: &str = "chexgen-study 2: file of an image";
/// Bytes of the length before a file, little-endian.
const LENGTH: usize = 4;

/// The covered file of the name `id`, filled up for files of at most `longest` bytes.
pub(super) fn covered(id: &str, file: &[u8], longest: usize) -> Result<Vec<u8>, String> {
    let length = u32::try_from(file.len()).map_err(|_| "the file of an image is too long".to_owned())?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(file);
    bytes.resize(LENGTH + longest.max(file.len()), 0);
    cover(id, &mut bytes);
    Ok(bytes)
}

/// What [`covered`] was given; `None` where the bytes are no such file.
pub(super) fn uncovered(id: &str, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    cover(id, &mut bytes);
    let head: [u8; LENGTH] = bytes.get(..LENGTH)?.try_into().ok()?;
    let end = LENGTH.checked_add(usize::try_from(u32::from_le_bytes(head)).ok()?)?;
    if bytes.get(end..)?.iter().any(|byte| *byte != 0) {
        return None;
    }
    bytes.truncate(end);
    bytes.drain(..LENGTH);
    Some(bytes)
}

/// Covers and uncovers.
fn cover(id: &str, bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(id.as_bytes());
    let mut stream = hasher.finalize_xof();
    let mut part = [0; 4096];
    for chunk in bytes.chunks_mut(part.len()) {
        let own = &mut part[..chunk.len()];
        stream.fill(own);
        chunk.iter_mut().zip(own).for_each(|(byte, cover)| *byte ^= *cover);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_and_shows_nothing_of_itself() {
        let file = vec![7u8; 10_000];
        let (one, other) = (covered("a", &file, 12_000).expect("short"), covered("b", &file, 12_000).expect("short"));
        assert_eq!((one.len(), other.len()), (12_004, 12_004));
        assert_eq!(one, covered("a", &file, 12_000).expect("short"), "the same each time");
        // Two streams agree in 1 of 256 bytes.
        let same = one.iter().zip(&other).filter(|(x, y)| x == y).count();
        assert!(same < 120, "{same} of 12004 bytes are the same");
        assert_eq!(uncovered("a", one.clone()), Some(file.clone()));
        assert_eq!(uncovered("b", other), Some(file));
        assert_eq!(uncovered("b", one), None, "another name");
        assert_eq!(uncovered("a", vec![1, 2]), None);
        assert_eq!(covered("a", &[], 0).map(|empty| uncovered("a", empty)), Ok(Some(Vec::new())));
    }
}
