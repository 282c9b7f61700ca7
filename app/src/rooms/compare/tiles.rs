//! The pictures themselves: each a view, all looked at alike.

use std::sync::Arc;

use eframe::egui::{Align2, Id, Key, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};
use engine::domain::Shape;

use super::reduce::letter;
use super::show::{empty, push};
use super::{Action, Entry, Mode};
use crate::canvas::camera::Camera;
use crate::canvas::look;
use crate::canvas::overlay;
use crate::canvas::picture::{View, letterbox};
use crate::canvas::sight::{different_sizes, scale, swipe_line};
use crate::panels::Panel;
use crate::theme::{self, text, tokens};

/// Height of the words below a picture.
const WORDS: f32 = 24.0;
/// Room between pictures.
const GAP: f32 = 6.0;
/// The first slot of the shader for this room; the canvas is not shown with it.
const FIRST_SLOT: usize = 2;
/// Seconds that each picture of a blink is seen.
const BLINK_SECS: f64 = 0.5;

/// Pictures in a row, so that `n` of them are as large as they can be in a rectangle of this width to height.
pub(super) fn columns(n: usize, aspect: f32) -> usize {
    let side = |columns: usize| {
        let rows = n.div_ceil(columns) as f32;
        (aspect / columns as f32).min(1.0 / rows)
    };
    (1..=n.max(1)).max_by(|&a, &b| side(a).total_cmp(&side(b)).then(b.cmp(&a))).unwrap_or(1)
}

/// Shows the pictures.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let whole = ui.available_rect_before_wrap();
    ui.painter().rect_filled(whole, 0.0, tokens::VIEW);
    let room = &panel.state.compare;
    if room.entries.is_empty() {
        empty(
            ui,
            "Nothing to compare yet",
            "Add pictures on the left, or press “Open in Compare” beside two images on the canvas.",
        );
        return;
    }
    match room.mode {
        Mode::All | Mode::Difference => all(ui, panel, whole),
        Mode::Swipe | Mode::Blink => pair(ui, panel, whole),
    }
}

fn all(ui: &mut Ui, panel: &mut Panel<'_>, whole: Rect) {
    let n = panel.state.compare.entries.len();
    let across = columns(n, whole.width() / (whole.height() - WORDS).max(1.0));
    let down = n.div_ceil(across);
    let size = vec2((whole.width() - GAP) / across as f32, (whole.height() - GAP) / down as f32);
    for at in 0..n {
        let corner = whole.min + vec2(GAP + (at % across) as f32 * size.x, GAP + (at / across) as f32 * size.y);
        let tile = Rect::from_min_size(corner, size - Vec2::splat(GAP));
        let view = Rect::from_min_max(tile.min, pos2(tile.right(), tile.bottom() - WORDS));
        let name = format!("View {}", letter(at));
        let (camera, response) = linked(ui, panel, view, &name, at);
        let reference = at == panel.state.compare.reference;
        if panel.state.compare.mode == Mode::Difference && !reference {
            difference(ui, panel, at, view, &camera);
        } else {
            picture(ui, panel, at, view, &camera);
        }
        tile_words(ui, panel, at, tile);
        if response.clicked() {
            push(panel, Action::Choose(at));
        }
        if response.has_focus() {
            tile_keys(ui, panel, at);
        }
    }
}

/// Enter makes a focused view the reference, Delete takes it away.
fn tile_keys(ui: &Ui, panel: &mut Panel<'_>, at: usize) {
    let (enter, delete) = ui.input(|i| (i.key_pressed(Key::Enter), i.key_pressed(Key::Delete)));
    if enter {
        push(panel, Action::SetReference(at));
    }
    if delete {
        push(panel, Action::Remove(at));
    }
}

/// A view that is looked at like all others.
fn linked(ui: &mut Ui, panel: &mut Panel<'_>, view: Rect, name: &str, at: usize) -> (Camera, Response) {
    let room = &panel.state.compare;
    let response = ui.interact(view, Id::unique(("compare view", at)), Sense::click_and_drag());
    let title = room.entries.get(at).map_or("", |e| e.picture.title.as_str());
    response.widget_info(|| WidgetInfo::selected(Role::Image, true, room.chosen == at, format!("{name}: {title}")));
    let center = pos2(room.linked.center.0, room.linked.center.1);
    let camera = Camera::new(view, room.size_px(), room.linked.zoom, center);
    if let Some(look) = look::read(ui, &response, view, &camera) {
        push(panel, Action::Look(look));
    }
    (camera, response)
}

fn picture(ui: &Ui, panel: &mut Panel<'_>, at: usize, view: Rect, camera: &Camera) {
    let room = &panel.state.compare;
    let entry = &room.entries[at];
    let place = letterbox(camera.image_rect(), &entry.picture.image);
    let slot = FIRST_SLOT + at;
    let what = View { clip: view, place, slot, image: &entry.picture.image, window: room.linked.window };
    panel.pictures.pictures.paint(ui, &ui.painter_at(view), &what);
    if entry.overlays {
        outlines(ui, panel, at, view, place);
    }
    let (painter, seen) = (ui.painter_at(view), place.intersect(view));
    if seen.width() > 120.0 && seen.height() > 120.0 {
        let mark = panel.state.compare.entries[at].picture.mark;
        let corner = seen.left_top() + vec2(40.0, 8.0);
        overlay::tag(&painter, corner, Align2::LEFT_TOP, mark, tokens::INK, text::secondary(), seen);
        overlay::sides(&painter, camera, view);
    }
}

/// The drawn findings of a picture's run.
fn outlines(ui: &Ui, panel: &mut Panel<'_>, at: usize, view: Rect, place: Rect) {
    let painter = ui.painter_at(view);
    let entry: &Entry = &panel.state.compare.entries[at];
    let Some(request) = entry.picture.request() else { return };
    for (annotation, mask) in request.annotations.iter().zip(&entry.masks) {
        let color = tokens::class(annotation.finding);
        match (&annotation.shape, mask) {
            (Shape::Mask(_), Some(mask)) => {
                let texture = panel.pictures.fill(ui.ctx(), mask, color);
                painter.image(texture, place, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
            }
            (Shape::Box { rect, width, height }, _) => {
                let scale = vec2(place.width() / (*width).max(1) as f32, place.height() / (*height).max(1) as f32);
                let corner = |x: f32, y: f32| place.min + vec2(x, y) * scale;
                let shown = Rect::from_min_max(corner(rect.x0, rect.y0), corner(rect.x1, rect.y1));
                overlay::boxed(&painter, shown, color, false);
            }
            _ => {}
        }
    }
}

fn difference(ui: &Ui, panel: &mut Panel<'_>, at: usize, view: Rect, camera: &Camera) {
    let room = &panel.state.compare;
    let painter = ui.painter_at(view);
    let (Some(a), Some(b)) = (room.entries.get(room.reference), room.entries.get(at)) else { return };
    let (a, b) = (Arc::clone(&a.picture.image), Arc::clone(&b.picture.image));
    let layers = || room.entries[at].picture.request().map(|r| r.annotations.clone()).unwrap_or_default();
    let compared = panel.pictures.differences(at).get(ui.ctx(), (&a, &b), panel.state.sight.gain, layers);
    match compared.map(|c| &c.what) {
        Some(Some((figures, texture))) => {
            let place = letterbox(camera.image_rect(), &b);
            painter.image(texture.id(), place, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
            let seen = place.intersect(view);
            let words = format!("× {}, mean change {:.3}", figures.gain, figures.mean);
            let at = seen.right_bottom() + vec2(-6.0, -6.0);
            overlay::tag(&painter, at, Align2::RIGHT_BOTTOM, &words, tokens::INK, text::secondary(), seen);
            if seen.width() > 160.0 {
                scale(&painter, Rect::from_min_size(seen.left_bottom() + vec2(6.0, -13.0), vec2(72.0, 7.0)));
            }
        }
        Some(None) => {
            painter.text(view.center(), Align2::CENTER_CENTER, different_sizes(&a, &b), text::secondary(), tokens::INK3);
        }
        None => {}
    }
}

fn tile_words(ui: &Ui, panel: &Panel<'_>, at: usize, tile: Rect) {
    let room = &panel.state.compare;
    let entry = &room.entries[at];
    let painter = ui.painter_at(tile.expand(2.0));
    let y = tile.bottom() - WORDS * 0.5;
    let color = if room.chosen == at { tokens::INK } else { tokens::INK2 };
    let mark = if room.reference == at { ", reference" } else { "" };
    let left = painter.layout_no_wrap(format!("{}  {}{mark}", letter(at), entry.picture.title), text::secondary(), color);
    let width = left.size().x;
    painter.galley(pos2(tile.left() + 4.0, y - left.size().y * 0.5), left, color);
    if let Some(model) = entry.picture.model() {
        let right = painter.layout_no_wrap(model, text::secondary(), tokens::INK3);
        if width + right.size().x + 24.0 < tile.width() {
            let at = pos2(tile.right() - 4.0 - right.size().x, y - right.size().y * 0.5);
            painter.galley(at, right, tokens::INK3);
        }
    }
    if room.chosen == at {
        let view = Rect::from_min_max(tile.min, pos2(tile.right(), tile.bottom() - WORDS));
        painter.rect_stroke(view, 0.0, Stroke::new(2.0, tokens::INK3), StrokeKind::Inside);
    }
}

/// The reference against the chosen picture, in one view.
fn pair(ui: &mut Ui, panel: &mut Panel<'_>, whole: Rect) {
    let room = &panel.state.compare;
    let Some((a, b)) = room.pair() else { return };
    let place_of = |id: u64| room.entries.iter().position(|e| e.id == id).unwrap_or(0);
    let (at_a, at_b) = (place_of(a.id), place_of(b.id));
    let view = Rect::from_min_max(whole.min + Vec2::splat(GAP), whole.max - vec2(GAP, WORDS));
    let (camera, _) = linked(ui, panel, view, "View", at_b);
    let room = &panel.state.compare;
    let image = camera.image_rect();
    let words = |at: usize| format!("{}  {}", letter(at), room.entries[at].picture.title);
    match room.mode {
        Mode::Blink => {
            let first = if theme::is_still(ui.ctx()) { room.flipped } else { blink(ui) };
            let at = if first { at_a } else { at_b };
            let title = words(at);
            picture(ui, panel, at, view, &camera);
            let seen = image.intersect(view);
            let corner = seen.right_bottom() + vec2(-8.0, -8.0);
            overlay::tag(&ui.painter_at(view), corner, Align2::RIGHT_BOTTOM, &title, tokens::INK, text::secondary(), seen);
        }
        _ => {
            let (left, right) = (words(at_a), words(at_b));
            let seen = image.intersect(view);
            let x = (image.left() + room.swipe * image.width()).clamp(seen.left(), seen.right().max(seen.left()));
            let share = room.swipe;
            picture(ui, panel, at_b, view, &camera);
            let clip = Rect::from_min_max(view.min, pos2(x, view.bottom()));
            ui.painter().rect_filled(clip, 0.0, tokens::VIEW);
            picture(ui, panel, at_a, clip, &camera);
            if let Some(to) = swipe_line(ui, "Swipe line of the room", share, image, view) {
                push(panel, Action::SwipeTo(to));
            }
            let painter = ui.painter_at(view);
            let tag = |at, anchor, words: &str| overlay::tag(&painter, at, anchor, words, tokens::INK, text::secondary(), seen);
            tag(seen.left_bottom() + vec2(8.0, -8.0), Align2::LEFT_BOTTOM, &left);
            tag(seen.right_bottom() + vec2(-8.0, -8.0), Align2::RIGHT_BOTTOM, &right);
        }
    }
}

/// Whether the first picture of a blink is seen now; asks for a frame when that changes.
fn blink(ui: &Ui) -> bool {
    let time = ui.input(|i| i.time);
    let left = BLINK_SECS - time % BLINK_SECS;
    ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(left + 0.002));
    ((time / BLINK_SECS) as u64).is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_as_large_as_they_can_be() {
        assert_eq!([1, 2, 3, 4, 6, 9].map(|n| columns(n, 1.5)), [1, 2, 2, 2, 3, 3]);
        assert_eq!((columns(4, 4.5), columns(2, 0.6)), (4, 1));
    }
}
