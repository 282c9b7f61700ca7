//! A design written over an earlier file: what a person wrote beside the values stays.

use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::Design;

/// The earlier text with the values of now; nothing where it is no design, or where it would not say the same design.
pub(super) fn over(before: &str, design: &Design, now: &str) -> Option<String> {
    // What stood in the file, defaults included, tells what was changed.
    let was: Design = toml::from_str(before).ok()?;
    let was: DocumentMut = was.to_toml().ok()?.parse().ok()?;
    let now: DocumentMut = now.parse().ok()?;
    let mut kept: DocumentMut = before.parse().ok()?;
    merge(kept.as_table_mut(), was.as_table(), now.as_table());
    let text = kept.to_string();
    let read: Design = toml::from_str(&text).ok()?;
    (read == *design).then_some(text)
}

fn merge(kept: &mut dyn TableLike, was: &Table, now: &Table) {
    let said = |item: Option<&Item>| item.map(|item| item.to_string().trim().to_owned());
    for (key, item) in now {
        if said(was.get(key)) == said(Some(item)) {
            continue;
        }
        match (kept.get_mut(key), item) {
            (Some(Item::Value(old)), Item::Value(new)) => {
                let beside = old.decor().clone();
                *old = new.clone();
                *old.decor_mut() = beside;
            }
            (Some(old), Item::Table(new)) if old.is_table_like() => {
                let before = was.get(key).and_then(Item::as_table).cloned().unwrap_or_default();
                if let Some(old) = old.as_table_like_mut() {
                    merge(old, &before, new);
                }
            }
            (Some(old), new) => *old = new.clone(),
            (None, new) => drop(kept.insert(key, new.clone())),
        }
    }
    for (key, _) in was {
        if !now.contains_key(key) {
            kept.remove(key);
        }
    }
}
