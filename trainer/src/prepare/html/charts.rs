//! Tables, bars and columns of the report, drawn as HTML and SVG that need nothing from outside.

use std::fmt::Write as _;

use super::super::fingerprint::{Counts, Histogram};

/// Rows of a chart at most; the rest is one row.
const MOST_ROWS: usize = 24;

/// A line of a card: what, how much, whether somebody should look at it.
pub(super) type Fact = (String, String, bool);

/// A card of facts.
pub(super) fn facts(title: &str, rows: &[Fact]) -> String {
    let mut out = format!("<section><h2>{}</h2><dl>", escaped(title));
    for (name, value, warn) in rows {
        let class = if *warn { " class=\"warn\"" } else { "" };
        let _written = write!(out, "<dt>{}</dt><dd{class}>{}</dd>", escaped(name), escaped(value));
    }
    out.push_str("</dl></section>\n");
    out
}

/// A table: names of the columns, then rows; all columns but the first are numbers. `note` stands below it.
pub(super) fn table(title: &str, class: &str, columns: &[&str], rows: &[Vec<String>], note: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("<section class=\"{class}\"><h2>{}</h2><div class=\"scroll\"><table><thead><tr>", escaped(title));
    for column in columns {
        let _written = write!(out, "<th scope=\"col\">{}</th>", escaped(column));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let (open, close) = if at == 0 { ("<th scope=\"row\">", "</th>") } else { ("<td>", "</td>") };
            let _written = write!(out, "{open}{}{close}", escaped(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    if !note.is_empty() {
        let _written = write!(out, "<p class=\"note\">{note}</p>");
    }
    out.push_str("</section>\n");
    out
}

/// One bar a name, the longest first, with its share of `all`; nothing where there are no counts.
pub(super) fn bars(title: &str, counts: &Counts, all: usize) -> String {
    let mut rows: Vec<(&str, usize)> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rest: usize = rows.iter().skip(MOST_ROWS).map(|(_, count)| count).sum();
    rows.truncate(MOST_ROWS);
    if rest > 0 {
        rows.push(("others", rest));
    }
    let Some(most) = rows.iter().map(|(_, count)| *count).max() else { return String::new() };
    let (name_px, bar_px, row_px) = (150.0, 130.0, 20.0);
    let height = row_px * rows.len() as f64;
    let mut out =
        format!("<section><h2>{0}</h2><svg viewBox=\"0 0 400 {height}\" role=\"img\" aria-label=\"{0}\">", escaped(title));
    for (at, (name, count)) in rows.iter().enumerate() {
        let y = row_px * at as f64;
        let length = bar_px * *count as f64 / most.max(1) as f64;
        let shown: String =
            if name.chars().count() > 22 { name.chars().take(21).chain(['…']).collect() } else { (*name).to_owned() };
        let _written = write!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\"><title>{}</title>{}</text><rect x=\"{name_px}\" y=\"{}\" \
             width=\"{length:.1}\" height=\"12\" rx=\"2\"/><text class=\"n\" x=\"{:.1}\" y=\"{}\">{} ({})</text>",
            name_px - 8.0,
            y + 14.0,
            escaped(name),
            escaped(&shown),
            y + 4.0,
            name_px + length + 6.0,
            y + 14.0,
            number(*count),
            share(*count, all)
        );
    }
    out.push_str("</svg></section>\n");
    out
}

/// One column a class, with marks below and the highest count above; `limit` is drawn as a line where it is given.
pub(super) fn columns(title: &str, histogram: &Histogram, digits: usize, limit: Option<f64>) -> String {
    let Some(most) = histogram.counts.iter().copied().max().filter(|most| *most > 0) else { return String::new() };
    let (width, height, top) = (400.0, 120.0, 18.0);
    // Empty classes before the first are left out.
    let first = histogram.counts.iter().position(|count| *count > 0).unwrap_or(0);
    let reach = limit.map_or(0, |limit| (limit / histogram.width).ceil() as usize);
    let last = histogram.counts.len().max(reach);
    let step = width / (last - first) as f64;
    let mut out = format!(
        "<section><h2>{0}</h2><svg viewBox=\"0 0 {width} {1}\" role=\"img\" aria-label=\"{0}\">",
        escaped(title),
        height + top + 18.0
    );
    for (at, value) in histogram.counts.iter().enumerate().skip(first) {
        let tall = height * *value as f64 / most as f64;
        let _written = write!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{tall:.2}\"><title>{:.digits$} to {:.digits$}: {}</title></rect>",
            (at - first) as f64 * step + 0.5,
            top + height - tall,
            (step - 1.0).max(0.5),
            at as f64 * histogram.width,
            (at + 1) as f64 * histogram.width,
            number(*value)
        );
    }
    let every = (last - first).div_ceil(6).max(1);
    for mark in (first..=last).step_by(every) {
        let x = (mark - first) as f64 * step;
        let anchor = match mark {
            _ if mark == first => "start",
            _ if mark == last => "end",
            _ => "middle",
        };
        let _written = write!(
            out,
            "<text class=\"n\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{:.digits$}</text>",
            height + top + 14.0,
            mark as f64 * histogram.width
        );
    }
    if let Some(limit) = limit {
        let x = (limit / histogram.width - first as f64) * step;
        let _written = write!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{}\"/><text class=\"n\" x=\"{:.1}\" y=\"12\" text-anchor=\"end\">\
             limit {limit:.0}</text>",
            top + height,
            x - 2.0
        );
    }
    let _written = writeln!(out, "<text class=\"n\" x=\"0\" y=\"12\">highest: {}</text></svg></section>", number(most));
    out
}

/// Thousands parted by thin blanks.
pub(super) fn number(value: usize) -> String {
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

/// A part in percent; a dash where there is no whole.
pub(super) fn share(part: usize, all: usize) -> String {
    if all == 0 {
        return "–".to_owned();
    }
    let percent = 100.0 * part as f64 / all as f64;
    match part {
        0 => "0 %".to_owned(),
        _ if percent < 0.1 => "< 0.1 %".to_owned(),
        _ if percent < 10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// Text that is no markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_numbers_readable() {
        assert_eq!(number(1_234_567), "1\u{2009}234\u{2009}567");
        assert_eq!(
            [share(0, 0), share(0, 9), share(1, 100_000), share(3, 100), share(1, 3)].join("|"),
            "–|0 %|< 0.1 %|3.0 %|33 %"
        );
        let counts = Counts::from([("<script>".to_owned(), 3)]);
        let chart = bars("A & B", &counts, 6);
        assert!(chart.contains("&lt;script&gt;") && chart.contains("A &amp; B") && !chart.contains("<script>"));
        assert!(chart.contains("3 (50 %)"), "{chart}");
        let many: Counts = (0..40).map(|i| (format!("n{i:02}"), 40 - i)).collect();
        assert!(bars("x", &many, 1000).contains("others"));
        assert_eq!(bars("x", &Counts::new(), 0), "");
        assert_eq!(table("x", "", &["a"], &[], ""), "");
        assert!(table("x", "", &["a"], &[vec!["<b>".to_owned()]], "").contains("&lt;b&gt;"));
    }

    #[test]
    fn columns_begin_where_there_is_something_and_show_the_limit() {
        let histogram = Histogram { width: 10.0, counts: vec![0, 0, 4, 2] };
        let chart = columns("Tokens", &histogram, 0, Some(60.0));
        assert!(chart.contains("20 to 30: 4") && !chart.contains("0 to 10:") && chart.contains("limit 60"), "{chart}");
        assert_eq!(chart.matches("<rect").count(), 2);
        assert_eq!(columns("x", &Histogram { width: 1.0, counts: vec![0] }, 0, None), "");
    }
}
