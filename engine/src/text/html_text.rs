//! The text of something that may be HTML, as BeautifulSoup's `.text` over Python's own HTML parser gives it.
//!
//! Impressions are seldom HTML, but `<` and `&` occur in them, and the released model saw what this parser made of
//! those: tags, comments and declarations vanish, character references are decoded, the contents of scripts and
//! styles are dropped, and a broken construct at the end makes the rest plain text.
//!
//! # Source
//! CPython 3.11 `Lib/html/parser.py` (`goahead`, without `convert_charrefs`); bs4 4.15 `builder/_htmlparser.py`.

use std::sync::LazyLock;

use fancy_regex::Regex;

use super::cleaning::CleaningError;
use super::entities;
use super::patterns::{is_space, pattern};

/// Elements whose text does not count as text of the page.
const SILENT: [&str; 5] = ["script", "style", "template", "rt", "rp"];
/// Elements without content.
const VOID: [&str; 24] = [
    "area", "base", "basefont", "bgsound", "br", "col", "command", "embed", "frame", "hr", "image", "img", "input", "isindex",
    "keygen", "link", "menuitem", "meta", "nextid", "param", "source", "spacer", "track", "wbr",
];

static START_TAG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^<[a-zA-Z][^\t\n\r\f />\x00]*(?:[\s\x1c-\x1f/]*(?:(?<=['"\s\x1c-\x1f/])[^\s\x1c-\x1f/>][^\s\x1c-\x1f/=>]*(?:\s*=+\s*(?:'[^']*'|"[^"]*"|(?!['"])[^>\s\x1c-\x1f]*)\s*)?(?:\s|/(?!>))*)*)?\s*"#,
    )
});
static TAG_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([a-zA-Z][^\t\n\r\f />\x00]*)(?:\s|/(?!>))*"));
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"((?<=['"\s\x1c-\x1f/])[^\s\x1c-\x1f/>][^\s\x1c-\x1f/=>]*)(\s*=+\s*('[^']*'|"[^"]*"|(?!['"])[^>\s\x1c-\x1f]*))?(?:\s|/(?!>))*"#,
    )
});
static END_TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"^</\s*([a-zA-Z][-.a-zA-Z0-9:_]*)\s*>"));
static COMMENT_END: LazyLock<Regex> = LazyLock::new(|| pattern(r"--\s*>"));
static SECTION_END: LazyLock<Regex> = LazyLock::new(|| pattern(r"]\s*]\s*>"));
static OFFICE_SECTION_END: LazyLock<Regex> = LazyLock::new(|| pattern(r"]\s*>"));
static SECTION_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[a-zA-Z][-_.a-zA-Z0-9]*\s*"));

/// The visible text of `html`.
pub(super) fn text_of(html: &str) -> Result<String, CleaningError> {
    let mut parser = Parser { html, out: String::new(), run: String::new(), open: Vec::new(), raw_element: None };
    // The reference feeds the whole text and then closes, which looks at an unfinished rest once more.
    let rest = parser.go_ahead(0, false)?;
    parser.go_ahead(rest, true)?;
    parser.end_run(true);
    Ok(parser.out)
}

struct Parser<'a> {
    html: &'a str,
    out: String,
    /// Text since the last tag.
    run: String,
    open: Vec<String>,
    /// The script or style element that we are in.
    raw_element: Option<String>,
}

/// `(start, end)` of the first match at or behind `from`.
fn search(regex: &Regex, text: &str, from: usize) -> Result<Option<(usize, usize)>, CleaningError> {
    let found = regex.find_from_pos(text, from).map_err(|_| CleaningError::TooIntricate)?;
    Ok(found.map(|found| (found.start(), found.end())))
}

impl Parser<'_> {
    /// Ends a stretch of text; white space alone becomes one blank or line break.
    fn end_run(&mut self, visible: bool) {
        let run = std::mem::take(&mut self.run);
        if !visible || self.open.iter().any(|tag| SILENT.contains(&tag.as_str())) {
            return;
        }
        if !run.is_empty() && run.chars().all(|c| matches!(c, ' ' | '\n' | '\t' | '\x0c' | '\r')) {
            self.out.push(if run.contains('\n') { '\n' } else { ' ' });
        } else {
            self.out.push_str(&run);
        }
    }

    fn opened(&mut self, tag: &str) {
        self.end_run(true);
        if !VOID.contains(&tag) {
            self.open.push(tag.to_owned());
        }
    }

    fn closed(&mut self, tag: &str) {
        self.end_run(true);
        if let Some(at) = self.open.iter().rposition(|open| open == tag) {
            self.open.truncate(at);
        }
    }

    /// A comment or declaration: what was text before ends, what is inside vanishes.
    fn hidden(&mut self) {
        self.end_run(true);
    }

    fn data(&mut self, from: usize, to: usize) {
        self.run.push_str(&self.html[from..to]);
    }

    fn find(&self, what: char, from: usize) -> Option<usize> {
        self.html.get(from..)?.find(what).map(|at| from + at)
    }

    /// Parses from `i` on, as far as is certain (or, at the `end`, all); returns where it stopped.
    fn go_ahead(&mut self, mut i: usize, end: bool) -> Result<usize, CleaningError> {
        let n = self.html.len();
        while i < n {
            let next = match &self.raw_element {
                Some(element) => {
                    let close = pattern(&format!(r"(?i)</\s*{element}\s*>"));
                    match search(&close, self.html, i)? {
                        Some((start, _)) => start,
                        None => break,
                    }
                }
                None => self.html[i..].find(['&', '<']).map_or(n, |at| i + at),
            };
            self.data(i, next);
            i = next;
            if i == n {
                break;
            }
            let rest = &self.html[i..];
            if let Some(inside) = rest.strip_prefix('<') {
                let letter = inside.starts_with(|c: char| c.is_ascii_alphabetic());
                let parsed = if letter {
                    self.start_tag(i)?
                } else if rest.starts_with("</") {
                    self.end_tag(i)?
                } else if rest.starts_with("<!--") {
                    search(&COMMENT_END, self.html, i + 4)?.map(|(_, end)| self.skip_to(end))
                } else if rest.starts_with("<?") {
                    self.find('>', i + 2).map(|at| self.skip_to(at + 1))
                } else if rest.starts_with("<!") {
                    self.declaration(i)?
                } else if i + 1 < n {
                    self.data(i, i + 1);
                    Some(i + 1)
                } else {
                    break;
                };
                i = match parsed {
                    Some(k) => k,
                    None if !end => break,
                    None => {
                        let k = match self.find('>', i + 1) {
                            Some(at) => at + 1,
                            None => self.find('<', i + 1).unwrap_or(i + 1),
                        };
                        self.data(i, k);
                        k
                    }
                };
            } else if let Some(number) = rest.strip_prefix("&#") {
                match numeric_reference(number) {
                    Some((text, used)) => {
                        self.run.push_str(&text);
                        i += 2 + used;
                    }
                    None => {
                        if rest.contains(';') {
                            self.data(i, i + 2);
                            i += 2;
                        }
                        break;
                    }
                }
            } else {
                let name = &rest[1..];
                if let Some(length) = entity_name(name) {
                    let (text, known) = entity(&name[..length]);
                    if !known {
                        self.run.push('&');
                    }
                    self.run.push_str(text);
                    i += 1 + length;
                    i += usize::from(self.html[i..].starts_with(';'));
                } else if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    if end && rest.len() == 2 {
                        i += 1;
                    }
                    break;
                } else if i + 1 < n {
                    self.data(i, i + 1);
                    i += 1;
                } else {
                    break;
                }
            }
        }
        if end && i < n && self.raw_element.is_none() {
            self.data(i, n);
            i = n;
        }
        Ok(i)
    }

    fn skip_to(&mut self, end: usize) -> usize {
        self.hidden();
        end
    }

    /// `<!doctype …>`, `<![CDATA[…]]>` and other declarations.
    fn declaration(&mut self, i: usize) -> Result<Option<usize>, CleaningError> {
        let rest = &self.html[i..];
        if rest.starts_with("<![") {
            return self.marked_section(i);
        }
        let doctype = rest.get(..9).is_some_and(|head| head.eq_ignore_ascii_case("<!doctype"));
        let from = i + if doctype { 9 } else { 2 };
        Ok(self.find('>', from).map(|at| self.skip_to(at + 1)))
    }

    fn marked_section(&mut self, i: usize) -> Result<Option<usize>, CleaningError> {
        let inside = &self.html[i + 3..];
        let Some((_, length)) = search(&SECTION_NAME, inside, 0)? else { return Ok(None) };
        let end = match inside[..length].trim_end_matches(is_space).to_ascii_lowercase().as_str() {
            "temp" | "cdata" | "ignore" | "include" | "rcdata" => search(&SECTION_END, self.html, i + 3)?,
            "if" | "else" | "endif" => search(&OFFICE_SECTION_END, self.html, i + 3)?,
            _ => None,
        };
        let Some((start, end)) = end else { return Ok(None) };
        self.end_run(true);
        let content = &self.html[i + 3..start];
        if content.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("CDATA[")) {
            self.run.push_str(&content[6..]);
            self.end_run(true);
        }
        Ok(Some(end))
    }

    fn start_tag(&mut self, i: usize) -> Result<Option<usize>, CleaningError> {
        let html = &self.html[i..];
        let Some((_, located)) = search(&START_TAG, html, 0)? else { return Ok(None) };
        let end = match html[located..].chars().next() {
            Some('>') => located + 1,
            Some('/') if html[located..].starts_with("/>") => located + 2,
            None | Some('/' | '=') => return Ok(None),
            Some(c) if c.is_ascii_alphabetic() => return Ok(None),
            Some(_) => located,
        };
        let name = TAG_NAME.captures(&html[1..]).map_err(|_| CleaningError::TooIntricate)?;
        let Some((whole, name)) = name.and_then(|found| Some((found.get(0)?.end(), found.get(1)?.as_str().to_lowercase())))
        else {
            return Ok(None);
        };
        let mut k = 1 + whole;
        while k < end {
            match search(&ATTRIBUTE, html, k)? {
                Some((start, stop)) if start == k && stop > k => k = stop,
                _ => break,
            }
        }
        let tail = html.get(k..end).unwrap_or_default().trim_matches(is_space);
        if tail != ">" && tail != "/>" {
            self.data(i, i + end);
        } else {
            self.opened(&name);
            if tail == "/>" {
                self.closed(&name);
            } else if name == "script" || name == "style" {
                self.raw_element = Some(name);
            }
        }
        Ok(Some(i + end))
    }

    fn end_tag(&mut self, i: usize) -> Result<Option<usize>, CleaningError> {
        let Some(close) = self.find('>', i + 1) else { return Ok(None) };
        let html = &self.html[i..];
        let strict = END_TAG.captures(html).map_err(|_| CleaningError::TooIntricate)?;
        if let Some(name) = strict.and_then(|found| found.get(1).map(|name| name.as_str().to_lowercase())) {
            if self.raw_element.as_ref().is_some_and(|raw| *raw != name) {
                self.data(i, close + 1);
                return Ok(Some(close + 1));
            }
            self.closed(&name);
            self.raw_element = None;
            return Ok(Some(close + 1));
        }
        if self.raw_element.is_some() {
            self.data(i, close + 1);
            return Ok(Some(close + 1));
        }
        let loose = TAG_NAME.captures(&html[2..]).map_err(|_| CleaningError::TooIntricate)?;
        match loose.and_then(|found| Some((found.get(0)?.end(), found.get(1)?.as_str().to_lowercase()))) {
            Some((length, name)) => {
                self.closed(&name);
                // Without a `>` behind the name the reference starts again from the beginning of the text, never
                // to end; here the tag ends with the text.
                Ok(Some(self.find('>', i + 2 + length).map_or(self.html.len(), |at| at + 1)))
            }
            None if html.starts_with("</>") => Ok(Some(i + 3)),
            None => Ok(Some(self.skip_to(close + 1))),
        }
    }
}

/// A complete numeric reference behind `&#`: its text, and its length with a semicolon. It counts only if some
/// character follows that cannot belong to it.
fn numeric_reference(text: &str) -> Option<(String, usize)> {
    let (number, length) = entities::numeric(text)?;
    let next = text[length..].chars().next()?;
    if next.is_ascii_hexdigit() {
        return None;
    }
    let decoded = match number {
        0 => '\u{fffd}',
        _ => entities::windows_1252(number).or_else(|| char::from_u32(number)).unwrap_or('\u{fffd}'),
    };
    Some((decoded.to_string(), length + usize::from(next == ';')))
}

/// Length of the name behind an ampersand, where something follows that ends it.
fn entity_name(text: &str) -> Option<usize> {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let length = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')).count();
    if length < text.len() {
        return Some(length);
    }
    // At the very end a dash or point is what ends the name.
    text.bytes().rposition(|byte| matches!(byte, b'-' | b'.'))
}

/// What a name stands for; an unknown one stands for itself.
fn entity(name: &str) -> (&str, bool) {
    let found = entities::named(&format!("{name};")).or_else(|| entities::named(name));
    found.map_or((name, false), |chars| (chars, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_text_of_the_reference_parser() {
        for (html, expected) in [
            ("<p>no <i>acute</i> process</p><br/>next line", "no acute processnext line"),
            ("nodule < 5 mm & > 3 mm", "nodule < 5 mm & > 3 mm"),
            ("size <5 mm", "size <5 mm"),
            ("a <b c", "a <b c"),
            ("a <!-- hidden --> b", "a  b"),
            ("x<script>var a = '<b>';</script>y", "xy"),
            ("&lt;tag&gt; &unknown; &amp;", "<tag> &unknown &"),
            ("at&t", "att"),
            ("5&deg; &#176; &#xb0; &#12", "5° ° ° &#12"),
            ("a<![CDATA[ b ]]>c", "a b c"),
            ("<a href='x>y'>link</a> </b> </>", "link  "),
            ("", ""),
        ] {
            assert_eq!(text_of(html).expect("short"), expected, "{html}");
        }
    }
}
