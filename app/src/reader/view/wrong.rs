//! The error step: what is wrong, where, and words; the score is locked.

use eframe::egui::{Align, KeyboardShortcut, Layout, Modifiers};
use eframe::egui::{CornerRadius, Label, RichText, Role, Sense, Stroke, StrokeKind, TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2};
use study::reading::ErrorKind;

use super::{Scene, impression};
use crate::reader::action::Action;
use crate::reader::state::{Step, turn};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption};

/// The accessible name of the comment.
const COMMENT: &str = "Comment, optional";

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let turn = &state.turn;
    let figure = turn.choice().and_then(|c| state.sheet.choices.get(c)).map_or("", |c| c.figure);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(18.0), Sense::hover());
        Icon::Lock.paint(ui.painter(), rect, 16.0, tokens::INK2);
        let title = if turn.practice { format!("Score {figure}, practice") } else { format!("Score {figure} is locked") };
        ui.label(RichText::new(title).font(text::title()).color(tokens::INK));
    });
    ui.add(
        Label::new(
            RichText::new("What is wrong? Choose one, then click the place on the image.")
                .font(text::secondary())
                .color(tokens::INK2),
        )
        .wrap(),
    );
    ui.add_space(10.0);
    let is = |kind| turn.kind == Some(kind);
    if row(ui, "Omission: a finding is missing", "O", is(ErrorKind::Omission)) {
        scene.out.push(Action::Kind(ErrorKind::Omission));
    }
    if row(ui, "Commission: a finding was added", "C", is(ErrorKind::Commission)) {
        scene.out.push(Action::Kind(ErrorKind::Commission));
    }
    let kinds = [(ErrorKind::Place, "Place", "P"), (ErrorKind::Extent, "Extent", "E"), (ErrorKind::Severity, "Severity", "S")];
    let differs = kinds.iter().any(|(kind, ..)| is(*kind));
    if row(ui, "Discrepancy", "D", differs) {
        scene.out.push(Action::Discrepancy);
    }
    if differs {
        // Beside each other where three buttons with their keys have room, and else below each other.
        let width = (ui.available_width() - 24.0 - 16.0) / 3.0;
        let (layout, width) = if width >= 88.0 {
            (Layout::left_to_right(Align::Min), width)
        } else {
            (Layout::top_down(Align::Min), ui.available_width() - 24.0)
        };
        ui.horizontal_top(|ui| {
            ui.add_space(24.0);
            ui.with_layout(layout, |ui| {
                for (kind, words, key) in kinds {
                    if Push::new(words).key(key).name(kind.name()).size(26.0, width).selected(is(kind)).show(ui).clicked() {
                        scene.out.push(Action::Kind(kind));
                    }
                }
            });
        });
    }
    if row(ui, "Artefact", "A", is(ErrorKind::Artefact)) {
        scene.out.push(Action::Kind(ErrorKind::Artefact));
    }
    ui.add_space(12.0);
    places(ui, scene);
    ui.add_space(12.0);
    comment(ui, scene);
    ui.add_space(12.0);
    let open = turn.step == Step::Errors;
    let save = Push::new("Save and next")
        .key("Enter")
        .primary()
        .size(34.0, ui.available_width())
        .enabled(open && !turn.marks.is_empty());
    if save.purpose("Saves what is wrong and shows the next image").show(ui).clicked() {
        scene.out.push(Action::Next);
    }
    ui.add_space(4.0);
    if let Some(notice) = &state.notice {
        ui.add(Label::new(RichText::new(notice).font(text::secondary()).color(tokens::WARN)).wrap());
    }
    if !turn.practice {
        caption(ui, "The score cannot be changed here. To report a slip, press Esc.");
    }
    caption(ui, "Without a mouse: arrows move a cross on the image, X marks the place.");
}

/// One kind: a round mark, words and a key.
fn row(ui: &mut Ui, words: &str, key: &str, chosen: bool) -> bool {
    let width = ui.available_width();
    let galley = ui.painter().layout(words.to_owned(), text::body(), tokens::INK, width - 80.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, galley.size().y + 20.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, words));
    let (fill, outline) = if chosen {
        (tokens::PRESS, tokens::INK3)
    } else if response.hovered() {
        (tokens::HOVER, tokens::INK3)
    } else {
        (tokens::RAISE, tokens::LINE2)
    };
    let painter = ui.painter();
    painter.rect(rect, CornerRadius::same(6), fill, Stroke::new(1.0, outline), StrokeKind::Inside);
    let dot = pos2(rect.left() + 18.0, rect.center().y);
    if chosen {
        painter.circle_filled(dot, 7.0, tokens::FILL);
        painter.circle_filled(dot, 3.0, tokens::ON_FILL);
    } else {
        painter.circle_stroke(dot, 6.5, Stroke::new(1.5, tokens::INK3));
    }
    painter.galley(pos2(rect.left() + 36.0, rect.center().y - galley.size().y * 0.5), galley, tokens::INK);
    let cap_words = painter.layout_no_wrap(key.to_owned(), text::caption(), tokens::INK2);
    let cap = eframe::egui::Rect::from_center_size(pos2(rect.right() - 20.0, rect.center().y), vec2(17.0, 17.0));
    painter.rect_stroke(cap, CornerRadius::same(3), Stroke::new(1.0, tokens::LINE2), StrokeKind::Inside);
    painter.galley(cap.center() - cap_words.size() * 0.5, cap_words, tokens::INK2);
    response.clicked()
}

/// The marked places, each with its side and zone.
fn places(ui: &mut Ui, scene: &mut Scene<'_>) {
    let turn = &scene.state.turn;
    impression::heading(ui, "Place");
    let placed: Vec<_> = turn.placed().map(|(i, mark, place)| (i, mark.kind, turn::place_words(place))).collect();
    if placed.is_empty() {
        caption(
            ui,
            if turn.kind.is_some() { "Not marked. Click the image, or leave it." } else { "Choose what is wrong first." },
        );
        return;
    }
    let several = placed.iter().any(|(_, kind, _)| *kind != placed[0].1);
    for (n, (at, kind, words)) in placed.iter().enumerate() {
        let words = if several { format!("{}: {words}", kind.name()) } else { format!("Marked, {words}") };
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::hover());
            if placed.len() > 1 {
                let digit = ui.painter().layout_no_wrap((n + 1).to_string(), text::tag(), tokens::INK2);
                ui.painter().galley(rect.center() - digit.size() * 0.5, digit, tokens::INK2);
            } else {
                Icon::Check.paint(ui.painter(), rect, 15.0, tokens::INK2);
            }
            let width = ui.available_width() - 62.0;
            ui.allocate_ui(vec2(width, 24.0), |ui| {
                ui.set_width(width);
                ui.add(Label::new(RichText::new(words).font(text::body()).color(tokens::INK)).wrap());
            });
            let name = format!("Clear place {}", n + 1);
            if Push::new("Clear").name(&name).frameless().show(ui).clicked() {
                scene.out.push(Action::Clear(*at));
            }
        });
    }
}

fn comment(ui: &mut Ui, scene: &mut Scene<'_>) {
    impression::heading(ui, COMMENT);
    let mut words = scene.state.turn.comment.clone();
    // Enter saves; a new line is Shift and Enter.
    let edit = TextEdit::multiline(&mut words)
        .desired_rows(2)
        .desired_width(f32::INFINITY)
        .font(text::body())
        .return_key(KeyboardShortcut::new(Modifiers::SHIFT, eframe::egui::Key::Enter))
        .char_limit(2000)
        .hint_text("Words for the study team");
    let response = ui.add(edit).accessible_name(COMMENT);
    if response.changed() {
        scene.out.push(Action::Comment(words));
    }
}
