//! The key sheet, made from the same table as the keys themselves.

use eframe::egui::{
    Align2, Area, Context, CornerRadius, Frame, Id, LayerId, Margin, Order, RichText, ScrollArea, Stroke, Ui, vec2,
};

use crate::action::Action;
use crate::command::table::GESTURES;
use crate::command::{Group, all};
use crate::state::State;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, chip};

/// Shows the sheet.
pub fn show(ctx: &Context, state: &State, out: &mut Vec<Action>) {
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
                let most = ctx.content_rect().height() - 160.0;
                ScrollArea::vertical().max_height(most).show(ui, |ui| {
                    for group in Group::ALL {
                        for (i, command) in
                            all().filter(|c| c.group == group && !state.settings.keys.keys(c).is_empty()).enumerate()
                        {
                            if i == 0 {
                                caption(ui, group.title());
                            }
                            let caps: Vec<String> = state.settings.keys.keys(command).iter().map(|k| k.label()).collect();
                            row(ui, caps.iter().map(String::as_str), command.title);
                        }
                    }
                    caption(ui, "Mouse");
                    for (gesture, what) in GESTURES {
                        row(ui, [*gesture].into_iter(), what);
                    }
                });
            });
    });
}

fn row<'a>(ui: &mut Ui, caps: impl Iterator<Item = &'a str>, what: &str) {
    ui.horizontal(|ui| {
        ui.allocate_ui(vec2(200.0, 20.0), |ui| {
            ui.horizontal(|ui| {
                ui.set_width(200.0);
                ui.spacing_mut().item_spacing.x = 4.0;
                caps.for_each(|cap| chip::key(ui, cap));
            });
        });
        ui.label(RichText::new(what).font(text::secondary()).color(tokens::INK2));
    });
}
