//! Findings in the text against the layers: denied, unnamed, on another side, of another size, in another zone.

use engine::domain::{Finding, Side};
use engine::text::findings::{self, Mention, Severity, Zone};

use super::place::{self, Lies, Place};
use super::{Check, Verdict, in_sentence, noun};
use crate::action::Action;
use crate::insight;
use crate::state::{Document, Layer};

/// Share of a lung from which nobody would call a finding small.
const NOT_SMALL: f32 = 0.45;
/// Share of a lung below which nobody would call it large.
const NOT_LARGE: f32 = 0.05;
/// Least share of a layer that lies in the zone that the text names.
const IN_ZONE: f32 = 0.2;

/// A layer with its place.
struct Drawn<'a> {
    layer: &'a Layer,
    number: usize,
    place: Place,
}

/// All checks of layers.
pub(super) fn check(document: &Document, mentions: &[Mention]) -> Vec<Check> {
    let drawn: Vec<Drawn<'_>> = document
        .layers
        .iter()
        .filter(|l| document.is_active(l) && l.region.is_finding() && l.strength > 0.0)
        .filter_map(|layer| {
            let place = Place::of(layer, document.size_px)?;
            Some(Drawn { layer, number: document.number(layer.id), place })
        })
        .collect();
    let mut checks = Vec::new();
    for finding in Finding::ALL {
        let layers: Vec<&Drawn<'_>> = drawn.iter().filter(|d| d.layer.finding == finding).collect();
        let named: Vec<&Mention> = mentions.iter().filter(|m| m.finding == finding).collect();
        if !layers.is_empty() {
            checks.extend(of_class(document, finding, &layers, &named));
        }
    }
    checks.extend(undrawn(&drawn, mentions));
    all_agree(&mut checks, drawn.len());
    checks
}

fn of_class(document: &Document, finding: Finding, layers: &[&Drawn<'_>], named: &[&Mention]) -> Vec<Check> {
    let there: Vec<&Mention> = named.iter().copied().filter(|m| !m.negated()).collect();
    if there.is_empty() {
        return layers.iter().map(|d| unsaid(document, finding, d, named)).collect();
    }
    let mut checks: Vec<Check> = layers.iter().flat_map(|d| sides(document, d, layers, &there)).collect();
    checks.extend(one_side_missing(document, layers, &there));
    checks.extend(size(document, finding, layers, &there));
    checks.extend(layers.iter().filter_map(|d| zone(document, d, &there)));
    checks
}

/// A layer of a class that the text denies or does not name.
fn unsaid(document: &Document, finding: Finding, drawn: &Drawn<'_>, denied: &[&Mention]) -> Check {
    let (text, number, id) = (&document.impression, drawn.number, drawn.layer.id);
    let class = in_sentence(finding);
    let side = drawn.place.lies.side().filter(|_| !matches!(finding, Finding::Cardiomegaly | Finding::Edema));
    let say = insight::Action::Rewrite(findings::affirmed(text, finding, side));
    let hide = |check: Check| {
        check.repair(format!("Hide layer {number}"), "The layer stays but is not sent to the model", Action::ToggleVisible(id))
    };
    if let Some(first) = denied.first() {
        let check = Check::new(Verdict::Conflict, format!("The text denies {class}, and layer {number} draws it."))
            .words(denied.iter().flat_map(|m| m.denial.clone().into_iter().chain([m.noun.clone()])))
            .layer(id)
            .repair("Say it is there", "Takes the denial out and names the finding", Action::Insight(say));
        return hide(check.line(format!("“{}” is denied; layer {number} draws it.", &text[first.noun.clone()])));
    }
    if let Some(words) = findings::normal_study(text) {
        let check = Check::new(Verdict::Conflict, format!("The text calls the study normal, and layer {number} draws {class}."))
            .words([words])
            .layer(id)
            .repair("Say it is there", "Names the finding at the end of the text", Action::Insight(say));
        return hide(check);
    }
    Check::new(Verdict::Note, format!("The text does not name the {class} of layer {number}.")).layer(id).repair(
        "Name it in the text",
        "Adds a sentence at the end",
        Action::Insight(say),
    )
}

/// What a layer is called in a sentence.
fn kind(drawn: &Drawn<'_>) -> String {
    drawn.layer.kind().to_lowercase()
}

/// Whether the text names the side of a layer.
fn sides(document: &Document, drawn: &Drawn<'_>, layers: &[&Drawn<'_>], there: &[&Mention]) -> Option<Check> {
    let (finding, number, id) = (drawn.layer.finding, drawn.number, drawn.layer.id);
    if finding == Finding::Cardiomegaly {
        return None;
    }
    let sided: Vec<&Mention> = there.iter().copied().filter(|m| m.side.is_some()).collect();
    let says = |side: Side| sided.iter().any(|m| m.side == Some(side) || m.side == Some(Side::Both));
    let first = sided.first()?;
    let (class, kind) = (noun(first), kind(drawn));
    let words = || sided.iter().flat_map(|m| m.side_words.iter().cloned());
    let line = format!("Side of “{class}” disagrees with layer {number}.");
    let agrees = |side: &str| {
        Check::new(Verdict::Agrees, format!("{}: text and layer {number} both say {side}.", finding.title())).layer(id)
    };
    match drawn.place.lies {
        Lies::Midline => None,
        Lies::Right | Lies::Left => {
            let side = if drawn.place.lies == Lies::Right { Side::Right } else { Side::Left };
            if says(side) {
                return Some(agrees(side.name()));
            }
            // Another layer of the class may be the one that the text means.
            let said = first.side.unwrap_or(Side::Both);
            let sentence = format!("The text says {said}; the {class} {kind} is on the patient's {side}.");
            let flip = if kind == "box" { "Flip the box" } else { "Flip the mask" };
            let mut check = Check::new(Verdict::Conflict, sentence).line(line).words(words()).layer(id);
            // Where another layer is what the text means, the other side would contradict that one.
            let meant = layers.iter().any(|d| d.place.lies.side() == Some(said));
            if meant && let Some(text) = findings::bilateral(&document.impression, first) {
                let say = Action::Insight(insight::Action::Rewrite(text));
                check = check.repair("Say both sides", "Changes the word in the text", say);
            } else if findings::flipped(&document.impression, finding) != document.impression {
                check =
                    check.repair("Flip the text", "Swaps right and left where the text speaks of it", Action::FlipText(finding));
            }
            Some(check.repair(flip, "Mirrors the layer to the other side", Action::MirrorLayer(id)))
        }
        Lies::Both if says(Side::Right) && says(Side::Left) => Some(agrees("both sides")),
        Lies::Both => {
            let side = if says(Side::Right) { Side::Right } else { Side::Left };
            let sentence = format!("The text says {side}; the {class} {kind} lies on both sides.");
            let mut check = Check::new(Verdict::Conflict, sentence).line(line).words(words()).layer(id);
            if let Some(text) = findings::bilateral(&document.impression, first) {
                check = check.repair(
                    "Say both sides",
                    "Changes the word in the text",
                    Action::Insight(insight::Action::Rewrite(text)),
                );
            }
            if let Some(region) = place::half_of(&drawn.layer.region, side) {
                let label = format!("Keep the {side} part");
                check = check.repair(label, "Takes the rest of the mask away", Action::SetRegion(id, region));
            }
            Some(check)
        }
    }
}

/// A text that says both sides, and layers on one only.
fn one_side_missing(document: &Document, layers: &[&Drawn<'_>], there: &[&Mention]) -> Option<Check> {
    let both = there.iter().find(|m| m.side == Some(Side::Both))?;
    let on =
        |lies: Lies| layers.iter().any(|d| d.place.lies == lies || d.place.lies == Lies::Both || d.place.lies == Lies::Midline);
    let side = match (on(Lies::Right), on(Lies::Left)) {
        (true, false) => Side::Right,
        (false, true) => Side::Left,
        _ => return None,
    };
    let drawn = layers.first()?;
    let sentence = format!("The text says both sides; the {} {} is on the patient's {side} only.", noun(both), kind(drawn));
    let mut check = Check::new(Verdict::Conflict, sentence)
        .line(format!("Sides of “{}” disagree with layer {}.", noun(both), drawn.number))
        .words(both.side_words.iter().cloned())
        .layer(drawn.layer.id);
    if let Some(text) = findings::one_sided(&document.impression, both, side) {
        let action = Action::Insight(insight::Action::Rewrite(text));
        check = check.repair(format!("Say {side}"), "Changes the word in the text", action);
    }
    if let Some(region) = place::with_mirror(&drawn.layer.region) {
        check = check.repair(
            "Mirror the mask too",
            "Adds its mirror image on the other side",
            Action::SetRegion(drawn.layer.id, region),
        );
    }
    Some(check)
}

/// A size word that the masks contradict. Boxes are frames, so their size says little.
fn size(document: &Document, finding: Finding, layers: &[&Drawn<'_>], there: &[&Mention]) -> Option<Check> {
    use Finding::{Atelectasis, Consolidation, PleuralEffusion, Pneumothorax};
    if !matches!(finding, Pneumothorax | PleuralEffusion | Consolidation | Atelectasis) {
        return None;
    }
    let masks: Vec<&&Drawn<'_>> = layers.iter().filter(|d| d.layer.region.mask().is_some()).collect();
    let first = masks.first()?;
    let largest = masks.iter().map(|d| d.place.lung_share).fold(0.0, f32::max);
    let (said, words) = there.iter().find_map(|m| m.severity.clone())?;
    let written = &document.impression[words.clone()];
    let percent = (100.0 * largest).round();
    let (sentence, better) = match said {
        Severity::Minimal | Severity::Small if largest > NOT_SMALL => {
            (format!("The text says {written}; the {} mask covers {percent} % of the lung.", in_sentence(finding)), "large")
        }
        Severity::Large if largest < NOT_LARGE => {
            (format!("The text says {written}; the {} mask covers {percent} % of the lung only.", in_sentence(finding)), "small")
        }
        _ => return None,
    };
    let text = replaced(&document.impression, &words, better);
    Some(
        Check::new(Verdict::Conflict, sentence)
            .line(format!("Size of “{}” disagrees with layer {}.", in_sentence(finding), first.number))
            .words([words])
            .layer(first.layer.id)
            .repair(format!("Say {better}"), "Changes the word in the text", Action::Insight(insight::Action::Rewrite(text))),
    )
}

/// A part of the lung that the layer does not touch.
fn zone(document: &Document, drawn: &Drawn<'_>, there: &[&Mention]) -> Option<Check> {
    let side = drawn.place.lies.side();
    let fits = |m: &&&Mention| m.side.is_none() || m.side == side || m.side == Some(Side::Both);
    let zones: Vec<(Zone, std::ops::Range<usize>)> = there.iter().filter(fits).filter_map(|m| m.zone.clone()).collect();
    let (zone, words) = zones.first()?.clone();
    if zones.iter().any(|(z, _)| drawn.place.share_between(z.band()) >= IN_ZONE) || drawn.place.lies == Lies::Midline {
        return None;
    }
    let height = drawn.place.height();
    let part = if height < 0.35 {
        "upper"
    } else if height < 0.65 {
        "middle"
    } else {
        "lower"
    };
    let class = in_sentence(drawn.layer.finding);
    let sentence = format!("The text says {}; the {class} {} lies in the {part} part of the lung.", zone.name(), kind(drawn));
    let better = match (zone, part) {
        (Zone::Apical, "lower") => Some("basal"),
        (Zone::Basal, "upper") => Some("apical"),
        (Zone::Upper | Zone::Lower | Zone::Middle, "middle") => Some("mid"),
        (Zone::Upper | Zone::Lower | Zone::Middle, other) => Some(other),
        _ => None,
    };
    // Nouns such as "apex" and short forms such as "RUL" cannot be swapped word by word.
    let plain = ["apical", "basal", "basilar", "upper", "lower", "mid", "middle"];
    let written = document.impression[words.clone()].to_ascii_lowercase();
    let mut check = Check::new(Verdict::Conflict, sentence)
        .line(format!("Place of “{class}” disagrees with layer {}.", drawn.number))
        .words([words.clone()])
        .layer(drawn.layer.id);
    if let Some(better) = better.filter(|_| plain.contains(&written.as_str())) {
        let text = replaced(&document.impression, &words, better);
        check = check.repair(
            format!("Say {better}"),
            "Changes the word in the text",
            Action::Insight(insight::Action::Rewrite(text)),
        );
    }
    Some(check)
}

/// The text with one word replaced, a capital kept.
fn replaced(text: &str, words: &std::ops::Range<usize>, better: &str) -> String {
    let mut out = text.to_owned();
    let capital = text[words.clone()].starts_with(char::is_uppercase);
    let mut letters = better.chars();
    let word = match letters.next() {
        Some(first) if capital => first.to_uppercase().chain(letters).collect(),
        _ => better.to_owned(),
    };
    out.replace_range(words.clone(), &word);
    out
}

/// Findings that are named while others are drawn: said once, since text alone acts weakly.
fn undrawn(drawn: &[Drawn<'_>], mentions: &[Mention]) -> Option<Check> {
    if drawn.is_empty() {
        return None;
    }
    let is_drawn = |m: &&Mention| {
        drawn.iter().any(|d| {
            let side = d.place.lies.side();
            d.layer.finding == m.finding
                && (m.side.is_none()
                    || m.side == Some(Side::Both)
                    || side.is_none()
                    || side == Some(Side::Both)
                    || side == m.side)
        })
    };
    let class_with_conflict = |m: &&Mention| {
        drawn.iter().filter(|d| d.layer.finding == m.finding).count() == 1
            && mentions.iter().filter(|o| o.finding == m.finding && !o.negated()).count() == 1
    };
    let open: Vec<&Mention> = mentions
        .iter()
        .filter(|m| !m.negated() && m.side != Some(Side::Both))
        .filter(|m| !is_drawn(m) && !class_with_conflict(m))
        .collect();
    let mut names: Vec<String> = open
        .iter()
        .map(|m| match m.side {
            Some(side) => format!("{side} {}", noun(m)),
            None => noun(m),
        })
        .collect();
    names.dedup();
    let list = match names.as_slice() {
        [] => return None,
        [one] => format!("{one} is named and not drawn; the text alone decides there."),
        [some @ .., last] => format!("{} and {last} are named and not drawn; the text alone decides there.", some.join(", ")),
    };
    let mut letters = list.chars();
    let sentence: String = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
    Some(Check::new(Verdict::Note, sentence))
}

/// One line instead of several where all layers agree.
fn all_agree(checks: &mut Vec<Check>, layers: usize) {
    let agreeing = checks.iter().filter(|c| c.verdict == Verdict::Agrees).count();
    if agreeing < 2 || agreeing != layers || checks.iter().any(|c| c.verdict == Verdict::Conflict) {
        return;
    }
    checks.retain(|c| c.verdict != Verdict::Agrees);
    let sentence =
        if layers == 2 { "Sides agree with both layers.".to_owned() } else { format!("Sides agree with all {layers} layers.") };
    checks.insert(0, Check::new(Verdict::Agrees, sentence));
}
