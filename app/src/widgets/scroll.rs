//! A panel's scroll area whose bar lies in the panel's margin, so that it covers nothing at the right edge.

use eframe::egui::{ScrollArea, Ui, UiBuilder, vec2};

/// Part of the margin that the bar takes.
const BAR: f32 = 10.0;

/// Shows what may be longer than the panel; it fills what is left of it.
pub fn panel(ui: &mut Ui, salt: &str, add: impl FnOnce(&mut Ui)) {
    let room = ui.available_rect_before_wrap();
    let wide = room.with_max_x(room.right() + BAR);
    let mut inner = ui.new_child(UiBuilder::new().id_salt(salt).max_rect(wide));
    ScrollArea::vertical().id_salt(salt).auto_shrink([false, false]).show(&mut inner, |ui| {
        ui.set_max_width(room.width());
        add(ui);
        // The area is as wide as the panel, whatever is in it.
        ui.allocate_space(vec2(room.width(), 0.0));
    });
    ui.advance_cursor_after_rect(room);
}
