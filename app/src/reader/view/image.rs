//! The images in the middle: at a whole multiple of device pixels, with everything that one does to look at them.

use eframe::egui::{
    Align, Align2, CornerRadius, CursorIcon, Key, Label, Layout, PointerButton, Pos2, Rect, Response, RichText, Role, Sense,
    Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use study::template::Template;

use super::Scene;
use crate::canvas::picture::{View, Window};
use crate::reader::action::Action;
use crate::reader::state::{State, Step};
use crate::theme::{text, tokens};
use crate::widgets::Push;

/// Room kept free around the images, in points.
pub const MARGIN: f32 = 8.0;
/// Least width of an image on which R and L are shown, in points.
const TAGS: f32 = 240.0;

/// The accessible name of an image.
pub fn name(template: Template, at: usize) -> &'static str {
    match (template, at) {
        (Template::PairwiseChoice, 0) => "Left radiograph",
        (Template::PairwiseChoice, _) => "Right radiograph",
        (Template::Quartet, 0) => "Radiograph A",
        (Template::Quartet, 1) => "Radiograph B",
        (Template::Quartet, 2) => "Radiograph C",
        (Template::Quartet, _) => "Radiograph D",
        _ => "Radiograph",
    }
}

/// Where each image may be drawn.
pub(super) fn cells(all: Rect, images: usize) -> Vec<Rect> {
    let all = all.shrink(MARGIN);
    let (across, down) = match images {
        0 | 1 => (1, 1),
        2 => (2, 1),
        _ => (2, 2),
    };
    let gap = 2.0 * MARGIN;
    let size = vec2(
        (all.width() - gap * (across as f32 - 1.0)) / across as f32,
        (all.height() - gap * (down as f32 - 1.0)) / down as f32,
    );
    let cell = |i: usize| {
        let (x, y) = (i % across, i / across);
        Rect::from_min_size(pos2(all.left() + (size.x + gap) * x as f32, all.top() + (size.y + gap) * y as f32), size)
    };
    (0..images).map(cell).collect()
}

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let turn = &state.turn;
    let all = ui.available_rect_before_wrap();
    let cells = cells(all, turn.trial.images.len());
    if let Some(why) = &turn.unreadable {
        let place = Rect::from_center_size(all.center(), vec2(all.width().min(420.0), 160.0));
        let mut ui = ui.new_child(UiBuilder::new().max_rect(place).layout(Layout::top_down(Align::Min)));
        ui.add(Label::new(RichText::new(why).font(text::body()).color(tokens::INK)).wrap());
        ui.add_space(6.0);
        if Push::new("Try again").purpose("Reads the image once more").size(30.0, 110.0).show(&mut ui).clicked() {
            scene.out.push(Action::TryAgain);
        }
        return;
    }
    let all_there = turn.is_ready();
    for (i, cell) in cells.iter().enumerate() {
        let label = name(state.sheet.template, i);
        // Without focus of its own: Enter locks, arrows and X mark, whatever was pressed before.
        let response = ui.interact(*cell, ui.scope_id().with(("image", i)), Sense::CLICK | Sense::DRAG);
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, label));
        let Some(image) = turn.images.get(i).and_then(Option::as_ref).filter(|_| all_there) else {
            ui.painter().text(cell.center(), Align2::CENTER_CENTER, "Loading the image", text::secondary(), tokens::INK3);
            continue;
        };
        let size = [image.width(), image.height()];
        let place = turn.look.place(*cell, size, state.scale(), ui.pixels_per_point());
        let look = turn.look;
        let window = Window { width: look.window, level: look.level, inverted: look.inverted };
        let painter = ui.painter().clone();
        scene.pictures.paint(ui, &painter, &View { clip: *cell, place, slot: 1 + i, image, window });
        over(ui, state, *cell, place, i);
        pointer(ui, scene.out, state, &response, *cell, place, i);
    }
    if all_there && !turn.was_shown {
        scene.out.push(Action::Shown);
    }
}

/// Sides, names of several images, marks and the cross.
fn over(ui: &Ui, state: &State, cell: Rect, place: Rect, at: usize) {
    let painter = ui.painter().with_clip_rect(cell);
    let seen = place.intersect(cell);
    let tag = |corner: Pos2, right: bool, words: &str| {
        let galley = painter.layout_no_wrap(words.to_owned(), text::medium(), tokens::INK);
        let size = vec2(galley.size().x.max(10.0) + 12.0, 22.0);
        let min = if right { corner + vec2(-size.x - 8.0, 8.0) } else { corner + vec2(8.0, 8.0) };
        let rect = Rect::from_min_size(min, size);
        painter.rect(rect, CornerRadius::same(4), tokens::TAG, Stroke::new(1.0, tokens::LINE2), StrokeKind::Inside);
        painter.galley(rect.center() - galley.size() * 0.5, galley, tokens::INK);
    };
    let several = state.turn.trial.images.len() > 1;
    if several {
        let choice = state.sheet.choices.get(at).map_or("", |c| c.figure);
        tag(pos2(seen.center().x - 20.0, seen.top()), false, choice);
        if state.turn.choice() == Some(at) {
            painter.rect_stroke(seen, CornerRadius::ZERO, Stroke::new(2.0, tokens::INK), StrokeKind::Outside);
        }
    }
    if seen.width() >= TAGS {
        // The picture's left is the patient's right.
        tag(seen.left_top(), false, "R");
        tag(seen.right_top(), true, "L");
    }
    if matches!(state.turn.step, Step::Errors | Step::Closing) && at == 0 {
        let on_screen = |x: f64, y: f64| place.min + vec2(x as f32, y as f32) * place.size();
        let placed: Vec<_> = state.turn.placed().collect();
        for (n, (_, _, (x, y))) in placed.iter().enumerate() {
            let number = if placed.len() > 1 { Some(n + 1) } else { None };
            ring(&painter, on_screen(*x, *y), number);
        }
        if let Some((x, y)) = state.turn.cross {
            cross(&painter, on_screen(f64::from(x), f64::from(y)));
        }
    }
}

/// A marked place: a ring with four short lines, in a casing that holds on any grey.
fn ring(painter: &eframe::egui::Painter, at: Pos2, number: Option<usize>) {
    for (width, color) in [(3.5, tokens::CASING), (1.6, tokens::INK)] {
        let stroke = Stroke::new(width, color);
        painter.circle_stroke(at, 17.0, stroke);
        for way in [Vec2::X, Vec2::Y, -Vec2::X, -Vec2::Y] {
            painter.line_segment([at + way * 12.0, at + way * 24.0], stroke);
        }
    }
    if let Some(number) = number {
        let galley = painter.layout_no_wrap(number.to_string(), text::tag(), tokens::INK);
        let rect = Rect::from_center_size(at + vec2(24.0, -20.0), galley.size() + vec2(8.0, 2.0));
        painter.rect_filled(rect, CornerRadius::same(4), tokens::TAG);
        painter.galley(rect.center() - galley.size() * 0.5, galley, tokens::INK);
    }
}

/// The cross of the keyboard.
fn cross(painter: &eframe::egui::Painter, at: Pos2) {
    for (width, color) in [(3.5, tokens::CASING), (1.6, tokens::FOCUS)] {
        let stroke = Stroke::new(width, color);
        for way in [Vec2::X, Vec2::Y, -Vec2::X, -Vec2::Y] {
            painter.line_segment([at + way * 3.0, at + way * 14.0], stroke);
        }
    }
}

/// Wheel, drags and clicks.
fn pointer(ui: &Ui, out: &mut Vec<Action>, state: &State, response: &Response, cell: Rect, place: Rect, at_cell: usize) {
    let (scroll, zoom, space) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta(), i.key_down(Key::Space)));
    if let Some(at) = response.hover_pos() {
        if scroll.y != 0.0 || (zoom - 1.0).abs() > 1e-4 {
            out.push(Action::ZoomAt((scroll.y * 0.0025).exp() * zoom, at - cell.center(), place.size()));
        }
        let marks = state.turn.step == Step::Errors && state.turn.kind.is_some() && place.contains(at);
        ui.ctx().set_cursor_icon(match (space, marks) {
            (true, _) => CursorIcon::Grab,
            (false, true) => CursorIcon::Crosshair,
            (false, false) => CursorIcon::Default,
        });
    }
    let moved = response.drag_delta();
    if moved != Vec2::ZERO {
        if response.dragged_by(PointerButton::Secondary) {
            out.push(Action::Window(moved));
        } else if response.dragged_by(PointerButton::Middle) || (space && response.dragged_by(PointerButton::Primary)) {
            out.push(Action::Pan(moved / place.size()));
        }
    }
    if response.clicked()
        && !space
        && let Some(at) = response.interact_pointer_pos().filter(|p| place.contains(*p))
    {
        let share = (at - place.min) / place.size();
        if state.turn.step == Step::Errors {
            out.push(Action::Mark(share.x, share.y));
        } else if state.turn.trial.images.len() > 1 {
            out.push(Action::Choose(at_cell));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_do_not_overlap_and_are_alike() {
        let all = Rect::from_min_size(pos2(0.0, 0.0), vec2(900.0, 700.0));
        for n in [1, 2, 4] {
            let cells = cells(all, n);
            assert_eq!(cells.len(), n);
            for (i, a) in cells.iter().enumerate() {
                assert!(all.contains_rect(*a) && (a.size() - cells[0].size()).length() < 1e-3);
                assert!(cells[..i].iter().all(|b| !a.shrink(1.0).intersects(*b)));
            }
        }
    }
}
