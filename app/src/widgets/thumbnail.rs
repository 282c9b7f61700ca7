//! Thumbnail: a small picture with a ring when it is the one on the canvas.

use eframe::egui::{CornerRadius, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, TextureId, Ui, WidgetInfo, pos2};

use crate::theme::tokens;

/// Paints a picture into a rectangle and listens for clicks; `key` tells it apart from others, whatever its name becomes.
pub fn at(ui: &mut Ui, rect: Rect, texture: Option<TextureId>, chosen: bool, key: &str, name: &str) -> Response {
    let id = ui.scope_id().with(("thumbnail", key));
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, name));
    let painter = ui.painter();
    match texture {
        Some(texture) => {
            painter.image(texture, rect, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
        }
        None => {
            painter.rect_filled(rect, CornerRadius::same(2), tokens::VIEW);
        }
    }
    if chosen {
        painter.rect_stroke(rect.expand(1.0), CornerRadius::same(3), Stroke::new(2.0, tokens::INK), StrokeKind::Outside);
    } else if response.hovered() {
        painter.rect_stroke(rect, CornerRadius::same(2), Stroke::new(1.0, tokens::INK3), StrokeKind::Outside);
    }
    response
}

/// The dashed place of a picture that is not there yet.
pub fn empty(ui: &Ui, rect: Rect) {
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    ui.painter().extend(Shape::dashed_line(&corners, Stroke::new(1.0, tokens::LINE), 3.0, 3.0));
}
