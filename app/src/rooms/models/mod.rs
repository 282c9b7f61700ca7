//! Models: the folders the studio knows, with card, hash, licence, memory and self-test; import of published weights.

mod card;
pub mod list;
pub mod view;
pub mod work;

use std::path::PathBuf;

use crate::action::Effect;
use crate::state::Level;

pub use list::{Info, Known};
pub use view::show;
pub use work::{ImportForm, Job, Part, Tested, Works};

/// What the room knows.
#[derive(Debug, Default)]
pub struct State {
    /// What was found in the folders that were looked at.
    pub found: Vec<Info>,
    /// The model whose card is open.
    pub chosen: Known,
    /// The model that waits for its notice to be acknowledged before it is opened.
    pub asking: Option<Known>,
    /// The model that is open, or is being opened.
    pub open: Known,
    /// The fields of the import.
    pub form: ImportForm,
    /// Whether the import's fields are shown.
    pub form_open: bool,
    /// How far the import is: part, share.
    pub import: Option<(String, f32)>,
    /// The model that is being tested.
    pub testing: Option<Known>,
    /// What tests said, newest last.
    pub tested: Vec<(Known, Result<Tested, String>)>,
}

/// What a person can do in the room, and what comes back from the threads.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Looks at every known folder again.
    Refresh,
    /// Opens a model's card.
    Choose(Known),
    /// Adds a folder to the list.
    Add(PathBuf),
    /// Takes a folder off the list; its files stay.
    Remove(PathBuf),
    /// Asks for a folder in a dialog.
    Pick,
    /// Opens a model in the running studio.
    Open(Known),
    /// The notice was read: the terms are met.
    Acknowledge,
    /// The notice was not accepted.
    Decline,
    /// Makes the test image.
    Test(Known),
    /// Shows or hides the import's fields.
    ToggleForm,
    /// Shows or hides the menu of the model chip.
    ToggleMenu,
    /// Sets a field of the import.
    SetForm(ImportForm),
    /// Asks for a path of the import in a dialog.
    PickPart(Part),
    /// A path of the import was chosen, or none.
    Picked(Part, Option<PathBuf>),
    /// Begins the import, or goes on with one that was stopped.
    Import,
    /// Stops the import; what is finished is kept.
    StopImport,
    /// A folder was looked at.
    Found(Box<Info>),
    /// How far the import is.
    Importing(String, f32),
    /// The import ended: the folder, or why not; `None` when it was stopped.
    Imported(Option<Result<PathBuf, String>>),
    /// A test ended.
    Tested(Known, Result<Tested, String>),
}

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut crate::state::State, action: Action) -> Vec<Effect> {
    let all = |state: &crate::state::State| known(state).into_iter().map(|k| Effect::Models(Job::Look(k))).collect();
    match action {
        Action::Refresh => return all(state),
        Action::Choose(known) => {
            state.models.chosen = known.clone();
            // The card takes the place of the import's fields, which keep what was typed.
            state.models.form_open = false;
            return vec![Effect::Models(Job::Look(known))];
        }
        Action::Add(folder) => {
            if folder.as_os_str().is_empty() {
                return Vec::new();
            }
            if !state.settings.models.contains(&folder) {
                state.settings.models.push(folder.clone());
            }
            return reduce(state, Action::Choose(Known::Folder(folder)));
        }
        Action::Remove(folder) => {
            state.settings.models.retain(|f| *f != folder);
            state.models.found.retain(|i| i.known != Known::Folder(folder.clone()));
            state.models.chosen = Known::Practice;
        }
        Action::Pick => return vec![Effect::Models(Job::Pick)],
        Action::Open(known) => return open(state, known),
        Action::Acknowledge => {
            if let Some(known) = state.models.asking.take() {
                if let Some(key) = info(state, &known).map(|i| i.key.clone()) {
                    state.settings.acknowledged.push(key);
                }
                return open(state, known);
            }
        }
        Action::Decline => state.models.asking = None,
        Action::Test(known) => {
            if state.models.testing.is_none() {
                state.models.testing = Some(known.clone());
                return vec![Effect::Models(Job::Test(known))];
            }
        }
        Action::ToggleForm => state.models.form_open = !state.models.form_open,
        Action::ToggleMenu => {
            crate::shell::reduce(state, crate::shell::Action::Toggle(crate::shell::Sheet::Models));
            return all(state);
        }
        Action::SetForm(form) => state.models.form = form,
        Action::PickPart(part) => return vec![Effect::Models(Job::PickPart(part))],
        Action::Picked(part, Some(path)) => *state.models.form.of(part) = path.display().to_string(),
        Action::Picked(_, None) => {
            state.messages.push(Level::Note, "Nothing was chosen; if no dialog appeared, type the path instead.");
        }
        Action::Import => {
            if let Some(missing) = state.models.form.missing() {
                state.messages.push(Level::Error, format!("The import needs {missing}."));
            } else if state.models.import.is_none() {
                state.models.import = Some(("checking the files".to_owned(), 0.0));
                return vec![Effect::Models(Job::Import(Box::new(state.models.form.clone())))];
            }
        }
        Action::StopImport => return vec![Effect::Models(Job::StopImport)],
        Action::Found(info) => {
            state.models.found.retain(|i| i.known != info.known);
            state.models.found.push(*info);
        }
        Action::Importing(part, share) => state.models.import = Some((part, share)),
        Action::Imported(end) => {
            state.models.import = None;
            match end {
                None => state
                    .messages
                    .push(Level::Note, "The import was stopped; started again, it goes on behind the last finished part."),
                Some(Err(why)) => state.messages.push(Level::Error, why),
                Some(Ok(folder)) => {
                    state.messages.push(Level::Done, "The model was imported; open it from its card.");
                    return reduce(state, Action::Add(folder));
                }
            }
        }
        Action::Tested(known, verdict) => {
            state.models.testing = None;
            state.models.tested.retain(|(k, _)| *k != known);
            state.models.tested.push((known, verdict));
        }
    }
    Vec::new()
}

/// Every model of the list.
pub fn known(state: &crate::state::State) -> Vec<Known> {
    std::iter::once(Known::Practice).chain(state.settings.models.iter().cloned().map(Known::Folder)).collect()
}

/// What was found in a model's folder.
pub fn info<'a>(state: &'a crate::state::State, known: &Known) -> Option<&'a Info> {
    state.models.found.iter().find(|i| i.known == *known)
}

fn open(state: &mut crate::state::State, known: Known) -> Vec<Effect> {
    let Some(info) = info(state, &known).cloned() else {
        state.messages.push(Level::Note, "The model's folder is still being looked at; try again in a moment.");
        return vec![Effect::Models(Job::Look(known))];
    };
    if let Some(problem) = &info.problem {
        state.messages.push(Level::Error, problem.clone());
        return Vec::new();
    }
    if info.needs_notice && !state.settings.acknowledged.contains(&info.key) {
        state.models.chosen = known.clone();
        state.models.form_open = false;
        state.models.asking = Some(known);
        state.room = crate::state::Room::Train;
        state.train.tab = crate::rooms::train::Tab::Models;
        return Vec::new();
    }
    if state.shell.sheet == Some(crate::shell::Sheet::Models) {
        state.shell.sheet = None;
    }
    state.models.open = known.clone();
    state.settings.model = match &known {
        Known::Practice => None,
        Known::Folder(folder) => Some(folder.clone()),
    };
    vec![Effect::Models(Job::Open(known))]
}

#[cfg(test)]
mod tests;
