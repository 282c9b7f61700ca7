//! The system's dialogs for the paths of the room; what is chosen fills the field, where it can also be typed.

use std::path::PathBuf;

use super::super::state::Field;
use crate::jobs::chores::block_on;

/// A dialog that was begun, to be waited for on a thread.
pub(super) struct Dialog(Box<dyn FnOnce() -> Option<PathBuf> + Send>);

impl Dialog {
    /// Begins the dialog of a field.
    pub(super) fn begin(field: Field) -> Self {
        let (title, endings): (&str, &[&str]) = match field {
            Field::Design => ("A design of a study (study.toml)", &["toml"]),
            Field::Cases => ("A table of cases", &["csv", "jsonl", "ndjson"]),
            Field::Sealed => ("Where to write the sealed study", &["cxstudy"]),
            Field::Study => ("A sealed study", &["cxstudy"]),
            Field::Key => ("The key of the study", &["cxkey"]),
            Field::Answers => ("Answers of a reader", &["cxanswers"]),
            Field::Joined => ("Joined answers", &["json"]),
            Field::Report => ("A folder for the report", &[]),
        };
        let dialog = rfd::AsyncFileDialog::new().set_title(title);
        if field == Field::Report {
            let asked = dialog.pick_folder();
            return Self(Box::new(move || block_on(asked).map(|folder| folder.path().to_path_buf())));
        }
        let dialog = dialog.add_filter(title, endings);
        if field == Field::Sealed {
            let asked = dialog.set_file_name("study.cxstudy").save_file();
            return Self(Box::new(move || block_on(asked).map(|file| file.path().with_extension("cxstudy"))));
        }
        let asked = dialog.add_filter("All files", &["*"]).pick_file();
        Self(Box::new(move || block_on(asked).map(|file| file.path().to_path_buf())))
    }

    /// Waits for the person.
    pub(super) fn wait(self) -> Option<PathBuf> {
        (self.0)()
    }
}
