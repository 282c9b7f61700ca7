//! Opened images, masks and exports.

use crate::action::Action;
use crate::command::{Chord, Command, Group};
use crate::images::Action as Images;
use crate::reduce::shown_result;
use crate::state::Shown;
use eframe::egui::Key;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        id: "image.show",
        title: "Show the image under the layers",
        group: Group::Case,
        keys: &[],
        purpose: "Puts the opened image on the canvas",
        action: |s| s.document.base.is_some().then_some(Action::Images(Images::ShowBase)),
    },
    Command {
        id: "image.use-shown",
        title: "Use the shown picture under the layers",
        group: Group::Case,
        keys: &[],
        purpose: "A result or an example becomes what the layers lie on",
        action: |s| (s.shown_image().is_some() && s.shown != Shown::Base).then_some(Action::Images(Images::UseShown)),
    },
    Command {
        id: "image.edit",
        title: "Edit the image under the layers",
        group: Group::Case,
        keys: &[],
        purpose: "Generate changes the opened image where it may, or makes a new one",
        action: |s| s.document.base.as_ref().map(|b| Action::Images(Images::SetEdit(!b.edit))),
    },
    Command {
        id: "image.remove",
        title: "Remove the image under the layers",
        group: Group::Case,
        keys: &[],
        purpose: "Undo brings it back",
        action: |s| s.document.base.is_some().then_some(Action::Images(Images::RemoveBase)),
    },
    Command {
        id: "image.may-change",
        title: "Add a region that may change",
        group: Group::Layers,
        keys: &[],
        purpose: "A layer to paint; an edit leaves what is outside as it is",
        action: |s| s.document.base.is_some().then_some(Action::AddMayChange),
    },
    Command {
        id: "image.keep",
        title: "Add a region that must not change",
        group: Group::Layers,
        keys: &[],
        purpose: "A layer to paint; it overrules every other",
        action: |s| s.document.base.is_some().then_some(Action::AddKeep),
    },
    Command {
        id: "image.import",
        title: "Import the opened masks as layers",
        group: Group::Layers,
        keys: &[],
        purpose: "Adds the masks of the opened file above the other layers",
        action: |s| s.images.offer.is_some().then_some(Action::Images(Images::Accept)),
    },
    Command {
        id: "case.export",
        title: "Export",
        group: Group::Case,
        keys: &[Chord::ctrl_shift(Key::S)],
        purpose: "Formats of image and masks, and how much the files tell",
        action: |_| Some(Action::Images(Images::ToggleExport)),
    },
    Command {
        id: "case.export-now",
        title: "Write the chosen files",
        group: Group::Case,
        keys: &[],
        purpose: "Exports with the settings of last time",
        action: |s| (shown_result(s).is_some() || !s.images.export.masks.is_empty()).then_some(Action::Images(Images::Export)),
    },
];
