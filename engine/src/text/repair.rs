//! Repair of text that was decoded wrongly or pasted carelessly ("mojibake"), as ftfy does it by default.
//!
//! `â€œ` becomes a quotation mark again, full-width letters and ligatures become ordinary ones, curly quotes straight
//! ones, control characters vanish, accents are composed (NFC). Text without such damage is returned as it is.
//!
//! # Source
//! rspeer/python-ftfy 6.3 (Apache-2.0): `fix_text` with its default configuration.

use std::borrow::Cow;
use std::sync::LazyLock;

use fancy_regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

use super::cleaning::CleaningError;
use super::patterns::{found, pattern};
use super::repair_tables::{
    BAD, BOX, COMMON, CURRENCY, END_PUNCTUATION, KAOMOJI, LAW, LOWER_ACCENTED, LOWER_COMMON, NUMERIC, START_PUNCTUATION,
    UPPER_ACCENTED, UPPER_COMMON, UPPER_HALVES, UTF8_CONTINUATION, UTF8_CONTINUATION_STRICT, UTF8_FIRST_OF_2, UTF8_FIRST_OF_3,
    UTF8_FIRST_OF_4,
};
use super::{entities, repair_bytes as bytes};

/// Rounds of repair after which a text counts as done; each round of a real text removes one layer of damage.
const MAX_ROUNDS: usize = 100;

/// Contexts of characters that are far likelier to come from a wrong decoding than from a writer.
static BADNESS: LazyLock<Regex> = LazyLock::new(|| {
    let both = format!("{LOWER_ACCENTED}{UPPER_ACCENTED}");
    let marks = format!("{START_PUNCTUATION}{END_PUNCTUATION}{CURRENCY}{NUMERIC}{LAW}");
    let arabic = format!("{COMMON}{CURRENCY}{BAD}{NUMERIC}{START_PUNCTUATION}ŸŠ®°µ»");
    let c1 = r"\x{80}-\x{9f}";
    let alternatives = [
        format!("[{c1}]"),
        format!("[{BAD}{both}{BOX}{marks}][{BAD}]"),
        format!("[a-zA-Z][{LOWER_COMMON}{UPPER_COMMON}][{BAD}]"),
        format!("[{BAD}][{both}{BOX}{marks}]"),
        format!("[{LOWER_ACCENTED}{LOWER_COMMON}{BOX}{END_PUNCTUATION}{CURRENCY}{NUMERIC}][{UPPER_ACCENTED}]"),
        format!("[{BOX}{END_PUNCTUATION}{CURRENCY}{NUMERIC}][{LOWER_ACCENTED}]"),
        format!("[{LOWER_ACCENTED}{BOX}{END_PUNCTUATION}][{CURRENCY}]"),
        format!(r"\s[{UPPER_ACCENTED}][{CURRENCY}]"),
        format!("[{UPPER_ACCENTED}{BOX}][{NUMERIC}{LAW}]"),
        format!("[{both}{BOX}{CURRENCY}{END_PUNCTUATION}][{START_PUNCTUATION}][{NUMERIC}]"),
        format!("[{both}{CURRENCY}{NUMERIC}{BOX}{LAW}][{END_PUNCTUATION}][{START_PUNCTUATION}]"),
        format!("[{CURRENCY}{NUMERIC}{BOX}][{START_PUNCTUATION}]"),
        format!("[a-z][{UPPER_ACCENTED}][{START_PUNCTUATION}{CURRENCY}]"),
        format!("[{BOX}][{KAOMOJI}]"),
        format!("[{both}{CURRENCY}{NUMERIC}{START_PUNCTUATION}{END_PUNCTUATION}{LAW}][{BOX}]"),
        format!("[{BOX}][{END_PUNCTUATION}]"),
        format!(r"[{both}][{START_PUNCTUATION}{END_PUNCTUATION}]\w"),
        "[Œœ][^A-Za-z]".to_owned(),
        format!("[{UPPER_ACCENTED}]°"),
        format!("[ÂÃÎÐ][€œŠš¢£Ÿž\u{a0}\u{ad}®©°·»{START_PUNCTUATION}{END_PUNCTUATION}–—´]"),
        "×[²³]".to_owned(),
        format!("[ØÙ][{arabic}][ØÙ][{arabic}]"),
        "à[²µ¹¼½¾]".to_owned(),
        "√[±∂†≠®™´≤≥¥µø]".to_owned(),
        "≈[°¢]".to_owned(),
        "‚Ä[ìîïòôúùû†°¢π]".to_owned(),
        "‚[âó][àä°ê]".to_owned(),
        "вЂ".to_owned(),
        format!("[ВГРС][{c1}{BAD}{START_PUNCTUATION}{END_PUNCTUATION}{CURRENCY}°µ][ВГРС]"),
        "ГўВЂВ.[A-Za-z ]".to_owned(),
        "Ã[\u{a0}¡]".to_owned(),
        r"[a-z]\s?[ÃÂ][ ]".to_owned(),
        "^[ÃÂ][ ]".to_owned(),
        format!("[a-z.,?!{END_PUNCTUATION}]Â[ {START_PUNCTUATION}{END_PUNCTUATION}]"),
        "β€[™\u{a0}Ά\u{ad}®°]".to_owned(),
        format!("[ΒΓΞΟ][{c1}{BAD}{START_PUNCTUATION}{END_PUNCTUATION}{CURRENCY}°][ΒΓΞΟ]"),
        "ā€".to_owned(),
    ];
    pattern(&alternatives.join("|"))
});

/// A stretch that looks like UTF-8 read as some one-byte encoding.
static EMBEDDED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        "(?<![{UTF8_CONTINUATION_STRICT}])(?:[{UTF8_FIRST_OF_2}][{UTF8_CONTINUATION}]|[{UTF8_FIRST_OF_3}][{UTF8_CONTINUATION}]{{2}}|[{UTF8_FIRST_OF_4}][{UTF8_CONTINUATION}]{{3}})+"
    ))
});
static TERMINAL_ESCAPE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\x1b\[(?:\d|;)*[a-zA-Z]"));
static ENTITY: LazyLock<Regex> = LazyLock::new(|| pattern("&#?[0-9A-Za-z]{1,24};"));

/// The repaired text, line by line.
pub(super) fn repaired(text: &str) -> Result<String, CleaningError> {
    let mut out = String::with_capacity(text.len());
    let mut may_unescape = true;
    for line in text.split_inclusive('\n') {
        // Where there is a tag, character references were meant as such, there and from there on.
        may_unescape &= !line.contains('<');
        out.push_str(&repaired_line(line, may_unescape)?);
    }
    Ok(out)
}

fn repaired_line(line: &str, may_unescape: bool) -> Result<String, CleaningError> {
    let mut text = line.to_owned();
    for _ in 0..MAX_ROUNDS {
        let before = text.clone();
        if may_unescape {
            text = unescaped(&text)?;
        }
        text = decoded_rightly(&text)?;
        text = text.chars().map(|c| entities::windows_1252(c.into()).unwrap_or(c)).collect();
        text = plain_letters(&text);
        text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}', '\u{85}'], "\n");
        text = super::patterns::replace(&TERMINAL_ESCAPE, &text, "")?;
        text.retain(|c| !is_control(c));
        text = text.nfc().collect();
        if text == before {
            break;
        }
    }
    Ok(text)
}

/// Decodes references with a semicolon, also those whose name was put in capitals.
fn unescaped(text: &str) -> Result<String, CleaningError> {
    substituted(&ENTITY, text, |reference| {
        let name = reference.strip_prefix('&').unwrap_or(reference);
        if let Some(chars) = entities::named(name) {
            return Ok(chars.to_owned());
        }
        if name.starts_with('#') {
            let decoded = entities::unescape(reference);
            return Ok(if decoded.contains(';') { reference.to_owned() } else { decoded });
        }
        let small = name.to_lowercase();
        let raised = name == name.to_uppercase() && entities::unescape(reference) == reference;
        Ok(match entities::named(&small).filter(|_| raised) {
            Some(chars) => chars.to_uppercase(),
            None => reference.to_owned(),
        })
    })
}

/// Replaces each match by what `with` makes of it.
fn substituted(
    regex: &Regex,
    text: &str,
    mut with: impl FnMut(&str) -> Result<String, CleaningError>,
) -> Result<String, CleaningError> {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for found in regex.find_iter(text) {
        let found = found.map_err(|_| CleaningError::TooIntricate)?;
        out.push_str(&text[done..found.start()]);
        out.push_str(&with(found.as_str())?);
        done = found.end();
    }
    out.push_str(&text[done..]);
    Ok(out)
}

/// Undoes wrong decodings until none is left.
fn decoded_rightly(text: &str) -> Result<String, CleaningError> {
    let mut text = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let next = one_decoding(&text)?;
        if next == text {
            break;
        }
        text = next;
    }
    Ok(text)
}

fn one_decoding(text: &str) -> Result<String, CleaningError> {
    if text.is_ascii() || !found(&BADNESS, text)? {
        return Ok(text.to_owned());
    }
    let latin = latin_bytes(text);
    if let Some(bytes) = &latin
        && let Some(fixed) = bytes::as_utf8(bytes, true, false)
    {
        return Ok(fixed);
    }
    for (name, upper) in UPPER_HALVES {
        let windows = name.starts_with("windows");
        if let Some(bytes) = one_byte_encoded(text, upper, windows)
            && let Some(fixed) = bytes::as_utf8(&bytes, name != "macroman", windows)
        {
            return Ok(fixed);
        }
    }
    if found(&EMBEDDED, text)? {
        let length = text.chars().count();
        let fixed = substituted(&EMBEDDED, text, |stretch| {
            if stretch.chars().count() < length && found(&BADNESS, stretch)? {
                decoded_rightly(stretch)
            } else {
                Ok(stretch.to_owned())
            }
        })?;
        if fixed != text {
            return Ok(fixed);
        }
    }
    if latin.is_some() {
        let undefined = |c: char| matches!(u32::from(c), 0x81 | 0x8d | 0x8f | 0x90 | 0x9d);
        if !text.chars().any(undefined) {
            let fixed: String = text.chars().map(|c| entities::windows_1252(c.into()).unwrap_or(c)).collect();
            if fixed != text {
                return Ok(fixed);
            }
        }
    }
    Ok(text.chars().map(|c| entities::windows_1252(c.into()).unwrap_or(c)).collect())
}

fn latin_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// The bytes of a text in a one-byte encoding, if all its characters are in it. The Windows encodings stand byte
/// 0x1a for a character that was lost.
fn one_byte_encoded(text: &str, upper: &str, windows: bool) -> Option<Vec<u8>> {
    let table: Vec<char> = upper.chars().collect();
    let byte = |c: char| -> Option<u8> {
        match c {
            '\x1a' if windows => None,
            '\u{fffd}' if windows => Some(0x1a),
            c if c.is_ascii() => Some(c as u8),
            c => table.iter().position(|&known| known == c).and_then(|at| u8::try_from(at + 0x80).ok()),
        }
    };
    text.chars().map(byte).collect()
}

/// Ligatures apart, full and half width to ordinary width, curly quotes straight.
fn plain_letters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let plain: Cow<'_, str> = match c {
            'Ĳ' => "IJ".into(),
            'ĳ' => "ij".into(),
            'ŉ' => "'n".into(),
            'Ǳ' => "DZ".into(),
            'ǲ' => "Dz".into(),
            'ǳ' => "dz".into(),
            'Ǆ' => "DŽ".into(),
            'ǅ' => "Dž".into(),
            'ǆ' => "dž".into(),
            'Ǉ' => "LJ".into(),
            'ǈ' => "Lj".into(),
            'ǉ' => "lj".into(),
            'Ǌ' => "NJ".into(),
            'ǋ' => "Nj".into(),
            'ǌ' => "nj".into(),
            'ﬀ' => "ff".into(),
            'ﬁ' => "fi".into(),
            'ﬂ' => "fl".into(),
            'ﬃ' => "ffi".into(),
            'ﬄ' => "ffl".into(),
            'ﬅ' => "ſt".into(),
            'ﬆ' => "st".into(),
            '\u{3000}' => " ".into(),
            '\u{ff01}'..='\u{ffef}' => std::iter::once(c).nfkc().collect::<String>().into(),
            '\u{2bc}' | '\u{2018}'..='\u{201b}' => "'".into(),
            '\u{201c}'..='\u{201f}' => "\"".into(),
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push_str(&plain);
    }
    out
}

/// Control characters that nobody means to write.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0b' | '\x0e'..='\x1f' | '\x7f' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_what_ftfy_repairs() {
        for (damaged, expected) in [
            ("âœ” No problems", "✔ No problems"),
            ("Ã³ sÃ³ voilÃ le travail", "ó só voilà le travail"),
            ("â€œquotedâ€\u{9d}", "\"quoted\""),
            ("ＬＯＵＤ　ＮＯＩＳＥＳ", "LOUD NOISES"),
            ("Broken text&hellip; it&#x2019;s ﬂubberiﬁc!", "Broken text… it's flubberific!"),
            ("P&EACUTE;REZ &nTILDE;", "PÉREZ &nTILDE;"),
            ("\u{1b}[36;44mcolour\u{1b}[0m", "colour"),
            ("cafe\u{301} µ 5°", "café µ 5°"),
            ("plain text, 5 × 3 cm ± 2", "plain text, 5 × 3 cm ± 2"),
        ] {
            assert_eq!(repaired(damaged).expect("short"), expected, "{damaged}");
        }
    }
}
