//! The key sheet, made from the same table as the keys themselves.

use eframe::egui::{Align2, Area, Context, CornerRadius, Frame, Grid, Id, LayerId, Margin, Order, RichText, Stroke, vec2};

use crate::action::Action;
use crate::shortcuts;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, chip};

/// Shows the sheet.
pub fn show(ctx: &Context, out: &mut Vec<Action>) {
    let layer = LayerId::new(Order::Middle, Id::unique("behind the keys"));
    ctx.layer_painter(layer).rect_filled(ctx.content_rect(), CornerRadius::ZERO, tokens::SCRIM);
    Area::new(Id::unique("keys")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0)).show(ctx, |ui| {
        Frame::new()
            .fill(tokens::BG)
            .stroke(Stroke::new(1.0, tokens::LINE2))
            .corner_radius(8)
            .inner_margin(Margin::same(20))
            .show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.label(RichText::new("Keys").font(text::title()).color(tokens::INK));
                    if Push::icon(Icon::Cross, "Close keys").key("Esc").size(24.0, 24.0).show(ui).clicked() {
                        out.push(Action::ToggleKeys);
                    }
                });
                ui.add_space(8.0);
                Grid::new("keys").num_columns(4).spacing(vec2(24.0, 8.0)).show(ui, |ui| {
                    for pair in shortcuts::sheet().chunks(2) {
                        for (keys, what) in pair {
                            ui.horizontal(|ui| {
                                ui.spacing_mut().item_spacing.x = 4.0;
                                for key in keys.split(' ') {
                                    chip::key(ui, key);
                                }
                            });
                            ui.label(RichText::new(*what).font(text::secondary()).color(tokens::INK2));
                        }
                        ui.end_row();
                    }
                });
            });
    });
}
