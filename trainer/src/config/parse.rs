//! Reads typed values from TOML; what does not fit is told by file, field and the nearest name that is known.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use engine::text::nearest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::text_file::{self, CONFIG_BYTES};

/// Reads a file, with `changes` such as `train.steps=10` laid over it.
///
/// # Errors
/// Names the file, the field and what is allowed.
pub fn read<T: DeserializeOwned>(path: &Path, changes: &[String]) -> Result<T> {
    let text = text_file::read(path, CONFIG_BYTES).with_context(|| format!("cannot read {}", path.display()))?;
    from_text(&text, changes).with_context(|| path.display().to_string())
}

/// As [`read`], from text.
///
/// # Errors
/// Names the field and what is allowed.
pub fn from_text<T: DeserializeOwned>(text: &str, changes: &[String]) -> Result<T> {
    let mut table = table(text)?;
    for change in changes {
        lay_over(&mut table, change)?;
    }
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        anyhow!("{}", sentence(&path, error.inner().message()))
    })
}

/// The table of a text in TOML.
///
/// # Errors
/// Names the line and what does not belong there.
pub fn table(text: &str) -> Result<toml::Table> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        anyhow!("line {line} is not TOML: {}", error.message().trim())
    })
}

/// The text of a value.
///
/// # Errors
/// When it cannot be written as TOML.
pub fn to_text<T: Serialize>(value: &T) -> Result<String> {
    toml::to_string_pretty(value).context("cannot write the configuration as TOML")
}

/// Sets `key.key = value`; the value is TOML, or else a text.
fn lay_over(table: &mut toml::Table, change: &str) -> Result<()> {
    let Some((key, value)) = change.split_once('=') else { bail!("--set {change}: expected KEY=VALUE, such as train.steps=100") };
    let (key, value) = (key.trim(), value.trim());
    let parsed: Option<toml::Table> = toml::from_str(&format!("value = {value}")).ok();
    let value = parsed.and_then(|mut t| t.remove("value")).unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut names: Vec<&str> = key.split('.').collect();
    let last = names.pop().filter(|name| !name.is_empty()).with_context(|| format!("--set {change}: the key is empty"))?;
    let mut place = table;
    for name in names {
        let inner = place.entry(name).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        place = inner.as_table_mut().with_context(|| format!("--set {change}: {name} is a value, not a table"))?;
    }
    place.insert(last.to_owned(), value);
    Ok(())
}

/// What serde says, as a sentence with the nearest known name.
fn sentence(path: &str, message: &str) -> String {
    let at = if path == "." { String::new() } else { format!("field {path}: ") };
    if let Some(missing) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        let table = if path == "." { String::new() } else { format!("{path}.") };
        return format!("field {table}{missing} is missing; add it");
    }
    let Some(rest) = message.strip_prefix("unknown field `") else {
        return format!("{at}{}", in_terms_of_toml(message.trim()));
    };
    let Some((unknown, rest)) = rest.split_once('`') else { return format!("{at}{message}") };
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let of = path.strip_suffix(unknown).unwrap_or(path).trim_end_matches('.');
    let table = if of.is_empty() || of == "." { String::new() } else { format!("{of}.") };
    match nearest(unknown, &known) {
        Some(name) => format!("field {table}{unknown} is unknown; did you mean {table}{name}? Known are {}", known.join(", ")),
        None if known.is_empty() => format!("field {table}{unknown} is unknown; leave it out"),
        None => format!("field {table}{unknown} is unknown; known are {}", known.join(", ")),
    }
}

/// A sentence about a value of the wrong kind, without the names of Rust's types.
fn in_terms_of_toml(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let wanted = match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number, 0 or more",
        "i64" | "i32" => "a whole number",
        "f64" | "f32" => "a number",
        "a string" | "path string" | "string only" => "a text in quotes",
        "a sequence" => "a list in square brackets",
        "a boolean" => "true or false",
        _ if expected.starts_with("struct ") || expected.starts_with("a map") => "a table with fields of its own",
        other => return format!("{found}; choose {other}"),
    };
    let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
    match found {
        "unit variant" => format!("write {wanted}"),
        _ => format!("{found} does not fit; write {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        batch_size: usize,
        learning: f64,
    }

    const TEXT: &str = "name = \"a\"\n[inner]\nbatch_size = 4\nlearning = 1e-3\n";

    fn said(text: &str, changes: &[&str]) -> String {
        let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
        from_text::<Outer>(text, &changes).err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest_name() {
        let text = said(&TEXT.replace("batch_size", "bach_size"), &[]);
        assert!(text.contains("inner.bach_size") && text.contains("did you mean inner.batch_size"), "{text}");
        let text = said(&format!("naem = 1\n{TEXT}"), &[]);
        assert!(text.contains("field naem is unknown; did you mean name"), "{text}");
        let text = said(&TEXT.replace("= 4", "= \"four\""), &[]);
        assert!(text.contains("inner.batch_size") && text.contains("four"), "{text}");
        assert!(said("name = ", &[]).contains("line 1"));
        assert_eq!(said("name = \"a\"\n\nhello\n", &[]), "line 3 is not TOML: key with no value, expected `=`");
        let text = said(&format!("zzzz = 1\n{TEXT}"), &[]);
        assert_eq!(text, "field zzzz is unknown; known are name, inner");
        assert_eq!(said("name = \"a\"\n[inner]\nbatch_size = 4\n", &[]), "field inner.learning is missing; add it");
        assert_eq!(said("", &[]), "field name is missing; add it");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_told_without_rusts_names() {
        for (change, words) in [
            ("inner.batch_size=-1", "field inner.batch_size: integer `-1` does not fit; write a whole number, 0 or more"),
            ("inner.batch_size=nan", "write a whole number"),
            ("inner.learning=\"x\"", "string \"x\" does not fit; write a number"),
            ("name=1", "field name: integer `1` does not fit; write a text in quotes"),
            ("inner=1", "write a table with fields of its own"),
        ] {
            let text = said(TEXT, &[change]);
            assert!(text.contains(words) && !text.contains("struct") && !text.contains("usize"), "{text}");
        }
    }

    #[test]
    fn changes_are_laid_over() -> Result<()> {
        let outer: Outer = from_text(TEXT, &["inner.batch_size = 8".to_owned(), "name=x y".to_owned()])?;
        assert_eq!((outer.inner.batch_size, outer.name.as_str(), outer.inner.learning), (8, "x y", 1e-3));
        assert!(said(TEXT, &["inner.batchsize=1"]).contains("batch_size"));
        assert!(said(TEXT, &["nonsense"]).contains("KEY=VALUE"));
        assert!(said(TEXT, &["name.x=1"]).contains("not a table"));
        Ok(())
    }
}
