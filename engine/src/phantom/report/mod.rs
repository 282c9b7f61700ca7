//! Impressions, written from the same plan as the picture.

mod clause;
#[cfg(test)]
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use clause::severity_word;

use super::config::{FindingMix, PhantomConfig};
use super::lesion::{Kind, PlannedFinding};
use super::patient::Patient;
use super::rng::Rng;

const NORMAL: [&str; 14] = [
    "No acute cardiopulmonary abnormality.",
    "Normal chest radiograph.",
    "The lungs are clear. Heart size is normal.",
    "Clear lungs. No pleural effusion or pneumothorax.",
    "No acute findings. The heart is normal in size.",
    "Lungs are clear. No pneumothorax. No pleural effusion.",
    "No focal consolidation, pleural effusion or pneumothorax.",
    "Heart size is normal. The lungs are clear.",
    "Normal heart and lungs.",
    "No evidence of acute disease.",
    "Unremarkable chest.",
    "No acute process in the chest.",
    "The lungs are well expanded and clear.",
    "Cardiac and mediastinal contours are normal. Lungs are clear.",
];

/// The impression of a patient with findings.
pub(crate) fn impression(config: &PhantomConfig, p: &Patient, findings: &[PlannedFinding]) -> String {
    let mut rng = p.rng("impression");
    let is_full = config.mix == FindingMix::BaseRates;
    // Buttons and the like are seen and not mentioned.
    let findings: Vec<PlannedFinding> = findings.iter().filter(|f| !matches!(f.kind, Kind::Buttons { .. })).copied().collect();
    let findings = findings.as_slice();
    if findings.is_empty() {
        let text = NORMAL[rng.below(NORMAL.len())];
        return if is_full && rng.chance(0.3) { format!("{} {text}", view_words(p)) } else { text.to_owned() };
    }
    let mut order: Vec<&PlannedFinding> = findings.iter().collect();
    if rng.chance(0.6) {
        order.sort_by_key(|f| reading_order(&f.kind));
    }
    // Long wordings are drawn again a few times, then the shortest is taken.
    let mut best = String::new();
    for _ in 0..6 {
        let text = joined(&order, &mut rng, !is_full);
        if best.is_empty() || words(&text) < words(&best) {
            best = text;
        }
        if words(&best) <= config.max_words {
            break;
        }
    }
    for sentence in negatives(findings, &mut rng, is_full) {
        if words(&best) + words(&sentence) <= config.max_words {
            best = format!("{best} {sentence}");
        }
    }
    if is_full && rng.chance(0.3) && words(&best) + 4 <= config.max_words {
        best = format!("{} {best}", view_words(p));
    }
    best
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn view_words(p: &Patient) -> String {
    format!("{} chest radiograph.", p.view.name())
}

/// Devices, mediastinum, heart, lungs, pleura, bones.
fn reading_order(kind: &Kind) -> u32 {
    match kind {
        Kind::Device(_) => 0,
        Kind::WideMediastinum => 1,
        Kind::Cardiomegaly => 2,
        Kind::Edema | Kind::Consolidation { .. } | Kind::Nodule { .. } | Kind::Atelectasis { .. } => 3,
        Kind::Effusion { .. } | Kind::Pneumothorax { .. } | Kind::PleuralThickening => 4,
        Kind::Fracture { .. } | Kind::Buttons { .. } => 5,
    }
}

fn joined(order: &[&PlannedFinding], rng: &mut Rng, short: bool) -> String {
    let mut text = String::new();
    let mut in_sentence = 0;
    for (i, f) in order.iter().enumerate() {
        // At most two findings share a sentence, so that sides stay with their findings.
        let link = match i {
            0 => 0,
            _ if in_sentence >= 2 => 0,
            _ => rng.weighted(&[0.45, 0.25, 0.2, 0.1]),
        };
        let clause = clause::clause(f, rng, short, link == 0);
        if i == 0 {
            text.push_str(&capitalised(&clause));
            in_sentence = 1;
            continue;
        }
        match link {
            1 => {
                text.push_str(" and ");
                text.push_str(&clause);
            }
            2 => {
                text.push_str("; ");
                text.push_str(&clause);
            }
            3 => {
                text.push_str(". In addition, ");
                text.push_str(&clause);
            }
            _ => {
                text.push_str(". ");
                text.push_str(&capitalised(&clause));
            }
        }
        in_sentence = if matches!(link, 1 | 2) { in_sentence + 1 } else { 1 };
    }
    text.push('.');
    text
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// Sentences about what is absent.
fn negatives(findings: &[PlannedFinding], rng: &mut Rng, is_full: bool) -> Vec<String> {
    let has = |test: fn(&Kind) -> bool| findings.iter().any(|f| test(&f.kind));
    let mut absent: Vec<&str> = Vec::new();
    if !has(|k| matches!(k, Kind::Pneumothorax { .. })) {
        absent.push("No pneumothorax.");
    }
    if !has(|k| matches!(k, Kind::Effusion { .. })) {
        absent.push("No pleural effusion.");
    }
    if !has(|k| matches!(k, Kind::Consolidation { .. })) {
        absent.push("No focal consolidation.");
    }
    if !has(|k| matches!(k, Kind::Cardiomegaly | Kind::WideMediastinum)) {
        absent.push("Heart size is normal.");
    }
    if is_full && !has(|k| matches!(k, Kind::Fracture { .. })) {
        absent.push("No rib fracture.");
    }
    let count = if is_full { rng.below(4) } else { rng.weighted(&[0.62, 0.26, 0.12]) };
    let mut out = Vec::new();
    for _ in 0..count.min(absent.len()) {
        out.push(absent.swap_remove(rng.below(absent.len())).to_owned());
    }
    out
}
