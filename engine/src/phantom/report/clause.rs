//! One clause a finding: severity, side, zone, noun; several wordings each.

use crate::domain::Side;
use crate::phantom::lesion::{Device, Kind, PlannedFinding, Zone};
use crate::phantom::rng::Rng;

/// The severity word of a finding, for classes that have one.
pub(crate) fn severity_word(f: &PlannedFinding) -> Option<&'static str> {
    let s = f.severity;
    let step = usize::from(s >= 0.15) + usize::from(s >= 0.4) + usize::from(s >= 0.7);
    match f.kind {
        Kind::Pneumothorax { .. } | Kind::Effusion { .. } => Some(["minimal", "small", "moderate", "large"][step]),
        Kind::Consolidation { .. } | Kind::Cardiomegaly | Kind::Edema | Kind::Atelectasis { .. } => {
            Some(["minimal", "mild", "moderate", "severe"][step])
        }
        _ => None,
    }
}

/// A clause without capital or full stop; `short` leaves out the longest wordings, `opens` allows "there is".
pub(crate) fn clause(f: &PlannedFinding, rng: &mut Rng, short: bool, opens: bool) -> String {
    let word = severity_word(f).unwrap_or("");
    let side = f.side.name();
    let lead = if rng.chance(0.2) && opens { "there is " } else { "" };
    let body = match f.kind {
        Kind::Pneumothorax { tension } => pneumothorax(word, side, f.zone == Zone::Apical, tension, rng),
        Kind::Effusion { layering } => effusion(word, f.side, layering, rng),
        Kind::Consolidation { pneumonia, .. } => consolidation(word, f, pneumonia, rng),
        Kind::Nodule { diameter, spiculated, calcified, .. } => nodule(f, diameter, spiculated, calcified, rng),
        Kind::Cardiomegaly => return cardiomegaly(word, rng),
        Kind::WideMediastinum => {
            rng.pick(["widened mediastinum", "enlarged mediastinal contour", "mediastinal widening"]).to_owned()
        }
        Kind::Edema => match rng.below(5) {
            0 => format!("{word} pulmonary edema"),
            1 => format!("{word} interstitial edema"),
            2 => format!("pulmonary edema, {word}"),
            3 => format!("pulmonary vascular congestion with {word} edema"),
            _ => format!("{word} perihilar edema"),
        },
        Kind::Atelectasis { .. } => atelectasis(word, f.side, rng),
        Kind::Fracture { rib, displaced, old, .. } => fracture(side, rib, displaced, old, rng),
        Kind::PleuralThickening => match rng.below(3) {
            0 => format!("{side} pleural thickening"),
            1 => format!("pleural thickening on the {side}"),
            _ => format!("{side} lateral pleural thickening"),
        },
        Kind::Buttons { .. } => "overlying buttons".to_owned(),
        Kind::Device(device) => return self::device(device, side, rng, short),
    };
    if lead.is_empty() { body } else { format!("{lead}{}", with_article(&body)) }
}

fn with_article(body: &str) -> String {
    let plural = body.contains("effusions") || body.contains("opacities") || body.contains("consolidations");
    let mass_noun = ["edema", "fluid", "atelectasis", "pneumonia", "consolidation", "thickening", "widening"]
        .iter()
        .any(|noun| body.contains(noun));
    if plural || mass_noun {
        body.to_owned()
    } else if body.starts_with(['a', 'e', 'i', 'o', 'u']) && !body.starts_with("uni") || body.starts_with('8') {
        format!("an {body}")
    } else {
        format!("a {body}")
    }
}

fn pneumothorax(word: &str, side: &str, apical: bool, tension: bool, rng: &mut Rng) -> String {
    let place = match (apical, tension) {
        (_, true) => "tension ",
        (true, false) => "apical ",
        (false, false) => "",
    };
    match rng.below(6) {
        0 | 1 => format!("{word} {side} {place}pneumothorax"),
        2 => format!("{word} {place}pneumothorax on the {side}"),
        3 => format!("{side} {place}pneumothorax, {word}"),
        4 if apical && !tension => format!("{word} pneumothorax at the {side} apex"),
        4 => format!("{word} {side}-sided {place}pneumothorax"),
        _ => format!("{word} {place}pneumothorax of the {side} lung"),
    }
}

fn effusion(word: &str, side: Side, layering: bool, rng: &mut Rng) -> String {
    if side == Side::Both {
        return match rng.below(4) {
            0 => format!("{word} bilateral pleural effusions"),
            1 => format!("bilateral pleural effusions, {word}"),
            2 => format!("{word} pleural effusions on both sides"),
            _ => format!("{word} bilateral effusions"),
        };
    }
    let side = side.name();
    if layering && rng.chance(0.5) {
        return format!("{word} layering {side} pleural effusion");
    }
    match rng.below(7) {
        0 | 1 => format!("{word} {side} pleural effusion"),
        2 => format!("{word} pleural effusion on the {side}"),
        3 => format!("{side} pleural effusion, {word}"),
        4 => format!("{word} {side} effusion"),
        5 => format!("{word} {side}-sided pleural effusion"),
        _ => format!("{word} {side} pleural fluid"),
    }
}

fn zone_word(zone: Zone) -> &'static str {
    match zone {
        Zone::Upper | Zone::Apical => "upper",
        Zone::Mid | Zone::Whole | Zone::Perihilar => "mid",
        Zone::Lower | Zone::Basal => "lower",
    }
}

fn consolidation(word: &str, f: &PlannedFinding, pneumonia: bool, rng: &mut Rng) -> String {
    let zone = zone_word(f.zone);
    let noun = if pneumonia {
        rng.pick(["pneumonia", "consolidation consistent with pneumonia", "pneumonia"])
    } else {
        rng.pick(["consolidation", "airspace consolidation", "consolidative opacity"])
    };
    if f.side == Side::Both {
        let noun = if noun == "consolidative opacity" { "consolidation" } else { noun };
        return match rng.below(3) {
            0 => format!("{word} bilateral {zone} lung {noun}"),
            1 => format!("{word} {noun} in both {zone} lungs"),
            _ => format!("{word} bilateral {zone} zone {noun}"),
        };
    }
    let side = f.side.name();
    match rng.below(6) {
        0 | 1 => format!("{word} {side} {zone} lung {noun}"),
        2 => format!("{word} {noun} in the {side} {zone} lung"),
        3 => format!("{side} {zone} zone {noun}, {word}"),
        4 => format!("{word} {side} {zone} zone {noun}"),
        _ => format!("{word} {noun} in the {side} {zone} zone"),
    }
}

fn nodule(f: &PlannedFinding, diameter: f32, spiculated: bool, calcified: bool, rng: &mut Rng) -> String {
    let noun = if diameter > 3.0 { "mass" } else { "nodule" };
    let kind = if calcified {
        "calcified "
    } else if spiculated && rng.chance(0.6) {
        "spiculated "
    } else {
        ""
    };
    let (side, zone) = (f.side.name(), zone_word(f.zone));
    match rng.below(6) {
        0 => format!("{diameter:.1} cm {kind}{noun} in the {side} {zone} lung"),
        1 => format!("{side} {zone} lung {kind}{noun} measuring {diameter:.1} cm"),
        2 => format!("{kind}{noun} measuring {diameter:.1} cm in the {side} {zone} zone"),
        3 => format!("{diameter:.1} cm {side} {zone} lung {kind}{noun}"),
        4 => format!("{side} {zone} zone {kind}{noun} of {diameter:.1} cm"),
        _ => format!("{kind}{noun} in the {side} {zone} lung"),
    }
}

fn cardiomegaly(word: &str, rng: &mut Rng) -> String {
    match rng.below(6) {
        0 | 1 => format!("{word} cardiomegaly"),
        2 => format!("{} enlarged heart", adverb(word)),
        3 => format!("the heart is {} enlarged", adverb(word)),
        4 => format!("{word} enlargement of the cardiac silhouette"),
        _ => format!("{} enlarged cardiac silhouette", adverb(word)),
    }
}

fn adverb(word: &str) -> &'static str {
    match word {
        "minimal" => "minimally",
        "mild" => "mildly",
        "severe" => "severely",
        _ => "moderately",
    }
}

fn atelectasis(word: &str, side: Side, rng: &mut Rng) -> String {
    if side == Side::Both {
        return match rng.below(3) {
            0 => format!("{word} bibasilar atelectasis"),
            1 => format!("{word} bilateral basal atelectasis"),
            _ => format!("{word} plate-like atelectasis at both bases"),
        };
    }
    let side = side.name();
    match rng.below(4) {
        0 => format!("{word} {side} basal atelectasis"),
        1 => format!("{word} plate-like atelectasis at the {side} base"),
        2 => format!("{word} {side} basilar atelectasis"),
        _ => format!("{word} linear atelectasis at the {side} base"),
    }
}

fn fracture(side: &str, rib: usize, displaced: bool, old: bool, rng: &mut Rng) -> String {
    let kind = if old {
        "healed"
    } else if displaced {
        "displaced"
    } else {
        "nondisplaced"
    };
    let number = rib + 1;
    match rng.below(4) {
        0 => format!("{kind} fracture of the {side} {number}th rib"),
        1 => format!("{kind} {side} {number}th rib fracture"),
        2 => format!("{kind} fracture of the {number}th rib on the {side}"),
        _ => format!("{kind} fracture of the {side} lateral {number}th rib"),
    }
}

fn device(device: Device, side: &str, rng: &mut Rng, short: bool) -> String {
    match device {
        Device::Pacemaker { leads } => {
            let end = if leads > 1 {
                rng.pick(["leads in the right atrium and ventricle", "two leads", "dual leads"])
            } else {
                rng.pick(["a lead in the right ventricle", "one lead", "a single lead"])
            };
            match rng.below(if short { 5 } else { 7 }) {
                0 => format!("{side} chest wall pacemaker"),
                1 => format!("{side} pacemaker with {end}"),
                2 => format!("{side}-sided pacemaker"),
                3 => format!("pacemaker on the {side} with {end}"),
                4 => format!("{side} pacemaker"),
                5 => format!("{side} chest wall pacemaker with {end}"),
                _ => format!("{side} pectoral pacemaker with {end}"),
            }
        }
        Device::Endotracheal { above_carina } => match rng.below(4) {
            0 => format!("endotracheal tube tip {above_carina:.1} cm above the carina"),
            1 => format!("endotracheal tube in place, {above_carina:.1} cm above the carina"),
            2 => format!("endotracheal tube ending {above_carina:.1} cm above the carina"),
            _ => "endotracheal tube in place".to_owned(),
        },
        Device::Central { jugular, atrium } => {
            let vein = if jugular { "internal jugular" } else { "subclavian" };
            let end = if atrium { "right atrium" } else { "lower SVC" };
            match rng.below(4) {
                0 => format!("{side} {vein} line ending in the {end}"),
                1 => format!("{side} {vein} catheter with tip in the {end}"),
                2 => format!("{side} {vein} central line"),
                _ => format!("{side} {vein} central venous catheter"),
            }
        }
        Device::Nasogastric => rng
            .pick(["nasogastric tube ending in the stomach", "feeding tube in the stomach", "nasogastric tube in place"])
            .to_owned(),
        Device::ChestTube => match rng.below(3) {
            0 => format!("{side} chest tube in place"),
            1 => format!("{side} chest drain"),
            _ => format!("chest tube on the {side}"),
        },
        Device::SternalWires { .. } => {
            rng.pick(["median sternotomy wires", "intact sternal wires", "sternotomy wires"]).to_owned()
        }
    }
}
