//! Slider row: name, rail and a value that can be typed.

use eframe::egui::{Align, DragValue, Layout, Response, RichText, Slider, Ui, vec2};

use crate::theme::{text, tokens};

/// A row with a slider; true in the second place while it is being dragged.
pub fn row(
    ui: &mut Ui,
    label: &str,
    name: &str,
    value: &mut f32,
    range: std::ops::RangeInclusive<f32>,
    percent: bool,
) -> Response {
    let mut answer = None;
    ui.horizontal(|ui| {
        ui.set_min_height(24.0);
        ui.label(RichText::new(label).font(text::secondary()).color(tokens::INK2));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().button_padding = vec2(4.0, 2.0);
            ui.spacing_mut().interact_size = vec2(48.0, 22.0);
            let drag = DragValue::new(value).range(range.clone()).speed(0.01);
            let drag = if percent {
                drag.custom_formatter(|v, _| format!("{:.0} %", v * 100.0))
                    .custom_parser(|s| s.trim().trim_end_matches('%').trim().parse::<f64>().ok().map(|v| v / 100.0))
            } else {
                drag.fixed_decimals(2)
            };
            let typed = ui.add(drag).accessible_name(format!("{name} value"));
            ui.spacing_mut().slider_width = 92.0;
            ui.spacing_mut().interact_size.y = 14.0;
            ui.visuals_mut().widgets.inactive.bg_fill = tokens::PRESS;
            ui.visuals_mut().selection.bg_fill = tokens::INK3;
            let ends = range.clone();
            let slid = ui
                .add(Slider::new(value, range).show_value(false).clamping(eframe::egui::SliderClamping::Always))
                .accessible_name(name);
            // A solid knob over egui's hollow one.
            let radius = 7.0;
            let share = ((*value - *ends.start()) / (ends.end() - ends.start())).clamp(0.0, 1.0);
            let x = eframe::egui::lerp(slid.rect.left() + radius..=slid.rect.right() - radius, share);
            ui.painter().circle_filled(eframe::egui::pos2(x, slid.rect.center().y), radius, tokens::FILL);
            answer = Some(slid.union(typed));
        });
    });
    answer.unwrap_or_else(|| ui.label(""))
}
