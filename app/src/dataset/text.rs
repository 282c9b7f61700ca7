//! An impression from finding, side, zone and size, for regions that no phantom placed.

use engine::domain::{Finding, Seed, Side};
use engine::phantom::{Body, LesionSize, Zone, normal_impression};

use super::row::{Class, Lesion, Row};

/// The impression of a row without prefix; `size` and `zone` as the region shows them.
///
/// It depends on the arguments only; `number` varies the wording.
pub fn impression(row: &Row, seed: u64, number: u64) -> String {
    let Class::Finding(finding) = row.class else { return normal(seed, number) };
    let pick = Seed::for_case(seed, &format!("wording {number}")).0;
    let (word, noun) = words(finding, row.size);
    let zone = match row.zone {
        Some(zone @ (Zone::Upper | Zone::Mid | Zone::Lower)) => format!("{} lung ", zone.name()),
        Some(Zone::Apical) => "apical ".to_owned(),
        Some(Zone::Basal) if finding == Finding::Atelectasis => "basal ".to_owned(),
        Some(Zone::Perihilar) => "perihilar ".to_owned(),
        _ => String::new(),
    };
    let word = if word.is_empty() { String::new() } else { format!("{word} ") };
    let text = match (row.side, pick % 2) {
        (Side::Both, _) if matches!(finding, Finding::Cardiomegaly | Finding::Edema | Finding::Device) => format!("{word}{noun}"),
        (Side::Both, _) => format!("{word}bilateral {zone}{noun}"),
        (side, 0) => format!("{word}{side} {zone}{noun}"),
        (side, _) => format!("{word}{zone}{noun} on the {side}"),
    };
    let mut chars = text.chars();
    let text: String = chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect());
    format!("{text}.")
}

/// The impression of a row with several findings: a sentence for each, and no denial, which another could contradict.
pub fn together(row: &Row, seed: u64, number: u64) -> String {
    let sentence = |(at, lesion): (usize, Lesion)| impression(&row.alone(at, lesion), seed, number);
    row.lesions().enumerate().map(sentence).collect::<Vec<_>>().join(" ")
}

/// The impression of a chest without findings.
pub fn normal(seed: u64, number: u64) -> String {
    normal_impression(Body::Average, seed, number)
}

fn words(finding: Finding, size: Option<LesionSize>) -> (&'static str, &'static str) {
    let by = |small, medium, large| match size {
        Some(LesionSize::Small) => small,
        Some(LesionSize::Medium) => medium,
        Some(LesionSize::Large) => large,
        None => "",
    };
    match finding {
        Finding::Pneumothorax => (by("small", "moderate", "large"), "pneumothorax"),
        Finding::PleuralEffusion => (by("small", "moderate", "large"), "pleural effusion"),
        Finding::Consolidation => (by("mild", "moderate", "severe"), "consolidation"),
        Finding::Nodule if size == Some(LesionSize::Large) => ("", "mass"),
        Finding::Nodule => (by("small", "", ""), "nodule"),
        Finding::Cardiomegaly => (by("mild", "moderate", "severe"), "cardiomegaly"),
        Finding::Atelectasis => (by("mild", "moderate", "severe"), "atelectasis"),
        Finding::Edema => (by("mild", "moderate", "severe"), "pulmonary edema"),
        Finding::Fracture => ("", "rib fracture"),
        Finding::Device => ("", "pacemaker"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_what_the_row_says() {
        for class in Class::ALL {
            for side in [Side::Right, Side::Left] {
                let row = Row { size: Some(LesionSize::Medium), zone: Some(Zone::Upper), ..Row::new(class, side) };
                for number in 0..6 {
                    let text = impression(&row, 5, number);
                    assert_eq!(text, impression(&row, 5, number));
                    if class == Class::Normal {
                        assert!(!text.contains("right") && !text.contains("left"), "{text}");
                    } else {
                        let other = if side == Side::Right { "left" } else { "right" };
                        assert!(text.to_lowercase().contains(side.name()) && !text.contains(other), "{text}");
                    }
                }
            }
        }
        let heart = Row { size: Some(LesionSize::Large), ..Row::new(Class::Finding(Finding::Cardiomegaly), Side::Both) };
        assert_eq!(impression(&heart, 1, 1), "Severe cardiomegaly.");
        let mass = Row { size: Some(LesionSize::Large), ..Row::new(Class::Finding(Finding::Nodule), Side::Left) };
        assert!(impression(&mass, 1, 1).to_lowercase().contains("mass"));
    }
}
