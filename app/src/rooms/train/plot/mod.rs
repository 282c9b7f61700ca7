//! Curves over updates: drawn from thinned rows, with one cursor over all plots of the room.

pub mod axis;
pub mod heat;
mod thin;

use eframe::egui::{Align2, Color32, Id, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::watch::table::{Cell, Column, Table};
use crate::theme::{text, tokens};
use crate::widgets::grouped;
use axis::{Axis, short};

/// Height of the line with name and value.
const HEAD: f32 = 20.0;
/// Height of the line with updates.
const FOOT: f32 = 16.0;
/// Room for the scale at the left and the letters at the right.
const SIDES: (f32, f32) = (48.0, 16.0);

/// A curve.
pub struct Curve<'a> {
    /// Its rows.
    pub table: &'a Table,
    /// What it shows of them.
    pub column: Column,
    /// Its colour.
    pub ink: Color32,
    /// What stands at its end and before its value.
    pub letter: String,
}

/// A plot.
pub struct Plot<'a> {
    /// What it shows.
    pub name: &'a str,
    /// Its unit.
    pub unit: &'a str,
    /// One line what it tells.
    pub tip: &'a str,
    /// Its curves; of the first one the single values are drawn, too.
    pub curves: Vec<Curve<'a>>,
    /// The updates that are shown.
    pub range: (f64, f64),
    /// Whether its scale is logarithmic.
    pub log: bool,
    /// Updates before and after over which curves are smoothed; 0 for none.
    pub smoothing: u32,
    /// Values with a name, such as a limit.
    pub marks: Vec<(f64, String)>,
    /// What values are multiplied with for their unit.
    pub factor: f64,
    /// Whether the scale begins at 0.
    pub from_zero: bool,
    /// Decimals of its values; else three figures that count.
    pub places: Option<usize>,
    /// Its height in points.
    pub height: f32,
}

/// What a drag or a double click in a plot asks for: these updates, or all.
pub type Asked = Option<Option<(f64, f64)>>;

impl Plot<'_> {
    /// Shows it over the whole width.
    pub fn show(&self, ui: &mut Ui) -> Asked {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), self.height), Sense::CLICK | Sense::DRAG);
        let area = area(rect);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.words()));
        let drawn: Vec<Drawn> = self.curves.iter().enumerate().map(|(i, curve)| self.draw(curve, i == 0, area)).collect();
        let axis = self.axis(&drawn);
        let painter = ui.painter().with_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
        self.scales(&painter, area, &axis);
        let inside = painter.with_clip_rect(area.expand(1.0).intersect(painter.clip_rect()));
        let at = |x: f64, y: f64| {
            let across = (x - self.range.0) / (self.range.1 - self.range.0);
            let up = axis.share(y * self.factor).clamp(-9.0, 9.0);
            pos2(area.left() + across as f32 * area.width(), area.bottom() - up as f32 * area.height())
        };
        for (curve, drawn) in self.curves.iter().zip(&drawn).rev() {
            paint(&inside, curve, drawn, &at);
        }
        self.letters(&painter, area, &drawn, &at);
        let cursor = cursor(ui, &response, area, self.range);
        self.head(&painter, rect, &drawn, cursor);
        if let Some(update) = cursor {
            let x = at(update, 1.0).x;
            inside.vline(x, area.y_range(), (1.0, tokens::INK3));
        }
        let asked = asked(ui, &response, area, self.range, &inside);
        response.on_hover_text(format!("{}\n{}.\nDrag: only these updates. Double click: all.", self.name, self.tip));
        asked
    }

    /// For those who do not see it: the newest value, the least and the greatest one.
    fn words(&self) -> String {
        let of = |curve: &Curve<'_>| {
            let rows = curve.table.rows();
            let whole = rows.iter().fold(Cell::EMPTY, |sum, row| sum.with(row.cell(curve.column)));
            let last = rows.iter().rev().find(|row| row.cell(curve.column).count > 0);
            let Some(last) = last.filter(|_| whole.count > 0) else {
                return format!("{} no values", curve.letter).trim().to_owned();
            };
            let [now, low, high] =
                [last.cell(curve.column).mean, whole.low, whole.high].map(|value| self.number(f64::from(value)));
            let words =
                format!("{} {now} {} at update {}, from {low} to {high}", curve.letter, self.unit, grouped(last.to as usize));
            words.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        format!("{}: {}", self.name, self.curves.iter().map(of).collect::<Vec<_>>().join("; "))
    }

    /// A value in the plot's unit.
    fn number(&self, value: f64) -> String {
        let value = value * self.factor;
        self.places.map_or_else(|| short(value), |places| format!("{value:.places$}"))
    }

    fn draw(&self, curve: &Curve<'_>, first: bool, area: Rect) -> Drawn {
        let (from, to) = self.range;
        let rows = curve.table.between(from, to);
        let single = first || self.smoothing == 0;
        let points = if single { thin::thin(rows, curve.column, self.range, area.width() as usize) } else { Vec::new() };
        let smoothed = if self.smoothing > 0 {
            thin::smooth(curve.table.rows(), curve.column, self.smoothing, self.range)
        } else {
            Vec::new()
        };
        Drawn { points, smoothed }
    }

    fn axis(&self, drawn: &[Drawn]) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut hold = |value: f64| {
            let value = value * self.factor;
            if value.is_finite() && (!self.log || value > 0.0) {
                (low, high) = (low.min(value), high.max(value));
            }
        };
        for curve in drawn {
            for point in &curve.points {
                hold(f64::from(point.cell.low));
                hold(f64::from(point.cell.high));
            }
            curve.smoothed.iter().for_each(|(_, value)| hold(*value));
        }
        if self.from_zero {
            hold(0.0);
        }
        // A limit is shown where it is near.
        for (mark, _) in &self.marks {
            if *mark * self.factor < 3.0 * high {
                high = high.max(*mark * self.factor);
            }
        }
        Axis::holding(low, high, self.log)
    }

    fn scales(&self, painter: &Painter, area: Rect, axis: &Axis) {
        for tick in axis.ticks((area.height() / 28.0) as usize) {
            let y = area.bottom() - axis.share(tick) as f32 * area.height();
            painter.hline(area.x_range(), y, (1.0, tokens::LINE));
            painter.text(pos2(area.left() - 6.0, y), Align2::RIGHT_CENTER, short(tick), text::caption(), tokens::INK3);
        }
        for (mark, name) in &self.marks {
            let share = axis.share(mark * self.factor);
            if (0.0..=1.0).contains(&share) {
                let y = area.bottom() - share as f32 * area.height();
                let line = [pos2(area.left(), y), pos2(area.right(), y)];
                painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, tokens::INK3), 4.0, 4.0));
                // Below the line where the head of the plot is near.
                let high = y < area.top() + 14.0;
                let (at, align) = if high { (y + 1.0, Align2::RIGHT_TOP) } else { (y - 1.0, Align2::RIGHT_BOTTOM) };
                painter.text(pos2(area.right(), at), align, name, text::caption(), tokens::INK3);
            }
        }
        updates(painter, area, self.range);
    }

    fn letters(&self, painter: &Painter, area: Rect, drawn: &[Drawn], at: &dyn Fn(f64, f64) -> Pos2) {
        if self.curves.len() < 2 {
            return;
        }
        let mut ends: Vec<(Pos2, &Curve<'_>)> = Vec::new();
        for (curve, drawn) in self.curves.iter().zip(drawn) {
            if let Some((x, y)) = drawn.end() {
                ends.push((at(x, y).clamp(area.min, area.max), curve));
            }
        }
        ends.sort_by(|a, b| a.0.y.total_cmp(&b.0.y));
        let mut before: Option<Pos2> = None;
        for (mut end, curve) in ends {
            // Letters of curves that end at the same place stand below each other.
            if let Some(before) = before.filter(|before| (before.x - end.x).abs() < 14.0) {
                end.y = end.y.max(before.y + 11.0);
            }
            before = Some(end);
            painter.text(end + vec2(4.0, 0.0), Align2::LEFT_CENTER, &curve.letter, text::tag(), curve.ink);
        }
    }

    /// The name left, and right the values at the cursor or the newest ones.
    fn head(&self, painter: &Painter, rect: Rect, drawn: &[Drawn], cursor: Option<f64>) {
        let name = painter.text(rect.left_top() + vec2(0.0, 2.0), Align2::LEFT_TOP, self.name, text::section(), tokens::INK);
        let mut right = rect.right() - SIDES.1;
        for (curve, drawn) in self.curves.iter().zip(drawn).rev() {
            let found = match cursor {
                Some(update) => drawn.near(update),
                None => drawn.end(),
            };
            let Some((_, value)) = found else { continue };
            let words = format!("{} {}", curve.letter, self.number(value));
            let font = text::secondary();
            let written = painter.text(pos2(right, rect.top() + 3.0), Align2::RIGHT_TOP, words.trim(), font, curve.ink);
            right = written.left() - 10.0;
        }
        if let Some(update) = cursor {
            let words = format!("update {}", grouped(update.round().max(0.0) as usize));
            let written = painter.text(pos2(right, rect.top() + 3.0), Align2::RIGHT_TOP, words, text::secondary(), tokens::INK3);
            right = written.left() - 10.0;
        }
        // The unit gives way to the values.
        let unit = painter.layout_no_wrap(self.unit.to_owned(), text::secondary(), tokens::INK3);
        if name.right() + 6.0 + unit.size().x < right {
            painter.galley(name.right_top() + vec2(6.0, 1.0), unit, tokens::INK3);
        }
    }
}

/// What is drawn of a curve.
struct Drawn {
    points: Vec<thin::Point>,
    smoothed: Vec<(f64, f64)>,
}

impl Drawn {
    fn values(&self) -> Vec<(f64, f64)> {
        if self.smoothed.is_empty() {
            self.points.iter().map(|point| (point.x, f64::from(point.cell.mean))).collect()
        } else {
            self.smoothed.clone()
        }
    }

    fn end(&self) -> Option<(f64, f64)> {
        self.smoothed.last().copied().or_else(|| self.points.last().map(|point| (point.x, f64::from(point.cell.mean))))
    }

    /// The value nearest to an update.
    fn near(&self, update: f64) -> Option<(f64, f64)> {
        let values = self.values();
        let at = values.partition_point(|(x, _)| *x < update);
        let beside = [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|i| values.get(i));
        beside.min_by(|a, b| (a.0 - update).abs().total_cmp(&(b.0 - update).abs())).copied()
    }
}

fn paint(painter: &Painter, curve: &Curve<'_>, drawn: &Drawn, at: &dyn Fn(f64, f64) -> Pos2) {
    let smoothed = !drawn.smoothed.is_empty();
    let faint = tokens::alpha(curve.ink, 0.35);
    for point in drawn.points.iter().filter(|point| point.cell.count > 1) {
        let (low, high) = (at(point.x, f64::from(point.cell.low)), at(point.x, f64::from(point.cell.high)));
        painter.line_segment([low, high], Stroke::new(1.0, faint));
    }
    let singles: Vec<Pos2> = drawn.points.iter().map(|point| at(point.x, f64::from(point.cell.mean))).collect();
    let line = |points: Vec<Pos2>, stroke: Stroke| {
        if let [only] = points[..] {
            painter.circle_filled(only, 2.0, stroke.color);
        } else {
            painter.add(Shape::line(points, stroke));
        }
    };
    if !singles.is_empty() {
        line(singles, if smoothed { Stroke::new(1.0, faint) } else { Stroke::new(1.5, curve.ink) });
    }
    if smoothed {
        line(drawn.smoothed.iter().map(|(x, y)| at(*x, *y)).collect(), Stroke::new(1.5, curve.ink));
    }
}

/// The part of a plot where its curves are.
pub(super) fn area(rect: Rect) -> Rect {
    Rect::from_min_max(
        pos2(rect.left() + SIDES.0, rect.top() + HEAD + 2.0),
        pos2((rect.right() - SIDES.1).max(rect.left() + SIDES.0 + 20.0), rect.bottom() - FOOT),
    )
}

/// The line with updates below a plot.
pub(super) fn updates(painter: &Painter, area: Rect, range: (f64, f64)) {
    let axis = Axis { low: range.0, high: range.1, log: false };
    let ticks = axis.ticks((area.width() / 62.0).max(2.0) as usize);
    for tick in ticks.into_iter().filter(|tick| *tick >= 1.0 && tick.fract() == 0.0) {
        let x = area.left() + axis.share(tick) as f32 * area.width();
        painter.vline(x, area.bottom()..=area.bottom() + 3.0, (1.0, tokens::LINE2));
        let words = grouped(tick as usize);
        painter.text(pos2(x, area.bottom() + 3.0), Align2::CENTER_TOP, words, text::caption(), tokens::INK3);
    }
    painter.hline(area.x_range(), area.bottom(), (1.0, tokens::LINE2));
}

/// The update under the pointer, in whichever plot of the room it is.
pub(super) fn cursor(ui: &Ui, response: &Response, area: Rect, range: (f64, f64)) -> Option<f64> {
    let id = Id::unique("cursor of the training plots");
    let frame = ui.ctx().cumulative_frame_nr();
    if let Some(at) = response.hover_pos().filter(|at| area.x_range().contains(at.x)) {
        let update = range.0 + f64::from((at.x - area.left()) / area.width()) * (range.1 - range.0);
        ui.data_mut(|data| data.insert_temp(id, (update, frame)));
        ui.ctx().request_repaint();
    }
    let (update, seen): (f64, u64) = ui.data(|data| data.get_temp(id))?;
    (seen + 1 >= frame && update >= range.0 && update <= range.1).then_some(update)
}

/// What a drag or a double click asks for; the part that is being dragged over is shown.
pub(super) fn asked(ui: &Ui, response: &Response, area: Rect, range: (f64, f64), painter: &Painter) -> Asked {
    if response.double_clicked() {
        return Some(None);
    }
    let id = response.id.with("drag");
    if response.drag_started()
        && let Some(origin) = ui.input(|input| input.pointer.press_origin())
    {
        ui.data_mut(|data| data.insert_temp(id, origin));
    }
    // Where the button went down is not told any more in the frame in which it goes up.
    let from: Option<Pos2> = ui.data(|data| data.get_temp(id));
    let (from, to) = (from?, response.interact_pointer_pos()?);
    if !(response.dragged() || response.drag_stopped()) || (from.x - to.x).abs() < 4.0 {
        return None;
    }
    let [left, right] = [from.x.min(to.x), from.x.max(to.x)].map(|x| x.clamp(area.left(), area.right()));
    if response.drag_stopped() {
        let update = |x: f32| range.0 + f64::from((x - area.left()) / area.width()) * (range.1 - range.0);
        return Some(Some((update(left).floor(), update(right).ceil())));
    }
    let part = Rect::from_x_y_ranges(left..=right, area.y_range());
    painter.rect_filled(part, 0.0, tokens::alpha(tokens::INK, 0.10));
    None
}
