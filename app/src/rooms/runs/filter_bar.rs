//! Above the wall: what it is narrowed to, how many are left, the order and the size.

use eframe::egui::{Align, Layout, RichText, ScrollArea, Slider, Ui, vec2};

use super::action::{Action, Choice};
use super::state::COLUMN;
use super::wall::count_words;
use crate::action::Action as Any;
use crate::library::index::Index;
use crate::library::query::{Age, Condition, Filter, NOTHING_DRAWN, Order};
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, field};
use engine::domain::Finding;

/// Patient's sides in the order of `Side`.
pub const SIDES: [&str; 3] = ["Right", "Left", "Both or midline"];

/// Shows the bar.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = &panel.state.runs;
    ui.horizontal_centered(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            size(ui, panel);
            if let Some(order) = field::choice(ui, "Order", 130.0, state.order, &Order::ALL, Order::title) {
                panel.out.push(Any::Runs(Action::SetOrder(order)));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ScrollArea::horizontal().auto_shrink([false, true]).show(ui, |ui| {
                    ui.horizontal_centered(|ui| chips(ui, panel));
                });
            });
        });
    });
}

fn chips(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(wall) = &panel.state.runs.wall else { return };
    let mut did = Vec::new();
    for (words, undo) in active(&panel.state.runs.filter, &wall.index) {
        let name = format!("Remove filter {words}");
        if Push::new(&words).with_icon(Icon::Cross).icon_size(11.0).name(&name).chip().selected(true).show(ui).clicked() {
            did.push(undo);
        }
    }
    if did.is_empty() && !panel.state.runs.filter.is_empty() && Push::new("Show all").frameless().chip().show(ui).clicked() {
        did.push(Action::ShowAll);
    }
    let words = count_words(wall.found.ids.len(), wall.index.rows().len());
    ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
    panel.out.extend(did.into_iter().map(Any::Runs));
}

fn size(ui: &mut Ui, panel: &mut Panel<'_>) {
    let mut width = panel.state.runs.column;
    ui.spacing_mut().slider_width = 64.0;
    ui.visuals_mut().widgets.inactive.bg_fill = tokens::PRESS;
    ui.visuals_mut().selection.bg_fill = tokens::INK3;
    let slid = ui.add(Slider::new(&mut width, COLUMN.0..=COLUMN.1).show_value(false)).accessible_name("Size of the pictures");
    let share = (width - COLUMN.0) / (COLUMN.1 - COLUMN.0);
    let x = eframe::egui::lerp(slid.rect.left() + 7.0..=slid.rect.right() - 7.0, share);
    ui.painter().circle_filled(eframe::egui::pos2(x, slid.rect.center().y), 7.0, tokens::FILL);
    if slid.changed() {
        panel.out.push(Any::Runs(Action::SetColumn(width)));
    }
    ui.label(RichText::new("Size").font(text::secondary()).color(tokens::INK2));
    ui.allocate_space(vec2(4.0, 1.0));
}

/// What the wall is narrowed to: words, and the action that takes it away.
pub fn active(filter: &Filter, index: &Index) -> Vec<(String, Action)> {
    let mut chips = Vec::new();
    let text = filter.text.trim();
    if !text.is_empty() {
        let short: String = text.chars().take(24).collect();
        let words = if short.len() < text.len() { format!("“{short}…”") } else { format!("“{short}”") };
        chips.push((words, Action::Search(String::new())));
    }
    let toggle = |choice| Action::Toggle(choice);
    for place in (0..=NOTHING_DRAWN).filter(|p| filter.findings & (1 << p) != 0) {
        let words = Finding::ALL.get(place).map_or("Nothing drawn", |f| f.title());
        chips.push((words.to_owned(), toggle(Choice::Finding(place))));
    }
    for (place, words) in SIDES.iter().enumerate().filter(|(p, _)| filter.sides & (1 << p) != 0) {
        chips.push(((*words).to_owned(), toggle(Choice::Side(place))));
    }
    if let Some((low, high)) = filter.adherence {
        let words = match (low <= 0.0, high >= 1.0) {
            (_, true) => format!("Adherence ≥ {low:.2}"),
            (true, _) => format!("Adherence ≤ {high:.2}"),
            _ => format!("Adherence {low:.2}–{high:.2}"),
        };
        chips.push((words, Action::SetAdherence(None)));
    }
    for condition in Condition::ALL.into_iter().filter(|c| filter.states & (1 << *c as u8) != 0) {
        chips.push((condition.title().to_owned(), toggle(Choice::State(condition))));
    }
    for hash in &filter.models {
        let name = index.models().iter().find(|m| m.hash == *hash).map_or(hash.as_str(), |m| &m.name);
        chips.push((name.to_owned(), toggle(Choice::Model(hash.clone()))));
    }
    for recipe in &filter.recipes {
        let words = if recipe.is_empty() { "By hand" } else { recipe };
        chips.push((words.to_owned(), toggle(Choice::Recipe(recipe.clone()))));
    }
    for age in Age::ALL.into_iter().filter(|a| filter.ages & (1 << *a as u8) != 0) {
        chips.push((age.title().to_owned(), toggle(Choice::Age(age))));
    }
    chips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_has_a_chip_that_takes_it_away() {
        let mut state = crate::state::State::new(crate::state::Document::empty(8), "saved".into());
        let choices = [
            Choice::Finding(0),
            Choice::Finding(NOTHING_DRAWN),
            Choice::Side(2),
            Choice::State(Condition::Conflict),
            Choice::Model("abc".to_owned()),
            Choice::Recipe(String::new()),
            Choice::Age(Age::Older),
        ];
        for choice in choices {
            super::super::reduce(&mut state, Action::Toggle(choice));
        }
        super::super::reduce(&mut state, Action::Search(" effusion and many more words ".to_owned()));
        super::super::reduce(&mut state, Action::SetAdherence(Some((0.6, 1.0))));
        let chips = active(&state.runs.filter, &Index::default());
        let words: Vec<&str> = chips.iter().map(|(w, _)| w.as_str()).collect();
        let expected = [
            "“effusion and many more w…”",
            "Pneumothorax",
            "Nothing drawn",
            "Both or midline",
            "Adherence ≥ 0.60",
            "Text conflict",
            "abc",
            "By hand",
            "Older",
        ];
        assert_eq!(words, expected);
        for (_, undo) in chips {
            super::super::reduce(&mut state, undo);
        }
        assert!(state.runs.filter.is_empty(), "{:?}", state.runs.filter);
    }
}
