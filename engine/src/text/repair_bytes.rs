//! UTF-8 decoding of bytes that passed through programs which damaged them in known ways.
//!
//! # Source
//! rspeer/python-ftfy 6.3 (Apache-2.0): `restore_byte_a0`, `replace_lossy_sequences`, the codec `utf-8-variants`.

/// Decodes, after putting back bytes 0xa0 that became blanks (`spaces`) and marking lost bytes (`lossy`); `None`
/// where the result is no UTF-8 all the same.
pub(super) fn as_utf8(bytes: &[u8], spaces: bool, lossy: bool) -> Option<String> {
    let mut bytes = bytes.to_vec();
    if spaces && has_altered(&bytes) {
        bytes = with_spaces_restored(&bytes);
    }
    if lossy {
        bytes = with_losses_marked(&bytes);
    }
    if bytes.contains(&0xed) || bytes.contains(&0xc0) { decode_variants(&bytes) } else { String::from_utf8(bytes).ok() }
}

fn is_in(byte: Option<&u8>, ranges: &[(u8, u8)]) -> bool {
    byte.is_some_and(|byte| ranges.iter().any(|&(low, high)| (low..=high).contains(byte)))
}

const CONTINUATION: &[(u8, u8)] = &[(0x80, 0xbf)];
/// Continuation bytes without those that are likelier something else beside a blank.
const LIKELY: &[(u8, u8)] = &[(0x80, 0x84), (0x86, 0x9f), (0xa1, 0xbf)];
const BLANK: &[(u8, u8)] = &[(b' ', b' ')];

/// Sequences that would be UTF-8 if a blank in them were 0xa0, as classes of successive bytes.
const ALTERED: &[&[&[(u8, u8)]]] = &[
    &[&[(0xc2, 0xc3), (0xc5, 0xc5), (0xce, 0xce), (0xd0, 0xd0), (0xd9, 0xd9)], BLANK],
    &[&[(0xe2, 0xe3)], BLANK, LIKELY],
    &[&[(0xe0, 0xe3)], LIKELY, BLANK],
    &[&[(0xf0, 0xf0)], BLANK, CONTINUATION, CONTINUATION],
    &[&[(0xf0, 0xf0)], CONTINUATION, BLANK, CONTINUATION],
    &[&[(0xf0, 0xf0)], CONTINUATION, CONTINUATION, BLANK],
];

const LOST: &[(u8, u8)] = &[(0x1a, 0x1a)];
const LOST_OR_ASKED: &[(u8, u8)] = &[(0x1a, 0x1a), (b'?', b'?')];
const LOST_OR_GOOD: &[(u8, u8)] = &[(0x1a, 0x1a), (0x80, 0xbf)];
const ANY_OF_THREE: &[(u8, u8)] = &[(0x1a, 0x1a), (b'?', b'?'), (0x80, 0xbf)];
const HIGH_SURROGATE: &[(u8, u8)] = &[(0xa0, 0xaf)];
const LOW_SURROGATE: &[(u8, u8)] = &[(0xb0, 0xbf)];
const ED: &[(u8, u8)] = &[(0xed, 0xed)];
const THREE: &[(u8, u8)] = &[(0xe0, 0xef)];
const FOUR: &[(u8, u8)] = &[(0xf0, 0xf4)];

/// UTF-8 sequences of which bytes were lost (0x1a, or one question mark).
const LOSSY: &[&[&[(u8, u8)]]] = &[
    &[&[(0xc2, 0xdf)], LOST],
    &[&[(0xc2, 0xc3)], &[(b'?', b'?')]],
    &[ED, HIGH_SURROGATE, LOST_OR_ASKED, ED, LOW_SURROGATE, ANY_OF_THREE],
    &[ED, HIGH_SURROGATE, ANY_OF_THREE, ED, LOW_SURROGATE, LOST_OR_ASKED],
    &[THREE, LOST_OR_ASKED, LOST_OR_GOOD],
    &[THREE, LOST_OR_GOOD, LOST_OR_ASKED],
    &[FOUR, LOST_OR_ASKED, LOST_OR_GOOD, LOST_OR_GOOD],
    &[FOUR, LOST_OR_GOOD, LOST_OR_ASKED, LOST_OR_GOOD],
    &[FOUR, LOST_OR_GOOD, LOST_OR_GOOD, LOST_OR_ASKED],
    &[LOST],
];

/// Length of the first alternative that fits at the beginning.
fn fits(alternatives: &[&[&[(u8, u8)]]], bytes: &[u8]) -> Option<usize> {
    let matches = |classes: &&&[&[(u8, u8)]]| classes.iter().enumerate().all(|(i, class)| is_in(bytes.get(i), class));
    alternatives.iter().find(matches).map(|classes| classes.len())
}

fn has_altered(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| fits(ALTERED, &bytes[at..]).is_some())
}

fn with_spaces_restored(bytes: &[u8]) -> Vec<u8> {
    // "Ã " before a word is the word "à", whose blank stays.
    const JOINED: [&[u8]; 5] = [b" ", b"quele", b"quela", b"quilo", b"s "];
    let mut worded = Vec::with_capacity(bytes.len() + 4);
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"\xc3 ") && !JOINED.iter().any(|word| rest[2..].starts_with(word)) {
            worded.extend_from_slice(b"\xc3\xa0 ");
            at += 2;
        } else {
            worded.push(rest[0]);
            at += 1;
        }
    }
    replaced(&worded, ALTERED, |found, out| out.extend(found.iter().map(|&byte| if byte == b' ' { 0xa0 } else { byte })))
}

fn with_losses_marked(bytes: &[u8]) -> Vec<u8> {
    replaced(bytes, LOSSY, |_, out| out.extend_from_slice("\u{fffd}".as_bytes()))
}

fn replaced(bytes: &[u8], alternatives: &[&[&[(u8, u8)]]], with: impl Fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match fits(alternatives, &bytes[at..]) {
            Some(length) => {
                with(&bytes[at..at + length], &mut out);
                at += length;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// UTF-8 with the zero of Java (`c0 80`) and surrogate pairs written as two sequences (CESU-8).
fn decode_variants(bytes: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(&[0xc0, 0x80]) {
            plain.push(0);
            at += 2;
        } else if let [0xed, b1 @ 0xa0..=0xaf, b2 @ 0x80..=0xbf, 0xed, b4 @ 0xb0..=0xbf, b5 @ 0x80..=0xbf, ..] = *rest {
            let high = u32::from(b1 & 0x0f) << 16 | u32::from(b2 & 0x3f) << 10;
            let code = 0x10000 + (high | u32::from(b4 & 0x0f) << 6 | u32::from(b5 & 0x3f));
            let mut buffer = [0; 4];
            plain.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes());
            at += 6;
        } else {
            plain.push(rest[0]);
            at += 1;
        }
    }
    String::from_utf8(plain).ok()
}
