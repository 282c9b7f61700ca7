//! Where a command acts: a key never changes what is not on the screen.
//!
//! A letter that draws on the canvas does nothing in another room, or what the same letter means there. A chord about
//! the open case, and any command that is called by its name, goes to the Canvas room first.

use super::{Command, Group, find};
use crate::action::Action;
use crate::canvas::look::Look;
use crate::rooms::compare::{self, Mode};
use crate::state::{Room, State};

/// What a command needs on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing, or its own table says in which room it acts.
    Anywhere,
    /// The tabs of the open cases.
    Tabs,
    /// The case that it opens.
    Case,
    /// The canvas, its layers and its film.
    Canvas,
}

impl Place {
    fn of(command: &Command) -> Self {
        match command.id {
            "case.next" | "case.previous" | "case.close" | "case.rename" => Self::Tabs,
            "case.new" | "case.reopen" => Self::Case,
            "queue.rule" => Self::Canvas,
            id if id.starts_with("example.") => Self::Case,
            id if id.starts_with("image.") => Self::Canvas,
            _ => match command.group {
                Group::Text | Group::Layers | Group::Tools | Group::Look | Group::Time => Self::Canvas,
                _ => Self::Anywhere,
            },
        }
    }

    fn is_in(self, room: Room) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Tabs => matches!(room, Room::Canvas | Room::Compare | Room::DataSets),
            Self::Case | Self::Canvas => room == Room::Canvas,
        }
    }
}

/// What a pressed key does now; nothing leaves the key to the widgets.
pub fn by_key(command: &Command, state: &State) -> Vec<Action> {
    match Place::of(command) {
        Place::Canvas if state.room != Room::Canvas => in_room(command.id, state).into_iter().collect(),
        _ => by_name(command, state),
    }
}

/// What a command does that was chosen by its name.
pub fn by_name(command: &Command, state: &State) -> Vec<Action> {
    if let Some(action) = in_room(command.id, state) {
        return vec![action];
    }
    let Some(action) = (command.action)(state) else { return Vec::new() };
    let way = (!Place::of(command).is_in(state.room)).then_some(Action::OpenRoom(Room::Canvas));
    way.into_iter().chain([action]).collect()
}

/// What a command of the canvas means in another room.
fn in_room(id: &str, state: &State) -> Option<Action> {
    match (state.room, id) {
        (Room::Runs, "compare.toggle") => find("runs.compare").and_then(|c| (c.action)(state)),
        (Room::Compare, _) if state.compare.part == compare::Part::Views => in_compare(id, &state.compare).map(Action::Compare),
        _ => None,
    }
}

/// The Compare room looks at its pictures by the keys of the canvas.
fn in_compare(id: &str, room: &compare::State) -> Option<compare::Action> {
    let or_all = |mode| compare::Action::SetMode(if room.mode == mode { Mode::All } else { mode });
    Some(match id {
        "look.invert" => compare::Action::ToggleInvert,
        "look.fit" => compare::Action::Look(Look::Fit),
        "look.reset" => compare::Action::SetWindow(1.0, 0.5),
        "compare.toggle" => or_all(Mode::Swipe),
        "compare.difference" => or_all(Mode::Difference),
        "compare.next" => {
            let at = Mode::ALL.iter().position(|m| *m == room.mode).unwrap_or(0);
            compare::Action::SetMode(Mode::ALL[(at + 1) % Mode::ALL.len()])
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::all;
    use crate::reduce::reduce;
    use crate::state::Document;

    fn pressed(state: &State, id: &str) -> Vec<Action> {
        by_key(find(id).expect("a command"), state)
    }

    /// A case with something in it to change, seen from another room.
    fn in_another(room: Room) -> State {
        let mut state = State::new(Document::empty(64), "saved".into());
        for action in [
            Action::SetImpression("Moderate right pneumothorax.".to_owned()),
            Action::AddMask,
            Action::AddBox,
            Action::Settle,
            Action::OpenRoom(room),
        ] {
            reduce(&mut state, action);
        }
        state
    }

    /// The bar above the Compare room has the buttons of the same keys.
    fn has_undo(id: &str, room: Room) -> bool {
        matches!(id, "case.undo" | "case.redo") && room == Room::Compare
    }

    #[test]
    fn no_key_changes_the_case_behind_another_room() {
        for room in Room::ALL.into_iter().filter(|r| r.is_built() && *r != Room::Canvas) {
            for command in all().filter(|c| !c.keys.is_empty()) {
                let mut state = in_another(room);
                let before = (state.document.clone(), state.view.tool, state.view.chosen, state.sight.mode, state.view.inverted);
                let steps = by_key(command, &state);
                let goes = steps.first() == Some(&Action::OpenRoom(Room::Canvas));
                for step in steps {
                    reduce(&mut state, step);
                }
                // The tabs of some rooms show which case is open.
                let is_seen = state.room == Room::Canvas || Place::of(command) == Place::Tabs || has_undo(command.id, room);
                let after = (state.document.clone(), state.view.tool, state.view.chosen, state.sight.mode, state.view.inverted);
                assert!(before == after || is_seen, "{} changes the case behind {}", command.id, room.title());
                assert!(!goes || state.room == Room::Canvas, "{} is seen where it acts", command.id);
            }
        }
    }

    #[test]
    fn keys_of_the_canvas_look_at_the_pictures_of_the_compare_room() {
        let mut state = in_another(Room::Compare);
        for id in ["look.invert", "compare.difference"] {
            for step in pressed(&state, id) {
                reduce(&mut state, step);
            }
        }
        assert!(state.compare.linked.window.inverted && !state.view.inverted);
        assert_eq!(state.compare.mode, Mode::Difference);
        assert_eq!(pressed(&state, "compare.next"), [Action::Compare(compare::Action::SetMode(Mode::All))]);
        assert_eq!(pressed(&state, "compare.twin"), []);
    }

    #[test]
    fn a_command_by_name_goes_to_the_canvas_first() {
        let state = in_another(Room::Runs);
        let add = find("layer.add-box").expect("a command");
        assert_eq!(by_name(add, &state), [Action::OpenRoom(Room::Canvas), Action::AddBox]);
        assert_eq!(pressed(&state, "case.new"), [Action::OpenRoom(Room::Canvas), Action::NewDocument]);
        assert_eq!(pressed(&state, "case.undo"), []);
        assert_eq!(pressed(&in_another(Room::Canvas), "case.undo"), [Action::Undo]);
    }
}
