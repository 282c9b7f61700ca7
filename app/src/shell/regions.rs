//! Regions of the window: F6 goes from one to the next.

use eframe::egui::{FocusDirection, Ui};

use crate::state::{Room, State};

/// A part of the window that the keyboard can go to, in the order of the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The rail of rooms.
    Rail,
    /// The top bar.
    TopBar,
    /// The left panel or the open sheet.
    Left,
    /// The column of tools.
    Tools,
    /// The canvas, or what a room shows in the middle.
    Canvas,
    /// The right panel.
    Right,
    /// The film.
    Film,
    /// The results.
    Results,
    /// The status bar.
    Status,
}

impl Region {
    /// All regions in order.
    pub const ALL: [Self; 9] =
        [Self::Rail, Self::TopBar, Self::Left, Self::Tools, Self::Canvas, Self::Right, Self::Film, Self::Results, Self::Status];

    /// Whether it is in the window now.
    fn is_there(self, state: &State) -> bool {
        let canvas = state.room == Room::Canvas;
        match self {
            Self::Rail | Self::TopBar | Self::Canvas | Self::Status => true,
            Self::Left => state.shell.sheet.is_some() || (canvas && !state.view.panels_hidden),
            Self::Tools => canvas,
            Self::Right => canvas && !state.view.panels_hidden && state.view.right_there,
            Self::Film | Self::Results => canvas && !state.view.panels_hidden,
        }
    }
}

/// The region so many places on from the one that was gone to last.
pub fn next(state: &State, by: i32) -> Region {
    let there: Vec<Region> = Region::ALL.into_iter().filter(|r| r.is_there(state)).collect();
    let at = state.view.region.and_then(|r| there.iter().position(|t| *t == r));
    let n = there.len() as i64;
    let to = match at {
        Some(at) => (at as i64 + i64::from(by)).rem_euclid(n.max(1)),
        None if by < 0 => n - 1,
        None => 0,
    };
    there.get(usize::try_from(to).unwrap_or(0)).copied().unwrap_or(Region::Canvas)
}

/// Marks the beginning of a region: when the keyboard goes there, the first control in it gets the focus.
pub fn begin(ui: &Ui, state: &State, region: Region, out: &mut Vec<crate::action::Action>) {
    if state.shell.jump == Some(region) {
        let mark = ui.scope_id().with(("region", region as u8));
        ui.memory_mut(|m| {
            m.request_focus(mark);
            m.move_focus(FocusDirection::Next);
            m.interested_in_focus(mark, ui.layer_id());
        });
        out.push(crate::action::Action::Shell(super::Action::Arrived));
    }
}
