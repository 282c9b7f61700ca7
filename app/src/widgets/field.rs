//! Number field: grey label inside left, value right of it; drag to change, double-click to type.

use eframe::egui::{ComboBox, DragValue, Response, RichText, Ui, emath::Numeric, vec2};

use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

/// A number with its label inside; returns the response named by `name`.
pub fn number<N: Numeric>(
    ui: &mut Ui,
    label: &str,
    name: &str,
    value: &mut N,
    range: std::ops::RangeInclusive<N>,
    speed: f64,
    decimals: usize,
    height: f32,
) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = height;
        ui.spacing_mut().button_padding = vec2(9.0, 4.0);
        let mut drag = DragValue::new(value).range(range).speed(speed).fixed_decimals(decimals);
        if !label.is_empty() {
            drag = drag.prefix(RichText::new(format!("{label}  ")).font(text::body()).color(tokens::INK3));
        }
        ui.add(drag).accessible_name(name)
    })
    .inner
}

/// A choice from a short list; returns the newly chosen value.
pub fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    width: f32,
    current: T,
    all: &[T],
    title: impl Fn(T) -> &'static str,
) -> Option<T> {
    let mut picked = None;
    let response = ComboBox::from_id_salt(name)
        .width(width)
        .selected_text(RichText::new(title(current)).font(text::body()).color(tokens::INK))
        .icon(|ui, rect, _visuals, _open| Icon::Down.paint(ui.painter(), rect, 14.0, tokens::INK2))
        .show_ui(ui, |ui| {
            for &option in all {
                if ui.selectable_label(option == current, title(option)).clicked() && option != current {
                    picked = Some(option);
                }
            }
        })
        .response;
    response.accessible_name(name);
    picked
}
