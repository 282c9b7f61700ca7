//! Estimates with their intervals along one axis, with their figures beside them.

use super::WIDTH;
use super::canvas::{Canvas, Dash, Look, Paint, Theme};
use super::text::Weight;

/// One line of a forest plot.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) label: String,
    /// Estimate and interval; `None` where there is none.
    pub(super) at: Option<(f64, Option<(f64, f64)>)>,
    /// Columns at the right.
    pub(super) figures: Vec<String>,
    /// Whether this is the sum of the others: a diamond and heavier letters.
    pub(super) sum: bool,
}

/// Lines under one heading; an empty heading takes no room.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) heading: String,
    pub(super) lines: Vec<Line>,
}

/// The axis under the lines.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Under the figures of the axis.
    pub(super) label: String,
    /// The line of no effect.
    pub(super) zero: Option<f64>,
    /// What the axis has to hold beside the intervals.
    pub(super) holds: Vec<f64>,
    /// Bounds that no figure of the axis passes, such as 0 and 1 of a share.
    pub(super) bounds: (f64, f64),
    /// Heads of the columns at the right.
    pub(super) heads: Vec<String>,
    /// Whether values are shares, written in per cent.
    pub(super) percent: bool,
}

/// Height of a line.
const ROW: f64 = 27.0;
const HEADING: f64 = 30.0;
const MOST_LABEL: f64 = 190.0;

/// Round steps that part `low..high` into at most `most` pieces.
pub(super) fn ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let span = (high - low).max(1e-9);
    let rough = span / most as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| span / s <= most as f64 + 1e-9).unwrap_or(span);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// As many decimals as the ticks need.
pub(super) fn decimals(ticks: &[f64]) -> usize {
    (0..4).find(|&d| ticks.iter().all(|t| (t * 10f64.powi(d) - (t * 10f64.powi(d)).round()).abs() < 1e-6)).unwrap_or(3) as usize
}

pub(super) fn forest(groups: &[Group], axis: &Axis, theme: Theme) -> Canvas {
    let lines = || groups.iter().flat_map(|g| &g.lines);
    let plain = Look::new(12.0, Paint::Ink2);
    let strong = Look::new(12.0, Paint::Ink).weight(Weight::SemiBold);
    let look = |line: &Line| if line.sum { strong } else { plain };
    let label_width = lines().map(|l| look(l).width(&l.label)).fold(60.0, f64::max).min(MOST_LABEL);
    let columns = axis.heads.len();
    let head = Look::new(11.5, Paint::Ink3);
    let widths: Vec<f64> = (0..columns)
        .map(|c| lines().filter_map(|l| Some(strong.width(l.figures.get(c)?))).fold(head.width(&axis.heads[c]), f64::max))
        .collect();
    let right: f64 = widths.iter().map(|w| w + 20.0).sum();
    let (left, end) = (label_width + 22.0, WIDTH - right - 8.0);

    let ends = lines().filter_map(|l| l.at).flat_map(|(v, i)| i.map_or([v, v], |(low, high)| [low, high]));
    let all: Vec<f64> = ends.chain(axis.holds.iter().copied()).chain(axis.zero).filter(|v| v.is_finite()).collect();
    let (mut low, mut high) = all.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    if low >= high {
        (low, high) = (low.min(0.0) - 0.5, high.max(0.0) + 0.5);
    }
    let rim = (high - low) * 0.06;
    (low, high) = ((low - rim).max(axis.bounds.0), (high + rim).min(axis.bounds.1));
    let place = |v: f64| left + (v - low) / (high - low) * (end - left);
    let marks = ticks(low, high, 6);
    let places = decimals(&marks.iter().map(|t| if axis.percent { t * 100.0 } else { *t }).collect::<Vec<_>>());

    let mut canvas = Canvas::new(WIDTH, 0.0, theme);
    let mut x = end + 8.0;
    for (title, width) in axis.heads.iter().zip(&widths) {
        x += width + 20.0;
        canvas.text((x, 11.0), title, &head.end());
    }
    let top = if columns > 0 { 20.0 } else { 4.0 };
    let count: usize = groups.iter().map(|g| g.lines.len()).sum();
    let headings = groups.iter().filter(|g| !g.heading.is_empty()).count();
    let bottom = top + ROW * count as f64 + HEADING * headings as f64 + 4.0;
    for &mark in &marks {
        let value = if axis.percent { mark * 100.0 } else { mark };
        let text = crate::analysis::words::number(value, places);
        canvas.text((place(mark), bottom + 16.0), &text, &Look::new(11.5, Paint::Ink3).middle());
    }
    let mut y = top;
    for group in groups {
        if !group.heading.is_empty() {
            let look = Look::new(12.0, Paint::Ink).weight(Weight::SemiBold).room(WIDTH);
            canvas.text((0.0, y + HEADING - 8.0), &group.heading, &look);
            y += HEADING;
        }
        // The lines of the axis stop at headings.
        let ends = (y, y + ROW * group.lines.len() as f64);
        for &mark in &marks {
            canvas.line(&[(place(mark), ends.0), (place(mark), ends.1)], 1.0, Paint::Line, Dash::Solid);
        }
        if let Some(zero) = axis.zero {
            canvas.line(&[(place(zero), ends.0), (place(zero), ends.1)], 1.5, Paint::Ink3, Dash::Solid);
        }
        for line in &group.lines {
            let middle = y + ROW / 2.0;
            canvas.text((0.0, middle + 4.3), &line.label, &look(line).room(label_width));
            if let Some((value, interval)) = line.at {
                mark(&mut canvas, (place, middle), value, interval, line.sum);
            }
            let mut x = end + 8.0;
            for (c, width) in widths.iter().enumerate() {
                x += width + 20.0;
                let own = if line.sum {
                    strong
                } else if c == 0 {
                    Look::new(12.0, Paint::Ink)
                } else {
                    plain
                };
                canvas.text((x, middle + 4.3), line.figures.get(c).map_or("", String::as_str), &own.end());
            }
            y += ROW;
        }
    }
    if !axis.label.is_empty() {
        canvas.text(((left + end) / 2.0, bottom + 33.0), &axis.label, &Look::new(11.5, Paint::Ink3).middle());
    }
    canvas.height = bottom + if axis.label.is_empty() { 20.0 } else { 38.0 };
    canvas
}

/// A square, or the diamond of a sum, on its interval.
fn mark(canvas: &mut Canvas, (place, y): (impl Fn(f64) -> f64, f64), value: f64, interval: Option<(f64, f64)>, sum: bool) {
    let x = place(value);
    if let Some((low, high)) = interval {
        canvas.line(&[(place(low), y), (place(high), y)], if sum { 2.2 } else { 1.6 }, Paint::Ink, Dash::Solid);
    }
    if sum {
        canvas.shape(&[(x - 7.0, y), (x, y - 6.5), (x + 7.0, y), (x, y + 6.5)], Paint::Ink);
    } else {
        canvas.shape(&[(x - 4.0, y - 4.0), (x + 4.0, y - 4.0), (x + 4.0, y + 4.0), (x - 4.0, y + 4.0)], Paint::Ink);
    }
}
