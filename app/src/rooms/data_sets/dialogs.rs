//! The system's dialogs for the paths of the room; what is chosen fills the field, where it can also be typed.

use std::path::{Path, PathBuf};

use super::state::Field;
use super::work::News;
use crate::dataset::job_folder::JOB;
use crate::jobs::chores::block_on;

/// A dialog that was begun, to be waited for on a thread.
pub(super) struct Dialog(Box<dyn FnOnce() -> Option<PathBuf> + Send>);

impl Dialog {
    /// Begins the dialog of a field, on the window's thread as macOS wants it; `name` is the data set's, for folders
    /// that are to be made.
    pub(super) fn begin(field: Field, name: String) -> Self {
        let dialog = rfd::AsyncFileDialog::new().set_title(title(field));
        Self(match field {
            Field::Recipe | Field::Table => {
                let ending: &[&str] = if field == Field::Recipe { &["json"] } else { &["csv", "txt"] };
                let asked = dialog.add_filter(title(field), ending).add_filter("All files", &["*"]).pick_file();
                Box::new(move || block_on(asked).map(|file| file.path().to_path_buf()))
            }
            Field::Masks | Field::Job | Field::Export => {
                let asked = dialog.pick_folder();
                Box::new(move || block_on(asked).map(|folder| inside(field, folder.path(), &name)))
            }
        })
    }

    /// Waits for the person.
    pub(super) fn wait(self, field: Field) -> News {
        News::Picked(field, (self.0)())
    }
}

fn title(field: Field) -> &'static str {
    match field {
        Field::Recipe => "A recipe",
        Field::Table => "A cohort table",
        Field::Masks => "A folder of masks",
        Field::Job => "A job folder, or where to make one",
        Field::Export => "Where to make the folder of the export",
    }
}

/// What a field gets of a chosen folder: a new folder in it, where one is to be made.
fn inside(field: Field, folder: &Path, name: &str) -> PathBuf {
    let free = |stem: String| {
        let numbered = (1..10_000).map(|n| if n == 1 { stem.clone() } else { format!("{stem}-{n}") });
        numbered.map(|stem| folder.join(stem)).find(|path| !path.exists()).unwrap_or_else(|| folder.join(&stem))
    };
    match field {
        Field::Job if !folder.join(JOB).is_file() => free(format!("{name}-job")),
        Field::Export => free(name.to_owned()),
        Field::Job | Field::Recipe | Field::Table | Field::Masks => folder.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_made_gets_a_free_name_in_the_chosen_folder() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = |field| inside(field, dir.path(), "set-1");
        assert_eq!(at(Field::Export), dir.path().join("set-1"));
        std::fs::create_dir(dir.path().join("set-1")).expect("writable");
        assert_eq!(at(Field::Export), dir.path().join("set-1-2"));
        assert_eq!(at(Field::Job), dir.path().join("set-1-job"));
        std::fs::write(dir.path().join(JOB), "{}").expect("writable");
        assert_eq!((at(Field::Job), at(Field::Masks)), (dir.path().to_path_buf(), dir.path().to_path_buf()));
    }
}
