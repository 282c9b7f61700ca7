//! Compare: images side by side with one zoom and one window.

use eframe::egui::Ui;

use crate::action::Effect;
use crate::panels::Panel;
use crate::widgets::caption;

/// What the room knows.
#[derive(Debug, Default)]
pub struct State {}

/// What a person can do in the room.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {}

/// Applies an action and names what the app must do.
pub fn reduce(_state: &mut crate::state::State, action: Action) -> Vec<Effect> {
    match action {}
}

/// Shows the room.
pub fn show(ui: &mut Ui, _panel: &mut Panel<'_>) {
    caption(ui, "Compare are shown here.");
}
