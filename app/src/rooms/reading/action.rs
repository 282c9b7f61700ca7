//! What a person can do in the room.

use std::path::PathBuf;

use study::design::Design;

use super::state::{Field, Tab};
use super::work::Work;
use crate::library::RunId;

/// What a person can do in the room.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Goes to a step.
    Show(Tab),
    /// Makes and analyses a small study with simulated readers.
    Example,
    /// Changes the design to this one.
    Edit(Box<Design>),
    /// One change of the design back.
    UndoEdit,
    /// Sets a path field.
    SetPath(Field, PathBuf),
    /// Asks for a path in the system's dialog.
    Browse(Field),
    /// Reads the design from its file.
    OpenDesign,
    /// Writes the design to its file.
    SaveDesign,
    /// Makes runs of the library an arm of the study's table of cases.
    AddRuns(Vec<RunId>),
    /// Names the next arm that is made of runs.
    NameArm(String),
    /// Estimates the power of the planned study.
    Power,
    /// Audits the images for leaks.
    Audit,
    /// Switches on what removes the leaks that were found, and audits again; `true` also changes contrast and grain.
    Equalise(bool),
    /// Shows the image pair of this case of the audit.
    ShowPair(usize),
    /// Sets why the study is sealed without an audit, or although something leaks.
    SetReason(String),
    /// Writes the sealed study and its key.
    Seal,
    /// Copies a text, with the words for what it is.
    Copy(String, &'static str),
    /// Looks at the study and at the answers beside it.
    Look,
    /// Opens the reading window as a program of its own, for a reader where one is named.
    OpenReader(Option<String>),
    /// Adds a file of answers to those that are joined.
    AddAnswers(PathBuf),
    /// Takes a file of answers from the list.
    RemoveAnswers(usize),
    /// Joins key and answers, and analyses.
    Join,
    /// Analyses a file of joined answers.
    OpenJoined,
    /// Shows only the cases with a finding, by its code; empty: those without any; `None`: all.
    SetFinding(Option<String>),
    /// Shows another criterion of visual grading.
    SetScale(usize),
    /// Shows more or fewer of the cases where readers differ.
    ShowAllCases(bool),
    /// Puts the images of cases into the Compare room.
    Compare(Vec<String>),
    /// Copies the methods text.
    CopyMethods,
    /// Writes the long table and its dictionary.
    WriteTable,
    /// Writes the report.
    Export,
    /// Stops the work in progress.
    Stop,
}

/// What the room asks the app for.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Work on a thread.
    Work(Work),
    /// A text for the clipboard.
    Copy(String),
}
