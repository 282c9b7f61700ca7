//! The `precompiled_charsmap` of a sentencepiece model: the `nmt_nfkc` normalisation as a trie.
//!
//! Layout: a little-endian `u32` with the byte length of the trie, the trie as `u32` units of a Darts double
//! array, then replacement strings, each ended by a zero byte. The trie's values are offsets into them.
//!
//! # Source
//! google/sentencepiece `src/normalizer.cc`; the order of look-ups (a whole grapheme of fewer than six bytes
//! first, then its characters one by one, always the *shortest* match) is that of the Hugging Face fast
//! tokenizer, which the released model was trained with.

use unicode_segmentation::UnicodeSegmentation;

/// A normalised character and the byte range of the source text that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traced {
    /// The character after normalisation.
    pub(super) char: char,
    /// First byte of its source.
    pub(super) start: usize,
    /// One past the last byte of its source.
    pub(super) end: usize,
}

/// The parsed table.
#[derive(Clone, Debug)]
pub(super) struct CharsMap {
    units: Vec<u32>,
    replacements: String,
}

impl CharsMap {
    /// Parses the table; `None` if lengths or text do not fit.
    pub(super) fn parse(blob: &[u8]) -> Option<Self> {
        let (head, rest) = blob.split_first_chunk::<4>()?;
        let trie_bytes = u32::from_le_bytes(*head) as usize;
        if trie_bytes > rest.len() || !trie_bytes.is_multiple_of(4) || trie_bytes == 0 {
            return None;
        }
        let (trie, text) = rest.split_at(trie_bytes);
        let units = trie.chunks_exact(4).map(|unit| u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]])).collect();
        Some(Self { units, replacements: String::from_utf8(text.to_vec()).ok()? })
    }

    /// Whether no look-up can leave the table: needed where another crate walks it without checking.
    pub(super) fn is_sound(&self) -> bool {
        let mut seen = vec![false; self.units.len()];
        let mut waiting = vec![0];
        while let Some(position) = waiting.pop() {
            if std::mem::replace(&mut seen[position], true) {
                continue;
            }
            let unit = self.units[position];
            let children = position ^ offset_of(unit);
            let block_end = children | 0xff;
            if block_end >= self.units.len() {
                return false;
            }
            if position != 0 && unit >> 8 & 1 == 1 {
                let start = (self.units[children] & 0x7fff_ffff) as usize;
                if start < self.replacements.len() && !self.replacements.is_char_boundary(start) {
                    return false;
                }
            }
            let child = |byte: usize| children ^ byte;
            waiting.extend((1..=0xff).filter(|&b| self.units[child(b)] & 0x8000_00ff == b as u32).map(child));
        }
        true
    }

    /// Normalises `text`, keeping track of where each character came from. `base` is added to all offsets.
    pub(super) fn normalize(&self, text: &str, base: usize) -> Vec<Traced> {
        let mut out = Vec::with_capacity(text.len());
        for (offset, grapheme) in text.grapheme_indices(true) {
            let start = base + offset;
            if grapheme.len() < 6
                && let Some(replacement) = self.lookup(grapheme)
            {
                let end = start + grapheme.len();
                out.extend(replacement.chars().map(|char| Traced { char, start, end }));
                continue;
            }
            for (index, char) in grapheme.char_indices() {
                let (start, end) = (start + index, start + index + char.len_utf8());
                match self.lookup(&grapheme[index..index + char.len_utf8()]) {
                    Some(replacement) => {
                        out.extend(replacement.chars().map(|char| Traced { char, start, end }));
                    }
                    None => out.push(Traced { char, start, end }),
                }
            }
        }
        out
    }

    /// The replacement of the shortest key that is a prefix of `key`.
    fn lookup(&self, key: &str) -> Option<&str> {
        let unit = |position: usize| self.units.get(position).copied();
        let mut position = offset_of(unit(0)?);
        for &byte in key.as_bytes() {
            if byte == 0 {
                return None;
            }
            position ^= usize::from(byte);
            let here = unit(position)?;
            if here & 0x8000_00ff != u32::from(byte) {
                return None;
            }
            position ^= offset_of(here);
            if here >> 8 & 1 == 1 {
                let start = (unit(position)? & 0x7fff_ffff) as usize;
                let tail = self.replacements.get(start..)?;
                return Some(tail.split('\0').next().unwrap_or(tail));
            }
        }
        None
    }
}

/// Where the children of a trie unit lie, relative to it.
fn offset_of(unit: u32) -> usize {
    (unit as usize >> 10) << ((unit as usize & 0x200) >> 6)
}

/// Decodes base64, in which a `tokenizer.json` holds the table; `None` if a character does not belong there.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    Some(bytes)
}

/// The same shape of result where a model has no table.
pub(super) fn identity(text: &str, base: usize) -> Vec<Traced> {
    text.char_indices()
        .map(|(offset, char)| Traced { char, start: base + offset, end: base + offset + char.len_utf8() })
        .collect()
}
