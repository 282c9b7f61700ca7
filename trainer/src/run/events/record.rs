//! The frame of a TFRecord: length, its checksum, the bytes, their checksum; all numbers little-endian.

/// Added to a rotated checksum, so that a checksum of bytes that hold checksums stays a good one.
const MASK: u32 = 0xa282_ead8;

/// A record with its frame.
pub(super) fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut framed = Vec::with_capacity(bytes.len() + 16);
    framed.extend(length);
    framed.extend(masked(&length).to_le_bytes());
    framed.extend(bytes);
    framed.extend(masked(bytes).to_le_bytes());
    framed
}

/// CRC-32C, rotated to the right by 15 bits, plus [`MASK`].
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_has_the_published_value_and_a_frame_its_known_bytes() {
        // RFC 3720, B.4: thirty-two zeros, and thirty-two bytes of 0xff.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        // Twenty-four zeros, as TensorBoard frames them.
        let framed = frame(&[0; 24]);
        assert_eq!(framed[..12], [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(framed[36..], [0xcf, 0xf4, 0x5f, 0x7c]);
    }
}
