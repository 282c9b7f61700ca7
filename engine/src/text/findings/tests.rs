//! Sentences as radiologists write them.

use super::*;

type Said<'a> = (Finding, Option<Side>, bool, &'a str);

fn said(text: &str) -> Vec<Said<'_>> {
    mentions(text).iter().map(|m| (m.finding, m.side, m.negated(), &text[m.span.clone()])).collect()
}

use Finding::{Atelectasis, Cardiomegaly, Consolidation, Device, Edema, Fracture, Nodule, PleuralEffusion, Pneumothorax};
use Side::{Both, Left, Right};

#[test]
fn sides_as_they_are_written() {
    for (text, finding, side) in [
        ("Moderate right apical pneumothorax.", Pneumothorax, Right),
        ("Pneumothorax, right-sided, moderate.", Pneumothorax, Right),
        ("Right-sided pleural effusion", PleuralEffusion, Right),
        ("Consolidation in the left lower lobe", Consolidation, Left),
        ("Biapical pneumothoraces", Pneumothorax, Both),
        ("Bibasilar atelectasis", Atelectasis, Both),
        ("R pneumothorax", Pneumothorax, Right),
        ("Small L effusion", PleuralEffusion, Left),
        ("LLL pneumonia", Consolidation, Left),
        ("Small effusions bilaterally", PleuralEffusion, Both),
        ("Small pleural effusions on both sides", PleuralEffusion, Both),
        ("Right and left pleural effusions", PleuralEffusion, Both),
        ("Effusions, right greater than left", PleuralEffusion, Both),
        ("Right greater than left pleural effusions", PleuralEffusion, Both),
        ("Lingular consolidation", Consolidation, Left),
        ("Left subclavian line ending in the right atrium", Device, Left),
        ("Displaced fracture of the 5th rib on the right", Fracture, Right),
        ("2.0 cm spiculated nodule in the left upper lobe", Nodule, Left),
        ("Rt pneumothorax", Pneumothorax, Right),
        ("Pneumothorax of the RIGHT lung", Pneumothorax, Right),
    ] {
        let found = mentions(text);
        assert_eq!(found.iter().map(|m| (m.finding, m.side)).collect::<Vec<_>>(), [(finding, Some(side))], "{text}");
    }
    for text in ["r pneumothorax", "Tube left in place", "Lead in the right ventricle, a pacemaker"] {
        assert_eq!(mentions(text)[0].side, None, "{text}");
    }
}

#[test]
fn two_findings_of_one_sentence_keep_their_sides() {
    let sides = |text: &str| mentions(text).iter().map(|m| m.side).collect::<Vec<_>>();
    assert_eq!(sides("Right pneumothorax and left effusion"), [Some(Right), Some(Left)]);
    assert_eq!(sides("Pneumothorax on the right and effusion on the left"), [Some(Right), Some(Left)]);
    assert_eq!(sides("Right pneumothorax, left effusion, and a right pacemaker"), [Some(Right), Some(Left), Some(Right)]);
    assert_eq!(sides("Right pleural effusion and atelectasis"), [Some(Right), Some(Right)]);
    assert_eq!(sides("Effusion and atelectasis on the left"), [Some(Left), Some(Left)]);
    assert_eq!(sides("Cardiomegaly and small left effusion"), [None, Some(Left)]);
    assert_eq!(sides("Nodule and left effusion"), [None, Some(Left)]);
    assert_eq!(sides("Right pneumothorax and left chest wall emphysema"), [Some(Right)]);
    assert_eq!(sides("Moderate right apical pneumothorax with partial collapse of the right lung."), [Some(Right)]);
}

#[test]
fn denials_reach_as_far_as_a_reader_would_think() {
    let there = |text: &str| mentions(text).iter().map(|m| !m.negated()).collect::<Vec<_>>();
    for (text, expected) in [
        ("No effusion or pneumothorax.", &[false, false][..]),
        ("No focal consolidation, pleural effusion, or pneumothorax is seen.", &[false, false, false]),
        ("No pneumothorax but a mass at the right hilum", &[false, true]),
        ("No effusion and a small right pneumothorax", &[false, true]),
        ("No pneumothorax, small left effusion.", &[false, true]),
        ("No pneumothorax, large effusion or consolidation.", &[false, false, false]),
        ("No pneumothorax, heart is enlarged.", &[false, true]),
        ("Right lower lobe consolidation without effusion", &[true, false]),
        ("Negative for pneumothorax", &[false]),
        ("Lungs free of consolidation", &[false]),
        ("Unchanged absence of effusion", &[false]),
        ("Resolved right pneumothorax", &[false]),
        ("The right pneumothorax has resolved.", &[false]),
        ("Effusion resolved, new consolidation", &[false, true]),
        ("Resolving pneumonia", &[true]),
        ("Pneumothorax is no longer seen", &[false]),
        ("Effusion is not seen", &[false]),
        ("Pneumothorax cannot be excluded", &[true]),
        ("No change in the right effusion", &[true]),
        ("No significant interval change in the left pneumothorax", &[true]),
        ("The nodule has not changed.", &[true]),
        ("The heart is not enlarged.", &[false]),
        ("Heart size is normal.", &[false]),
        ("Heart is mildly enlarged.", &[true]),
        ("Neither effusion nor pneumothorax", &[false, false]),
        ("No abnormality except a nodule", &[true]),
        ("No pneumothorax. Small left effusion.", &[false, true]),
        ("No definite pneumothorax", &[false]),
    ] {
        assert_eq!(there(text), expected, "{text}");
    }
    let text = "No edema or consolidation.";
    let denial = mentions(text)[1].denial.clone().expect("it is denied");
    assert_eq!(&text[denial], "No");
}

#[test]
fn doubt_is_not_denial() {
    for (text, doubt) in [
        ("Possible small right pneumothorax", true),
        ("Opacity, likely pneumonia", true),
        ("Pneumothorax cannot be excluded", true),
        ("? pneumonia", true),
        ("Right pneumothorax", false),
    ] {
        let last = mentions(text).pop().expect("a mention");
        assert_eq!((last.uncertain, last.negated()), (doubt, false), "{text}");
    }
}

#[test]
fn zones_sizes_and_diameters() {
    let of = |text: &str| {
        let m = mentions(text).remove(0);
        (m.zone.map(|z| z.0), m.severity.map(|s| s.0), m.size_cm)
    };
    assert_eq!(of("Small right apical pneumothorax"), (Some(Zone::Apical), Some(Severity::Small), None));
    assert_eq!(of("Pneumothorax, moderate, at the left base"), (Some(Zone::Basal), Some(Severity::Moderate), None));
    assert_eq!(of("Small to moderate left effusion"), (None, Some(Severity::Moderate), None));
    assert_eq!(of("Massive right effusion"), (None, Some(Severity::Large), None));
    assert_eq!(of("A 12 mm nodule in the RUL"), (Some(Zone::Upper), None, Some(1.2)));
    assert_eq!(of("3.5cm mass in the left mid lung"), (Some(Zone::Middle), None, Some(3.5)));
    assert_eq!(of("Catheter with tip in the lower SVC"), (None, None, None));
    assert_eq!(of("Small-bore chest tube"), (None, None, None));
}

#[test]
fn words_that_only_look_like_findings() {
    for text in ["Tuberculosis", "Pericardial effusion", "No mass effect", "Northern hemisphere", "Normal mediastinum"] {
        assert_eq!(said(text), [], "{text}");
    }
    let of = |text: &str| mentions(text).iter().map(|m| m.finding).collect::<Vec<_>>();
    assert_eq!(of("Massive right effusion"), [PleuralEffusion]);
    assert_eq!(of("Tuberculosis with two masses and a tube"), [Nodule, Device]);
    assert_eq!(of("Noduläre Verschattung"), [Nodule]);
    assert_eq!(of("Pulmonary vascular congestion with mild edema. Enlarged cardiac silhouette"), [Edema, Edema, Cardiomegaly]);
}

#[test]
fn clear_lungs_and_normal_studies() {
    let denied: Vec<_> = mentions("The lungs are clear.").iter().map(|m| (m.finding, m.negated())).collect();
    assert_eq!(denied, [Consolidation, Nodule, Atelectasis, Edema].map(|f| (f, true)));
    for text in ["No acute cardiopulmonary process.", "Normal chest radiograph.", "No acute findings."] {
        let words = normal_study(text).expect("it is called normal");
        assert!(!text[words].contains('.'), "{text}");
    }
    assert_eq!(normal_study("No acute pneumothorax."), None);
}

#[test]
fn flipping_swaps_what_belongs_to_the_finding() {
    for (text, finding, wanted) in [
        ("Large right pneumothorax.", Pneumothorax, "Large left pneumothorax."),
        (
            "Moderate right apical pneumothorax with partial collapse of the right lung. Small left effusion.",
            Pneumothorax,
            "Moderate left apical pneumothorax with partial collapse of the left lung. Small left effusion.",
        ),
        ("Right pneumothorax and left effusion", PleuralEffusion, "Right pneumothorax and right effusion"),
        ("RLL consolidation", Consolidation, "LLL consolidation"),
        ("R pneumothorax", Pneumothorax, "L pneumothorax"),
        ("Bilateral effusions", PleuralEffusion, "Bilateral effusions"),
        ("No left effusion", PleuralEffusion, "No left effusion"),
        ("Left line ending in the right atrium, a catheter", Device, "Right line ending in the right atrium, a catheter"),
    ] {
        assert_eq!(flipped(text, finding), wanted);
        assert_eq!(flipped(wanted, finding), text);
    }
}

#[test]
fn texts_are_affirmed_denied_and_made_two_sided() {
    assert_eq!(affirmed("No pleural effusion.", PleuralEffusion, Some(Left)), "Left pleural effusion.");
    assert_eq!(
        affirmed("No focal consolidation, pleural effusion or pneumothorax. Clear.", Pneumothorax, Some(Right)),
        "No focal consolidation or pleural effusion. Clear. Right pneumothorax."
    );
    assert_eq!(
        affirmed("No effusion or pneumothorax is seen.", PleuralEffusion, None),
        "No pneumothorax is seen. Pleural effusion."
    );
    assert_eq!(affirmed("", Nodule, Some(Both)), "Bilateral nodule.");
    assert_eq!(denied("Right pneumothorax. Small left effusion.", Pneumothorax), "Small left effusion. No pneumothorax.");
    let two = |text: &str| bilateral(text, &mentions(text)[0]);
    assert_eq!(two("Large right pneumothorax.").as_deref(), Some("Large bilateral pneumothorax."));
    assert_eq!(two("Right-sided effusion").as_deref(), Some("Bilateral effusion"));
    assert_eq!(two("Effusion on the left").as_deref(), Some("Effusion on both sides"));
    assert_eq!(two("Nodule in the left lung"), None);
    let text = "Bilateral effusions";
    assert_eq!(one_sided(text, &mentions(text)[0], Left).as_deref(), Some("Left effusions"));
}

proptest::proptest! {
    #[test]
    fn any_text_can_be_read_and_repaired(
        text in "(no |without |but |right |left |R |and |, |ß|[.;?]|mass|edema|heart |enlarged |effusion|pneumothorax|3.5 cm |\\PC){0,24}"
    ) {
        for m in mentions(&text) {
            for range in [&m.span, &m.noun, &m.sentence].into_iter().chain(&m.side_words).chain(&m.denial) {
                proptest::prop_assert!(text.get(range.clone()).is_some());
            }
        }
        for finding in [Pneumothorax, PleuralEffusion, Nodule, Cardiomegaly] {
            let other = flipped(&text, finding);
            proptest::prop_assert_eq!(other.split_whitespace().count(), text.split_whitespace().count());
            let affirmed = affirmed(&text, finding, Some(Right));
            proptest::prop_assert!(mentions(&affirmed).iter().any(|m| m.finding == finding && !m.negated()));
            let denied = denied(&text, finding);
            proptest::prop_assert!(mentions(&denied).iter().all(|m| m.finding != finding || m.negated()));
        }
    }
}
