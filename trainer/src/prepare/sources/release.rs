//! The lists of the published preparation: `image.npz text.npz [condition.npz]` a line.

use anyhow::{Context, Result, bail};

use super::Listed;
use crate::prepare::case::{Case, Input};
use crate::prepare::config::SourceConfig;
use crate::prepare::table::read_text;

pub(crate) fn list(source: &SourceConfig) -> Result<Listed> {
    let path = source.list.as_deref().context("field list is missing")?;
    let mut listed = Listed::default();
    for (at, line) in read_text(path)?.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let file = |name: &str| source.root.join(name);
        let (image, text, condition) = match words[..] {
            [] => continue,
            [image, text] => (image, text, None),
            [image, text, condition] => (image, text, Some(file(condition))),
            _ => bail!("{}, line {}: it has {} files, and needs 2 or 3", path.display(), at + 1, words.len()),
        };
        let mut case = Case::new(image, Input::Release { image: file(image), text: file(text), condition });
        case.annotated = words.len() == 3;
        listed.cases.push(case);
    }
    Ok(listed)
}
