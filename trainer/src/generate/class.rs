//! Which finding an impression speaks of: the class of a mask that comes without one.
//!
//! Rule: the first finding that the text names and does not deny, by the words of [`engine::text::findings`].

use engine::domain::Finding;
use engine::text::findings::first_present;

/// The first finding that `impression` names and does not deny.
pub(super) fn finding_in(impression: &str) -> Option<Finding> {
    first_present(impression)
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
