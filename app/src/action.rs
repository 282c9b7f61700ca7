//! Everything a person can make the studio do, as data: widgets, keys and tests send the same values.

pub mod queue;

pub use queue::QueueAction;

use std::path::PathBuf;

use engine::domain::{Finding, StepRange};
use engine::phantom::ShapeWish;

use crate::canvas;
use crate::examples::Example;
use crate::images;
use crate::insight;
use crate::library;
use crate::rooms::{compare, data_sets, models, reading, runs, train};
use crate::state::sight;
use crate::state::view::DockTab;
use crate::state::{Group, JobId, LayerId, Region, Room, Sex, Shown, Tool, View};

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    // Text.
    /// The impression as typed.
    SetImpression(String),
    /// Adds a phrase at the end of the impression.
    InsertPhrase(&'static str),
    /// Sets the sex in the prefix.
    SetSex(Sex),
    /// Sets the age in the prefix.
    SetAge(Option<u32>),
    /// Sets the group in the prefix.
    SetGroup(Group),
    /// Sets the projection in the prefix.
    SetView(View),
    /// Swaps right and left in the sentence that names this finding.
    FlipText(Finding),

    // Layers.
    /// Adds an empty mask layer.
    AddMask,
    /// Adds an empty box layer.
    AddBox,
    /// Adds the anatomical guide.
    AddGuide,
    /// Removes a layer.
    RemoveLayer(LayerId),
    /// Makes a layer the one tools work on.
    ChooseLayer(LayerId),
    /// Sets a layer's class.
    SetFinding(LayerId, Finding),
    /// Sets a layer's control strength.
    SetStrength(LayerId, f32),
    /// Sets a layer's fill opacity.
    SetOpacity(LayerId, f32),
    /// Shows or hides a layer; hidden layers are not sent.
    ToggleVisible(LayerId),
    /// Locks or unlocks a layer.
    ToggleLocked(LayerId),
    /// Shows and sends this layer only, or all again.
    ToggleSolo(LayerId),
    /// Sets the part of the run in which a layer acts.
    SetStepRange(LayerId, StepRange),
    /// Sets how far around its shape a layer may act, in pixels; `None` is everywhere.
    SetArea(LayerId, Option<u32>),
    /// Moves a layer to a place in the list, from 0.
    ReorderLayer(LayerId, usize),
    /// Adds an empty region that may change in the opened image.
    AddMayChange,
    /// Adds an empty region that must not change in the opened image.
    AddKeep,
    /// Mirrors a layer to the other side.
    MirrorLayer(LayerId),
    /// Replaces a layer's region.
    SetRegion(LayerId, Region),

    // Strokes, in image pixels.
    /// The pointer went down with a tool.
    StrokeBegin {
        /// Where.
        at: (f32, f32),
        /// Whether Alt is held: takes away instead of adding.
        alternate: bool,
    },
    /// The pointer moved.
    StrokeTo {
        /// Where.
        at: (f32, f32),
    },
    /// The pointer went up.
    StrokeEnd,
    /// Something with a tool of the canvas.
    Canvas(canvas::action::Action),
    /// Moves the chosen layer by whole pixels.
    Nudge(i32, i32),
    /// The gesture in progress is over.
    Settle,

    // Looking.
    /// Takes a tool.
    SetTool(Tool),
    /// Makes the brush larger or smaller by a factor.
    ScaleBrush(f32),
    /// Sets the brush radius in image pixels.
    SetBrush(f32),
    /// Shows or hides all overlays.
    ToggleOverlays,
    /// Swaps black and white.
    ToggleInvert,
    /// Window and level back to the whole range.
    ResetWindow,
    /// A named window: width and level.
    SetWindow(f32, f32),
    /// Fits the image into the canvas.
    Fit,
    /// Looks at an image point with so many screen points per image pixel.
    SetCamera {
        /// Screen points per image pixel.
        zoom: f32,
        /// Image point in the middle of the canvas.
        center: (f32, f32),
    },
    /// Drags window (sideways) and level (up and down) by screen points.
    DragWindow(f32, f32),
    /// Where the pointer is over the image, in image pixels.
    Hover(Option<(f32, f32)>),
    /// Shows a picture.
    Show(Shown),
    /// Compares on the canvas.
    Sight(sight::Action),
    /// Goes along the filmstrip: −1, +1, or to an end with a large number.
    StepFilm(i32),
    /// Opens or closes the key sheet.
    ToggleKeys,
    /// Opens or closes the message list.
    ToggleMessages,
    /// Opens or closes the save fields.
    ToggleSaveFields,
    /// Opens or closes the file field.
    ToggleOpenField,
    /// Hides the start tip.
    HideTips,
    /// Hides panels and dock, or brings them back.
    TogglePanels,
    /// Turns the dock of a small window to a tab.
    SetDockTab(DockTab),
    /// Closes a toast.
    CloseMessage(usize),
    /// Closes whatever is open on top.
    Escape,

    // Runs.
    /// Sets the number of steps.
    SetSteps(usize),
    /// Sets the guidance.
    SetGuidance(f32),
    /// Sets the seed.
    SetSeed(u64),
    /// Draws a new seed.
    NewSeed,
    /// Locks or frees the seed.
    ToggleSeedLock,
    /// Puts the case into the queue; it runs at once where nothing else does.
    Generate,
    /// Starts a run that goes on from the shown step with the text and layers of now.
    Fork,
    /// Starts the shown run again without its findings, to compare.
    Twin,
    /// Stops the run in progress after its current step.
    Cancel,
    /// Something with the queue, variants or a finished run.
    Queue(QueueAction),

    /// Something about checks, what the model sees, or words.
    Insight(insight::Action),

    // Rooms.
    /// Goes to a room.
    OpenRoom(Room),
    /// Something with opened images, masks and exports.
    Images(images::Action),
    /// Something in the Runs room.
    Runs(runs::Action),
    /// Something in the Compare room.
    Compare(compare::Action),
    /// Something in the Data sets room.
    DataSets(data_sets::Action),
    /// Something in the Reading room.
    Reading(reading::Action),
    /// Something about the models.
    Models(models::Action),
    /// Something in the Train room.
    Train(train::Action),

    /// Something around the rooms: palette, keys, settings, panels.
    Shell(crate::shell::Action),
    /// Something with the tabs of the top bar.
    Tabs(crate::reduce::TabAction),

    // Documents.
    /// One gesture back.
    Undo,
    /// One gesture forward.
    Redo,
    /// Starts an empty case.
    NewDocument,
    /// Opens an example.
    OpenExample(Example),
    /// Opens a file of any kind: a saved image, a radiograph, masks.
    OpenFile(PathBuf),
    /// Asks for a file in a dialog.
    PickFile,
    /// Saves the shown image, its mask and its record.
    Save,
    /// Sets the folder that saving writes to.
    SetSaveFolder(PathBuf),
    /// Asks for a folder in a dialog.
    PickFolder,
}

/// What the app must do after a state change.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask the library for something.
    Library(library::Command),
    /// Do work of the Data sets room.
    DataSets(data_sets::Work),
    /// Let the worker look into the queue.
    Nudge,
    /// Stop the queue after the step in progress; `true` gives the model's memory back too.
    Hold(bool),
    /// Let the queue go on.
    Go,
    /// Stop a job within its step.
    Stop(JobId),
    /// A job that was to be stopped may run again.
    Allow(JobId),
    /// Give the worker the library; the queue is held at first where that is said.
    WorkOn(PathBuf, bool),
    /// Open a file on a thread of its own.
    OpenFile(PathBuf),
    /// Something with opened images, masks and exports.
    Images(images::Effect),
    /// Let the Compare room's threads do something.
    Compare(compare::Effect),
    /// Save a result on a thread of its own: its place in the list and the folder.
    Save(usize, PathBuf),
    /// Open the file dialog.
    PickFile,
    /// Open the folder dialog.
    PickFolder,
    /// Open the dialog of a queue's file: to write one, else to read one.
    PickQueue(bool),
    /// Draw the example's picture on a thread of its own.
    DrawExample(Example),
    /// Something of the Runs room.
    Runs(runs::Effect),
    /// Draw a random seed.
    DrawSeed,
    /// Something for the Reading room.
    Reading(reading::Effect),
    /// Something for the models' room.
    Models(models::Job),
    /// Something for the Train room.
    Train(train::Effect),
    /// Put the settings file that could not be read aside.
    RenewSettings,
    /// Draw a shape of the library on a thread of its own, for a layer or a new one.
    DrawShape(Option<LayerId>, ShapeWish),
}
