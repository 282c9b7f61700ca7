//! Text as radiologists write it.

use std::sync::Arc;

use engine::domain::Mask;

use super::*;
use crate::state::Document;
use crate::state::Region;

fn with_layer(text: &str, finding: Finding, on_left_of_picture: bool) -> Document {
    let mut document = Document::empty(64);
    document.impression = text.to_owned();
    let mask = Mask::from_fn(64, 64, |x, y| (if on_left_of_picture { x < 20 } else { x > 44 }) && (20..40).contains(&y));
    document.push(finding, Region::Mask(Arc::new(mask)));
    document
}

fn conflicts(document: &Document) -> Vec<String> {
    check(document, None).into_iter().filter(|c| c.verdict == Verdict::Conflict).map(|c| c.sentence).collect()
}

#[test]
fn sides_of_mentions() {
    let text = "Moderate right apical pneumothorax. Small left pleural effusion. No edema or consolidation.";
    let found: Vec<_> = mentions(text).iter().map(|m| (m.finding, m.side, m.negated, &text[m.span.clone()])).collect();
    assert_eq!(
        found,
        [
            (Finding::Pneumothorax, Some(Side::Right), false, "right apical pneumothorax"),
            (Finding::PleuralEffusion, Some(Side::Left), false, "left pleural effusion"),
            (Finding::Edema, None, true, "edema"),
            (Finding::Consolidation, None, true, "consolidation"),
        ]
    );
}

#[test]
fn words_within_other_words_do_not_count() {
    let of = |text: &str| mentions(text).iter().map(|m| m.finding).collect::<Vec<_>>();
    assert_eq!(of("Massive right effusion"), [Finding::PleuralEffusion]);
    assert_eq!(of("Tuberculosis with two masses and a tube"), [Finding::Nodule, Finding::Device]);
}

#[test]
fn one_sentence_may_hold_two_sides() {
    let sides: Vec<_> = mentions("Right pneumothorax and left effusion").iter().map(|m| m.side).collect();
    assert_eq!(sides, [Some(Side::Right), Some(Side::Left)]);
    assert_eq!(mentions("Bilateral effusions")[0].side, Some(Side::Both));
}

#[test]
fn a_mask_on_the_other_side_is_a_conflict_with_two_repairs() {
    // The picture's left half is the patient's right.
    let agreeing = with_layer("Large right pneumothorax.", Finding::Pneumothorax, true);
    assert_eq!(conflicts(&agreeing), Vec::<String>::new());
    let mut other = with_layer("Large right pneumothorax.", Finding::Pneumothorax, false);
    assert_eq!(conflicts(&other), ["The text says right pneumothorax; the mask lies on the patient's left."]);
    other.impression = flip_side(&other.impression, Finding::Pneumothorax);
    assert_eq!(other.impression, "Large left pneumothorax.");
    assert_eq!(conflicts(&other), Vec::<String>::new());
}

#[test]
fn flipping_one_finding_leaves_the_other() {
    let text = "Right pneumothorax. Left effusion. Left pneumothorax drain.";
    assert_eq!(flip_side(text, Finding::PleuralEffusion), "Right pneumothorax. Right effusion. Left pneumothorax drain.");
}

#[test]
fn a_denied_finding_that_is_drawn_is_a_conflict() {
    let document = with_layer("No pleural effusion.", Finding::PleuralEffusion, true);
    assert_eq!(conflicts(&document), ["The text denies pleural effusion, and layer 1 draws it."]);
}

#[test]
fn marks_and_cut_text_are_named() {
    let mut document = Document::empty(64);
    document.impression = "Compared to ___, unchanged.".to_owned();
    assert_eq!(conflicts(&document).len(), 1);
    let cut = check(&document, Some(10));
    assert!(cut.iter().any(|c| c.sentence.contains("does not read the last 17 letters")), "{cut:?}");
}

#[test]
fn any_text_can_be_checked() {
    for text in ["", ".", "no", "right", "é right é mass é", "mass,mass;MASS\nno mass", "… left … tube"] {
        for m in mentions(text) {
            assert!(text.get(m.span.clone()).is_some(), "{text:?} {m:?}");
        }
        assert_eq!(flip_side(&flip_side(text, Finding::Nodule), Finding::Nodule), text);
    }
}
