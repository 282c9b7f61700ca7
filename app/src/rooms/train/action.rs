//! What a person can do in the room, and what its threads tell.

use std::path::PathBuf;
use std::sync::Arc;

use engine::domain::GrayImage;

use super::state::Tab;
use super::watch::View;

/// What a person can do in the room.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Watches the runs that are remembered; sent when the room is shown for the first time.
    Begin,
    /// Goes to the trainings or to the models.
    Show(Tab),
    /// Watches a run folder, and shows it.
    Open(PathBuf),
    /// Asks for a folder in a dialog.
    Browse,
    /// Takes a run off the list; its files stay.
    Close(PathBuf),
    /// Shows a run.
    Choose(PathBuf),
    /// Shows the run before or after.
    Beside(i32),
    /// Draws a run's curves beside those of the shown one, or no longer.
    Overlay(PathBuf),
    /// Shows a stage; `None` follows the newest.
    SetStage(Option<String>),
    /// Draws the loss on a logarithmic scale, or no longer.
    ToggleLog,
    /// Smooths the loss over so many updates before and after; 0 does not.
    SetSmoothing(u32),
    /// Shows these updates only; `None` shows all.
    Zoom(Option<(f64, f64)>),
    /// Shows the panel of an update; `None` follows the newest.
    ShowPanel(Option<u64>),
    /// Goes along the panels.
    StepPanel(i32),
    /// Holds the panel that is shown to compare later ones with it; `None` lets it go.
    HoldPanel(Option<u64>),
    /// Shows the panel as large as the room, or no longer.
    ToggleLarge,
    /// Shows or hides the configuration.
    ToggleConfig,
    /// Copies a text, with the words for what it is.
    Copy(String, &'static str),
    /// A run was looked at.
    Looked(PathBuf, Arc<View>),
    /// A picture was read.
    Read(PathBuf, Result<Arc<GrayImage>, String>),
}

/// What the room asks the app for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Watch a folder.
    Watch(PathBuf),
    /// Watch it no longer.
    Leave(PathBuf),
    /// Read a picture.
    Read(PathBuf),
    /// Ask for a folder.
    Browse,
    /// A text for the clipboard.
    Copy(String),
}
