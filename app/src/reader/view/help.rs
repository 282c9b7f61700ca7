//! The column right of the image while an answer is chosen: how to look, examples, and what practice asks for.

use eframe::egui::{Align2, CornerRadius, Frame, Grid, Label, Margin, Rect, RichText, Role, Sense, Stroke, Ui, WidgetInfo, vec2};

use super::Scene;
use crate::canvas::picture::{View, Window, letterbox};
use crate::reader::state::Stage;
use crate::theme::{text, tokens};
use crate::widgets::chip;

/// Largest side of an example, in points.
const EXAMPLE: f32 = 320.0;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    if matches!(scene.state.stage, Stage::Practice(_)) {
        practice(ui, scene);
        ui.add_space(20.0);
    }
    examples(ui, scene);
    looking(ui, scene);
}

fn looking(ui: &mut Ui, scene: &Scene<'_>) {
    let up = scene.state.scale().up().words();
    let grey = |words: &str| RichText::new(words).font(text::secondary()).color(tokens::INK3);
    let ink = |words: &str| RichText::new(words).font(text::secondary()).color(tokens::INK2);
    // A narrow column takes shorter words.
    let narrow = ui.available_width() < 200.0;
    ui.spacing_mut().interact_size.y = 18.0;
    Grid::new("how to look").num_columns(2).spacing(vec2(12.0, 5.0)).show(ui, |ui| {
        let mut row = |name: &str, show: &mut dyn FnMut(&mut Ui)| {
            ui.label(grey(name));
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 5.0;
                show(ui);
            });
            ui.end_row();
        };
        row("Window", &mut |ui| {
            ui.label(ink(if narrow { "right-drag" } else { "drag with the right button" }));
        });
        row("Zoom", &mut |ui| {
            ui.label(ink(if narrow { "wheel," } else { "wheel, or" }));
            chip::key(ui, "Z");
            if !narrow {
                ui.label(ink(&format!("for {up}")));
            }
        });
        row("Move", &mut |ui| {
            if !narrow {
                ui.label(ink("hold"));
            }
            chip::key(ui, "Space");
            ui.label(ink(if narrow { "drag" } else { "and drag" }));
        });
        row("Invert", &mut |ui| chip::key(ui, "I"));
        row("Reset", &mut |ui| chip::key(ui, "0"));
        row("Text", &mut |ui| {
            chip::key(ui, "Ctrl +");
            chip::key(ui, if narrow { "−" } else { "Ctrl −" });
        });
    });
}

/// What practice is for; the first case asks for one answer, so that keys and scores meet before they count.
fn practice(ui: &mut Ui, scene: &Scene<'_>) {
    let state = scene.state;
    Frame::new().fill(tokens::BG).stroke(Stroke::new(1.0, tokens::LINE2)).corner_radius(CornerRadius::same(8)).inner_margin(Margin::same(14)).show(
        ui,
        |ui| {
            ui.set_width(ui.available_width());
            chip::badge(ui, "PRACTICE", tokens::WARN);
            ui.add_space(4.0);
            let asked = state.turn.asked.and_then(|a| state.sheet.choices.get(a));
            let words = match asked {
                Some(choice) => format!(
                    "Give this one “{}” ({}). It is on key {}, whatever you think of the image: keys and answers are easily mixed up.",
                    choice.figure,
                    choice.words.to_lowercase(),
                    choice.key
                ),
                None => "Answer as you will in the study. Nothing is kept.".to_owned(),
            };
            ui.add(Label::new(RichText::new(words).font(text::body()).color(tokens::INK)).wrap());
            if let Some(notice) = &state.notice {
                ui.add_space(4.0);
                ui.add(Label::new(RichText::new(notice).font(text::body()).color(tokens::WARN)).wrap());
            }
        },
    );
}

/// Examples beside the image of an assisted reading, in the window of the image.
fn examples(ui: &mut Ui, scene: &mut Scene<'_>) {
    let turn = &scene.state.turn;
    if turn.trial.examples.is_empty() {
        return;
    }
    let finding = turn.trial.finding.as_deref().unwrap_or("the finding");
    super::impression::heading(ui, &format!("Examples of {}", finding.to_lowercase()));
    let scored = turn.trial.images.len();
    let side = ui.available_width().min(EXAMPLE);
    for (i, picture) in turn.images.iter().enumerate().skip(scored) {
        let name = format!("Example {}", i - scored + 1);
        let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name.as_str()));
        match picture {
            Some(image) => {
                let place = letterbox(rect, image);
                let window = Window { width: turn.look.window, level: turn.look.level, inverted: turn.look.inverted };
                let painter = ui.painter().clone();
                scene.pictures.paint(ui, &painter, &View { clip: rect, place, slot: 1 + i, image, window });
            }
            None => {
                ui.painter().text(rect.center(), Align2::CENTER_CENTER, "Loading", text::secondary(), tokens::INK3);
            }
        }
        tag(ui, rect, &name);
        ui.add_space(8.0);
    }
    ui.add_space(12.0);
}

/// A tag at the lower left corner of a picture.
pub(super) fn tag(ui: &Ui, rect: Rect, words: &str) {
    let galley = ui.painter().layout_no_wrap(words.to_owned(), text::tag(), tokens::INK);
    let place =
        Rect::from_min_size(rect.left_bottom() + vec2(6.0, -6.0 - galley.size().y - 6.0), galley.size() + vec2(12.0, 6.0));
    ui.painter().rect_filled(place, CornerRadius::same(4), tokens::TAG);
    ui.painter().galley(place.min + vec2(6.0, 3.0), galley, tokens::INK);
}
