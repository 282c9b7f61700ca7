//! The Data sets room.

use crate::action::Action;
use crate::command::{Command, Group};
use crate::dataset::collect::Change;
use crate::rooms::data_sets::Action as Set;
use crate::rooms::data_sets::state::Page;
use crate::state::{Room, State};

pub(super) const COMMANDS: &[Command] = &[
    set("set.open-recipe", "Open the recipe", "Reads the recipe file whose path is in the Data sets room", |s| {
        (!s.data_sets.paths.recipe.as_os_str().is_empty()).then_some(act(Set::OpenRecipe))
    }),
    set("set.save-recipe", "Save the recipe", "Writes the recipe to the path in the Data sets room", |s| {
        (!s.data_sets.paths.recipe.as_os_str().is_empty()).then_some(act(Set::SaveRecipe))
    }),
    set("set.import-table", "Import the cohort table", "Reads the CSV whose path is in the Data sets room", |s| {
        (!s.data_sets.paths.table.as_os_str().is_empty()).then_some(act(Set::ImportTable))
    }),
    set("set.take-layers", "Layers of the open case into the recipe", "Its masks and boxes become the regions", |s| {
        (!s.document.annotations().is_empty()).then_some(act(Set::TakeLayers))
    }),
    set("set.undo", "Undo recipe change", "Takes the last change of the recipe back", |s| {
        (!s.data_sets.past.is_empty()).then_some(act(Set::UndoEdit))
    }),
    set("set.queue", "Queue data set", "Everything that is missing of the plan goes into the queue", |s| {
        in_room(s).then_some(act(Set::Queue))
    }),
    set("set.write-job", "Write job folder", "Cases, masks and a script for a cluster", |s| {
        (in_room(s) && !s.data_sets.paths.job.as_os_str().is_empty()).then_some(act(Set::WriteJob))
    }),
    set("set.import-results", "Import results of a job folder", "Each is checked against what was asked for", |s| {
        (!s.data_sets.paths.job.as_os_str().is_empty()).then_some(act(Set::ImportResults))
    }),
    set("set.duplicates", "Look for near duplicates", "Among the accepted images of the data set", |s| {
        (!s.data_sets.items.is_empty()).then_some(act(Set::FindDuplicates))
    }),
    set("set.export", "Export data set", "Images, masks, COCO, YOLO, manifest and datasheet", |s| {
        (!s.data_sets.items.is_empty()).then_some(act(Set::Export))
    }),
    set("set.export-collected", "Export collected set", "The runs that were put together by hand", |s| {
        (!s.data_sets.collected.runs.is_empty()).then_some(act(Set::ExportCollected))
    }),
    set("set.collected-rows", "Collected runs as rows of the recipe", "Their patients and findings, to be made anew", |s| {
        (!s.data_sets.collected.runs.is_empty()).then_some(act(Set::CollectedAsRows))
    }),
    set("set.clear-collected", "Clear the collected set", "Takes all runs out; the library keeps them", |s| {
        (!s.data_sets.collected.runs.is_empty()).then_some(act(Set::Collect(Change::Clear)))
    }),
    set("set.plan", "Plan of the data set", "Coverage, examples and warnings", |s| {
        in_room(s).then_some(act(Set::SetPage(Page::Plan)))
    }),
    set("set.images", "Images of the data set", "What became of each image", |s| {
        in_room(s).then_some(act(Set::SetPage(Page::Images)))
    }),
    set("set.collected", "Collected set", "The runs that were put together by hand", |s| {
        in_room(s).then_some(act(Set::SetPage(Page::Collected)))
    }),
    set("set.refresh", "Refresh the data set", "Reads again what the library has of it", |s| {
        in_room(s).then_some(act(Set::Refresh))
    }),
    set("set.stop", "Stop the work on the data set", "Ends it after the image at hand", |s| {
        s.data_sets.busy.is_some().then_some(act(Set::Stop))
    }),
];

fn in_room(state: &State) -> bool {
    state.room == Room::DataSets
}

fn act(action: Set) -> Action {
    Action::DataSets(action)
}

const fn set(id: &'static str, title: &'static str, purpose: &'static str, action: fn(&State) -> Option<Action>) -> Command {
    Command { id, title, group: Group::DataSets, keys: &[], purpose, action }
}
