//! Progress: a 4-point bar with a number beside it; no spinners.

use eframe::egui::{CornerRadius, Rect, Response, Role, Sense, Ui, WidgetInfo, vec2};

use crate::theme::tokens;

/// A bar filled to `share`, 0 to 1.
pub fn bar(ui: &mut Ui, width: f32, share: f32, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width, 4.0), Sense::hover());
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    ui.painter().rect_filled(rect, CornerRadius::same(2), tokens::PRESS);
    let done = Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
    ui.painter().rect_filled(done, CornerRadius::same(2), tokens::INK);
    response
        .widget_info(|| WidgetInfo { value: Some(f64::from(share)), ..WidgetInfo::labeled(Role::ProgressIndicator, true, name) });
    response
}
