//! Word map: the words of the shown run, and where the one that is pointed at acts.

use eframe::egui::{Align, CornerRadius, Layout, Rect, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use super::Panel;
use crate::action::Action;
use crate::canvas::heat;
use crate::insight::{self, Action as Insight, shown_run};
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, section_row};

/// Shows the section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let watching = panel.state.insight.word_map;
    section_row(ui, "Word map", |ui| {
        let words = if watching { "On" } else { "Off" };
        let toggle = Push::new(words)
            .name("Word map")
            .purpose("Runs tell where each word of the text acts; a run takes a few per cent longer, and its image is the same")
            .selected(watching)
            .size(22.0, 40.0);
        if toggle.show(ui).clicked() {
            panel.out.push(Action::Insight(Insight::ToggleWordMap));
        }
    });
    let run = shown_run(panel.state);
    let has = run.is_some_and(|(job, _)| panel.state.insight.maps.has(job));
    if !has {
        let words = match (watching, run.is_some()) {
            (true, true) => "This run was made without it; the next one tells where its words act.",
            (true, false) => "The next run tells where its words act.",
            (false, _) => "Shows where on the image each word of the text acts.",
        };
        caption(ui, words);
        return;
    }
    words(ui, panel);
    legend(ui, panel, run.and_then(|(_, step)| step));
}

/// The words as a row of buttons; pointing at one, or the keyboard's focus on it, shows where it acts.
fn words(ui: &mut Ui, panel: &mut Panel<'_>) {
    let view = panel.insight;
    let chosen = panel.state.insight.word;
    let mut pointed = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(2.0, 2.0);
        for (n, range) in view.words.iter().enumerate() {
            let Some(word) = view.text.get(range.clone()) else { continue };
            let name = format!("Word {}: {word}", n + 1);
            let push = Push::new(word).name(&name).frameless().selected(chosen == Some(n)).size(24.0, 24.0);
            let response = push.show(ui);
            if response.clicked() {
                pointed = Some(if chosen == Some(n) { None } else { Some(n) });
            } else if (response.hovered() && ui.input(|i| i.pointer.is_moving())) || response.gained_focus() {
                pointed = Some(Some(n));
            }
        }
    });
    if let Some(word) = pointed
        && word != chosen
    {
        panel.out.push(Action::Insight(Insight::PointAt(word)));
    }
}

fn legend(ui: &mut Ui, panel: &Panel<'_>, step: Option<usize>) {
    let Some(shown) = &panel.insight.heat else {
        caption(ui, "Point at a word, here or in the text.");
        return;
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 10.0), Sense::hover());
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Image, true, "Legend: veiled where the word acts little, clear where it acts most")
    });
    let cells = 48;
    for i in 0..cells {
        let at = |k: usize| rect.left() + rect.width() * k as f32 / cells as f32;
        let cell = Rect::from_min_max(pos2(at(i), rect.top()), pos2(at(i + 1) + 0.5, rect.bottom()));
        let share = (i as f32 + 0.5) / cells as f32;
        ui.painter().rect_filled(cell, CornerRadius::ZERO, tokens::INK2);
        ui.painter().rect_filled(cell, CornerRadius::ZERO, tokens::veil(heat::veil(share, 0.0, 1.0)));
    }
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let mut left = ui.new_child(UiBuilder::new().max_rect(row).layout(Layout::left_to_right(Align::Center)));
    left.label(
        RichText::new(format!("{:.1} % of the attention", 100.0 * shown.lowest())).font(text::caption()).color(tokens::INK3),
    );
    let mut right = ui.new_child(UiBuilder::new().max_rect(row).layout(Layout::right_to_left(Align::Center)));
    right.label(RichText::new(format!("{:.1} %", 100.0 * shown.highest())).font(text::caption()).color(tokens::INK3));
    let when = match step {
        Some(step) => format!("Step {}. The film leads through the others.", step + 1),
        None => "Mean of all steps. The film leads through them.".to_owned(),
    };
    caption(ui, when);
    if shown.is_even() {
        caption(ui, "This word acts nearly the same everywhere.");
    }
    if insight::shown_request(panel.state).is_some_and(|r| r.impression != panel.state.document.full_impression()) {
        caption(ui, "The text was changed since this run; these are the run's words.");
    }
}
