//! Which finding an impression speaks of: the class of a mask that comes without one.
//!
//! Rule: the first finding that the text names and does not deny. A denial (`no`, `without`, `negative for`,
//! `free of`) reaches to the end of its clause; clauses end at full stops, semicolons, line breaks and `but`.

use engine::domain::Finding;

/// Words of each class in lower case, singular; `*` stands for any ending.
const WORDS: [(&str, Finding); 24] = [
    ("pneumothora*", Finding::Pneumothorax),
    ("hydropneumothora*", Finding::Pneumothorax),
    ("effusion", Finding::PleuralEffusion),
    ("pleural fluid", Finding::PleuralEffusion),
    ("consolidat*", Finding::Consolidation),
    ("pneumonia", Finding::Consolidation),
    ("opacit*", Finding::Consolidation),
    ("opacification", Finding::Consolidation),
    ("nodul*", Finding::Nodule),
    ("mass", Finding::Nodule),
    ("lesion", Finding::Nodule),
    ("cardiomegaly", Finding::Cardiomegaly),
    ("enlarged heart", Finding::Cardiomegaly),
    ("enlarged cardiac", Finding::Cardiomegaly),
    ("heart is enlarged", Finding::Cardiomegaly),
    ("atelecta*", Finding::Atelectasis),
    ("edema", Finding::Edema),
    ("oedema", Finding::Edema),
    ("vascular congestion", Finding::Edema),
    ("fracture*", Finding::Fracture),
    ("pacemaker", Finding::Device),
    ("catheter", Finding::Device),
    ("tube", Finding::Device),
    ("support device", Finding::Device),
];

const DENIALS: [&str; 4] = ["no", "without", "negative for", "free of"];

/// The first finding that `impression` names and does not deny.
pub(super) fn finding_in(impression: &str) -> Option<Finding> {
    let lower = impression.to_lowercase().replace(" but ", ";").replace(" however ", ";");
    lower.split(['.', ';', '\n']).find_map(first_in_clause)
}

fn first_in_clause(clause: &str) -> Option<Finding> {
    let denied_from = DENIALS.iter().filter_map(|word| place(clause, word)).min().unwrap_or(usize::MAX);
    WORDS
        .iter()
        .filter_map(|(word, finding)| Some((place(clause, word)?, *finding)))
        .filter(|&(at, _)| at < denied_from)
        .min_by_key(|&(at, _)| at)
        .map(|(_, finding)| finding)
}

/// Where `word` or its plural first stands in the clause.
fn place(clause: &str, word: &str) -> Option<usize> {
    let (stem, any_ending) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
    clause.match_indices(stem).map(|(at, _)| at).find(|&at| {
        let rest = &clause[at + stem.len()..];
        let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric);
        let whole = ends(rest) || ["s", "es"].iter().any(|s| rest.strip_prefix(s).is_some_and(ends));
        !clause[..at].ends_with(char::is_alphanumeric) && (any_ending || whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_finding_that_is_not_denied() {
        for (text, finding) in [
            ("Large right pneumothorax.", Some(Finding::Pneumothorax)),
            ("Bilateral pleural effusions with edema", Some(Finding::PleuralEffusion)),
            ("No pneumothorax. Small left effusion.", Some(Finding::PleuralEffusion)),
            ("No pneumothorax but a mass at the right hilum", Some(Finding::Nodule)),
            ("Right lower lobe consolidation without effusion", Some(Finding::Consolidation)),
            ("NODULE IN THE LEFT UPPER LOBE", Some(Finding::Nodule)),
            ("Normal heart. Nothing else.", None),
            ("No focal consolidation, pleural effusion or pneumothorax.", None),
            ("Massive right effusion", Some(Finding::PleuralEffusion)),
            ("Tuberculosis with two masses", Some(Finding::Nodule)),
            ("Northern pacemaker", Some(Finding::Device)),
            ("Noduläre Verschattung", Some(Finding::Nodule)),
            ("", None),
        ] {
            assert_eq!(finding_in(text), finding, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(no |without |but |İ|ß|[.;]|mass|edema|\\PC){0,30}") {
            let _finding_or_not = finding_in(&text);
        }
    }
}
