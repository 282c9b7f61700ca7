//! Character references of HTML (`&amp;`, `&#176;`), decoded as Python's `html.unescape` does.
//!
//! The table of names is the HTML standard's own; 106 of them are valid without a semicolon too.
//!
//! # Source
//! WHATWG HTML, "Named character references" and "Numeric character reference end state"; CPython
//! `Lib/html/__init__.py`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// `name<TAB>code points in hexadecimal` a line, names with their semicolon where they need it.
static TABLE: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let entry = |line: &'static str| {
        let (name, codes) = line.split_once('\t')?;
        let chars = codes.split(' ').map(|code| u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
        Some((name, chars.collect::<Option<String>>()?))
    };
    include_str!("entities.txt").lines().filter_map(entry).collect()
});

/// Longest name looked for behind an ampersand.
const LONGEST: usize = 32;
/// What the bytes 0x80 to 0x9f mean in Windows-1252, which numeric references to them stand for.
const WINDOWS: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// The characters of a name with its semicolon, if it has one.
pub(super) fn named(name: &str) -> Option<&'static str> {
    TABLE.get(name).map(String::as_str)
}

/// The character that a number between 0x80 and 0x9f stands for.
pub(super) fn windows_1252(number: u32) -> Option<char> {
    (0x80..0xa0).contains(&number).then(|| WINDOWS.chars().nth(number as usize - 0x80)).flatten()
}

/// Decodes every character reference, with or without semicolon.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let used = reference(rest, &mut out).unwrap_or_else(|| {
            out.push('&');
            0
        });
        rest = &rest[used..];
    }
    out.push_str(rest);
    out
}

/// Decodes the reference behind an ampersand; `None` if there is none, else how many bytes it takes.
fn reference(rest: &str, out: &mut String) -> Option<usize> {
    if let Some(number) = rest.strip_prefix('#') {
        let (value, length) = numeric(number)?;
        out.push_str(&numeric_text(value));
        let used = 1 + length;
        return Some(used + usize::from(rest[used..].starts_with(';')));
    }
    let stops = ['\t', '\n', '\x0c', ' ', '<', '&', '#', ';'];
    let body: usize = rest.chars().take(LONGEST).take_while(|c| !stops.contains(c)).map(char::len_utf8).sum();
    if body == 0 {
        return None;
    }
    let whole = body + usize::from(rest[body..].starts_with(';'));
    if let Some(chars) = named(&rest[..whole]) {
        out.push_str(chars);
        return Some(whole);
    }
    // The longest beginning that is a name by itself, of at least two characters.
    let ends = rest[..whole].char_indices().map(|(at, _)| at).skip(2).collect::<Vec<_>>();
    let end = ends.into_iter().rev().find(|&end| named(&rest[..end]).is_some())?;
    out.push_str(named(&rest[..end])?);
    Some(end)
}

/// The number of a numeric reference behind `#`, and the bytes of its digits (saturating).
pub(super) fn numeric(text: &str) -> Option<(u32, usize)> {
    let (digits, radix, skipped) = match text.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16, 1),
        None => (text, 10, 0),
    };
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    if length == 0 {
        return None;
    }
    let value = digits[..length].chars().filter_map(|c| c.to_digit(radix));
    let value = value.fold(0u32, |value, digit| value.saturating_mul(radix).saturating_add(digit));
    Some((value, skipped + length))
}

fn numeric_text(number: u32) -> String {
    match number {
        0 => '\u{fffd}'.into(),
        0x0d => '\r'.into(),
        0x80..=0x9f => windows_1252(number).into_iter().collect(),
        _ if char::from_u32(number).is_none() => '\u{fffd}'.into(),
        0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f | 0xfdd0..=0xfdef => String::new(),
        _ if number & 0xfffe == 0xfffe => String::new(),
        _ => char::from_u32(number).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_as_python_does() {
        for (text, expected) in [
            ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
            ("5 &micro;m &plusmn 2", "5 µm ± 2"),
            ("&notit; &notin; &nosuch; &", "¬it; ∉ &nosuch; &"),
            ("&#176;C &#xB0 &#x80; &#0; &#1; &#xD800;", "°C ° € \u{fffd}  \u{fffd}"),
            ("&#; &#x; &;", "&#; &#x; &;"),
            ("&#99999999999999;", "\u{fffd}"),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
        assert_eq!(TABLE.len(), 2231);
    }
}
