//! Kinds of errors by arm, as bars with their counts.

use super::canvas::{Canvas, Look, Paint, Theme};
use super::text::Weight;
use super::{Figure, WIDTH};
use crate::analysis::words::percent;
use crate::analysis::{Analysis, Context, ErrorRow};
use crate::reading::ErrorKind;

/// Height of one arm's bar with its gap.
const ROW: f64 = 17.0;
const BAR: f64 = 12.0;

/// `None` where no error was marked.
pub(super) fn errors(analysis: &Analysis, context: &Context, theme: Theme) -> Option<Figure> {
    let rows: Vec<&ErrorRow> = analysis.errors.rows.iter().filter(|r| r.reader.is_none()).collect();
    let most = rows.iter().flat_map(|r| r.counts).max().unwrap_or(0);
    if most == 0 {
        return None;
    }
    let label = Look::new(12.0, Paint::Ink2);
    let labels = ErrorKind::ALL.iter().map(|k| label.width(k.name())).fold(0.0, f64::max) + 16.0;
    let letters = rows.iter().map(|r| label.width(&context.letter(r.arm))).fold(8.0, f64::max) + 8.0;
    let left = labels + letters;
    let figures = 110.0;
    let full = WIDTH - left - figures;
    let mut canvas = Canvas::new(WIDTH, 0.0, theme);
    let mut y = 2.0;
    for (kind, name) in ErrorKind::ALL.iter().map(|k| k.name()).enumerate() {
        let height = ROW * rows.len() as f64;
        canvas.text((0.0, y + height / 2.0 + 3.0), name, &label);
        for row in &rows {
            let count = row.counts[kind];
            let width = full * count as f64 / most as f64;
            canvas.text((labels, y + BAR - 1.5), &context.letter(row.arm), &Look::new(12.0, Paint::Ink).weight(Weight::Medium));
            let paint = if row.arm % 4 < 2 { Paint::Ink2 } else { Paint::Ink3 };
            // A full bar and an outline in turn; the letter at the bar names the arm.
            if count > 0 && row.arm % 2 == 0 {
                canvas.rect((left, y), (width, BAR), paint, "");
            } else if count > 0 {
                canvas.frame((left + 0.5, y + 0.5), ((width - 1.0).max(0.5), BAR - 1.0), paint);
            }
            let share = if count > 0 { percent(count as f64 / row.scored as f64, 1) } else { String::new() };
            let at = left + if count > 0 { width + 8.0 } else { 1.0 };
            canvas.text((at, y + BAR - 1.5), &count.to_string(), &Look::new(12.0, Paint::Ink).weight(Weight::Medium));
            let beside = at + Look::new(12.0, Paint::Ink).weight(Weight::Medium).width(&count.to_string()) + 7.0;
            canvas.text((beside, y + BAR - 1.5), &share, &Look::new(12.0, Paint::Ink3));
            y += ROW;
        }
        y += 9.0;
    }
    canvas.height = y - 6.0;
    Some(Figure {
        name: "errors".to_owned(),
        title: "Low scores, error type".to_owned(),
        caption: "Answers with an error of each type and their share of all answers of the arm; one answer may have several."
            .to_owned(),
        canvas,
    })
}
