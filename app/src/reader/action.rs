//! What a reader can do, and what the window must do for it.

use std::sync::Arc;

use eframe::egui::Vec2;
use engine::domain::GrayImage;
use study::answers::{Event, Screen};
use study::reading::ErrorKind;

use super::state::display::{Ambient, Side};
use super::state::form::Years;

/// What a reader did, or what came back from a thread.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The window is there: the first screen that is still to come.
    Begin,
    /// Agrees or not.
    Agree(bool),
    /// Years of experience.
    Years(Years),
    /// Special training, in the reader's words.
    Training(String),
    /// Goes on to the next screen, or locks, or saves what is wrong.
    Next,
    /// Looks at the rings of the display check again.
    Again,
    /// The ring of the display check is open on this side.
    Ring(Side),
    /// All grey steps can be told apart, or not.
    Steps(bool),
    /// How light the room is.
    Ambient(Ambient),
    /// Words on the room and the screen.
    Surroundings(String),
    /// Chooses an answer, by its place among the choices.
    Choose(usize),
    /// Moves the choice by so many places.
    Move(i32),
    /// Answers this question next.
    Question(usize),
    /// The kind of error that is marked next.
    Kind(ErrorKind),
    /// Turns to discrepancies: place, then extent, then severity.
    Discrepancy,
    /// A place on the image, as shares of its size.
    Mark(f32, f32),
    /// Moves the cross by shares of the image.
    Cross(f32, f32),
    /// Marks the place under the cross.
    MarkCross,
    /// Takes a mark back.
    Clear(usize),
    /// Words of the reader.
    Comment(String),
    /// Hides the image and stops the clock, or goes on.
    Pause(bool),
    /// Opens the form for a slip.
    Slip(bool),
    /// Another answer for the last trial.
    SlipChoice(usize),
    /// Why.
    SlipReason(String),
    /// Writes the slip.
    SlipSave,
    /// Why a round begins before its time.
    EarlyReason(String),
    /// Begins a round before its time; the reason stands in the record.
    Early,
    /// Tries again to save what could not be saved.
    TryAgain,
    /// Writes the file that is handed over.
    HandOver,
    /// Closes the window; everything is saved.
    Leave,
    /// One multiple up, or back.
    ZoomStep,
    /// Zooms by a factor about a point, in points from the middle of the view; then the image's size.
    ZoomAt(f32, Vec2, Vec2),
    /// Moves the image by a share of its size.
    Pan(Vec2),
    /// Drags window and level by points.
    Window(Vec2),
    /// Swaps black and white.
    Invert,
    /// Size, place, window and level as at first.
    Reset,
    /// Size of text, per cent more or less; zero is 100.
    Text(i32),
    /// What the screen is like; comes with every frame in which it changed.
    Screen(Screen),
    /// The image is on the screen for the first time.
    Shown,
    /// From the decoder: a picture by its name.
    Picture(String, Result<Arc<GrayImage>, String>),
    /// From the answers: everything up to this number is on the disk.
    Saved(u64),
    /// From the answers: nothing from this number on is on the disk, and why.
    NotSaved(String),
    /// From the answers: the file that is handed over and its hash, or why there is none.
    HandedOver(Result<(String, String), String>),
    /// The computer's date and time passed, in milliseconds since 1970.
    Date(i64),
}

/// What the window must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write this, with its number.
    Write(u64, Event),
    /// Try again to write what could not be written.
    Retry,
    /// Decode these, the first one first.
    Decode(Vec<String>),
    /// Write the file that is handed over.
    HandOver,
    /// Close the window.
    Close,
}
