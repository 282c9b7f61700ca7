//! Learning and fatigue: mean score of each arm and median time along the order of reading.

use super::canvas::{Canvas, Dash, Look, Paint, Theme};
use super::forest::{decimals, ticks};
use super::text::Weight;
use super::{Figure, WIDTH};
use crate::analysis::words::number;
use crate::analysis::{Analysis, Context};

/// Height of the drawing.
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 34.0;
/// Room for the letters at the ends of the lines.
const LETTERS: f64 = 22.0;
const GAP: f64 = 28.0;
/// Least distance of two letters.
const APART: f64 = 13.0;

/// `None` where the order has too few trials for a curve.
pub(super) fn learning(analysis: &Analysis, context: &Context, theme: Theme) -> Option<Figure> {
    let points = &analysis.curve.points;
    if points.len() < 2 {
        return None;
    }
    let at: Vec<f64> = points.iter().map(|p| f64::from(p.order.0 + p.order.1) / 2.0).collect();
    let scored = points.iter().any(|p| p.scores.iter().any(Option::is_some));
    let mut panels: Vec<Panel> = Vec::new();
    if scored {
        let series = (0..analysis.arms.len())
            .map(|arm| Series { letter: context.letter(arm), values: points.iter().map(|p| p.scores[arm]).collect() });
        panels.push(Panel { title: "Mean score by order, all readers", series: series.collect(), holds: Vec::new() });
    }
    if points.iter().any(|p| p.right.is_some()) {
        let values = points.iter().map(|p| p.right.map(|share| 100.0 * share)).collect();
        let right = Series { letter: String::new(), values };
        panels.push(Panel { title: "Right by order, %, all readers", series: vec![right], holds: vec![0.0, 100.0] });
    }
    let time = Series { letter: String::new(), values: points.iter().map(|p| p.seconds).collect() };
    panels.push(Panel { title: "Median time by order, seconds", series: vec![time], holds: vec![0.0] });

    let mut canvas = Canvas::new(WIDTH, HEIGHT + 64.0, theme);
    let width = (WIDTH - GAP * (panels.len() - 1) as f64) / panels.len() as f64;
    for (i, panel) in panels.iter().enumerate() {
        panel.draw(&mut canvas, (width + GAP) * i as f64, width, &at);
    }
    Some(Figure {
        name: "learning".to_owned(),
        title: "Learning and fatigue".to_owned(),
        caption: format!(
            "Each point is one of {} stretches of the order, first to last trial. Slopes with intervals stand in the table.",
            points.len()
        ),
        canvas,
    })
}

struct Series {
    letter: String,
    values: Vec<Option<f64>>,
}

struct Panel {
    title: &'static str,
    series: Vec<Series>,
    holds: Vec<f64>,
}

impl Panel {
    fn draw(&self, canvas: &mut Canvas, x0: f64, width: f64, at: &[f64]) {
        canvas.text((x0, 12.0), self.title, &Look::new(12.0, Paint::Ink2).weight(Weight::Medium).room(width));
        let values = || self.series.iter().flat_map(|s| &s.values).flatten().copied();
        let (mut low, mut high) =
            values().chain(self.holds.iter().copied()).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        // A flat line is not stretched into hills: at least one unit is shown.
        let spare = (1.0 - (high - low)).max(0.0) / 2.0;
        (low, high) = if self.holds.is_empty() { (low - spare, high + spare) } else { (low, high.max(low + 1.0)) };
        let rim = (high - low) * 0.08;
        (low, high) = (if self.holds.is_empty() { low - rim } else { low }, high + rim);
        let (top, bottom) = (24.0, 24.0 + HEIGHT);
        let (left, right) = (x0 + LEFT, x0 + width - LETTERS);
        let y = |v: f64| bottom - (v - low) / (high - low) * (bottom - top);
        let (first, last) = (at[0], at[at.len() - 1]);
        let x = |order: f64| left + (order - first) / (last - first) * (right - left);
        let marks = ticks(low, high, 5);
        let places = decimals(&marks);
        for &mark in &marks {
            canvas.line(&[(left - 4.0, y(mark)), (right + 4.0, y(mark))], 1.0, Paint::Line, Dash::Solid);
            canvas.text((left - 9.0, y(mark) + 4.0), &number(mark, places), &Look::new(11.5, Paint::Ink3).end());
        }
        let mut ends = Vec::new();
        for (i, series) in self.series.iter().enumerate() {
            let paint = [Paint::Ink, Paint::Ink2, Paint::Ink2, Paint::Ink3][i % 4];
            // A gap in the values is a gap in the line.
            let points: Vec<Option<(f64, f64)>> = series.values.iter().zip(at).map(|(v, &o)| v.map(|v| (x(o), y(v)))).collect();
            for run in points.split(Option::is_none) {
                let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
                if run.len() > 1 {
                    canvas.line(&run, 1.8, paint, Dash::of(i));
                }
                for &(px, py) in &run {
                    canvas.dot((px, py), 2.6, paint, &number(low + (bottom - py) / (bottom - top) * (high - low), 2));
                }
            }
            if let Some(&(_, end)) = points.iter().rev().flatten().next() {
                ends.push((end, series.letter.clone()));
            }
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        for i in 1..ends.len() {
            ends[i].0 = ends[i].0.max(ends[i - 1].0 + APART);
        }
        for (end, letter) in ends.iter().filter(|(_, l)| !l.is_empty()) {
            canvas.text((right + 9.0, end + 4.2), letter, &Look::new(12.0, Paint::Ink).weight(Weight::Medium));
        }
        for mark in ticks(first, last, 5) {
            canvas.text((x(mark), bottom + 18.0), &number(mark, 0), &Look::new(11.5, Paint::Ink3).middle());
        }
        canvas.text(((left + right) / 2.0, bottom + 36.0), "Place in the reader’s order", &Look::new(11.5, Paint::Ink3).middle());
    }
}
