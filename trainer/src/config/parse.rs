//! Reads typed values from TOML; what does not fit is told by file, field and the nearest name that is known.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a file, with `changes` such as `train.steps=10` laid over it.
///
/// # Errors
/// Names the file, the field and what is allowed.
pub fn read<T: DeserializeOwned>(path: &Path, changes: &[String]) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    from_text(&text, changes).with_context(|| path.display().to_string())
}

/// As [`read`], from text.
///
/// # Errors
/// Names the field and what is allowed.
pub fn from_text<T: DeserializeOwned>(text: &str, changes: &[String]) -> Result<T> {
    let mut table: toml::Table = toml::from_str(text).map_err(|error| anyhow!("{}", error.to_string().trim()))?;
    for change in changes {
        lay_over(&mut table, change)?;
    }
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        anyhow!("{}", sentence(&path, error.inner().message()))
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
    let Some(rest) = message.strip_prefix("unknown field `") else {
        return format!("{at}{}", message.trim());
    };
    let Some((unknown, rest)) = rest.split_once('`') else { return format!("{at}{message}") };
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let nearest = known.iter().min_by_key(|name| distance(unknown, name));
    let of = path.strip_suffix(unknown).unwrap_or(path).trim_end_matches('.');
    let table = if of.is_empty() || of == "." { String::new() } else { format!("{of}.") };
    match nearest {
        Some(nearest) => {
            format!("field {table}{unknown} is unknown; did you mean {table}{nearest}? Known are {}", known.join(", "))
        }
        None => format!("field {table}{unknown} is unknown"),
    }
}

/// Edits that turn one name into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
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
