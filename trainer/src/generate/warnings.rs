//! Warnings of a run, on standard error, a few of each kind.

use std::io::Write as _;

use anyhow::Result;
use engine::pipeline::TokenCount;

/// Most lines of one kind; the rest is counted.
const MAX_LINES: usize = 5;

/// Collects warnings before the first image is made.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    cut: Vec<String>,
    lost: Vec<String>,
    differing: Vec<String>,
    notes: Vec<String>,
}

impl Warnings {
    /// Notes an impression of which the model reads only a part, or, where it `cleans`, not all sizes.
    ///
    /// # Errors
    /// When the impression cannot be cleaned.
    pub(super) fn check_text(&mut self, place: &str, impression: &str, count: TokenCount, cleans: bool) -> Result<()> {
        if count.used > count.limit {
            let unread = count.cut_at.and_then(|at| impression.get(at..)).map(str::trim).unwrap_or_default();
            let from =
                if unread.is_empty() { String::new() } else { format!("; from {:?} on nothing is read", shortened(unread)) };
            self.cut.push(format!("{place}: the impression has {} tokens and the model reads {}{from}", count.used, count.limit));
        }
        let lost = if cleans { engine::text::clean(impression)?.lost } else { Vec::new() };
        if !lost.is_empty() {
            self.lost
                .push(format!("{place}: cleaning takes {} out of the impression, so the model does not see it", lost.join(", ")));
        }
        Ok(())
    }

    /// Notes a kept image that was made in another way.
    pub(super) fn kept(&mut self, place: &str, differences: &[&str]) {
        self.differing
            .push(format!("{place}: the image that is there was made with another {}; it is kept", differences.join(", ")));
    }

    /// Notes what is done with a case that was not asked for in so many words.
    pub(super) fn note(&mut self, place: &str, note: &str) {
        self.notes.push(format!("{place}: {note}"));
    }

    /// Writes them.
    ///
    /// # Errors
    /// When standard error cannot be written.
    pub(super) fn print(&self) -> Result<()> {
        let mut err = std::io::stderr().lock();
        for line in self.lines() {
            writeln!(err, "chexgen: warning: {line}")?;
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let kinds = [
            (&self.cut, "impressions are cut"),
            (&self.lost, "impressions lose a size or a code"),
            (&self.notes, "notes of this kind"),
            (&self.differing, "images were made in another way and are kept"),
        ];
        let mut lines = Vec::new();
        for (kind, rest) in kinds {
            lines.extend(kind.iter().take(MAX_LINES).cloned());
            if kind.len() > MAX_LINES {
                lines.push(format!("{} more {rest}", kind.len() - MAX_LINES));
            }
        }
        lines
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_lost_words_are_named_and_floods_are_counted() {
        let mut warnings = Warnings::default();
        let fits = TokenCount { used: 5, limit: 16, cut_at: None };
        warnings.check_text("a", "Right nodule.", fits, true).unwrap();
        assert!(warnings.lines().is_empty());
        warnings.check_text("b", "Right nodule of 12x14 mm.", fits, false).unwrap();
        assert!(warnings.lines().is_empty(), "read as it is typed");
        warnings.check_text("b", "Right nodule of 12x14 mm.", fits, true).unwrap();
        assert!(warnings.lines()[0].contains("12x14"), "{:?}", warnings.lines());
        let cut = TokenCount { used: 20, limit: 16, cut_at: Some(6) };
        for _ in 0..7 {
            warnings.check_text("c", "Right nodule.", cut, true).unwrap();
        }
        let lines = warnings.lines();
        assert!(lines[0].contains("20 tokens") && lines[0].contains("\"nodule.\""), "{}", lines[0]);
        assert_eq!(lines[5], "2 more impressions are cut");
    }
}
