//! Cases in which text, layers and fields agree or do not.

use std::sync::Arc;

use engine::domain::{Finding, Mask, RectPx};

use super::*;
use crate::reduce::reduce;
use crate::state::{Region, Sex, State, View};

const SIZE: u32 = 64;

fn mask(finding: Finding, inside: impl FnMut(u32, u32) -> bool) -> (Finding, Region) {
    (finding, Region::Mask(Arc::new(Mask::from_fn(SIZE, SIZE, inside))))
}

/// The picture's left half is the patient's right.
fn right(finding: Finding) -> (Finding, Region) {
    mask(finding, |x, y| x < 20 && (20..40).contains(&y))
}

fn left(finding: Finding) -> (Finding, Region) {
    mask(finding, |x, y| x > 44 && (20..40).contains(&y))
}

fn case(text: &str, layers: impl IntoIterator<Item = (Finding, Region)>) -> State {
    let mut document = Document::empty(SIZE);
    document.impression = text.to_owned();
    for (finding, region) in layers {
        document.push(finding, region);
    }
    State::new(document, "saved".into())
}

fn checks(state: &State) -> Vec<Check> {
    check(&state.document, &Reading::default())
}

fn conflict(state: &State) -> Vec<String> {
    checks(state).into_iter().filter(|c| c.verdict == Verdict::Conflict).map(|c| c.sentence).collect()
}

/// Presses a button of the first conflict.
fn press(state: &mut State, label: &str) {
    let first = checks(state).into_iter().find(|c| c.verdict == Verdict::Conflict).expect("a conflict");
    let labels: Vec<_> = first.repairs.iter().map(|r| r.label.clone()).collect();
    let repair = first.repairs.into_iter().find(|r| r.label == label).unwrap_or_else(|| panic!("{label}: {labels:?}"));
    reduce(state, repair.action);
}

use Finding::{Cardiomegaly, Consolidation, Device, Nodule, PleuralEffusion, Pneumothorax};

#[test]
fn a_mask_on_the_other_side_is_a_conflict_with_two_repairs() {
    let agreeing = case("Large right pneumothorax.", [right(Pneumothorax)]);
    assert_eq!(conflict(&agreeing), Vec::<String>::new());
    assert_eq!(checks(&agreeing)[0].sentence, "Pneumothorax: text and layer 1 both say right.");
    let sentence = "The text says right; the pneumothorax mask is on the patient's left.";
    for button in ["Flip the text", "Flip the mask"] {
        let mut state = case("Large right pneumothorax.", [left(Pneumothorax)]);
        let before = state.document.clone();
        let found = &checks(&state)[0];
        assert_eq!((found.sentence.as_str(), found.line.as_str()), (sentence, "Side of “pneumothorax” disagrees with layer 1."));
        assert_eq!(&state.document.impression[found.words[0].clone()], "right");
        press(&mut state, button);
        assert_eq!(conflict(&state), Vec::<String>::new(), "{button}");
        reduce(&mut state, Action::Undo);
        assert_eq!(state.document, before, "{button} is undone");
    }
}

#[test]
fn masks_on_both_sides_are_mended_by_one_press_when_the_text_names_one() {
    for said in ["right", "left"] {
        for button in ["Say both sides", "Flip the mask"] {
            let mut state = case(&format!("Large {said} pneumothorax."), [right(Pneumothorax), left(Pneumothorax)]);
            assert_eq!(conflict(&state).len(), 1, "the other layer is what the text means");
            press(&mut state, button);
            assert_eq!(conflict(&state), Vec::<String>::new(), "{said}, {button}");
        }
    }
}

#[test]
fn a_mask_on_both_sides_contradicts_a_text_that_names_one() {
    let both = || mask(PleuralEffusion, |x, y| !(20..=44).contains(&x) && y > 40);
    let sentence = "The text says right; the pleural effusion mask lies on both sides.";
    for button in ["Say both sides", "Keep the right part"] {
        let mut state = case("Small right effusion.", [both()]);
        assert_eq!(conflict(&state), [sentence]);
        press(&mut state, button);
        assert_eq!(conflict(&state), Vec::<String>::new(), "{button}");
    }
    assert_eq!(conflict(&case("Bilateral effusions.", [both()])), Vec::<String>::new());
}

#[test]
fn a_text_that_says_both_wants_both() {
    let sentence = "The text says both sides; the pleural effusion mask is on the patient's left only.";
    for button in ["Say left", "Mirror the mask too"] {
        let mut state = case("Bilateral effusions.", [left(PleuralEffusion)]);
        assert_eq!(conflict(&state), [sentence]);
        press(&mut state, button);
        assert_eq!(conflict(&state), Vec::<String>::new(), "{button}");
    }
    // Two layers, one on each side, are both sides.
    let two = case("Bilateral pleural effusions.", [left(PleuralEffusion), right(PleuralEffusion)]);
    assert_eq!(conflict(&two), Vec::<String>::new());
    let each = case("Small right effusion. Large left effusion.", [left(PleuralEffusion), right(PleuralEffusion)]);
    assert_eq!(conflict(&each), Vec::<String>::new());
    assert_eq!(checks(&each)[0].sentence, "Sides agree with both layers.");
}

#[test]
fn the_midline_has_no_side() {
    let tube = mask(Device, |x, y| x.abs_diff(32) < 3 && y < 30);
    assert_eq!(conflict(&case("Right internal jugular catheter.", [tube])), Vec::<String>::new());
    let heart = mask(Cardiomegaly, |x, y| (24..50).contains(&x) && (30..50).contains(&y));
    assert_eq!(conflict(&case("Heart is enlarged.", [heart])), Vec::<String>::new());
}

#[test]
fn what_the_text_denies_and_a_layer_draws_is_a_conflict() {
    for button in ["Say it is there", "Hide layer 1"] {
        let mut state = case("No pleural effusion or edema.", [left(PleuralEffusion)]);
        assert_eq!(conflict(&state), ["The text denies pleural effusion, and layer 1 draws it."]);
        press(&mut state, button);
        assert_eq!(conflict(&state), Vec::<String>::new(), "{button}");
    }
    let mut normal = case("No acute cardiopulmonary process.", [left(Nodule)]);
    assert_eq!(conflict(&normal), ["The text calls the study normal, and layer 1 draws nodule or mass."]);
    press(&mut normal, "Hide layer 1");
    assert_eq!(conflict(&normal), Vec::<String>::new());
    assert_eq!(conflict(&case("The lungs are clear.", [left(Consolidation)])).len(), 1);
}

#[test]
fn what_is_only_drawn_or_only_named_is_a_note() {
    let mut state = case("Right pneumothorax. Small left effusion and a nodule.", [right(Pneumothorax), left(Consolidation)]);
    assert_eq!(conflict(&state), Vec::<String>::new());
    let notes: Vec<Check> = checks(&state).into_iter().filter(|c| c.verdict == Verdict::Note).collect();
    let sentences: Vec<&str> = notes.iter().map(|c| c.sentence.as_str()).collect();
    assert_eq!(
        sentences,
        [
            "The text does not name the consolidation of layer 2.",
            "Left pleural effusion and left nodule or mass are named and not drawn; the text alone decides there.",
        ]
    );
    reduce(&mut state, notes[0].repairs[0].action.clone());
    assert!(state.document.impression.ends_with("Left consolidation."), "{}", state.document.impression);
    // Text alone is a case like another.
    assert!(checks(&case("Right pneumothorax.", [])).iter().all(|c| c.verdict == Verdict::Agrees));
}

#[test]
fn sizes_and_zones_that_cannot_be() {
    let lung = || mask(Pneumothorax, |x, _| x < 32);
    let mut state = case("Small right pneumothorax.", [lung()]);
    assert_eq!(conflict(&state), ["The text says Small; the pneumothorax mask covers 100 % of the lung."]);
    press(&mut state, "Say large");
    assert_eq!(state.document.impression, "Large right pneumothorax.");
    assert_eq!(conflict(&state), Vec::<String>::new());
    let spot = mask(PleuralEffusion, |x, y| (12..15).contains(&x) && (44..47).contains(&y));
    assert_eq!(conflict(&case("Large right effusion.", [spot])).len(), 1);

    let low = || mask(Pneumothorax, |x, y| (8..20).contains(&x) && (42..50).contains(&y));
    let mut state = case("Right apical pneumothorax.", [low()]);
    assert_eq!(conflict(&state), ["The text says apical; the pneumothorax mask lies in the lower part of the lung."]);
    press(&mut state, "Say basal");
    assert_eq!(conflict(&state), Vec::<String>::new());
    let boxed = |y0| (Nodule, Region::Box(Some(RectPx { x0: 44.0, y0, x1: 50.0, y1: y0 + 6.0 })));
    assert_eq!(conflict(&case("Nodule in the left upper lobe.", [boxed(16.0)])), Vec::<String>::new());
    assert_eq!(conflict(&case("Nodule in the left upper lobe.", [boxed(44.0)])).len(), 1);
}

#[test]
fn the_patient_of_the_text_is_the_one_of_the_fields() {
    for button in ["Set Female", "Say “man”"] {
        let mut state = case("72-year-old woman. Right pneumothorax.", []);
        (state.document.demographics.sex, state.document.demographics.age) = (Sex::Male, Some(72));
        assert_eq!(conflict(&state), ["The text says “woman”; the field says Male."]);
        press(&mut state, button);
        assert_eq!(conflict(&state), Vec::<String>::new(), "{button}");
    }
    for button in ["Set 72", "Say 64"] {
        let mut state = case("72-year-old woman.", []);
        (state.document.demographics.sex, state.document.demographics.age) = (Sex::Female, Some(64));
        assert_eq!(conflict(&state), ["The text says 72 years; the field says 64."]);
        press(&mut state, button);
        assert_eq!(conflict(&state), Vec::<String>::new(), "{button}");
    }
    let mut state = case("Portable film.", []);
    state.document.demographics.view = View::Pa;
    assert_eq!(conflict(&state).len(), 1);
    press(&mut state, "Set AP");
    assert_eq!(conflict(&state), Vec::<String>::new());
}

#[test]
fn hidden_layers_and_layers_of_strength_zero_say_nothing() {
    let mut state = case("Large right pneumothorax.", [left(Pneumothorax)]);
    let id = state.document.layers[0].id;
    reduce(&mut state, Action::SetStrength(id, 0.0));
    assert_eq!(conflict(&state), Vec::<String>::new());
    reduce(&mut state, Action::SetStrength(id, 1.0));
    reduce(&mut state, Action::ToggleVisible(id));
    assert_eq!(conflict(&state), Vec::<String>::new());
}

#[test]
fn any_text_can_be_checked() {
    for text in ["", ".", "no", "right", "é right é mass é", "mass,mass;MASS\nno mass", "… left … tube", "___", "[**"] {
        let state = case(text, [left(Nodule), right(Device)]);
        for check in checks(&state) {
            assert!(check.words.iter().all(|w| text.get(w.clone()).is_some()), "{text:?} {check:?}");
        }
    }
}
