//! Estimates with their intervals on one axis.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Align2, FontId, Rect, RichText, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};
use study::analysis::words::{number, p as p_words};
use study::analysis::{Analysis, Estimate, Scale};

use crate::theme::{text, tokens};
use crate::widgets::section;

/// Least width of names, and of values and of p, in points.
const NAMES: f32 = 112.0;
/// Most of the width that long names get.
const NAMES_SHARE: f32 = 0.4;
const VALUES: f32 = 148.0;
const PS: f32 = 62.0;
/// Height of a row.
const ROW: f32 = 28.0;

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Whose.
    pub name: String,
    /// The estimate.
    pub estimate: Option<Estimate>,
    /// p, corrected where there is a family; `None` where nothing was tested.
    pub p: Option<f64>,
    /// Whether it stands for all.
    pub all: bool,
}

/// The effects of a pair, readers first.
pub(super) fn effects(analysis: &Analysis, scale: &Scale, pair: (usize, usize)) -> Vec<Line> {
    let of_pair = scale.effects.iter().filter(|effect| effect.pair == pair);
    of_pair
        .map(|effect| Line {
            name: effect.reader.and_then(|r| analysis.readers.get(r)).cloned().unwrap_or_else(|| "Case bootstrap".to_owned()),
            estimate: effect.difference,
            p: effect.test.map(|test| test.holm),
            all: effect.reader.is_none(),
        })
        .filter(|line| !(line.all && analysis.readers.len() < 2))
        .collect()
}

/// Shows shares, which lie between 0 and 1, with that of guessing.
pub(super) fn shares(ui: &mut Ui, title: &str, under: &str, lines: &[Line], guessing: f64) {
    drawn(ui, title, under, lines, &Axis::of(lines, guessing, true), guessing, 2);
}

/// Shows the rows with the value of no effect.
pub(super) fn show(ui: &mut Ui, title: &str, under: &str, lines: &[Line], reference: f64, places: usize) {
    drawn(ui, title, under, lines, &Axis::of(lines, reference, false), reference, places);
}

fn drawn(ui: &mut Ui, title: &str, under: &str, lines: &[Line], axis: &Axis, reference: f64, places: usize) {
    ui.horizontal_wrapped(|ui| {
        section(ui, title);
        ui.label(RichText::new(under).font(text::secondary()).color(tokens::INK3));
    });
    let has_p = lines.iter().any(|line| line.p.is_some());
    let width = ui.available_width();
    // Without room the p goes under the value's tooltip.
    let ps = if has_p && width > 380.0 { PS } else { 0.0 };
    let height = ROW * lines.len() as f32;
    let (whole, _) = ui.allocate_exact_size(vec2(width, height + 22.0), Sense::hover());
    let wide = |line: &Line| ui.painter().layout_no_wrap(line.name.clone(), font(line), tokens::INK).size().x + 10.0;
    let names = lines.iter().map(wide).fold(NAMES, f32::max).min((width * NAMES_SHARE).max(NAMES));
    let plot = Rect::from_min_max(
        pos2(whole.left() + names, whole.top()),
        pos2((whole.right() - VALUES - ps - 8.0).max(whole.left() + names + 60.0), whole.top() + height),
    );
    let x = |value: f64| plot.left() + axis.share(value) * plot.width();
    let painter = ui.painter();
    for tick in axis.ticks() {
        let is_reference = (tick - reference).abs() < 1e-9;
        painter.vline(x(tick), plot.y_range(), (1.0, if is_reference { tokens::INK3 } else { tokens::LINE }));
        let words = number(tick, axis.places);
        painter.text(pos2(x(tick), plot.bottom() + 4.0), Align2::CENTER_TOP, words, text::caption(), tokens::INK3);
    }
    painter.vline(x(reference), plot.y_range(), (1.0, tokens::INK3));
    for (at, line) in lines.iter().enumerate() {
        let row = Rect::from_min_size(pos2(whole.left(), whole.top() + at as f32 * ROW), vec2(whole.width(), ROW));
        one(ui, row, line, names, &x, ps, places);
    }
}

fn font(line: &Line) -> FontId {
    if line.all { text::medium() } else { text::secondary() }
}

fn one(ui: &mut Ui, row: Rect, line: &Line, names: f32, x: &impl Fn(f64) -> f32, ps: f32, places: usize) {
    let value = match line.estimate {
        None => "–".to_owned(),
        Some(Estimate { value, interval: None, .. }) => number(value, places),
        Some(Estimate { value, interval: Some((low, high)), .. }) => {
            format!("{} [{}, {}]", number(value, places), number(low, places), number(high, places))
        }
    };
    let p = line.p.map(p_words);
    let n = line.estimate.map_or(0, |estimate| estimate.n);
    let told = p.as_ref().map_or_else(String::new, |p| format!(", p {p}"));
    let response = ui.interact(row, ui.scope_id().with(("forest", &line.name, row.top() as i32)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{}: {value}{told}", line.name)));
    let painter = ui.painter();
    let font = font(line);
    // A name that does not fit ends in dots; the tooltip has it whole.
    let ink = if line.all { tokens::INK } else { tokens::INK2 };
    let mut job = LayoutJob::simple_singleline(line.name.clone(), font.clone(), ink);
    job.wrap = TextWrapping::truncate_at_width(names - 6.0);
    let name = painter.layout_job(job);
    let is_cut = name.elided;
    painter.galley(row.left_center() - vec2(0.0, name.size().y * 0.5), name, ink);
    if let Some(estimate) = line.estimate {
        let y = row.center().y;
        if let Some((low, high)) = estimate.interval {
            let width = if line.all { 2.0 } else { 1.5 };
            painter.line_segment([pos2(x(low), y), pos2(x(high), y)], Stroke::new(width, tokens::INK));
        }
        let at = pos2(x(estimate.value), y);
        if line.all {
            let r = 6.0;
            let points = vec![at - vec2(r, 0.0), at - vec2(0.0, r), at + vec2(r, 0.0), at + vec2(0.0, r)];
            painter.add(Shape::convex_polygon(points, tokens::INK, Stroke::NONE));
        } else {
            painter.rect_filled(Rect::from_center_size(at, Vec2::splat(8.0)), 0.0, tokens::INK);
        }
    }
    let right = row.right() - ps;
    painter.text(pos2(right, row.center().y), Align2::RIGHT_CENTER, value, font, tokens::INK);
    if let (true, Some(p)) = (ps > 0.0, &p) {
        painter.text(row.right_center(), Align2::RIGHT_CENTER, p, text::secondary(), tokens::INK2);
    }
    let whose = if is_cut { format!("{}\n", line.name) } else { String::new() };
    response.on_hover_text(format!("{whose}n = {n}{told}"));
}

/// A scale that holds all intervals.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
    places: usize,
}

impl Axis {
    /// `is_share` keeps a scale of shares between 0 and 1.
    fn of(lines: &[Line], reference: f64, is_share: bool) -> Self {
        let (mut low, mut high) = (reference, reference);
        for estimate in lines.iter().filter_map(|line| line.estimate) {
            let (a, b) = estimate.interval.unwrap_or((estimate.value, estimate.value));
            (low, high) = (low.min(a).min(estimate.value), high.max(b).max(estimate.value));
        }
        let span = (high - low).max(1e-6);
        // 1, 2 or 5 times a power of ten, so that there are about four lines.
        let raw = span / 3.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= raw).unwrap_or(10.0 * power);
        let low = ((low - 0.15 * span) / step).floor() * step;
        let high = ((high + 0.15 * span) / step).ceil() * step;
        let (low, high) = if is_share { (low.max(0.0), high.min(1.0)) } else { (low, high) };
        let places = (-(step.log10().floor())).max(0.0) as usize;
        Self { low, high, step, places }
    }

    fn share(&self, value: f64) -> f32 {
        ((value - self.low) / (self.high - self.low)) as f32
    }

    fn ticks(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step).round() as usize;
        (0..=count).map(|i| self.low + i as f64 * self.step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_holds_every_interval_and_the_reference() {
        let line = |low: f64, value: f64, high: f64| Line {
            name: "R1".to_owned(),
            estimate: Some(Estimate { value, interval: Some((low, high)), n: 9 }),
            p: None,
            all: false,
        };
        for (lines, reference) in [
            (vec![line(0.67, 0.88, 1.09), line(0.59, 0.79, 0.99)], 0.0),
            (vec![line(0.44, 0.53, 0.56)], 0.5),
            (vec![line(-120.0, -3.0, 40.0)], 0.0),
            (Vec::new(), 0.5),
        ] {
            let axis = Axis::of(&lines, reference, false);
            let inside = |value: f64| (0.0..=1.0).contains(&axis.share(value));
            assert!(inside(reference), "{reference}");
            let ends = lines.iter().filter_map(|l| l.estimate?.interval).flat_map(|(a, b)| [a, b]);
            assert!(ends.into_iter().all(inside));
            assert!((2..=9).contains(&axis.ticks().len()), "{:?}", axis.ticks());
            if reference == 0.5 {
                let shares = Axis::of(&lines, reference, true);
                assert!((0.0..=1.0).contains(&shares.low) && (0.0..=1.0).contains(&shares.high));
            }
            assert!(lines.is_empty() || axis.ticks().iter().any(|tick| (tick - reference).abs() < axis.step));
        }
    }
}
