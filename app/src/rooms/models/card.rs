//! A model card on the screen: the parts of Markdown that cards use, drawn as what they are.

use eframe::egui::{Align, Grid, Layout, RichText, ScrollArea, Ui};

use crate::theme::{text, tokens};
use crate::widgets::{caption, secondary, section};

/// A part of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A heading of any depth.
    Heading(String),
    /// Running text.
    Text(String),
    /// An item of a list.
    Item(String),
    /// A line of a program or a command.
    Code(String),
    /// What a picture shows; pictures are read where the card lies.
    Picture(String),
    /// Rows of cells, the heading first; `true` for a column of numbers.
    Table(Vec<bool>, Vec<Vec<String>>),
}

/// The parts of a card in order.
pub(super) fn blocks(card: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut in_code = false;
    for line in card.lines() {
        let words = line.trim();
        if words.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            blocks.push(Block::Code(line.trim_end().to_owned()));
        } else if words.is_empty() {
        } else if let Some(title) = words.strip_prefix('#') {
            blocks.push(Block::Heading(plain(title.trim_start_matches('#').trim())));
        } else if let Some(rest) = words.strip_prefix("![") {
            blocks.push(Block::Picture(plain(rest.split(']').next().unwrap_or_default())));
        } else if words.starts_with('|') {
            row(&mut blocks, words);
        } else if let Some(item) = words.strip_prefix("- ").or_else(|| words.strip_prefix("* ")) {
            blocks.push(Block::Item(plain(item)));
        } else {
            blocks.push(Block::Text(plain(words.trim_start_matches("> "))));
        }
    }
    blocks
}

/// A row joins the table above it; the line of dashes says which columns hold numbers.
fn row(blocks: &mut Vec<Block>, words: &str) {
    let cells: Vec<&str> = words.trim_matches('|').split('|').map(str::trim).collect();
    let is_rule = cells.iter().all(|c| c.contains('-') && c.chars().all(|l| matches!(l, '-' | ':')));
    match blocks.last_mut() {
        Some(Block::Table(numbers, _)) if is_rule => *numbers = cells.iter().map(|c| c.ends_with(':')).collect(),
        Some(Block::Table(_, rows)) => rows.push(cells.into_iter().map(plain).collect()),
        _ => blocks.push(Block::Table(Vec::new(), vec![cells.into_iter().map(plain).collect()])),
    }
}

/// Words without the marks of code and emphasis; a link is its words.
fn plain(words: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        match after.split_once("](").and_then(|(name, tail)| Some((name, tail.split_once(')')?.1))) {
            Some((name, tail)) => {
                out.push_str(name);
                rest = tail;
            }
            None => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.replace('`', "").replace("**", "")
}

/// Shows a card.
pub(super) fn show(ui: &mut Ui, card: &str) {
    for (n, block) in blocks(card).iter().enumerate() {
        match block {
            Block::Heading(words) => {
                ui.add_space(6.0);
                section(ui, words);
            }
            Block::Text(words) => {
                secondary(ui, words.as_str());
            }
            Block::Item(words) => {
                ui.horizontal_top(|ui| {
                    ui.spacing_mut().item_spacing.x = 8.0;
                    ui.label(RichText::new("·").font(text::secondary()).color(tokens::INK3));
                    secondary(ui, words.as_str());
                });
            }
            Block::Code(words) => {
                ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK).background_color(tokens::RAISE));
            }
            Block::Picture(words) => {
                caption(ui, format!("Picture in the folder: {words}"));
            }
            Block::Table(numbers, rows) => table(ui, n, numbers, rows),
        }
    }
}

fn table(ui: &mut Ui, n: usize, numbers: &[bool], rows: &[Vec<String>]) {
    ScrollArea::horizontal().id_salt(("card table", n)).show(ui, |ui| {
        Grid::new(("card", n)).spacing([20.0, 4.0]).show(ui, |ui| {
            for (y, row) in rows.iter().enumerate() {
                for (x, cell) in row.iter().enumerate() {
                    let (font, color) = if y == 0 { (text::medium(), tokens::INK2) } else { (text::secondary(), tokens::INK) };
                    let words = RichText::new(cell).font(font).color(color);
                    if numbers.get(x).copied().unwrap_or_default() {
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(words));
                    } else {
                        ui.label(words);
                    }
                }
                ui.end_row();
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_read_as_headings_items_tables_and_commands() {
        let card = "# Card\n\n> Of `phantoms` **only**, see [the presets](docs/presets.md).\n\n- one\n\n\
                    | stage | size |\n| --- | ---: |\n| 1: text | 128 px |\n\n```sh\nchexgen train a.toml\n```\n\
                    ![Loss of stage 1](loss.png)\n";
        let words = |w: &str| w.to_owned();
        assert_eq!(
            blocks(card),
            [
                Block::Heading(words("Card")),
                Block::Text(words("Of phantoms only, see the presets.")),
                Block::Item(words("one")),
                Block::Table(
                    vec![false, true],
                    vec![vec![words("stage"), words("size")], vec![words("1: text"), words("128 px")]]
                ),
                Block::Code(words("chexgen train a.toml")),
                Block::Picture(words("Loss of stage 1")),
            ]
        );
    }

    #[test]
    fn nothing_of_the_shipped_card_is_shown_as_a_mark() {
        let card = include_str!("../../../../assets/practice/MODEL_CARD.md");
        let all = blocks(card);
        assert!(all.iter().any(|b| matches!(b, Block::Table(numbers, rows) if numbers.len() == rows[0].len() && rows.len() > 2)));
        for block in &all {
            if let Block::Text(words) | Block::Heading(words) | Block::Item(words) = block {
                assert!(!words.starts_with(['|', '#', '!']) && !words.contains("](") && !words.contains('`'), "{words}");
            }
        }
    }
}
