//! The first minute: one next step at a time, by what was done so far.

use eframe::egui::{Align, Layout, RichText, Ui};

use crate::action::Action as Any;
use crate::command::find;
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
    /// Its name in the settings file; never changes once released.
    fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Move => "move",
            Self::Again => "again",
            Self::Compare => "compare",
            Self::Window => "window",
            Self::Scrub => "scrub",
            Self::Fork => "fork",
            Self::Save => "save",
        }
    }

    /// All steps in order.
    pub const ALL: [Self; 8] =
        [Self::Generate, Self::Move, Self::Again, Self::Compare, Self::Window, Self::Scrub, Self::Fork, Self::Save];
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    /// What was done, by names for the settings file.
    pub fn names(&self) -> Vec<String> {
        self.done.iter().map(|step| step.name().to_owned()).collect()
    }

    /// A lesson in which steps with these names were done; other names belong to another version.
    pub fn from_names(names: &[String]) -> Self {
        let mut lesson = Self::default();
        for step in Step::ALL.into_iter().filter(|step| names.iter().any(|name| name == step.name())) {
            lesson.pass(step);
        }
        lesson
    }

    /// The next step; `None` when all were done.
    pub fn next(&self) -> Option<Step> {
        Step::ALL.into_iter().find(|s| !self.done.contains(s))
    }
}

/// Title and words of the tip of now, with the keys of now.
fn words(state: &State, step: Option<Step>) -> (&'static str, String) {
    let key =
        |id: &str| find(id).map_or_else(String::new, |c| state.settings.keys.label(c).unwrap_or_else(|| c.title.to_owned()));
    if state.is_running() {
        let sentence = "Every step is kept on the film below; drag along it to look back while it runs.";
        return ("Watch it form", sentence.to_owned());
    }
    match step {
        Some(Step::Generate) => (
            "Press Generate",
            "A chest forms from noise, with the finding where the layer lies. Nothing leaves this computer.".to_owned(),
        ),
        Some(Step::Move) => (
            "Drag me",
            format!(
                "Take Move ({}) and drag the mask across the midline. Where text and mask then name different sides, Flip text or Flip mask mends it.",
                key("tool.move")
            ),
        ),
        Some(Step::Again) => {
            ("Generate again", "The seed is locked: the same patient comes with the finding where the mask lies now.".to_owned())
        }
        Some(Step::Compare) => (
            "Compare the two",
            format!(
                "{} puts the images side by side, {} changes how, {} shows the difference.",
                key("compare.toggle"),
                key("compare.next"),
                key("compare.difference")
            ),
        ),
        Some(Step::Window) => (
            "Look into the dark",
            format!("Drag with the right button: sideways is window, up and down is level. {} resets both.", key("look.reset")),
        ),
        Some(Step::Scrub) => (
            "Look back in time",
            format!("Drag along the film, or press {} and {}: each step is kept.", key("film.back"), key("film.on")),
        ),
        Some(Step::Fork) => {
            ("Take another way", "At an early step, change text or mask and fork: the run goes on from there.".to_owned())
        }
        Some(Step::Save) => (
            "Save it",
            format!(
                "{} writes image, mask and record. Dropping that PNG on the window brings everything back in a tab of its own.",
                key("case.save")
            ),
        ),
        None => (
            "You know the round",
            format!(
                "{} shows all keys, {} finds every command. Add ChexGen weights in the room Train.",
                key("window.keys"),
                key("window.palette")
            ),
        ),
    }
}

/// Shows the tip.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let next = panel.state.settings.lesson.next();
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
        let mut half = Lesson::default();
        half.pass(Step::Window);
        half.pass(Step::Generate);
        let names: Vec<String> = half.names().into_iter().chain(["of-another-version".to_owned()]).collect();
        assert_eq!(Lesson::from_names(&names).next(), Some(Step::Move));
    }
}
