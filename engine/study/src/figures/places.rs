//! Where errors were marked: a shaded grid for each arm, with each mark on it.

use super::canvas::{Canvas, Look, Paint, Theme};
use super::text::Weight;
use super::{Figure, WIDTH};
use crate::analysis::words::{counted, percent};
use crate::analysis::{Analysis, Context, Place};
use crate::reading::ErrorKind;

/// Cells along one side.
const CELLS: usize = 8;
const SIDE: f64 = 172.0;
const ACROSS: usize = 4;

/// `None` where no place was marked.
pub(super) fn places(analysis: &Analysis, context: &Context, theme: Theme) -> Option<Figure> {
    let marks = &analysis.errors.places;
    if marks.is_empty() {
        return None;
    }
    let step = (WIDTH - SIDE) / (ACROSS - 1) as f64;
    let counts: Vec<Vec<usize>> = (0..analysis.arms.len()).map(|arm| grid(marks.iter().filter(|m| m.arm == arm))).collect();
    let most = counts.iter().flatten().copied().max().unwrap_or(1).max(1);
    let mut canvas = Canvas::new(WIDTH, 0.0, theme);
    let row = SIDE + 60.0;
    for (arm, of_arm) in counts.iter().enumerate() {
        let (x, y) = (step * (arm % ACROSS) as f64, row * (arm / ACROSS) as f64);
        let mine: Vec<&Place> = marks.iter().filter(|m| m.arm == arm).collect();
        let title = format!("{}\u{a0}\u{a0}{}", context.letter(arm), analysis.arms[arm]);
        canvas.text((x, y + 12.0), &title, &Look::new(12.0, Paint::Ink).weight(Weight::SemiBold).room(SIDE));
        canvas.text((x, y + 28.0), &counted(mine.len(), "place", "places"), &Look::new(11.5, Paint::Ink3));
        let top = y + 36.0;
        let cell = SIDE / CELLS as f64;
        for (i, &count) in of_arm.iter().enumerate().filter(|(_, n)| **n > 0) {
            let corner = (x + cell * (i % CELLS) as f64, top + cell * (i / CELLS) as f64);
            let share = percent(count as f64 / mine.len() as f64, 0);
            let says = format!("{}, {share} of this arm", counted(count, "place", "places"));
            canvas.shade(corner, (cell, cell), 0.06 + 0.40 * count as f64 / most.max(4) as f64, &says);
        }
        canvas.frame((x, top), (SIDE, SIDE), Paint::Ink3);
        for mark in &mine {
            let (w, h) = mark.at;
            let spot = (x + SIDE * w.clamp(0.0, 1.0), top + SIDE * h.clamp(0.0, 1.0));
            canvas.dot(spot, 2.4, Paint::Ink, mark.kind.name());
        }
        let side = Look::new(11.0, Paint::Ink3);
        canvas.text((x + 6.0, top + 15.0), "R", &side);
        canvas.text((x + SIDE - 6.0, top + 15.0), "L", &side.end());
    }
    canvas.height = row * analysis.arms.len().div_ceil(ACROSS) as f64 - 20.0;
    let kinds = ErrorKind::ALL.iter().filter(|k| marks.iter().any(|m| m.kind == **k)).count();
    let of = if kinds == 1 { "one type" } else { "all types" };
    Some(Figure {
        name: "places".to_owned(),
        title: "Where errors were marked".to_owned(),
        caption: format!(
            "Marks of {of} on the outline of the image; R and L are the patient’s right and left. The shade counts marks in \
             each of {} fields; all arms share one scale, and the fullest field has {}.",
            CELLS * CELLS,
            counted(most, "mark", "marks")
        ),
        canvas,
    })
}

fn grid<'a>(marks: impl Iterator<Item = &'a Place>) -> Vec<usize> {
    let mut counts = vec![0; CELLS * CELLS];
    let cell = |share: f64| ((share.clamp(0.0, 1.0) * CELLS as f64) as usize).min(CELLS - 1);
    for mark in marks {
        counts[cell(mark.at.1) * CELLS + cell(mark.at.0)] += 1;
    }
    counts
}
