//! What lies on the image: outlines with a casing, boxes, the guide, tags, R and L.

use std::sync::Arc;

use eframe::egui::{Align2, Color32, CornerRadius, FontId, Galley, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, vec2};
use engine::domain::Side;

use super::camera::Camera;
use super::guide;
use super::masks::Masks;
use crate::state::{Document, Layer, Region, State, millimetres};
use crate::theme::{text, tokens};

/// Width of class lines, without their casing.
const LINE: f32 = 1.6;
/// Width of the guide.
const GUIDE_LINE: f32 = 1.2;
/// Casing on each side of a line.
const CASING: f32 = 1.0;

/// Points of an outline nearer to the last one are left out, in points of the screen.
const NEAR: f32 = 0.7;

/// Lines in a colour over black ones: first all casings, so that none crosses a line.
fn cased(painter: &Painter, lines: Vec<Vec<Pos2>>, width: f32, color: Color32) {
    painter.extend(lines.iter().map(|l| Shape::line(l.clone(), Stroke::new(width + 2.0 * CASING, tokens::CASING))));
    painter.extend(lines.into_iter().map(|l| Shape::line(l, Stroke::new(width, color))));
}

/// The part of a mask's outline that can be seen, on the screen.
fn outline(painter: &Painter, camera: &Camera, masks: &Masks, layer: &Layer) -> Vec<Vec<Pos2>> {
    let clip = painter.clip_rect().expand(4.0);
    let mut lines = Vec::new();
    for line in masks.lines(layer.id) {
        let mut points: Vec<Pos2> = Vec::with_capacity(line.len());
        let mut seen = Rect::NOTHING;
        for (i, &point) in line.iter().enumerate() {
            let p = camera.screen_from_image(point);
            seen.extend_with(p);
            if i + 1 == line.len() || points.last().is_none_or(|last| last.distance(p) > NEAR) {
                points.push(p);
            }
        }
        if clip.intersects(seen) {
            lines.push(points);
        }
    }
    lines
}

/// Paints all visible layers, lowest first; their tags stay within a part of the image.
pub fn layers(painter: &Painter, camera: &Camera, state: &State, masks: &Masks, tags_within: Rect) {
    for layer in state.document.layers.iter().rev().filter(|l| state.document.is_active(l)) {
        let chosen = state.view.chosen == Some(layer.id);
        let color = super::class_color(layer);
        match &layer.region {
            Region::Guide => lung_guide(painter, camera),
            Region::Mask(_) | Region::MayChange(_) | Region::Keep(_) => {
                cased(painter, outline(painter, camera, masks, layer), LINE, color);
            }
            Region::Box(Some(rect)) => {
                let rect = Rect::from_min_max(
                    camera.screen_from_image((rect.x0, rect.y0)),
                    camera.screen_from_image((rect.x1, rect.y1)),
                );
                boxed(painter, rect, color, chosen);
            }
            Region::Box(None) => {}
        }
    }
    // From above, so that what stands first in the list keeps its place.
    let mut taken = Vec::new();
    for layer in state.document.layers.iter().filter(|l| state.document.is_active(l)) {
        layer_tag(painter, camera, &state.document, layer, tags_within, &mut taken);
    }
}

/// A box with square corners; the chosen one shows its corners.
pub fn boxed(painter: &Painter, rect: Rect, color: Color32, chosen: bool) {
    painter.rect_stroke(rect, 0.0, Stroke::new(LINE + 2.0 * CASING, tokens::CASING), StrokeKind::Middle);
    painter.rect_stroke(rect, 0.0, Stroke::new(LINE, color), StrokeKind::Middle);
    if chosen {
        for corner in [rect.left_top(), rect.right_top(), rect.left_bottom(), rect.right_bottom()] {
            painter.rect_filled(Rect::from_center_size(corner, Vec2::splat(7.0)), 0.0, tokens::CASING);
            painter.rect_filled(Rect::from_center_size(corner, Vec2::splat(4.0)), 0.0, color);
        }
    }
}

fn lung_guide(painter: &Painter, camera: &Camera) {
    for outline in guide::outlines(camera.size_px) {
        let mut points: Vec<Pos2> = outline.iter().map(|&p| camera.screen_from_image(p)).collect();
        points.extend(points.first().copied());
        let casing = Stroke::new(GUIDE_LINE + 2.0 * CASING, tokens::alpha(tokens::CASING, 0.55));
        painter.extend(Shape::dashed_line(&points, casing, 4.0, 5.0));
        painter.extend(Shape::dashed_line(&points, Stroke::new(GUIDE_LINE, tokens::GUIDE), 4.0, 5.0));
    }
}

/// What is being drawn and not yet in a layer: an outline, a line, an ellipse or a box.
pub fn stroke_in_progress(painter: &Painter, camera: &Camera, state: &State) {
    use crate::state::view::Stroke as Drag;
    let color = state.chosen_layer().map_or(tokens::INK, super::class_color);
    let screen = |points: &[(f32, f32)]| points.iter().map(|&p| camera.screen_from_image(p)).collect::<Vec<Pos2>>();
    match &state.view.stroke {
        Some(Drag::Lasso { points, .. }) if points.len() > 1 => cased(painter, vec![screen(points)], LINE, color),
        Some(Drag::Polygon { points, .. }) => {
            let mut line = screen(points);
            line.extend(state.view.pointer.map(|p| camera.screen_from_image(p)));
            cased(painter, vec![line], LINE, color);
            for at in screen(points) {
                painter.circle_filled(at, 4.0, tokens::CASING);
                painter.circle_filled(at, 2.5, color);
            }
        }
        Some(Drag::Line { from, to, .. }) => {
            let radius = state.view.brush_px * camera.zoom;
            let (from, to) = (camera.screen_from_image(*from), camera.screen_from_image(*to));
            painter.line_segment([from, to], Stroke::new(2.0 * radius, tokens::alpha(color, 0.3)));
            for at in [from, to] {
                painter.circle_stroke(at, radius, Stroke::new(1.2, color));
            }
            cased(painter, vec![vec![from, to]], LINE, color);
        }
        Some(Drag::Ellipse { from, to, .. }) => {
            let rect = Rect::from_two_pos(camera.screen_from_image(*from), camera.screen_from_image(*to));
            let at = |i: i32| {
                let a = i as f32 / 48.0 * std::f32::consts::TAU;
                rect.center() + vec2(0.5 * rect.width() * a.cos(), 0.5 * rect.height() * a.sin())
            };
            cased(painter, vec![(0..=48).map(at).collect()], LINE, color);
        }
        _ => {}
    }
    if let Some(rect) = state.view.dragged_box() {
        let rect = Rect::from_min_max(camera.screen_from_image((rect.x0, rect.y0)), camera.screen_from_image((rect.x1, rect.y1)));
        boxed(painter, rect, color, true);
    }
}

/// The brush as a ring, with its size where the spacing is known.
pub fn ring(painter: &Painter, at: Pos2, camera: &Camera, state: &State) {
    let radius = state.view.brush_px * camera.zoom;
    painter.circle_stroke(at, radius, Stroke::new(3.0, tokens::CASING));
    painter.circle_stroke(at, radius, Stroke::new(1.2, tokens::INK));
    if let Some(mm) = millimetres::mm_per_px(&state.document) {
        let words = format!("{:.1} mm", 2.0 * state.view.brush_px * mm);
        let below = at + vec2(radius * 0.7 + 4.0, radius * 0.7 + 4.0);
        tag(painter, below, Align2::LEFT_TOP, &words, tokens::INK, text::tag(), painter.clip_rect());
    }
}

/// The tag of a layer, beside the tags that are there already.
fn layer_tag(painter: &Painter, camera: &Camera, document: &Document, layer: &Layer, within: Rect, taken: &mut Vec<Rect>) {
    let side = match layer.side(document.size_px) {
        Some(Side::Both) => " both",
        Some(Side::Right) => " right",
        Some(Side::Left) => " left",
        None => return,
    };
    let what = if layer.region.is_finding() { layer.finding.code() } else { layer.title() };
    let words = format!("{} {what}{side}", document.number(layer.id));
    let at = match &layer.region {
        Region::Mask(mask) | Region::MayChange(mask) | Region::Keep(mask) => {
            let Some(b) = mask.bounds() else { return };
            // Under another picture nothing of it is seen, and a tag would be about something else.
            if camera.screen_from_image((b.x1, b.y1)).x <= within.left() {
                return;
            }
            let right_half = 0.5 * (b.x0 + b.x1) > 0.5 * document.size_px as f32;
            let x = if right_half { b.x0 - 6.0 / camera.zoom } else { b.x1 + 6.0 / camera.zoom };
            let anchor = if right_half { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER };
            let y = 0.5 * (b.y0 + b.y1);
            (camera.screen_from_image((x, y)), anchor)
        }
        Region::Box(Some(rect)) if camera.screen_from_image((rect.x1, rect.y1)).x <= within.left() => return,
        Region::Box(Some(rect)) => (camera.screen_from_image((rect.x0, rect.y0)) + vec2(0.0, -5.0), Align2::LEFT_BOTTOM),
        _ => return,
    };
    let galley = painter.layout_no_wrap(words, text::tag(), super::class_color(layer));
    let rect = beside(tag_rect(at.0, at.1, &galley, within), taken, within);
    taken.push(rect);
    paint_tag(painter, rect, galley, super::class_color(layer));
}

/// The place of a tag moved below or above those that it would cover, whichever is nearer and inside `within`.
fn beside(wanted: Rect, taken: &[Rect], within: Rect) -> Rect {
    let step = wanted.height() + 2.0;
    let free = |n: f32| {
        let rect = wanted.translate(vec2(0.0, n * step));
        (within.contains_rect(rect) && taken.iter().all(|t| !t.shrink(0.5).intersects(rect))).then_some(rect)
    };
    (0..=taken.len()).flat_map(|n| [n as f32, -(n as f32)]).find_map(free).unwrap_or(wanted)
}

/// Words on a dark ground, kept inside `within`.
pub fn tag(painter: &Painter, at: Pos2, anchor: Align2, words: &str, color: Color32, font: FontId, within: Rect) -> Rect {
    let galley = painter.layout_no_wrap(words.to_owned(), font, color);
    let rect = tag_rect(at, anchor, &galley, within);
    paint_tag(painter, rect, galley, color);
    rect
}

fn tag_rect(at: Pos2, anchor: Align2, galley: &Galley, within: Rect) -> Rect {
    let rect = anchor.anchor_size(at, galley.size() + vec2(14.0, 7.0));
    let rect = rect.translate((within.min - rect.min).max(Vec2::ZERO));
    rect.translate((within.max - rect.max).min(Vec2::ZERO))
}

fn paint_tag(painter: &Painter, rect: Rect, galley: Arc<Galley>, color: Color32) {
    painter.rect_filled(rect, CornerRadius::same(4), tokens::TAG);
    painter.galley(rect.center() - galley.size() * 0.5, galley, color);
}

/// How far the title goes up so that it does not lie on the mark beside it.
fn lift(image: Rect, mark: Rect, title_width: f32) -> f32 {
    if image.right() - 8.0 - title_width < mark.right() + 4.0 { mark.height() + 4.0 } else { 0.0 }
}

/// R and L, what kind of picture it is (synthetic, edited, opened) and its title.
pub fn marks(painter: &Painter, camera: &Camera, canvas: Rect, mark: &str, title: &str) {
    let image = camera.image_rect().intersect(canvas);
    if image.width() < 120.0 || image.height() < 120.0 {
        return;
    }
    sides(painter, camera, canvas);
    let tag_at = |at, anchor, words: &str| tag(painter, at, anchor, words, tokens::INK, text::secondary(), image);
    let low = tag_at(image.left_bottom() + vec2(8.0, -8.0), Align2::LEFT_BOTTOM, mark);
    let width = painter.layout_no_wrap(title.to_owned(), text::secondary(), tokens::INK).size().x + 14.0;
    tag_at(image.right_bottom() + vec2(-8.0, -8.0 - lift(image, low, width)), Align2::RIGHT_BOTTOM, title);
}

/// R and L alone: image-left is the patient's right.
pub fn sides(painter: &Painter, camera: &Camera, canvas: Rect) {
    let image = camera.image_rect().intersect(canvas);
    if image.width() < 120.0 || image.height() < 120.0 {
        return;
    }
    for (letter, corner, anchor) in [
        ("R", image.left_top() + vec2(8.0, 8.0), Align2::LEFT_TOP),
        ("L", image.right_top() + vec2(-8.0, 8.0), Align2::RIGHT_TOP),
    ] {
        let rect = anchor.anchor_size(corner, vec2(26.0, 26.0));
        painter.rect(rect, CornerRadius::same(4), tokens::TAG, Stroke::new(1.0, tokens::INK3), StrokeKind::Inside);
        painter.text(rect.center(), Align2::CENTER_CENTER, letter, text::section(), tokens::INK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_goes_above_the_mark() {
        let image = Rect::from_min_size(Pos2::ZERO, vec2(240.0, 240.0));
        let mark = Rect::from_min_size(Pos2::new(8.0, 210.0), vec2(70.0, 22.0));
        assert_eq!(lift(image, mark, 120.0), 0.0);
        assert!(lift(image, mark, 200.0) > mark.height(), "\"Synthetic\" is never covered");
    }

    #[test]
    fn tags_of_findings_at_one_place_stand_apart() {
        let within = Rect::from_min_size(Pos2::ZERO, vec2(240.0, 100.0));
        let wanted = Rect::from_min_size(Pos2::new(40.0, 70.0), vec2(60.0, 20.0));
        let mut taken: Vec<Rect> = Vec::new();
        for _ in 0..4 {
            let rect = beside(wanted, &taken, within);
            assert!(within.contains_rect(rect) && taken.iter().all(|t| !t.intersects(rect)), "{rect:?} over {taken:?}");
            taken.push(rect);
        }
        assert_eq!(taken[0], wanted, "the first one stays where it belongs");
        assert_eq!(beside(wanted, &taken, within), wanted, "nowhere is room: it lies where it belongs");
    }
}
