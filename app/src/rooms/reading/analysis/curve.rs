//! Learning and fatigue: mean scores, or shares right, over the order of reading.

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
    let has_scores = points.iter().any(|point| point.scores.iter().any(Option::is_some));
    // Where answers are right or wrong and have no mean, the share right; of all readers, without arms.
    let series: Vec<Vec<Option<f64>>> = if has_scores {
        (0..analysis.arms.len()).map(|arm| points.iter().map(|p| p.scores.get(arm).copied().flatten()).collect()).collect()
    } else {
        vec![points.iter().map(|p| p.right).collect()]
    };
    let values = || series.iter().flatten().flatten().copied();
    if points.len() < 2 || values().next().is_none() {
        return;
    }
    let what = if has_scores { "mean score by order" } else { "share right by order" };
    ui.horizontal_wrapped(|ui| {
        section(ui, "Learning and fatigue");
        ui.label(RichText::new(what).font(text::secondary()).color(tokens::INK3));
    });
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    // At least a point of the scale, so that noise does not look like a trend.
    let (low, high) = if has_scores {
        let (middle, half) = ((low + high) / 2.0, ((high - low) / 2.0).max(0.5) * 1.15);
        (middle - half, middle + half)
    } else {
        (0.0, 1.0)
    };
    let middle = (low + high) / 2.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let (first, last) = (points.first().map_or(1, |p| p.order.0), points.last().map_or(1, |p| p.order.1));
    let name = format!(
        "{} of reading, places {first} to {last}",
        if has_scores { "Mean score by order" } else { "Share right by order" }
    );
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
    for (arm, values) in series.iter().enumerate() {
        let line: Vec<_> = points.iter().zip(values).filter_map(|(p, value)| Some(pos2(x(p.order), y((*value)?)))).collect();
        let stroke = Stroke::new(1.5, if arm == 0 { tokens::INK } else { tokens::INK2 });
        if arm == 0 {
            painter.add(Shape::line(line.clone(), stroke));
        } else {
            painter.extend(Shape::dashed_line(&line, stroke, 6.0 / arm as f32, 4.0));
        }
        if let Some(end) = line.last().filter(|_| has_scores) {
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
            let reader = analysis.readers.get(drift.reader)?;
            if let Some(trend) = drift.score {
                return Some(format!("{reader} {} [{}]", signed(trend.value, 2), range(trend.interval, 2)));
            }
            let trend = drift.right?;
            let interval = (100.0 * trend.interval.0, 100.0 * trend.interval.1);
            Some(format!("{reader} {} [{}]", signed(100.0 * trend.value, 0), range(interval, 0)))
        })
        .collect();
    if !slopes.is_empty() {
        let per = analysis.drift.first().map_or(100, |drift| drift.per);
        let points = if has_scores { "Points" } else { "Percentage points" };
        caption(ui, format!("{points} in {per} trials: {}.", slopes.join(", ")));
    }
}
