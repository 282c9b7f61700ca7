//! Badges, key caps and swatches: small marks that are read, not pressed.

use eframe::egui::{Color32, CornerRadius, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

use crate::state::{Layer, Region};
use crate::theme::{text, tokens};

/// A badge in capitals, such as PRACTICE.
pub fn badge(ui: &mut Ui, words: &str, color: Color32) -> Response {
    let galley = ui.painter().layout_no_wrap(words.to_owned(), text::tag(), color);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 12.0, 18.0), Sense::hover());
    ui.painter().rect_stroke(rect, CornerRadius::same(3), Stroke::new(1.0, color), StrokeKind::Inside);
    ui.painter().galley(rect.center() - galley.size() * 0.5, galley, color);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    response
}

/// The name of a key.
pub fn key(ui: &mut Ui, words: &str) {
    let galley = ui.painter().layout_no_wrap(words.to_owned(), text::caption(), tokens::INK2);
    let (rect, _) = ui.allocate_exact_size(vec2((galley.size().x + 10.0).max(18.0), 18.0), Sense::hover());
    ui.painter().rect_stroke(rect, CornerRadius::same(3), Stroke::new(1.0, tokens::LINE2), StrokeKind::Inside);
    ui.painter().galley(rect.center() - galley.size() * 0.5, galley, tokens::INK2);
}

/// The swatch of a layer: full for a mask, outline for a box, dashed for the guide.
pub fn swatch(ui: &mut Ui, layer: &Layer) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(14.0), Sense::hover());
    let rect = Rect::from_center_size(rect.center(), Vec2::splat(11.0));
    let color = crate::canvas::class_color(layer);
    let color = if layer.visible { color } else { tokens::alpha(color, 0.45) };
    let painter = ui.painter();
    match layer.region {
        Region::Mask(_) => {
            painter.rect_filled(rect, CornerRadius::same(2), color);
        }
        Region::Box(_) => {
            painter.rect_stroke(rect, CornerRadius::same(2), Stroke::new(2.0, color), StrokeKind::Inside);
        }
        Region::MayChange(_) | Region::Keep(_) => {
            painter.rect_stroke(rect, CornerRadius::same(2), Stroke::new(1.0, color), StrokeKind::Inside);
            for at in [0.35, 0.7, 1.05, 1.4] {
                let reach = rect.width() * at;
                let (a, b) = (reach.min(rect.width()), (reach - rect.width()).max(0.0));
                painter.line_segment([rect.min + vec2(b, a), rect.min + vec2(a, b)], Stroke::new(1.0, color));
            }
        }
        Region::Guide => {
            let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
            painter.extend(Shape::dashed_line(&corners, Stroke::new(1.5, color), 2.5, 2.5));
        }
    }
}
