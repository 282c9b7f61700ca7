//! The cases of a source, one layout a file.

mod captions;
mod chexpert;
mod json;
mod manifest;
mod mimic;
mod nih;
mod release;
mod siim;
#[cfg(test)]
mod tests;
mod vindr;

use anyhow::{Context, Result};

use super::case::{Case, Split};
use super::config::{PrepareConfig, SourceConfig, SourceKind};

/// A case that the tables of its source rule out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// `list`, or `view` where the settings ask for other views.
    pub(crate) kind: &'static str,
    pub(crate) case: String,
    pub(crate) reason: String,
}

/// What a source lists.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) cases: Vec<Case>,
    pub(crate) unfit: Vec<Unfit>,
}

impl Listed {
    pub(crate) fn refuse(&mut self, case: &str, reason: impl Into<String>) {
        self.unfit.push(Unfit { kind: "list", case: case.to_owned(), reason: reason.into() });
    }
}

/// Lists the cases of a source in a fixed order.
///
/// # Errors
/// When a table is missing, damaged or of another layout.
pub(crate) fn list(config: &PrepareConfig, source: &SourceConfig) -> Result<Listed> {
    let mut listed = match source.kind {
        SourceKind::Manifest => manifest::list(source),
        SourceKind::Mimic => mimic::list(source),
        SourceKind::Nih => nih::list(source),
        SourceKind::Chexpert => chexpert::list(source),
        SourceKind::Siim => siim::list(source),
        SourceKind::Vindr => vindr::list(source),
        SourceKind::Release => release::list(source),
    }
    .with_context(|| format!("source {}", source.set()))?;
    if let Some(path) = &source.captions {
        captions::add(&mut listed.cases, path)?;
    }
    if let Some(split) = source.split.as_deref().and_then(Split::of) {
        listed.cases.iter_mut().for_each(|case| case.split = Some(split));
    }
    if !config.views.is_empty() {
        let wanted = |case: &Case| config.views.iter().any(|view| view == case.view.name());
        // A picture may tell its own view when it is read, so what the tables do not know is kept until then.
        let (kept, other) = listed.cases.into_iter().partition(|case| wanted(case) || case.view == super::case::View::Unknown);
        listed.cases = kept;
        listed.unfit.extend(other.into_iter().map(|case: Case| {
            let reason = format!("its view is {}", case.view.name());
            Unfit { kind: "view", case: case.name, reason }
        }));
    }
    Ok(listed)
}
