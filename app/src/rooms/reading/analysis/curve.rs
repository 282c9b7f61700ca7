//! Learning and fatigue: mean scores over the order of reading.

use eframe::egui::{Align2, RichText, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};
use study::analysis::words::{number, range, signed};
use study::analysis::{Analysis, letter};

use crate::theme::{text, tokens};
use crate::widgets::{caption, section};

/// Height of the plot.
const HEIGHT: f32 = 84.0;
/// Room for the scale at the left and the letters at the right.
const SIDES: (f32, f32) = (26.0, 18.0);

/// Shows the curve.
pub(super) fn show(ui: &mut Ui, analysis: &Analysis) {
    let points = &analysis.curve.points;
    let values = || points.iter().flat_map(|point| point.scores.iter().flatten().copied());
    if points.len() < 2 || values().next().is_none() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        section(ui, "Learning and fatigue");
        ui.label(RichText::new("mean score by order").font(text::secondary()).color(tokens::INK3));
    });
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    // At least a point of the scale, so that noise does not look like a trend.
    let (middle, half) = ((low + high) / 2.0, ((high - low) / 2.0).max(0.5) * 1.15);
    let (low, high) = (middle - half, middle + half);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let (first, last) = (points.first().map_or(1, |p| p.order.0), points.last().map_or(1, |p| p.order.1));
    let name = format!("Mean score by order of reading, places {first} to {last}");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let plot = eframe::egui::Rect::from_min_max(
        pos2(rect.left() + SIDES.0, rect.top() + 6.0),
        pos2(rect.right() - SIDES.1, rect.bottom() - 16.0),
    );
    let painter = ui.painter();
    let y = |value: f64| plot.bottom() - ((value - low) / (high - low)) as f32 * plot.height();
    for tick in [low, middle, high] {
        painter.hline(plot.x_range(), y(tick), (1.0, tokens::LINE));
        painter.text(pos2(plot.left() - 4.0, y(tick)), Align2::RIGHT_CENTER, number(tick, 1), text::caption(), tokens::INK3);
    }
    let middle_of = |(a, b): (u32, u32)| f64::from(a + b) / 2.0;
    let (from, to) = (f64::from(first), f64::from(last.max(first + 1)));
    let x = |order: (u32, u32)| plot.left() + ((middle_of(order) - from) / (to - from)) as f32 * plot.width();
    for arm in 0..analysis.arms.len() {
        let line: Vec<_> =
            points.iter().filter_map(|p| Some(pos2(x(p.order), y(p.scores.get(arm).copied().flatten()?)))).collect();
        let stroke = Stroke::new(1.5, if arm == 0 { tokens::INK } else { tokens::INK2 });
        if arm == 0 {
            painter.add(Shape::line(line.clone(), stroke));
        } else {
            painter.extend(Shape::dashed_line(&line, stroke, 6.0 / arm as f32, 4.0));
        }
        if let Some(end) = line.last() {
            painter.text(pos2(plot.right() + 5.0, end.y), Align2::LEFT_CENTER, letter(arm), text::tag(), stroke.color);
        }
    }
    painter.text(pos2(plot.left(), plot.bottom() + 3.0), Align2::LEFT_TOP, first.to_string(), text::caption(), tokens::INK3);
    let end = format!("{last} in order");
    painter.text(pos2(plot.right(), plot.bottom() + 3.0), Align2::RIGHT_TOP, end, text::caption(), tokens::INK3);
    response.on_hover_text(name);
    let slopes: Vec<String> = analysis
        .drift
        .iter()
        .filter_map(|drift| {
            let trend = drift.score?;
            let reader = analysis.readers.get(drift.reader)?;
            Some(format!("{reader} {} [{}]", signed(trend.value, 2), range(trend.interval, 2)))
        })
        .collect();
    if !slopes.is_empty() {
        let per = analysis.drift.first().map_or(100, |drift| drift.per);
        caption(ui, format!("Points in {per} trials: {}.", slopes.join(", ")));
    }
}
