//! The film: the predicted image of every step, to scrub along.

use eframe::egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::Panel;
use crate::action::Action;
use crate::reduce::{film, film_target};
use crate::state::Shown;
use crate::theme::{text, tokens};
use crate::widgets::{caption, chip, section_row, thumbnail};

/// Frames shown at most; the rest is reached by scrubbing.
const MAX_FRAMES: usize = 50;

/// The film's accessible name.
pub const NAME: &str = "Steps film";

/// Heading and hint, under the left panel.
pub fn label(ui: &mut Ui, panel: &mut Panel<'_>) {
    let (frames, _) = film(panel.state);
    section_row(ui, "Steps", |ui| {
        if frames > 0 {
            caption(ui, format!("{frames} of {} kept", total(panel).max(frames)));
        }
    });
    label_line(ui, panel);
}

/// The hint alone.
pub fn label_line(ui: &mut Ui, panel: &mut Panel<'_>) {
    let (frames, _) = film(panel.state);
    if frames == 0 {
        caption(ui, "Each step of the forming image is kept here. Drag along it to look back.");
    } else {
        ui.horizontal(|ui| {
            caption(ui, "Drag to scrub, or press");
            chip::key(ui, ",");
            chip::key(ui, ".");
        });
    }
}

/// Steps of the run that is shown.
fn total(panel: &Panel<'_>) -> usize {
    let state = panel.state;
    match state.shown {
        Shown::Live | Shown::LiveStep(_) => state.job.as_ref().map_or(state.sampling.steps, |j| j.of),
        Shown::Result(i) | Shown::ResultStep(i, _) => {
            state.results.get(i).map_or(state.sampling.steps, |r| r.artifact.request.calls())
        }
        Shown::Example | Shown::Blank | Shown::Base => state.sampling.steps,
    }
}

/// The frames, under the canvas.
pub fn frames(ui: &mut Ui, panel: &mut Panel<'_>) {
    let (frames, chosen) = film(panel.state);
    let total = total(panel).max(frames).max(1);
    let shown = total.min(MAX_FRAMES);
    let rect = ui.available_rect_before_wrap();
    let pitch = (rect.width() / shown as f32).min(60.0);
    let side = (pitch - 3.6).clamp(4.0, rect.height() - 22.0);
    let (film_rect, response) =
        ui.allocate_exact_size(vec2(pitch * shown as f32, rect.height().min(side + 20.0)), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo {
        value: chosen.map(|c| (c + 1) as f64),
        ..WidgetInfo::labeled(Role::Slider, frames > 0, NAME)
    });
    let place = |frame: usize| {
        let slot = if total <= MAX_FRAMES { frame } else { frame * shown / total };
        Rect::from_min_size(pos2(film_rect.left() + slot as f32 * pitch, film_rect.top() + 2.0), vec2(side, side))
    };
    for slot in 0..shown {
        // The frame shown in this slot: the first one that falls into it.
        let frame = if total <= MAX_FRAMES { slot } else { (slot * total).div_ceil(shown) };
        let at = place(frame);
        let preview = preview(panel, frame);
        match preview {
            Some(image) => {
                let texture = panel.thumbnails.get(ui.ctx(), &image);
                ui.painter().image(texture, at, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
            }
            None => thumbnail::empty(ui, at),
        }
        let number = frame + 1;
        if number == 1 || (number.is_multiple_of(5) && total <= 60) || number.is_multiple_of(50) {
            ui.painter().text(
                pos2(at.center().x, at.bottom() + 4.0),
                Align2::CENTER_TOP,
                number.to_string(),
                text::caption(),
                tokens::INK3,
            );
        }
    }
    if let Some(chosen) = chosen {
        let ring = place(chosen).expand(1.0);
        ui.painter().rect_stroke(ring, 3.0, Stroke::new(2.0, tokens::INK), StrokeKind::Outside);
    }
    if (response.clicked() || response.dragged())
        && frames > 0
        && let Some(at) = response.interact_pointer_pos()
    {
        let slot = ((at.x - film_rect.left()) / pitch).floor().max(0.0) as usize;
        let frame = if total <= MAX_FRAMES { slot } else { slot * total / shown };
        if let Some(shown) = film_target(panel.state, frame.min(frames - 1))
            && shown != panel.state.shown
        {
            panel.out.push(Action::Show(shown));
        }
    }
}

fn preview(panel: &Panel<'_>, frame: usize) -> Option<std::sync::Arc<engine::domain::GrayImage>> {
    let state = panel.state;
    let previews = match state.shown {
        Shown::Live | Shown::LiveStep(_) => &state.job.as_ref()?.previews,
        Shown::Result(i) | Shown::ResultStep(i, _) => &state.results.get(i)?.previews,
        Shown::Example | Shown::Blank | Shown::Base => return None,
    };
    previews.get(frame).cloned()
}
