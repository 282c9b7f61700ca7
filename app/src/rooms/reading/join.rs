//! Step 5: key and answers become one table.

use eframe::egui::{Label, RichText, Ui};

use super::action::Action;
use super::draw::{busy, path_field, push};
use super::state::{Field, Tab};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, rule, section};

/// The files, and the button.
pub(super) fn left(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Study and key");
    let paths = panel.state.reading.paths.clone();
    path_field(ui, panel, Field::Study, "Sealed study to join path", &paths.study);
    path_field(ui, panel, Field::Key, "Key path", &paths.key);
    rule(ui);
    section(ui, "Answers");
    let answers = panel.state.reading.answers.clone();
    for (at, file) in answers.iter().enumerate() {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        ui.horizontal(|ui| {
            let called = format!("Take out {name}");
            if Push::icon(Icon::Cross, &called)
                .purpose("Takes it off the list; the file stays")
                .size(24.0, 24.0)
                .show(ui)
                .clicked()
            {
                push(panel, Action::RemoveAnswers(at));
            }
            let words = RichText::new(&name).font(text::secondary()).color(tokens::INK);
            ui.add(Label::new(words).truncate()).on_hover_text(file.display().to_string());
        });
    }
    if answers.is_empty() {
        caption(ui, "Files beside the study are found by themselves.");
    }
    path_field(ui, panel, Field::Answers, "Add a file of answers path", std::path::Path::new(""));
    ui.add_space(4.0);
    let idle = panel.state.reading.busy.is_none();
    let named = !paths.study.as_os_str().is_empty() && !paths.key.as_os_str().is_empty() && !answers.is_empty();
    let join = Push::new("Join key").primary().size(32.0, ui.available_width()).enabled(idle && named);
    let purpose = if named {
        "From here on you know whose image is whose; join when the last answer is locked"
    } else {
        "Needs a study, its key and answers"
    };
    if join.purpose(purpose).show(ui).clicked() {
        push(panel, Action::Join);
    }
    busy(ui, panel, Tab::Join);
    rule(ui);
    section(ui, "Joined before");
    path_field(ui, panel, Field::Joined, "Joined file path", &paths.joined);
    let open = Push::new("Open joined answers").enabled(idle && !paths.joined.as_os_str().is_empty());
    if open.purpose("Analyses what chexgen study join wrote").show(ui).clicked() {
        push(panel, Action::OpenJoined);
    }
}

/// Checks and deviations.
pub(super) fn middle(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Integrity");
    let Some(analysed) = &panel.state.reading.analysis else {
        caption(
            ui,
            "A wrong key, an edited study, answers to another study and a broken chain of events are refused. What else went otherwise than planned is listed here, and counts.",
        );
        return;
    };
    ui.set_max_width(ui.available_width().min(720.0));
    let context = &analysed.joined.context;
    checks(ui, context);
    rule(ui);
    section(ui, "Deviations from the plan");
    if context.deviations.is_empty() {
        check_line::show(ui, Verdict::Agrees, "None.");
    }
    for deviation in &context.deviations {
        check_line::show(ui, Verdict::Conflict, &told(deviation));
    }
}

/// One line for each check.
pub(super) fn checks(ui: &mut Ui, context: &study::analysis::Context) {
    for check in &context.integrity {
        check_line::show(ui, if check.passed { Verdict::Agrees } else { Verdict::Conflict }, &check.text);
    }
}

/// A deviation with whose it is.
pub(super) fn told(deviation: &study::analysis::Deviation) -> String {
    match &deviation.reader {
        Some(reader) => format!("{reader}: {}", deviation.text),
        None => deviation.text.clone(),
    }
}
