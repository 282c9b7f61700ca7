use eframe::egui::Key;

use super::*;
use crate::action::Action as Any;
use crate::command::all;
use crate::state::{Document, State as Studio};

fn studio() -> Studio {
    Studio::new(Document::empty(64), "saved".into())
}

fn act(state: &mut Studio, action: Action) {
    crate::reduce::reduce(state, Any::Shell(action));
}

#[test]
fn every_command_is_reachable_from_the_palette() {
    let state = studio();
    for command in all().filter(|c| c.id != "window.close" && c.id != "window.palette") {
        let rows = palette::entries(&state, command.title);
        assert_eq!(rows.first().map(|r| r.title.as_str()), Some(command.title), "typing its title finds {} first", command.id);
    }
}

#[test]
fn cases_and_recent_files_are_in_the_palette() {
    let mut state = studio();
    crate::reduce::reduce(&mut state, Any::SetImpression("Something.".into()));
    crate::reduce::reduce(&mut state, Any::NewDocument);
    state.settings.opened(std::path::Path::new("folder/left-nodule-7.png"));
    let rows = palette::entries(&state, "case untit");
    assert_eq!(rows.first().map(|r| r.title.as_str()), Some("Case: Untitled"));
    let rows = palette::entries(&state, "nodule-7");
    assert_eq!(rows.first().and_then(|r| r.action.clone()), Some(Any::OpenFile("folder/left-nodule-7.png".into())));
}

#[test]
fn a_taken_key_is_asked_for_and_moved() {
    let mut state = studio();
    act(&mut state, Action::AwaitKey("look.fit"));
    act(&mut state, Action::Press(Chord::plain(Key::B)));
    let clash = state.shell.clash.clone().expect("B is the brush's");
    assert_eq!((clash.id, clash.owner), ("look.fit", "tool.brush"));
    assert_eq!(state.settings.keys.num_changed(), 0, "nothing moves before the answer");
    act(&mut state, Action::LeaveKey);
    assert_eq!(state.settings.keys.num_changed(), 0);
    act(&mut state, Action::AwaitKey("look.fit"));
    act(&mut state, Action::Press(Chord::plain(Key::B)));
    act(&mut state, Action::TakeKey);
    assert_eq!(state.settings.keys.owner(Chord::plain(Key::B)).map(|c| c.id), Some("look.fit"));
    act(&mut state, Action::AwaitKey("look.fit"));
    act(&mut state, Action::Press(Chord::plain(Key::Escape)));
    assert_eq!(state.settings.keys.owner(Chord::plain(Key::B)).map(|c| c.id), Some("look.fit"), "Esc changes nothing");
    act(&mut state, Action::ResetAllKeys);
    assert_eq!(state.settings.keys.owner(Chord::plain(Key::B)).map(|c| c.id), Some("tool.brush"));
}

#[test]
fn sizes_stay_within_their_bounds() {
    let mut state = studio();
    act(&mut state, Action::ScaleText(500));
    assert_eq!(state.settings.text_percent, 200);
    act(&mut state, Action::ScaleText(-500));
    assert_eq!(state.settings.text_percent, 80);
    act(&mut state, Action::SetPanel(divider::Edge::Left, Some(5000.0)));
    assert_eq!(state.settings.left, Some(480.0));
    act(&mut state, Action::SetPanel(divider::Edge::Left, Some(f32::NAN)));
    assert_eq!(state.settings.left, None);
}

#[test]
fn jumps_go_around_through_what_is_there() {
    let mut state = studio();
    let mut seen = Vec::new();
    for _ in 0..Region::ALL.len() {
        act(&mut state, Action::Jump(1));
        seen.push(state.shell.jump.expect("a region"));
        act(&mut state, Action::Arrived);
    }
    assert_eq!(seen, Region::ALL);
    act(&mut state, Action::Jump(-1));
    assert_eq!(state.shell.jump, Some(Region::Results));
    state.view.panels_hidden = true;
    act(&mut state, Action::Jump(1));
    assert_eq!(state.shell.jump, Some(Region::Rail), "hidden regions are left out");
}
