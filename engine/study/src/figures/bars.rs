//! Stacked score distributions by arm and reader, with counts.

use super::canvas::{Canvas, Look, Paint, Theme};
use super::text::Weight;
use super::{Figure, WIDTH};
use crate::analysis::words::{counted, number};
use crate::analysis::{Analysis, Cell, Context, Scale};

/// Height of a bar and of its row.
const BAR: f64 = 26.0;
const ROW: f64 = 31.0;
/// Most width of a reader's label.
const LABEL: f64 = 150.0;

pub(super) fn scores(name: String, analysis: &Analysis, context: &Context, scale: &Scale, theme: Theme) -> Figure {
    let choices = analysis.template.choices();
    let cells: Vec<&Cell> = scale.cells.iter().filter(|c| c.reader.is_some()).collect();
    let most = cells.iter().map(|c| c.n).max().unwrap_or(0);
    let label = Look::new(12.0, Paint::Ink2);
    let said = |cell: &Cell| {
        let reader = cell.reader.map_or("All readers", |r| analysis.readers[r].as_str());
        if cell.n == most { reader.to_owned() } else { format!("{reader} (n = {})", cell.n) }
    };
    let labels = cells.iter().map(|c| label.width(&said(c))).fold(60.0, f64::max).min(LABEL);
    let figures = Look::new(12.0, Paint::Ink3);
    let (left, right) = (labels + 18.0, 106.0);
    let full = WIDTH - left - right;

    let mut canvas = Canvas::new(WIDTH, 0.0, theme);
    legend(&mut canvas, analysis);
    let mut y = 30.0;
    for arm in 0..analysis.arms.len() {
        let heading = format!("{}\u{a0}\u{a0}{}", context.letter(arm), analysis.arms[arm]);
        canvas.text((0.0, y + 13.0), &heading, &Look::new(12.5, Paint::Ink).weight(Weight::SemiBold).room(WIDTH));
        y += 22.0;
        for cell in cells.iter().filter(|c| c.arm == arm) {
            canvas.text((0.0, y + 17.0), &said(cell), &label.room(labels));
            if cell.n == 0 {
                canvas.text((left, y + 17.0), "No score", &Look::new(12.0, Paint::Ink3));
            }
            let mut x = left;
            for (i, (&count, choice)) in cell.counts.iter().zip(choices).enumerate().filter(|(_, (n, _))| **n > 0) {
                let width = full * count as f64 / cell.n as f64;
                let says = format!("{}, {}: {}", choice.figure, choice.words, counted(count, "case", "cases"));
                // A gap of one unit parts the scores on any ground.
                canvas.rect((x, y), ((width - 1.0).max(0.6), BAR), Paint::Score(i), &says);
                let look = Look::new(12.0, Paint::OnScore).weight(Weight::Medium).middle();
                let text = count.to_string();
                if look.width(&text) + 3.0 <= width {
                    canvas.text((x + width / 2.0 - 0.5, y + 17.3), &text, &look);
                }
                x += width;
            }
            if let Some(mean) = cell.mean {
                let sd = cell.sd.map_or_else(String::new, |sd| format!(" ± {}", number(sd, 2)));
                canvas.two((WIDTH, y + 17.0), &number(mean, 2), &sd, &figures);
            }
            y += ROW;
        }
        y += 12.0;
    }
    canvas.height = y - 12.0;
    let of = if scale.criterion.is_empty() { String::new() } else { format!(": {}", scale.criterion) };
    let hidden = cells.iter().any(|c| c.counts.iter().any(|&n| n > 0 && full * n as f64 / (c.n as f64) < 10.0));
    let table = if hidden { " Counts without room stand in the table." } else { "" };
    Figure {
        name,
        title: format!("Scores{of}"),
        caption: format!("Cases per score, by arm and reader; mean ± SD at the right.{table}"),
        canvas,
    }
}

/// The scores' colours, at the upper right.
fn legend(canvas: &mut Canvas, analysis: &Analysis) {
    let look = Look::new(12.0, Paint::Ink2).weight(Weight::Medium);
    let mut x = WIDTH;
    for (i, choice) in analysis.template.choices().iter().enumerate().rev() {
        canvas.text((x, 12.0), choice.figure, &look.end());
        // Room for letters that are wider than ours.
        x -= look.width(choice.figure) * 1.1 + 17.0;
        canvas.rect((x, 2.0), (11.0, 11.0), Paint::Score(i), choice.words);
        x -= 14.0;
    }
    let choices = analysis.template.choices();
    if let (Some(low), Some(high)) = (choices.first(), choices.last()) {
        let words = format!("{} {}, {} {}", low.figure, low.words.to_lowercase(), high.figure, high.words.to_lowercase());
        canvas.text((0.0, 12.0), &words, &Look::new(11.0, Paint::Ink3).room(x - 8.0));
    }
}
