//! Sections of a free-text radiology report, and which of them becomes the caption.
//!
//! A header is a line that begins with one blank and a run of capitals up to a colon. Behind a header nothing else on
//! its line counts as one.
//!
//! # Source
//! The section rules of the MIMIC-CXR report tools, restated.

use std::collections::BTreeMap;

/// Sections of a report in their order: name, text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sections(pub(crate) Vec<(String, String)>);

/// Names that stand for another one, misspellings among them.
const SAME: [(&str, &[&str]); 4] = [
    (
        "impression",
        &[
            "conclusion",
            "conclusions",
            "findings and impression",
            "findings/impression",
            "impression and findings",
            "impressions",
            "impresson",
            "impressio",
            "imperssion",
            "impreession",
            "impresion",
            "impression/plan",
            "impresssion",
            "imprssion",
            "opinion",
            "summary",
        ],
    ),
    (
        "indication",
        &[
            "reason for exam",
            "reason for examination",
            "clinical indication",
            "clinical information",
            "history",
            "clinical history",
        ],
    ),
    ("comparison", &["comparisons", "comparison exam", "comparison study", "comparison studies"]),
    ("findings", &["finding", "findngs", "fidings", "findins", "report", "chest findings"]),
];

/// Words in a header that speak of the picture itself: what follows are findings.
const PICTURE: [&str; 8] =
    ["portable", "pa and lateral", "frontal", "two views", "single view", "chest", "radiograph", "ap view"];

/// The section of what stands behind the last header where no impression and no findings do.
const LAST: &str = "last_paragraph";

/// Takes a report apart.
pub(crate) fn sections(report: &str) -> Sections {
    let text = report.replace("\r\n", "\n");
    let mut found: Vec<(String, String)> = Vec::new();
    let (mut name, mut body) = ("preamble".to_owned(), String::new());
    for line in text.split('\n') {
        match header(line) {
            Some((title, rest)) => {
                found.push((name, std::mem::take(&mut body)));
                name = normalised(title);
                body.push_str(rest);
            }
            None => body.push_str(line),
        }
        body.push('\n');
    }
    found.push((name, body));
    let empty = |name: &str, text: &str| matches!(name, "impression" | "findings") && text.trim().is_empty();
    let mut kept: Vec<(String, String)> =
        found.into_iter().map(|(name, text)| (name, text.trim().to_owned())).filter(|(name, text)| !empty(name, text)).collect();
    if !kept.iter().any(|(name, _)| name == "impression" || name == "findings")
        && let Some((_, last)) = kept.last()
    {
        let paragraphs = last.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>();
        // Behind a first blank line stands what is told; without one, all of it.
        let rest = blank_line(last).map_or_else(|| paragraphs.join(" "), |at| last[at..].trim().to_owned());
        if !rest.is_empty() {
            kept.push((LAST.to_owned(), rest));
        }
    }
    Sections(kept)
}

/// Where the text behind the first blank line begins.
fn blank_line(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && line.trim().is_empty() {
            return Some(at + line.len());
        }
        at += line.len();
    }
    None
}

/// Title and rest of a header line.
fn header(line: &str) -> Option<(&str, &str)> {
    let inside = line.strip_prefix(' ')?;
    let (title, rest) = inside.split_once(':')?;
    let allowed = |c: char| c.is_ascii_uppercase() || " ()[]/,-_".contains(c);
    let capitals = title.chars().filter(char::is_ascii_uppercase).count();
    let begins = title.starts_with(|c: char| c.is_ascii_uppercase());
    let spaced = rest.is_empty() || rest.starts_with(char::is_whitespace);
    (begins && spaced && capitals >= 2 && title.chars().all(allowed)).then_some((title, rest))
}

fn normalised(title: &str) -> String {
    let name = title.trim().to_ascii_lowercase();
    if let Some((known, _)) = SAME.iter().find(|(known, others)| name == *known || others.contains(&name.as_str())) {
        return (*known).to_owned();
    }
    // An examination's title names the projection as well; it is no finding.
    let is_title = ["examination", "exam", "technique", "study", "procedure"].iter().any(|word| name.starts_with(word));
    if !is_title && PICTURE.iter().any(|word| name.contains(word)) { "findings".to_owned() } else { name }
}

impl Sections {
    /// The text of the first wanted section that is there; of several of one name the last.
    pub(crate) fn pick(&self, wanted: &[String]) -> Option<&str> {
        let by_name: BTreeMap<&str, &str> = self.0.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        wanted.iter().find_map(|name| by_name.get(name.as_str()).copied().filter(|text| !text.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPORT: &str = "                                 FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n\n INDICATION:  ___ year old man \
        with cough.\n\n FINDINGS:\n\n Heart size is normal. Small right effusion.\n\n IMPRESSION:\n\n 1. Small right pleural \
        effusion.\n 2. No pneumothorax.\n";

    fn wanted() -> Vec<String> {
        ["impression", "findings", "last_paragraph", "comparison"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_impression_is_found() {
        let parts = sections(REPORT);
        assert_eq!(parts.pick(&wanted()), Some("1. Small right pleural effusion.\n 2. No pneumothorax."));
        let names: Vec<&str> = parts.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["preamble", "examination", "indication", "findings", "impression"]);
    }

    #[test]
    fn other_names_and_missing_sections() {
        for (report, text) in [
            (" CONCLUSION: Clear lungs.\n", "Clear lungs."),
            (" FINDINGS:\n Clear.\n IMPRESSION:\n\n", "Clear."),
            (" FINDINGS: Old.\n IMPRESSION: First.\n\n ADDENDUM: x\n\n IMPRESSION: Second.\n", "Second."),
            (" SINGLE FRONTAL VIEW OF THE CHEST: Lungs clear.\n", "Lungs clear."),
            (
                " EXAMINATION: CHEST\n\n REASON FOR EXAM: cough\n\n Lungs are clear.\n Heart normal.\n",
                "Lungs are clear.\n Heart normal.",
            ),
            (" IMPRESSION: Line at SVC: unchanged.\n Note: no change.\n", "Line at SVC: unchanged.\n Note: no change."),
        ] {
            assert_eq!(sections(report).pick(&wanted()), Some(text), "{report:?}");
        }
        assert_eq!(sections("").pick(&wanted()), None);
        assert_eq!(sections(" COMPARISON: None.\n").pick(&["comparison".to_owned()]), Some("None."));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_but_headers(report in "[ A-Za-z:\n._]{0,200}") {
            let parts = sections(&report);
            let inside: usize = parts.0.iter().filter(|(name, _)| name != LAST).map(|(_, text)| text.chars().filter(|c| c.is_lowercase()).count()).sum();
            prop_assert_eq!(inside, report.chars().filter(|c| c.is_lowercase()).count());
        }
    }
}
