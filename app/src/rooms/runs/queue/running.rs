//! The run in progress.

use eframe::egui::{Align2, CornerRadius, Rect, Sense, Stroke, StrokeKind, Ui, UiBuilder, pos2, vec2};

use super::super::words;
use super::parts::{PICTURE, ROW, picture, put};
use crate::action::Action as Any;
use crate::panels::Panel;
use crate::state::{Room, Shown};
use crate::theme::{text, tokens};
use crate::widgets::{Push, progress};

/// The run in progress: its newest preview, step and time, Cancel and Open.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(job) = &panel.state.job else { return };
    let texture = job.previews.last().map(|p| panel.thumbnails.get(ui.ctx(), p));
    let step = if job.step == 0 { "starting".to_owned() } else { format!("step {} of {}", job.step, job.of) };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW + 8.0), Sense::hover());
    ui.painter().rect(rect, CornerRadius::same(6), tokens::RAISE, Stroke::new(1.0, tokens::LINE2), StrokeKind::Inside);
    let inner = rect.shrink2(vec2(10.0, 6.0));
    picture(ui, inner.left_top(), texture);
    let x = inner.left() + PICTURE + 10.0;
    let time = job.secs_left().map_or_else(String::new, words::secs);
    let right =
        ui.painter().text(pos2(inner.right(), inner.top() + 8.0), Align2::RIGHT_CENTER, time, text::secondary(), tokens::INK2);
    put(ui, pos2(x, inner.top() + 8.0), &job.name, right.left() - 8.0 - x, text::medium(), tokens::INK);
    put(
        ui,
        pos2(x, inner.top() + 26.0),
        &format!("{}, {step}", job.request.seed.0),
        inner.right() - x,
        text::secondary(),
        tokens::INK2,
    );
    let mut bar =
        ui.new_child(UiBuilder::new().max_rect(Rect::from_min_size(pos2(x, inner.top() + 40.0), vec2(inner.right() - x, 4.0))));
    progress::bar(&mut bar, inner.right() - x, job.step as f32 / job.of.max(1) as f32, "Progress of the run");
    ui.horizontal(|ui| {
        ui.add_space(x - rect.left());
        let words = if job.cancelling { "Stops after this step" } else { "Cancel" };
        let cancel = Push::new(words).name("Cancel this run").command("run.cancel").enabled(!job.cancelling);
        if cancel.show(ui).clicked() {
            panel.out.push(Any::Cancel);
        }
        if Push::new("Open").name("Open this run").purpose("Goes to the canvas, where it forms").frameless().show(ui).clicked() {
            panel.out.push(Any::Show(Shown::Live));
            panel.out.push(Any::OpenRoom(Room::Canvas));
        }
    });
}
