//! Side, part of the lung, size word and diameter of each finding of a sentence.

use std::ops::Range;

use super::sentence::Sentence;
use super::words::Noun;
use super::{Severity, Zone};
use crate::domain::{Finding, Side};

/// What is said of one finding. Ranges are bytes of the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed {
    pub(super) side: Option<Side>,
    pub(super) side_words: Vec<Range<usize>>,
    /// Where the words begin if a side stands right before the finding.
    pub(super) first_side: Option<usize>,
    pub(super) zone: Option<(Zone, Range<usize>)>,
    pub(super) severity: Option<(Severity, Range<usize>)>,
    pub(super) size_cm: Option<f32>,
}

/// How far before a finding a side still belongs to its words.
const SPAN_REACH: usize = 3;
/// Words that name a chamber of the heart after right or left, which is no side of the patient.
const CHAMBERS: [&str; 6] = ["atrium", "atrial", "ventricle", "ventricular", "heart", "mainstem"];
/// Places after upper, mid and lower that make them a part of the lung.
const FIELDS: [&str; 12] =
    ["lobe", "lobes", "lung", "lungs", "zone", "zones", "field", "fields", "hemithorax", "and", "to", "or"];

/// A side word of a sentence: its token and the side.
#[derive(Clone, Copy, Debug)]
struct SideWord {
    token: usize,
    side: Side,
}

/// What is said of each finding, in their order.
pub(super) fn places(sentence: &Sentence<'_>, nouns: &[Noun]) -> Vec<Placed> {
    let sides: Vec<SideWord> = (0..sentence.tokens.len()).filter_map(|i| side_at(sentence, i)).collect();
    let mut placed: Vec<Placed> = (0..nouns.len()).map(|k| place(sentence, nouns, &sides, k)).collect();
    share_sides(sentence, nouns, &sides, &mut placed);
    placed
}

fn place(sentence: &Sentence<'_>, nouns: &[Noun], sides: &[SideWord], k: usize) -> Placed {
    let noun = &nouns[k];
    let part = sentence.part_of(noun.tokens.start);
    let own = sentence.parts[part].clone();
    let is_empty = |part: usize| !nouns.iter().any(|n| sentence.part_of(n.tokens.start) == part);
    let last_in_part =
        nouns.iter().filter(|n| sentence.part_of(n.tokens.start) == part).all(|n| n.tokens.start <= noun.tokens.start);
    let first_in_part =
        nouns.iter().filter(|n| sentence.part_of(n.tokens.start) == part).all(|n| n.tokens.start >= noun.tokens.start);
    // Parts without a finding of their own say more of the one before: "effusion, large, on the right".
    let trailing: Vec<Range<usize>> = if last_in_part {
        (part + 1..sentence.parts.len()).take_while(|&p| is_empty(p)).map(|p| sentence.parts[p].clone()).collect()
    } else {
        Vec::new()
    };
    let leading = (first_in_part && part > 0 && is_empty(part - 1)).then(|| sentence.parts[part - 1].clone());
    let mine = |token: usize| own.contains(&token) && nearest(sentence, nouns, token) == Some(k);
    let in_trailing = |token: usize| trailing.iter().any(|p| p.contains(&token));

    let mut words: Vec<SideWord> = sides.iter().copied().filter(|s| mine(s.token)).collect();
    let compares =
        |p: &Range<usize>| p.clone().any(|i| matches!(sentence.word(i), "greater" | "more" | "less" | "larger" | "also"));
    if words.is_empty() {
        words = sides.iter().copied().filter(|s| in_trailing(s.token)).collect();
    } else {
        let said = words[0].side;
        words.extend(sides.iter().copied().filter(|s| {
            let part = trailing.iter().find(|p| p.contains(&s.token));
            part.is_some_and(|p| s.side == said || compares(p))
        }));
        // "right and left effusions".
        if let Some(short) = leading.as_ref().filter(|p| p.len() <= 2) {
            words.extend(sides.iter().copied().filter(|s| short.contains(&s.token)));
        }
    }
    if words.is_empty()
        && let Some(leading) = &leading
        && part == 1
    {
        words = sides.iter().copied().filter(|s| leading.contains(&s.token)).collect();
    }
    words.sort_by_key(|s| s.token);
    let near = |token: usize| if mine(token) { Some(0) } else { in_trailing(token).then_some(1) };
    let tokens = || (0..sentence.tokens.len()).filter(|&i| near(i).is_some());
    let best = |i: &usize| (near(*i).unwrap_or(2), distance(noun, *i));
    let zone = tokens().filter(|&i| zone_at(sentence, i).is_some()).min_by_key(best);
    Placed {
        side: joined_side(&words),
        first_side: words.iter().map(|s| s.token).filter(|&t| leads(sentence, noun, t)).map(|t| sentence.tokens[t].start).min(),
        side_words: words.iter().map(|s| sentence.bytes(s.token..s.token + 1)).collect(),
        zone: zone.and_then(|i| Some((zone_at(sentence, i)?, sentence.bytes(i..i + 1)))),
        severity: severity(sentence, tokens(), best),
        size_cm: tokens().find_map(|i| centimetres(sentence, i)),
    }
}

/// Whether a side stands before a finding with nothing but a few words between.
fn leads(sentence: &Sentence<'_>, noun: &Noun, side: usize) -> bool {
    side < noun.tokens.start
        && noun.tokens.start - side <= SPAN_REACH
        && (side + 1..=noun.tokens.start).all(|i| sentence.joined_before(i))
}

/// The finding of the same part that a token belongs to: the nearest, of two the later.
fn nearest(sentence: &Sentence<'_>, nouns: &[Noun], token: usize) -> Option<usize> {
    let part = sentence.part_of(token);
    let same = nouns.iter().enumerate().filter(|(_, n)| sentence.part_of(n.tokens.start) == part);
    same.min_by_key(|(k, n)| (distance(n, token), usize::MAX - k)).map(|(k, _)| k)
}

fn distance(noun: &Noun, token: usize) -> usize {
    if token < noun.tokens.start { noun.tokens.start - token } else { (token + 1).saturating_sub(noun.tokens.end) }
}

/// Findings without a side of their own take that of their neighbours in the sentence.
fn share_sides(sentence: &Sentence<'_>, nouns: &[Noun], sides: &[SideWord], placed: &mut [Placed]) {
    let takes = |noun: &Noun| !matches!(noun.finding, Finding::Cardiomegaly | Finding::Edema) && noun.normal.is_none();
    for k in 0..placed.len() {
        if placed[k].side.is_some() || !takes(&nouns[k]) {
            continue;
        }
        // "Right effusion and atelectasis", or "effusion and atelectasis on the right".
        let before = (0..k).rev().find(|&j| placed[j].side.is_some());
        let after = || {
            (k + 1..placed.len()).find(|&j| placed[j].side.is_some()).filter(|&j| {
                sides.iter().any(|s| {
                    s.token >= nouns[j].tokens.end && placed[j].side_words.contains(&sentence.bytes(s.token..s.token + 1))
                })
            })
        };
        if let Some(j) = before.or_else(after) {
            (placed[k].side, placed[k].side_words) = (placed[j].side, placed[j].side_words.clone());
        }
    }
}

fn joined_side(words: &[SideWord]) -> Option<Side> {
    let has = |side: Side| words.iter().any(|w| w.side == side);
    match (has(Side::Right), has(Side::Left)) {
        _ if has(Side::Both) => Some(Side::Both),
        (true, true) => Some(Side::Both),
        (true, false) => Some(Side::Right),
        (false, true) => Some(Side::Left),
        (false, false) => None,
    }
}

fn side_at(sentence: &Sentence<'_>, i: usize) -> Option<SideWord> {
    let token = sentence.tokens.get(i)?;
    let written = &sentence.text[token.start..token.end];
    let side = match token.word {
        "right" | "rt" | "rll" | "rml" | "rul" => Side::Right,
        "left" if sentence.word(i + 1) == "in" && sentence.word(i + 2) == "place" => return None,
        "left" | "lt" | "lll" | "lul" | "lingula" | "lingular" => Side::Left,
        "r" if written == "R" => Side::Right,
        "l" if written == "L" => Side::Left,
        "bilateral" | "bilaterally" | "both" | "biapical" | "bibasilar" | "bibasal" | "bihilar" => Side::Both,
        _ => return None,
    };
    let chamber = CHAMBERS.contains(&sentence.word(i + 1)) && matches!(token.word, "right" | "left");
    (!chamber).then_some(SideWord { token: i, side })
}

fn zone_at(sentence: &Sentence<'_>, i: usize) -> Option<Zone> {
    let field = || FIELDS.contains(&sentence.word(i + 1));
    match sentence.word(i) {
        "apical" | "apex" | "apices" | "biapical" => Some(Zone::Apical),
        "upper" if field() => Some(Zone::Upper),
        "rul" | "lul" => Some(Zone::Upper),
        "mid" | "middle" if field() => Some(Zone::Middle),
        "rml" | "lingula" | "lingular" => Some(Zone::Middle),
        "perihilar" | "hilar" | "hilum" | "bihilar" => Some(Zone::Perihilar),
        "lower" if field() => Some(Zone::Lower),
        "rll" | "lll" => Some(Zone::Lower),
        "basal" | "basilar" | "bibasal" | "bibasilar" | "base" | "bases" | "costophrenic" => Some(Zone::Basal),
        _ => None,
    }
}

fn severity_at(sentence: &Sentence<'_>, i: usize) -> Option<Severity> {
    if matches!(sentence.word(i + 1), "bore" | "bowel" | "caliber") {
        return None;
    }
    match sentence.word(i) {
        "minimal" | "minimally" | "tiny" | "trace" | "subtle" => Some(Severity::Minimal),
        "small" | "mild" | "mildly" | "slight" | "slightly" => Some(Severity::Small),
        "moderate" | "moderately" => Some(Severity::Moderate),
        "large" | "severe" | "severely" | "massive" | "extensive" | "marked" | "markedly" => Some(Severity::Large),
        _ => None,
    }
}

/// The nearest size word; of `small to moderate` and the like the moderate one.
fn severity(
    sentence: &Sentence<'_>,
    tokens: impl Iterator<Item = usize>,
    best: impl Fn(&usize) -> (usize, usize),
) -> Option<(Severity, Range<usize>)> {
    let found: Vec<usize> = tokens.filter(|&i| severity_at(sentence, i).is_some()).collect();
    let nearest = *found.iter().min_by_key(|i| best(i))?;
    let range = found.iter().copied().find(|&i| {
        i.abs_diff(nearest) == 2
            && sentence.word(i.min(nearest) + 1) == "to"
            && severity_at(sentence, i) == Some(Severity::Moderate)
    });
    let at = range.unwrap_or(nearest);
    Some((severity_at(sentence, at)?, sentence.bytes(at..at + 1)))
}

/// `3.5 cm`, `12 mm`, `12mm`: the number that ends where the unit begins.
fn centimetres(sentence: &Sentence<'_>, i: usize) -> Option<f32> {
    let token = sentence.tokens.get(i)?;
    let digits = token.word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (unit, head_end) = match &token.word[digits.len()..] {
        unit @ ("cm" | "mm") => (unit, token.start + digits.len()),
        _ => return None,
    };
    let head = sentence.text[sentence.range.start..head_end].trim_end();
    let start = head
        .rfind(|c: char| !c.is_ascii_digit() && c != '.')
        .map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
    let value: f32 = head[start..].trim_matches('.').parse().ok()?;
    let cm = if unit == "mm" { value / 10.0 } else { value };
    (cm > 0.0 && cm < 40.0).then_some(cm)
}
