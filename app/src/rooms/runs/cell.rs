//! One run on the wall: picture, tags, classes, adherence, number, time and seed.

use eframe::egui::{
    Align2, CornerRadius, Painter, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::words;
use crate::library::Mark;
use crate::library::index::Row;
use crate::library::reader::Wall;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

/// Height of the two lines below the picture.
pub const WORDS: f32 = 38.0;

/// Shows a run and listens for clicks; the rectangle is the picture's square and the words below it.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>, wall: &Wall, run: &Row, rect: Rect) -> Response {
    let id = ui.scope_id().with(("run", run.id));
    // Clicked, not reached by Tab: the wall has the focus and the arrows move inside it.
    let response = ui.interact(rect, id, Sense::CLICK);
    let state = &panel.state.runs;
    let (a, b) = state.pair();
    let paired = a.is_some() && b.is_some() && state.chosen.ids.len() == 2;
    let chosen = state.chosen.ids.contains(&run.id) || state.chosen.cursor == Some(run.id);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, state.chosen.ids.contains(&run.id), name(run)));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let picture = Rect::from_min_size(rect.min, Vec2::splat(rect.width()));
    let texture = panel.shelf.picture(run.id);
    let without = panel.shelf.is_without_picture(run.id);
    let painter = ui.painter();
    let dimmed = run.mark == Mark::Reject;
    match texture {
        Some(texture) => {
            let tint = if dimmed { tokens::DIMMED } else { tokens::AS_IS };
            painter.image(texture, picture, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tint);
        }
        None => {
            painter.rect_filled(picture, CornerRadius::ZERO, tokens::BAR);
            if without {
                painter.text(picture.center(), Align2::CENTER_CENTER, "no picture", text::secondary(), tokens::INK3);
            }
        }
    }
    if chosen {
        let ink = if state.chosen.cursor == Some(run.id) { tokens::INK } else { tokens::INK3 };
        painter.rect_stroke(picture, CornerRadius::same(3), Stroke::new(2.0, ink), StrokeKind::Outside);
    } else if response.hovered() {
        painter.rect_stroke(picture, CornerRadius::same(2), Stroke::new(1.0, tokens::INK3), StrokeKind::Outside);
    }
    if paired && (a == Some(run.id) || b == Some(run.id)) {
        let letter = if b == Some(run.id) { "B" } else { "A" };
        tag(painter, picture.left_top() + vec2(6.0, 6.0), |painter, rect| {
            painter.text(rect.center(), Align2::CENTER_CENTER, letter, text::tag(), tokens::INK);
        });
    }
    if run.mark == Mark::Star {
        tag(painter, picture.right_top() + vec2(-26.0, 6.0), |painter, rect| star(painter, rect.shrink(4.0)));
    }
    lines(painter, wall, run, rect, picture, dimmed);
    response
}

/// The run in words: what a screen reader says.
pub fn name(run: &Row) -> String {
    let classes: Vec<&str> = run.drawn.classes().map(|(f, _)| f.title()).collect();
    let what = if classes.is_empty() { "nothing drawn".to_owned() } else { classes.join(", ") };
    let adherence = run.adherence.map_or_else(String::new, |v| format!(", adherence {v:.2}"));
    let mark = match run.mark {
        Mark::None => "",
        Mark::Star => ", starred",
        Mark::Reject => ", rejected",
    };
    format!("Run {}: {what}{adherence}, seed {}{mark}", run.id, run.seed)
}

fn tag(painter: &Painter, at: eframe::egui::Pos2, paint: impl FnOnce(&Painter, Rect)) {
    let rect = Rect::from_min_size(at, Vec2::splat(20.0));
    painter.rect_filled(rect, CornerRadius::same(4), tokens::TAG);
    paint(painter, rect);
}

/// The one filled icon: a star of five points.
pub fn star(painter: &Painter, rect: Rect) {
    let (c, r) = (rect.center(), rect.width() * 0.5);
    let point = |i: usize| {
        let angle = (i as f32 * 36.0 - 90.0).to_radians();
        let reach = if i.is_multiple_of(2) { r } else { r * 0.42 };
        c + vec2(angle.cos(), angle.sin()) * reach
    };
    // A star is not convex: one triangle for each point, and the middle.
    for i in (0..10).step_by(2) {
        painter.add(Shape::convex_polygon(
            vec![point(i), point((i + 1) % 10), c, point((i + 9) % 10)],
            tokens::INK,
            Stroke::NONE,
        ));
    }
}

fn lines(painter: &Painter, wall: &Wall, run: &Row, rect: Rect, picture: Rect, dimmed: bool) {
    let fade = |color| if dimmed { tokens::alpha(color, 0.45) } else { color };
    let y = picture.bottom() + 12.0;
    let mut right = rect.right();
    if let Some(value) = run.adherence {
        let words =
            painter.text(pos2(right, y), Align2::RIGHT_CENTER, format!("{value:.2}"), text::secondary(), fade(tokens::INK));
        right = words.left() - 6.0;
    }
    let mut x = rect.left();
    let mut any = false;
    for (finding, boxed) in run.drawn.classes() {
        let color = fade(tokens::class(finding));
        // As many as there is room for; the rest is in the name and the inspector.
        if x + 44.0 > right && any {
            painter.text(pos2(x, y), Align2::LEFT_CENTER, "…", text::secondary(), fade(tokens::INK2));
            break;
        }
        any = true;
        let swatch = Rect::from_center_size(pos2(x + 5.5, y), Vec2::splat(10.0));
        if boxed {
            painter.rect_stroke(swatch, CornerRadius::same(2), Stroke::new(2.0, color), StrokeKind::Inside);
        } else {
            painter.rect_filled(swatch, CornerRadius::same(2), color);
        }
        let code = painter.text(pos2(x + 15.0, y), Align2::LEFT_CENTER, finding.code(), text::secondary(), fade(tokens::INK2));
        x = code.right() + 8.0;
    }
    if !any {
        let swatch = Rect::from_center_size(pos2(x + 5.5, y), Vec2::splat(10.0));
        let corners = [swatch.left_top(), swatch.right_top(), swatch.right_bottom(), swatch.left_bottom(), swatch.left_top()];
        painter.extend(Shape::dashed_line(&corners, Stroke::new(1.0, fade(tokens::INK2)), 2.0, 2.0));
        let code = painter.text(pos2(x + 15.0, y), Align2::LEFT_CENTER, "none", text::secondary(), fade(tokens::INK2));
        x = code.right() + 8.0;
    }
    if run.conflict && x + 16.0 < right {
        Icon::Warning.paint(painter, Rect::from_center_size(pos2(x + 6.0, y), Vec2::splat(13.0)), 13.0, fade(tokens::WARN));
    }
    let y = picture.bottom() + 28.0;
    let when = words::time(run.created_ms, wall.now_ms, wall.zone_ms);
    let seed = painter.layout_no_wrap(short(run.seed), text::caption(), fade(tokens::INK3));
    let seed_at = pos2(rect.right() - seed.size().x, y - seed.size().y * 0.5);
    let left = painter.layout_no_wrap(format!("run {}, {when}", run.id), text::caption(), fade(tokens::INK3));
    // A long date gives way to the number and the seed.
    let left = if rect.left() + left.size().x + 8.0 > seed_at.x {
        painter.layout_no_wrap(format!("run {}", run.id), text::caption(), fade(tokens::INK3))
    } else {
        left
    };
    painter.galley(pos2(rect.left(), y - left.size().y * 0.5), left, tokens::INK3);
    painter.galley(seed_at, seed, tokens::INK3);
}

/// A seed of more than nine digits, shortened in the middle.
fn short(seed: u64) -> String {
    let digits = seed.to_string();
    if digits.len() > 9 { format!("{}…{}", &digits[..4], &digits[digits.len() - 3..]) } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_seeds_are_shortened() {
        assert_eq!(short(1482), "1482");
        assert_eq!(short(u64::MAX), "1844…615");
    }
}
