//! The room's top bar and its words in the status bar.

use eframe::egui::{Align, Id, Key, Layout, Margin, Modifiers, RichText, TextEdit, Ui, vec2};

use super::action::Action;
use super::words;
use crate::action::Action as Any;
use crate::library::Mark;
use crate::library::reader::Purpose;
use crate::panels::{self, Panel};
use crate::rooms::{compare, data_sets, reading};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, grouped};

/// The name of the search field.
pub const SEARCH: &str = "Search runs";

/// Shows the bar: how many runs, the search, and what is done with the chosen ones.
pub fn top(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.label(RichText::new("Runs").font(text::title()).color(tokens::INK));
        let kept = panel.state.runs.wall.as_ref().map_or(0, |w| w.index.rows().len());
        ui.label(RichText::new(format!("{} kept", grouped(kept))).font(text::body()).color(tokens::INK2));
        ui.add_space(12.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            batch(ui, panel);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| search(ui, panel));
        });
    });
}

fn search(ui: &mut Ui, panel: &mut Panel<'_>) {
    let id = Id::unique("search runs");
    let width = ui.available_width().min(460.0);
    let mut typed = panel.state.runs.filter.text.clone();
    let before = typed.clone();
    let edit = TextEdit::singleline(&mut typed)
        .id(id)
        .desired_width(width - 44.0)
        .margin(Margin { left: 30, right: 8, top: 7, bottom: 7 })
        .hint_text(RichText::new("Search text, seed, model, note or number").color(tokens::INK3));
    let response = ui.add(edit).accessible_name(SEARCH);
    Icon::Search.paint(
        ui.painter(),
        eframe::egui::Rect::from_center_size(response.rect.left_center() + vec2(16.0, 0.0), vec2(15.0, 15.0)),
        15.0,
        tokens::INK2,
    );
    let response = response.on_hover_text(
        "Search runs (Ctrl+F)\nEvery word must be found: in text, note, model, recipe, or as seed or number. \
         \"Words in quotation marks\" must stand together.",
    );
    if typed != before {
        panel.out.push(Any::Runs(Action::Search(typed)));
    }
    if ui.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::F)) {
        response.request_focus();
    }
}

/// What is done with the chosen runs; laid out from the right.
fn batch(ui: &mut Ui, panel: &mut Panel<'_>) {
    let targets = panel.state.runs.chosen.targets();
    let n = targets.len();
    let any = n > 0;
    let with_count = |words: &str| if n > 1 { format!("{words} {n}") } else { words.to_owned() };
    let compact = panel.metrics.compact;
    let mut did = Vec::new();
    let words = with_count("Export");
    if Push::new(&words)
        .name("Export")
        .with_icon(Icon::Save)
        .purpose("Writes copies of the chosen images with their masks and records into your folder")
        .enabled(any)
        .size(32.0, 0.0)
        .show(ui)
        .clicked()
    {
        did.push(Action::Use(targets.clone(), Purpose::Export));
    }
    let quiet = |words: &str, name: &'static str, icon: Icon, purpose: &'static str, ui: &mut Ui| {
        let push = if compact { Push::icon(icon, name) } else { Push::new(words).name(name).with_icon(icon).frameless() };
        push.purpose(purpose).enabled(any).size(32.0, 0.0).show(ui).clicked()
    };
    if quiet(&with_count("Command"), "As commands", Icon::Copy, "Copies the command lines that make them again", ui) {
        did.push(Action::Use(targets.clone(), Purpose::Command));
    }
    let beside = "Puts the chosen images beside each other, nine at most. Key C";
    if quiet(&with_count("Compare"), "Compare the chosen runs", Icon::Compare, beside, ui) {
        did.push(Action::Use(targets.iter().take(compare::MOST).copied().collect(), Purpose::Compare));
    }
    // What else takes chosen runs has its button here, beside these two.
    let collect = "Puts the chosen runs into the collected set of the Data sets room, to be exported with masks and tables";
    if quiet(&with_count("To data set"), "To data set", Icon::DataSets, collect, ui) {
        panel.out.push(Any::DataSets(data_sets::Action::CollectRuns(targets.clone())));
    }
    let arm = "Makes the chosen runs an arm of the study in the Reading room, matched to its cases by their text";
    if quiet(&with_count("To reading study"), "To reading study", Icon::Reading, arm, ui) {
        panel.out.push(Any::Reading(reading::Action::AddRuns(targets.clone())));
    }
    if quiet(&with_count("Reject"), "Reject", Icon::Cross, "Dims the chosen runs and keeps them; again takes it back. Key R", ui)
    {
        did.push(Action::Mark(targets.clone(), Mark::Reject));
    }
    if quiet(&with_count("Star"), "Star", Icon::Star, "Marks the chosen runs to find them again; again takes it back. Key S", ui)
    {
        did.push(Action::Mark(targets, Mark::Star));
    }
    panel.out.extend(did.into_iter().map(Any::Runs));
}

/// The room's words in the status bar.
pub fn status(ui: &mut Ui, panel: &Panel<'_>) {
    let runs = &panel.state.runs;
    let chosen = match runs.chosen.ids.len() {
        0 => "None chosen".to_owned(),
        n => format!("{} chosen", grouped(n)),
    };
    let store = |bytes| format!("Store {}, nothing is deleted without asking", words::bytes(bytes));
    panels::status::words(ui, std::iter::once(chosen).chain(runs.wall.as_ref().map(|wall| store(wall.store_bytes))));
}
