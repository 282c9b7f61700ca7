//! The loss by noise level over updates: ten rows, dark is little and bright is much loss.

use eframe::egui::{Align2, Mesh, Rect, Role, Sense, Shape, Ui, WidgetInfo, pos2, vec2};

use super::super::watch::table::{Cell, Column, LEVELS, Table};
use super::axis::{Axis, short};
use super::{Asked, area, asked, cursor, thin, updates};
use crate::theme::{text, tokens};
use crate::widgets::grouped;

/// Points of a column of the strip.
const COLUMN: f32 = 3.0;
/// Room for the newest values at the right.
const VALUES: f32 = 26.0;

/// Shows the strip over the whole width.
pub fn show(ui: &mut Ui, table: &Table, range: (f64, f64), height: f32) -> Asked {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::CLICK | Sense::DRAG);
    let mut area = area(rect);
    area.set_right(area.right() - VALUES);
    let columns = (area.width() / COLUMN).max(1.0) as usize;
    let rows = table.between(range.0, range.1);
    let levels: Vec<Vec<thin::Point>> = (0..LEVELS).map(|tenth| thin::thin(rows, Column::Level(tenth), range, columns)).collect();
    let newest: Vec<Option<f32>> = (0..LEVELS).map(|tenth| newest(table, tenth)).collect();
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words(&newest)));

    let whole = levels
        .iter()
        .flatten()
        .fold(Cell::EMPTY, |sum, point| sum.with(Cell { low: point.cell.mean, high: point.cell.mean, ..point.cell }));
    let log = whole.low > 0.0;
    let axis = Axis::holding(f64::from(whole.low), f64::from(whole.high), log);
    let painter = ui.painter();
    painter.text(rect.left_top() + vec2(0.0, 2.0), Align2::LEFT_TOP, "Loss by noise level", text::section(), tokens::INK);
    let step = area.height() / LEVELS as f32;
    let width = area.width() / columns as f32;
    let mut mesh = Mesh::default();
    let x = |update: f64| area.left() + ((update - range.0) / (range.1 - range.0)) as f32 * area.width();
    for (tenth, points) in levels.iter().enumerate() {
        let bottom = area.bottom() - step * tenth as f32;
        for (i, point) in points.iter().enumerate() {
            // Up to the next one, so that few updates fill the strip as well as many.
            let left = x(point.x) - width * 0.5;
            let right = points.get(i + 1).map_or(left + width, |next| x(next.x) - width * 0.5).max(left + width);
            let cell = Rect::from_min_max(pos2(left, bottom - step), pos2(right, bottom)).intersect(area);
            let share = axis.share(f64::from(point.cell.mean)) as f32;
            mesh.add_colored_rect(cell, tokens::mix(tokens::VIEW, tokens::INK, share.clamp(0.0, 1.0)));
        }
        // Every second one: their rows are narrow.
        if let Some(value) = newest[tenth].filter(|_| tenth % 2 == 1) {
            let at = pos2(area.right() + 5.0, bottom - step * 0.5);
            painter.text(at, Align2::LEFT_CENTER, short(f64::from(value)), text::caption(), tokens::INK2);
        }
    }
    painter.add(Shape::mesh(mesh));
    for (words, y, align) in [("much", area.top(), Align2::RIGHT_TOP), ("little", area.bottom(), Align2::RIGHT_BOTTOM)] {
        painter.text(pos2(area.left() - 6.0, y), align, words, text::caption(), tokens::INK3);
    }
    painter.text(pos2(area.left() - 6.0, area.center().y), Align2::RIGHT_CENTER, "noise", text::caption(), tokens::INK3);
    updates(painter, area, range);
    let at = cursor(ui, &response, area, range);
    let pointer = response.hover_pos().filter(|at| area.contains(*at));
    let said = at.map(|update| {
        painter.vline(x(update), area.y_range(), (1.0, tokens::INK));
        let tenth = pointer.map(|p| (((area.bottom() - p.y) / step) as usize).min(LEVELS - 1));
        let value = tenth.and_then(|tenth| {
            let near = levels[tenth].iter().min_by(|a, b| (a.x - update).abs().total_cmp(&(b.x - update).abs()))?;
            let noise = |tenth: usize| format!("{:.1}", tenth as f64 / LEVELS as f64);
            Some(format!("noise {}–{}: {}", noise(tenth), noise(tenth + 1), short(f64::from(near.cell.mean))))
        });
        value.unwrap_or_else(|| format!("update {}", grouped(update.round().max(0.0) as usize)))
    });
    let said = said.unwrap_or_else(|| if whole.count == 0 { "not in this log".to_owned() } else { scale(&whole) });
    painter.text(pos2(rect.right(), rect.top() + 3.0), Align2::RIGHT_TOP, said, text::secondary(), tokens::INK3);
    let wanted = asked(ui, &response, area, range, painter);
    response.on_hover_text(
        "Loss by noise level\nMean loss of the rows of each tenth of the noise range; the numbers are the newest ones.\n\
         Drag: only these updates. Double click: all.",
    );
    wanted
}

fn scale(whole: &Cell) -> String {
    format!("dark {}, bright {}", short(f64::from(whole.low)), short(f64::from(whole.high)))
}

/// The newest mean of a tenth.
fn newest(table: &Table, tenth: usize) -> Option<f32> {
    let mut cells = table.rows().iter().rev().map(|row| row.cell(Column::Level(tenth)));
    cells.find(|cell| cell.count > 0).map(|cell| cell.mean)
}

fn words(newest: &[Option<f32>]) -> String {
    let values: Vec<String> = newest.iter().map(|value| value.map_or("none".to_owned(), |v| short(f64::from(v)))).collect();
    format!("Loss by noise level, newest values from little to much noise: {}", values.join(", "))
}
