//! A mask as run lengths: what is kept of a mask that nobody draws on.

use super::Mask;

/// Longest side of a mask that is unpacked, so that a damaged file takes no memory.
const MAX_SIDE_PX: u32 = 1 << 16;
/// Most pixels of a mask that is unpacked.
const MAX_PIXELS: u64 = 1 << 30;

/// A mask in a few kilobytes: lengths of runs of equal pixels, row by row, the first run outside.
///
/// A length is a little-endian base-128 number. Every mask has one packed form, so packed masks are equal when
/// their masks are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackedMask {
    width: u32,
    height: u32,
    runs: Vec<u8>,
}

/// Bytes that are no packed mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the packed mask is damaged: {what}")]
pub struct PackedMaskError {
    /// What is wrong.
    what: &'static str,
}

impl PackedMask {
    /// Packs a mask.
    pub fn pack(mask: &Mask) -> Self {
        let bits = mask.bits();
        let mut runs = Vec::new();
        let (mut at, mut inside) = (0, 0u8);
        while at < bits.len() {
            let end = at + run_length(&bits[at..], inside);
            push_length(&mut runs, end - at);
            (at, inside) = (end, 1 - inside);
        }
        Self { width: mask.width(), height: mask.height(), runs }
    }

    /// The mask again.
    pub fn unpack(&self) -> Mask {
        let mut bits = vec![0u8; self.width as usize * self.height as usize];
        let (mut at, mut inside) = (0usize, false);
        for length in lengths(&self.runs) {
            // Lengths were checked when the value was made.
            let end = (at + length as usize).min(bits.len());
            if inside {
                bits[at..end].fill(1);
            }
            (at, inside) = (end, !inside);
        }
        Mask::from_bits(self.width, self.height, bits)
    }

    /// Number of bytes it takes.
    pub fn num_bytes(&self) -> usize {
        self.runs.len() + 8
    }

    /// For a file: width, height, runs.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.num_bytes());
        bytes.extend_from_slice(&self.width.to_le_bytes());
        bytes.extend_from_slice(&self.height.to_le_bytes());
        bytes.extend_from_slice(&self.runs);
        bytes
    }

    /// Reads what [`PackedMask::to_bytes`] wrote.
    ///
    /// # Errors
    /// When sides are absurd or the runs do not cover the mask exactly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PackedMaskError> {
        let broken = |what| PackedMaskError { what };
        let (sides, runs) = bytes.split_at_checked(8).ok_or(broken("it is shorter than its header"))?;
        let side = |i: usize| u32::from_le_bytes([sides[i], sides[i + 1], sides[i + 2], sides[i + 3]]);
        let (width, height) = (side(0), side(4));
        let pixels = u64::from(width) * u64::from(height);
        if width == 0 || height == 0 || width.max(height) > MAX_SIDE_PX || pixels > MAX_PIXELS {
            return Err(broken("its sides cannot be"));
        }
        if runs.last().is_some_and(|b| b & 0x80 != 0) {
            return Err(broken("its last run is cut off"));
        }
        let mut covered = 0u64;
        for (i, length) in lengths(runs).enumerate() {
            if length == 0 && i > 0 {
                return Err(broken("a run is empty"));
            }
            covered = covered.saturating_add(length);
        }
        if covered != pixels {
            return Err(broken("its runs do not cover it"));
        }
        let packed = Self { width, height, runs: runs.to_vec() };
        // A length can be written in more bytes than it needs.
        if packed.runs.windows(2).any(|b| b[0] & 0x80 != 0 && b[1] == 0) {
            return Err(broken("a run is written too long"));
        }
        Ok(packed)
    }
}

/// How many of the first bytes have this value; eight at a time where they do.
fn run_length(bits: &[u8], value: u8) -> usize {
    let eight = [value; 8];
    let mut at = 0;
    for chunk in bits.chunks_exact(8) {
        if chunk != eight {
            break;
        }
        at += 8;
    }
    at + bits[at..].iter().take_while(|&&b| b == value).count()
}

fn push_length(runs: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        runs.push(length as u8 | 0x80);
        length >>= 7;
    }
    runs.push(length as u8);
}

fn lengths(runs: &[u8]) -> impl Iterator<Item = u64> {
    runs.split_inclusive(|b| b & 0x80 == 0).map(|digits| {
        // More digits than a number of 64 bits has are none of ours; the sum is then no area.
        if digits.len() > 9 {
            return u64::MAX;
        }
        digits.iter().rev().fold(0u64, |sum, b| sum << 7 | u64::from(b & 0x7f))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_mask_comes_back(width in 1u32..70, height in 1u32..70, seed in any::<u64>(), grain in 1u32..9) {
            let mask = Mask::from_fn(width, height, |x, y| {
                (seed >> ((x / grain * 7 + y / grain * 13) % 64)) & 1 == 1
            });
            let packed = PackedMask::pack(&mask);
            prop_assert_eq!(packed.unpack(), mask);
            prop_assert_eq!(PackedMask::from_bytes(&packed.to_bytes()), Ok(packed));
        }

        #[test]
        fn any_bytes_are_a_mask_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(packed) = PackedMask::from_bytes(&bytes) {
                prop_assert_eq!(packed.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_full_and_an_empty_mask_are_short() {
        let full = PackedMask::pack(&Mask::from_fn(2048, 2048, |_, _| true));
        let empty = PackedMask::pack(&Mask::empty(2048, 2048));
        assert!(full.num_bytes() <= 16 && empty.num_bytes() <= 16);
        assert_eq!(full.unpack().area(), 2048 * 2048);
        assert!(empty.unpack().is_empty());
    }

    #[test]
    fn absurd_sides_take_no_memory() {
        let mut bytes = PackedMask::pack(&Mask::empty(4, 4)).to_bytes();
        bytes[..8].fill(0xff);
        assert!(PackedMask::from_bytes(&bytes).is_err());
    }
}
