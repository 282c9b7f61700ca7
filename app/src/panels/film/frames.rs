//! The frames of the film and the numbers below its lanes.

use eframe::egui::{Align2, EventFilter, Id, Key, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::lanes;
use crate::action::Action;
use crate::panels::Panel;
use crate::reduce::film_target;
use crate::state::Film;
use crate::theme::{text, tokens};
use crate::widgets::thumbnail;

/// Frames shown at most; the rest is reached by scrubbing.
const MAX_FRAMES: usize = 50;
/// Widest distance from one frame to the next, in points.
const MAX_PITCH: f32 = 64.0;
/// Highest frame, in points.
const MAX_SIDE: f32 = 64.0;
/// Room for the lanes and the numbers below the frames.
const BELOW: f32 = 42.0;
/// Room for the numbers alone.
const NUMBERS: f32 = 14.0;

/// The film's accessible name.
pub const NAME: &str = "Steps film";

/// The frames with the lanes of the layers, under the canvas.
pub fn frames(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = ui.available_rect_before_wrap();
    let track = Track::new(room, Film::of(panel.state).total);
    scrub(ui, panel, &track, room);
    let top = room.top() + 2.0 + track.side + 4.0;
    let lanes = Rect::from_min_max(pos2(track.left, top), pos2(track.right(), room.bottom() - NUMBERS));
    lanes::show(ui, panel, lanes, track.total);
    for step in 1..=track.total {
        if step == 1 || (step.is_multiple_of(5) && track.total <= 60) || step.is_multiple_of(50) {
            let x = track.slot(track.slot_of(step - 1)).center().x;
            let at = pos2(x, room.bottom() - NUMBERS + 1.0);
            ui.painter().text(at, Align2::CENTER_TOP, step.to_string(), text::caption(), tokens::INK3);
        }
    }
}

/// Where steps lie on the screen.
struct Track {
    left: f32,
    top: f32,
    pitch: f32,
    side: f32,
    total: usize,
    slots: usize,
}

impl Track {
    fn new(room: Rect, total: usize) -> Self {
        let slots = total.clamp(1, MAX_FRAMES);
        let pitch = (room.width() / slots as f32).min(MAX_PITCH);
        let side = (pitch - 3.6).min(room.height() - 2.0 - BELOW).clamp(4.0, MAX_SIDE);
        Self { left: room.left(), top: room.top() + 2.0, pitch, side, total, slots }
    }

    fn right(&self) -> f32 {
        self.left + self.pitch * self.slots as f32
    }

    /// The slot of a step, from 0.
    fn slot_of(&self, step: usize) -> usize {
        if self.total <= MAX_FRAMES { step } else { step * self.slots / self.total }
    }

    /// The step, from 0, whose picture stands in a slot: the first that falls into it.
    fn step_in(&self, slot: usize) -> usize {
        if self.total <= MAX_FRAMES { slot } else { (slot * self.total).div_ceil(self.slots) }
    }

    fn slot(&self, slot: usize) -> Rect {
        Rect::from_min_size(pos2(self.left + slot as f32 * self.pitch, self.top), vec2(self.side, self.side))
    }

    /// The step, from 0, under a screen position.
    fn step_at(&self, x: f32) -> usize {
        let share = ((x - self.left) / (self.right() - self.left).max(1.0)).clamp(0.0, 1.0);
        ((share * self.total as f32) as usize).min(self.total.saturating_sub(1))
    }
}

fn scrub(ui: &mut Ui, panel: &mut Panel<'_>, track: &Track, room: Rect) {
    let film = Film::of(panel.state);
    let rect = Rect::from_min_max(room.min, pos2(track.right(), track.top + track.side + 2.0));
    // The name of the film does not depend on what is above it.
    let response = ui.interact(rect, Id::unique(NAME), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo {
        value: film.chosen_step().map(|step| step as f64),
        ..WidgetInfo::labeled(Role::Slider, !film.previews.is_empty(), NAME)
    });
    for slot in 0..track.slots {
        let at = track.slot(slot);
        let frame = track.step_in(slot).checked_sub(film.first);
        match frame.and_then(|f| film.previews.get(f)) {
            Some(image) => {
                let texture = panel.thumbnails.get(ui.ctx(), image);
                ui.painter().image(texture, at, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
            }
            None => thumbnail::empty(ui, at),
        }
    }
    if let Some(chosen) = film.chosen {
        let ring = track.slot(track.slot_of(film.first + chosen)).expand(1.0);
        ui.painter().rect_stroke(ring, 3.0, Stroke::new(2.0, tokens::INK), StrokeKind::Outside);
    }
    let frames = film.previews.len();
    if frames == 0 {
        return;
    }
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
        let by = ui.input(|i| i32::from(i.key_pressed(Key::ArrowRight)) - i32::from(i.key_pressed(Key::ArrowLeft)));
        if by != 0 {
            panel.out.push(Action::StepFilm(by));
        }
    }
    if (response.clicked() || response.dragged())
        && let Some(at) = response.interact_pointer_pos()
    {
        let frame = track.step_at(at.x).saturating_sub(film.first).min(frames - 1);
        if let Some(shown) = film_target(panel.state, frame)
            && shown != panel.state.shown
        {
            panel.out.push(Action::Show(shown));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(width: f32, height: f32, total: usize) -> Track {
        Track::new(Rect::from_min_size(pos2(10.0, 20.0), vec2(width, height)), total)
    }

    #[test]
    fn frames_have_the_size_of_the_drawing() {
        let track = track(1216.0, 88.0, 25);
        assert!((track.pitch - 48.64).abs() < 0.01, "{}", track.pitch);
        assert!((43.0..=46.0).contains(&track.side), "{}", track.side);
    }

    #[test]
    fn every_step_has_a_slot_and_can_be_scrubbed_to() {
        for total in [1, 8, 25, 50, 51, 120, 1000] {
            let track = track(1200.0, 88.0, total);
            assert!(track.slots <= MAX_FRAMES);
            for step in 0..total {
                assert!(track.slot_of(step) < track.slots);
                let middle = track.left + (step as f32 + 0.5) / total as f32 * (track.right() - track.left);
                assert_eq!(track.step_at(middle), step, "of {total}");
            }
            for slot in 0..track.slots {
                assert_eq!(track.slot_of(track.step_in(slot)), slot, "of {total}");
            }
        }
    }
}
