//! The first minute: one next step at a time, by what was done so far.

use eframe::egui::{Align, Layout, RichText, Ui};

use crate::action::Action as Any;
use crate::panels::Panel;
use crate::state::{Shown, State};
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, secondary};

/// What a newcomer is shown, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make an image.
    Generate,
    /// Move the finding.
    Move,
    /// Make the image again with the same seed.
    Again,
    /// Compare the two.
    Compare,
    /// Change window and level.
    Window,
    /// Look back along the film.
    Scrub,
    /// Go on from a step.
    Fork,
    /// Save.
    Save,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 8] =
        [Self::Generate, Self::Move, Self::Again, Self::Compare, Self::Window, Self::Scrub, Self::Fork, Self::Save];
}

/// What was done so far.
#[derive(Clone, Debug, Default)]
pub struct Lesson {
    done: Vec<Step>,
}

impl Lesson {
    /// Notes what an action shows of the person's knowledge.
    pub fn note(&mut self, action: &Any) {
        let step = match action {
            Any::Generate if self.done.contains(&Step::Move) && self.done.contains(&Step::Generate) => Step::Again,
            Any::Generate => Step::Generate,
            Any::StrokeEnd | Any::Nudge(..) | Any::MirrorLayer(_) => Step::Move,
            Any::Sight(_) => Step::Compare,
            Any::DragWindow(..) | Any::SetWindow(..) => Step::Window,
            Any::StepFilm(_) | Any::Show(Shown::ResultStep(..) | Shown::LiveStep(_)) => Step::Scrub,
            Any::Fork => Step::Fork,
            Any::Save => Step::Save,
            _ => return,
        };
        self.pass(step);
    }

    /// A step that was done, or is left out.
    pub fn pass(&mut self, step: Step) {
        if !self.done.contains(&step) {
            self.done.push(step);
        }
    }

    /// The next step; `None` when all were done.
    pub fn next(&self) -> Option<Step> {
        Step::ALL.into_iter().find(|s| !self.done.contains(s))
    }
}

/// Title and words of the tip of now.
fn words(state: &State, step: Option<Step>) -> (&'static str, &'static str) {
    if state.is_running() {
        return ("Watch it form", "Every step is kept on the film below; drag along it to look back while it runs.");
    }
    match step {
        Some(Step::Generate) => {
            ("Press Generate", "A chest forms from noise, with the finding where the layer lies. Nothing leaves this computer.")
        }
        Some(Step::Move) => (
            "Drag me",
            "Take Move (V) and drag the mask across the midline. Where text and mask then name different sides, Flip text or Flip mask mends it.",
        ),
        Some(Step::Again) => {
            ("Generate again", "The seed is locked: the same patient comes with the finding where the mask lies now.")
        }
        Some(Step::Compare) => ("Compare the two", "C puts the images side by side, M changes how, D shows the difference."),
        Some(Step::Window) => {
            ("Look into the dark", "Drag with the right button: sideways is window, up and down is level. 0 resets both.")
        }
        Some(Step::Scrub) => ("Look back in time", "Drag along the film, or press comma and period: each step is kept."),
        Some(Step::Fork) => ("Take another way", "At an early step, change text or mask and fork: the run goes on from there."),
        Some(Step::Save) => (
            "Save it",
            "Ctrl+S writes image, mask and record. Dropping that PNG on the window brings everything back in a tab of its own.",
        ),
        None => ("You know the round", "F1 shows all keys, Ctrl+K finds every command. Add ChexGen weights in the room Train."),
    }
}

/// Shows the tip.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let next = panel.state.shell.lesson.next();
    let (title, sentence) = words(panel.state, next);
    ui.label(RichText::new(title).font(text::title()).color(tokens::INK));
    secondary(ui, sentence);
    ui.horizontal(|ui| {
        if let Some(step) = next {
            let n = Step::ALL.iter().position(|s| *s == step).unwrap_or(0) + 1;
            caption(ui, format!("Tip {n} of {}", Step::ALL.len()));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if Push::new("Hide tips").frameless().purpose("Settings bring them back").show(ui).clicked() {
                panel.out.push(Any::HideTips);
            }
            if let Some(step) = next
                && Push::new("Next tip").frameless().purpose("Leaves this step out").show(ui).clicked()
            {
                panel.out.push(Any::Shell(super::Action::PassTip(step)));
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tips_follow_what_was_done() {
        let mut lesson = Lesson::default();
        assert_eq!(lesson.next(), Some(Step::Generate));
        lesson.note(&Any::DragWindow(1.0, 0.0));
        lesson.note(&Any::Generate);
        assert_eq!(lesson.next(), Some(Step::Move));
        lesson.note(&Any::Generate);
        assert_eq!(lesson.next(), Some(Step::Move), "the same image again is no lesson");
        lesson.note(&Any::StrokeEnd);
        lesson.note(&Any::Generate);
        assert_eq!(lesson.next(), Some(Step::Compare));
        lesson.pass(Step::Compare);
        assert_eq!(lesson.next(), Some(Step::Scrub), "the window was known already");
        for step in Step::ALL {
            lesson.pass(step);
        }
        assert_eq!(lesson.next(), None);
    }
}
