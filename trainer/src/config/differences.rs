//! How two configurations differ, key by key.

use std::collections::BTreeMap;

use toml::Value;

/// One line for each key that differs: `key: before → now`; `-` stands for a key that is not there.
///
/// A text that is no TOML counts as empty.
pub fn toml_differences(before: &str, now: &str) -> Vec<String> {
    let flat = |text: &str| {
        let mut keys = BTreeMap::new();
        flatten("", &Value::Table(text.parse().unwrap_or_default()), &mut keys);
        keys
    };
    let (before, now) = (flat(before), flat(now));
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let show = |value: Option<&String>| value.map_or("-".to_owned(), String::clone);
    let differing = keys.into_iter().filter(|key| before.get(*key) != now.get(*key));
    differing.map(|key| format!("{key}: {} → {}", show(before.get(key)), show(now.get(key)))).collect()
}

fn flatten(prefix: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                let dotted = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&dotted, value, keys);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_table) => {
            for (i, value) in values.iter().enumerate() {
                flatten(&format!("{prefix}.{i}"), value, keys);
            }
        }
        other => drop(keys.insert(prefix.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_are_told_with_both_values() {
        let (a, b) = ("x = 1\n[t]\ny = [1, 2]\nz = \"a\"\n", "x = 1.5\nw = true\n[t]\ny = [1, 2]\n[[t.g]]\nn = 2\n");
        assert_eq!(toml_differences(a, b), ["t.g.0.n: - → 2", "t.z: \"a\" → -", "w: - → true", "x: 1 → 1.5"]);
        assert!(toml_differences(a, a).is_empty());
    }
}
