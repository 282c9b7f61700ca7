//! The studio's own controls, one a file; each has a name in the accessibility tree.

pub mod check_line;
pub mod chip;
pub mod entry;
pub mod field;
pub mod focus;
pub mod keys;
pub mod path;
pub mod progress;
pub mod push;
pub mod scroll;
pub mod slider;
pub mod thumbnail;

pub use push::Push;

use eframe::egui::{Align, Label, Layout, Response, RichText, Sense, Ui, UiBuilder, vec2};

use crate::theme::{text, tokens};

/// A section's heading.
pub fn section(ui: &mut Ui, words: &str) -> Response {
    ui.label(RichText::new(words).font(text::section()).color(tokens::INK))
}

/// A row of fixed height: a section's heading left, something short right.
pub fn section_row(ui: &mut Ui, words: &str, right: impl FnOnce(&mut Ui)) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    let mut left = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center)));
    section(&mut left, words);
    let mut right_ui = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::right_to_left(Align::Center)));
    right_ui.spacing_mut().interact_size.y = 20.0;
    right(&mut right_ui);
}

/// A caption: units, hints, what belongs to something else.
pub fn caption(ui: &mut Ui, words: impl Into<String>) -> Response {
    ui.add(Label::new(RichText::new(words).font(text::secondary()).color(tokens::INK3)).wrap())
}

/// Secondary text.
pub fn secondary(ui: &mut Ui, words: impl Into<String>) -> Response {
    ui.add(Label::new(RichText::new(words).font(text::secondary()).color(tokens::INK2)).wrap())
}

/// A line between two sections of a panel, with its room.
pub fn rule(ui: &mut Ui) {
    ui.add_space(8.0);
    let rect = ui.max_rect();
    let y = ui.cursor().top();
    ui.painter().hline(rect.left() - 12.0..=rect.right() + 12.0, y, (1.0, tokens::LINE));
    ui.add_space(10.0);
}

/// A time span in words: seconds with a tenth, then minutes, then hours.
pub fn duration(secs: f64) -> String {
    let whole = secs.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{:.1} s", secs.max(0.0)),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Bytes in GB with a tenth, as numbers of memory are read.
pub fn gigabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e9)
}

/// A count with a space between thousands, at which no line breaks.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{A0}');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_words() {
        assert_eq!(
            [0.0, 1.26, 59.4, 59.96, 72.0, 7500.0].map(duration),
            ["0.0 s", "1.3 s", "59.4 s", "1 min 0 s", "1 min 12 s", "2 h 5 min"]
        );
        assert_eq!((duration(-3.0), gigabytes(440_000_000)), ("0.0 s".to_owned(), "0.4".to_owned()));
    }
}
