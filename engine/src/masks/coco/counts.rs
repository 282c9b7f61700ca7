//! Run lengths as COCO counts them, plain and compressed.
//!
//! The compressed text has each number in groups of five bits, low ones first, as characters from `0`;
//! bit 5 says that another group follows, and the last group carries the sign. From the fourth number on
//! the difference to the number two before is written.

use super::super::run_length::runs;
use crate::domain::Mask;

/// A mask from counts that alternate between outside and inside; `None` unless they cover the image exactly.
pub(super) fn from_counts(counts: &[u64], width: u32, height: u32) -> Option<Mask> {
    let total = u64::from(width) * u64::from(height);
    if counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count)) != Some(total) {
        return None;
    }
    let mut mask = Mask::empty(width, height);
    let mut at = 0u64;
    for (i, count) in counts.iter().enumerate() {
        if i % 2 == 1 {
            for place in at..at + count {
                mask.set((place / u64::from(height)) as u32, (place % u64::from(height)) as u32, true);
            }
        }
        at += count;
    }
    Some(mask)
}

/// The counts of a mask.
pub(super) fn counts_of(mask: &Mask) -> Vec<u64> {
    let mut counts = Vec::new();
    let mut end = 0;
    for (start, length) in runs(mask, true) {
        counts.extend([(start - end) as u64, length as u64]);
        end = start + length;
    }
    if end < mask.bits().len() {
        counts.push((mask.bits().len() - end) as u64);
    }
    counts
}

/// The numbers of a compressed text; `None` when it is damaged.
pub(super) fn decompressed(text: &str) -> Option<Vec<u64>> {
    let mut counts: Vec<i64> = Vec::new();
    let mut bytes = text.bytes();
    while bytes.len() > 0 {
        let (mut value, mut shift) = (0i64, 0);
        loop {
            let group = i64::from(bytes.next()?.checked_sub(b'0')?);
            if group > 0x3f || shift > 40 {
                return None;
            }
            value |= (group & 0x1f) << shift;
            shift += 5;
            if group & 0x20 == 0 {
                if group & 0x10 != 0 {
                    value |= -1 << shift;
                }
                break;
            }
        }
        if counts.len() > 2 {
            value += counts[counts.len() - 2];
        }
        if !(0..=i64::from(u32::MAX)).contains(&value) {
            return None;
        }
        counts.push(value);
    }
    Some(counts.into_iter().map(|count| count as u64).collect())
}

/// The compressed text of counts.
pub(super) fn compressed(counts: &[u64]) -> String {
    let mut text = String::new();
    for (i, count) in counts.iter().enumerate() {
        let mut value = *count as i64 - if i > 2 { counts[i - 2] as i64 } else { 0 };
        loop {
            let group = (value & 0x1f) as u8;
            value >>= 5;
            let done = if group & 0x10 == 0 { value == 0 } else { value == -1 };
            text.push(char::from(b'0' + group + if done { 0 } else { 0x20 }));
            if done {
                break;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_hand() {
        // 0 is one group; 16 needs a second, or it would be negative; 40 = 8 + 32·1.
        assert_eq!(compressed(&[0, 16, 40]), "0`0X1");
        // The fourth number as a difference to the second: 15 - 16 = -1, all five bits set.
        assert_eq!(compressed(&[0, 16, 40, 15]), "0`0X1O");
        assert_eq!(decompressed("0`0X1O"), Some(vec![0, 16, 40, 15]));
        for damaged in ["`", "\u{1}", "O", "oooooooooooo0"] {
            assert_eq!(decompressed(damaged), None, "{damaged:?}");
        }
    }
}
