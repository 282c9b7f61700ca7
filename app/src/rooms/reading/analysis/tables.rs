//! Tables: the model, errors, agreement, readers.

use eframe::egui::{RichText, Ui};
use study::analysis::words::{number, range, ratio, signed};
use study::analysis::{Analysis, Estimate, Scale, letter};
use study::reading::ErrorKind;

use super::super::draw::{Column, fact, head, numbers, row, words};
use crate::theme::{text, tokens};
use crate::widgets::{caption, section};

const MODEL: [Column; 3] =
    [words("Primary: ordinal mixed model", 0.60), numbers("Estimate", 0.76), numbers("95 % interval", 1.0)];
/// Where something else is the primary analysis.
const OTHER_MODEL: [Column; 3] = [words("Ordinal mixed model", 0.60), MODEL[1], MODEL[2]];
const AGREEMENT: [Column; 3] = [words("Measure", 0.58), numbers("Value", 0.72), numbers("95 % interval", 1.0)];
const READERS: [Column; 4] = [words("", 0.30), numbers("Repeat κ", 0.54), numbers("Bias", 0.74), numbers("Median time", 1.0)];
/// Of choices, which stand on no scale.
const REPEATS: [Column; 3] = [words("", 0.30), numbers("Repeat κ", 0.64), numbers("Median time", 1.0)];
/// Without repeats.
const PACE: [Column; 2] = [words("", 0.30), numbers("Median time", 1.0)];

fn interval(estimate: &Estimate, places: usize) -> String {
    estimate.interval.map_or_else(|| "–".to_owned(), |interval| range(interval, places))
}

/// The ordinal mixed model, and the paired t as in the paper; the primary analysis unless real and synthetic are told apart.
pub(super) fn model(ui: &mut Ui, analysis: &Analysis, scale: &Scale) {
    if scale.model.is_none() && scale.no_model.is_none() {
        return;
    }
    head(ui, if analysis.detection.is_some() { &OTHER_MODEL } else { &MODEL });
    if let Some(model) = &scale.model {
        for effect in &model.effects {
            let odds = &effect.odds_ratio;
            let name = format!("Odds ratio for a higher score, {} over {}", letter(effect.pair.0), letter(effect.pair.1));
            let limits = odds.interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{}–{}", ratio(low), ratio(high)));
            row(ui, &MODEL, &[name, ratio(odds.value), limits], false);
        }
        if let Some(reader) = &model.reader_sd {
            row(ui, &MODEL, &["Reader SD, logits".to_owned(), number(reader.value, 2), interval(reader, 2)], false);
        }
        row(ui, &MODEL, &["Case SD, logits".to_owned(), number(model.case_sd.value, 2), interval(&model.case_sd, 2)], false);
        if let Some(image) = &model.image_sd {
            row(ui, &MODEL, &["Image SD, logits".to_owned(), number(image.value, 2), interval(image, 2)], false);
        }
    }
    for effect in scale.effects.iter().filter(|effect| effect.reader.is_none()) {
        if let Some(t) = effect.paired_t {
            let name = format!("Paired t as in the paper, points, {} − {}", letter(effect.pair.0), letter(effect.pair.1));
            row(ui, &MODEL, &[name, number(t.difference, 2), range(t.interval, 2)], false);
        }
    }
    if let Some(why) = &scale.no_model {
        caption(ui, format!("No mixed model: {why}."));
    }
    ui.add_space(12.0);
}

/// Kinds of errors by arm.
pub(super) fn errors(ui: &mut Ui, analysis: &Analysis) {
    let rows: Vec<_> = analysis.errors.rows.iter().filter(|row| row.reader.is_none()).collect();
    if rows.is_empty() {
        return;
    }
    section(ui, "Low scores, error type");
    for (kind, error) in ErrorKind::ALL.iter().enumerate() {
        let counts: Vec<String> = rows.iter().map(|row| format!("{} {}", letter(row.arm), row.counts[kind])).collect();
        fact(ui, error.name(), &counts.join("   "));
    }
    let low: Vec<String> = rows.iter().map(|row| format!("{} {} of {}", letter(row.arm), row.low, row.scored)).collect();
    caption(ui, format!("Low scores: {}; one may have several errors.", low.join(", ")));
}

/// Agreement of the readers.
pub(super) fn agreement(ui: &mut Ui, analysis: &Analysis, scale: &Scale) {
    let Some(all) = scale.agreement.iter().find(|agreement| agreement.arm.is_none()) else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        section(ui, "Agreement");
        let n = format!("bootstrap by case, {} images", all.images);
        ui.label(RichText::new(n).font(text::secondary()).color(tokens::INK3));
    });
    head(ui, &AGREEMENT);
    let mut one = |name: String, estimate: Option<&Estimate>| {
        let values = match estimate {
            Some(estimate) => [name, number(estimate.value, 2), interval(estimate, 2)],
            None => [name, "–".to_owned(), "–".to_owned()],
        };
        row(ui, &AGREEMENT, &values, false);
    };
    one("Krippendorff α, ordinal".to_owned(), all.alpha.as_ref());
    one("Gwet AC2, quadratic".to_owned(), all.ac2.as_ref());
    one("ICC(2,1)".to_owned(), all.icc.as_ref());
    if all.fleiss.is_some() {
        one("Fleiss κ, yes or no".to_owned(), all.fleiss.as_ref());
    }
    for pair in &all.pairs {
        let name = |reader: usize| analysis.readers.get(reader).map_or("", String::as_str);
        let (a, b) = (name(pair.readers.0), name(pair.readers.1));
        let name = match (a.strip_prefix("Reader "), b.strip_prefix("Reader ")) {
            (Some(a), Some(b)) => format!("Weighted κ, readers {a}–{b}"),
            _ => format!("Weighted κ, {a}–{b}"),
        };
        one(name, pair.kappa.as_ref());
    }
    ui.add_space(14.0);
}

/// Each reader's repeatability, bias and pace.
pub(super) fn readers(ui: &mut Ui, analysis: &Analysis, scale: Option<&Scale>) {
    section(ui, "Per reader");
    let bias = |reader: usize| scale.and_then(|scale| scale.bias.iter().find(|bias| bias.reader == reader)?.bias);
    let no_bias = (0..analysis.readers.len()).all(|reader| bias(reader).is_none());
    let no_kappa = analysis.repeats.iter().all(|repeat| repeat.kappa.is_none());
    let columns = match (no_bias, no_kappa) {
        (true, true) => &PACE[..],
        (true, false) => &REPEATS[..],
        _ => &READERS[..],
    };
    head(ui, columns);
    for (reader, code) in analysis.readers.iter().enumerate() {
        let repeat = analysis.repeats.iter().find(|repeat| repeat.reader == reader);
        let kappa = repeat.and_then(|repeat| repeat.kappa).map_or_else(|| "–".to_owned(), |kappa| number(kappa.value, 2));
        let time = analysis.times.iter().find(|time| time.reader == Some(reader) && time.arm.is_none());
        let time_words = time.map_or_else(|| "–".to_owned(), |time| format!("{:.0} s", time.median));
        let bias_words = bias(reader).map_or_else(|| "–".to_owned(), |bias| signed(bias.value, 2));
        let values = match (no_bias, no_kappa) {
            (true, true) => vec![code.clone(), time_words],
            (true, false) => vec![code.clone(), kappa, time_words],
            _ => vec![code.clone(), kappa, bias_words, time_words],
        };
        let response = row(ui, columns, &values, false);
        let mut tip = Vec::new();
        if let Some(repeat) = repeat {
            tip.push(format!("{} hidden repeats", repeat.pairs));
            if let Some(kappa) = repeat.kappa {
                tip.push(format!("κ 95 % interval {}", interval(&kappa, 2)));
            }
        }
        if let Some(bias) = bias(reader) {
            tip.push(format!("bias 95 % interval {}", interval(&bias, 2)));
        }
        if let Some(catch) = analysis.catches.iter().find(|catch| catch.reader == reader) {
            tip.push(format!("{} of {} catch trials passed", catch.passed, catch.n));
        }
        if let Some(rate) = time.and_then(|time| time.per_hour) {
            tip.push(format!("{rate:.0} images an hour"));
        }
        if !tip.is_empty() {
            response.on_hover_text(tip.join("\n"));
        }
    }
    if scale.is_some_and(|scale| !scale.bias.is_empty()) {
        let apart = |reader: usize| {
            let bias = bias(reader)?;
            let (low, high) = bias.interval?;
            let word = if high < 0.0 { "lower" } else { "higher" };
            (high < 0.0 || low > 0.0).then(|| format!("{} scores {word} throughout.", analysis.readers[reader]))
        };
        let found: Vec<String> = (0..analysis.readers.len()).filter_map(apart).collect();
        caption(ui, format!("Bias: mean distance from the other readers. {}", found.join(" ")).trim());
    }
    if !analysis.catches.is_empty() {
        let passed: usize = analysis.catches.iter().map(|catch| catch.passed).sum();
        let all: usize = analysis.catches.iter().map(|catch| catch.n).sum();
        caption(ui, format!("Catch trials passed: {passed} of {all}."));
    }
}
