//! The report of a data set as one page: tables and bars drawn as SVG, nothing loaded from anywhere.

use std::fmt::Write as _;

use super::fingerprint::{Counts, Fingerprint, Histogram};

/// Rows of a chart at most; the rest is one row.
const MOST_ROWS: usize = 24;

const STYLE: &str = "\
:root{--ink:#1b2430;--soft:#5b6878;--line:#d9dfe6;--bar:#2f6f9f;--warn:#a4482b;--page:#fff;--card:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--line:#2c3743;--bar:#6aa9d6;--warn:#e29076;--page:#12181f;--card:#18212a}}\
body{margin:0 auto;max-width:1080px;padding:32px 24px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
h1{font-size:26px;margin:0}h2{font-size:16px;margin:0 0 8px}p{margin:4px 0 20px;color:var(--soft)}\
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(310px,1fr));gap:16px}\
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px}\
dl{display:grid;grid-template-columns:auto auto;gap:2px 16px;margin:0}dt{color:var(--soft)}dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}\
.warn{color:var(--warn)}svg{display:block;width:100%;height:auto}text{fill:var(--ink);font:12px system-ui,sans-serif}.n{fill:var(--soft)}rect{fill:var(--bar)}";

/// The page.
pub(super) fn page(print: &Fingerprint) -> String {
    let mut out = String::new();
    let title = escaped(&print.name);
    let _written = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}: data set report</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
         <p>{} samples of {} px, encoded with {}. Recipe {}.</p>\n<div class=\"grid\">\n",
        number(print.samples),
        print.size_px,
        escaped(&print.model),
        escaped(print.recipe.get(..16).unwrap_or(&print.recipe))
    );
    out.push_str(&facts("Splits by patient", &splits(print)));
    out.push_str(&facts("Captions", &captions(print)));
    out.push_str(&facts("Files", &files(print)));
    for (title, counts) in [
        ("Collections", &print.sets),
        ("Labels present", &print.positive),
        ("Labels uncertain", &print.uncertain),
        ("Views", &print.views),
        ("Sex", &print.sexes),
        ("Race", &print.races),
        ("Condition pictures", &print.conditions),
        ("Sizes of the source pictures", &print.sizes),
        ("Rejects by reason", &print.rejects),
    ] {
        out.push_str(&bars(title, counts));
    }
    out.push_str(&columns("Age in years", &print.ages, 0));
    out.push_str(&columns("Tokens of a caption", &print.tokens, 0));
    out.push_str(&columns("Mean grey (0 black, 1 white)", &print.grey_means, 2));
    out.push_str(&columns("Deviation of greys", &print.grey_deviations, 2));
    out.push_str("</div>\n</body></html>\n");
    out
}

fn splits(print: &Fingerprint) -> Vec<(String, String, bool)> {
    let mut rows: Vec<(String, String, bool)> = Vec::new();
    for (name, split) in &print.splits {
        rows.push((name.clone(), format!("{} samples, {} patients", number(split.samples), number(split.patients)), false));
        if split.without_patient > 0 {
            rows.push((format!("{name}, patient unknown"), number(split.without_patient), false));
        }
    }
    let torn = print.patients_in_two_splits;
    rows.push(("patients in two splits".to_owned(), number(torn), torn > 0));
    rows
}

fn captions(print: &Fingerprint) -> Vec<(String, String, bool)> {
    let row = |name: &str, value: usize, warn: bool| (name.to_owned(), number(value), warn && value > 0);
    vec![
        row("most tokens", print.most_tokens, false),
        row("cut at the limit", print.cut, true),
        row("de-identification marks taken out", print.marks, false),
        row("captions that had one", print.with_marks, false),
        row("words and sizes destroyed by cleaning", print.lost_words, true),
        row("captions that lost one", print.with_lost_words, true),
    ]
}

fn files(print: &Fingerprint) -> Vec<(String, String, bool)> {
    let row = |name: &str, value: usize, warn: bool| (name.to_owned(), number(value), warn && value > 0);
    vec![
        row("source files that occur more than once", print.repeated_files, true),
        row("of these, in more than one split", print.repeated_across_splits, true),
        row("samples without any present label", print.without_label, false),
        row("samples without an age", print.without_age, false),
        row("regions whose class has no grey", print.unknown_classes, true),
        row("rejected cases", print.rejects.values().sum(), false),
    ]
}

fn facts(title: &str, rows: &[(String, String, bool)]) -> String {
    let mut out = format!("<section><h2>{}</h2><dl>", escaped(title));
    for (name, value, warn) in rows {
        let class = if *warn { " class=\"warn\"" } else { "" };
        let _written = write!(out, "<dt>{}</dt><dd{class}>{}</dd>", escaped(name), escaped(value));
    }
    out.push_str("</dl></section>\n");
    out
}

/// One bar a name, the longest first; nothing where there are no counts.
fn bars(title: &str, counts: &Counts) -> String {
    let mut rows: Vec<(&str, usize)> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rest: usize = rows.iter().skip(MOST_ROWS).map(|(_, count)| count).sum();
    rows.truncate(MOST_ROWS);
    if rest > 0 {
        rows.push(("others", rest));
    }
    let Some(most) = rows.iter().map(|(_, count)| *count).max() else { return String::new() };
    let (name_px, bar_px, row_px) = (180.0, 150.0, 20.0);
    let height = row_px * rows.len() as f64;
    let mut out =
        format!("<section><h2>{0}</h2><svg viewBox=\"0 0 400 {height}\" role=\"img\" aria-label=\"{0}\">", escaped(title));
    for (at, (name, count)) in rows.iter().enumerate() {
        let y = row_px * at as f64;
        let length = bar_px * *count as f64 / most.max(1) as f64;
        let shown: String =
            if name.chars().count() > 26 { name.chars().take(25).chain(['…']).collect() } else { (*name).to_owned() };
        let _written = write!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{name_px}\" y=\"{}\" width=\"{length:.1}\" height=\"12\" \
             rx=\"2\"/><text class=\"n\" x=\"{:.1}\" y=\"{}\">{}</text>",
            name_px - 8.0,
            y + 14.0,
            escaped(&shown),
            y + 4.0,
            name_px + length + 6.0,
            y + 14.0,
            number(*count)
        );
    }
    out.push_str("</svg></section>\n");
    out
}

/// One column a class, with the first and last bound and the highest count.
fn columns(title: &str, histogram: &Histogram, digits: usize) -> String {
    let Some(most) = histogram.counts.iter().copied().max().filter(|most| *most > 0) else { return String::new() };
    let (width, height, top) = (400.0, 120.0, 16.0);
    let count = histogram.counts.len();
    let step = width / count as f64;
    let mut out = format!(
        "<section><h2>{0}</h2><svg viewBox=\"0 0 {width} {1}\" role=\"img\" aria-label=\"{0}\">",
        escaped(title),
        height + top + 18.0
    );
    for (at, value) in histogram.counts.iter().enumerate() {
        let tall = height * *value as f64 / most as f64;
        let _written = write!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{tall:.2}\"><title>{:.digits$} to {:.digits$}: {}</title></rect>",
            at as f64 * step + 0.5,
            top + height - tall,
            (step - 1.0).max(0.5),
            at as f64 * histogram.width,
            (at + 1) as f64 * histogram.width,
            number(*value)
        );
    }
    let _written = write!(
        out,
        "<text class=\"n\" x=\"0\" y=\"12\">most: {}</text><text class=\"n\" x=\"0\" y=\"{1}\">0</text>\
         <text class=\"n\" x=\"{width}\" y=\"{1}\" text-anchor=\"end\">{2:.digits$}</text></svg></section>",
        number(most),
        height + top + 14.0,
        count as f64 * histogram.width
    );
    out.push('\n');
    out
}

/// Thousands parted by thin blanks.
fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{2009}');
        }
        out.push(digit);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_numbers_readable() {
        assert_eq!(number(1_234_567), "1\u{2009}234\u{2009}567");
        let counts = Counts::from([("<script>".to_owned(), 3)]);
        let chart = bars("A & B", &counts);
        assert!(chart.contains("&lt;script&gt;") && chart.contains("A &amp; B") && !chart.contains("<script>"));
        let many: Counts = (0..40).map(|i| (format!("n{i:02}"), 40 - i)).collect();
        assert!(bars("x", &many).contains("others"));
        assert_eq!(bars("x", &Counts::new()), "");
    }
}
