//! Step 1, left and middle: what is asked, of which images, and whether that is sound.

use eframe::egui::{RichText, ScrollArea, Ui};
use study::design::Design;
use study::template::Template;

use super::action::Action;
use super::draw::{Column, busy, head, numbers, path_field, push, row, words};
use super::state::{Field, Tab};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::entry::{line, paragraph, tick};
use crate::widgets::{Push, caption, check_line, field, grouped, rule, secondary, section, section_row};

/// Height of fields.
const FIELD: f32 = 28.0;
/// Columns of the list of cases.
const CASES: [Column; 3] = [words("Case", 0.16), words("Impression", 0.86), numbers("Images", 1.0)];

/// The form.
pub(super) fn form(ui: &mut Ui, panel: &mut Panel<'_>) {
    let mut design = panel.state.reading.design.clone();
    file(ui, panel);
    rule(ui);
    asked(ui, &mut design);
    rule(ui);
    images(ui, panel, &mut design);
    rule(ui);
    people(ui, &mut design);
    ui.add_space(12.0);
    if design != panel.state.reading.design {
        push(panel, Action::Edit(Box::new(design)));
    }
}

fn file(ui: &mut Ui, panel: &mut Panel<'_>) {
    let can_undo = !panel.state.reading.past.is_empty();
    section_row(ui, "Design", |ui| {
        let undo = Push::icon(Icon::Undo, "Undo design change").purpose("Takes the last change of the design back");
        if undo.enabled(can_undo).size(24.0, 24.0).show(ui).clicked() {
            push(panel, Action::UndoEdit);
        }
    });
    let path = panel.state.reading.paths.design.clone();
    path_field(ui, panel, Field::Design, "Design file path", &path);
    ui.horizontal(|ui| {
        if Push::new("Open design").with_icon(Icon::Folder).purpose("Reads study.toml").show(ui).clicked() {
            push(panel, Action::OpenDesign);
        }
        let save = Push::new("Save design").with_icon(Icon::Save).purpose("Writes study.toml, which chexgen study reads too");
        if save.show(ui).clicked() {
            push(panel, Action::SaveDesign);
        }
    });
}

fn asked(ui: &mut Ui, design: &mut Design) {
    section(ui, "What is asked");
    if let Some(template) = field::choice(ui, "Template", ui.available_width(), design.template, &Template::ALL, Template::name) {
        design.template = template;
        // What the new template cannot have would only be a fault.
        if template != Template::VisualGrading {
            design.criteria.clear();
        } else if design.criteria.is_empty() {
            design.criteria = ["Sharpness of vessels", "Contrast of the lungs", "Anatomy"].map(str::to_owned).to_vec();
        }
        if matches!(template, Template::Quartet | Template::AssistedReading) {
            design.plan.catch = 0;
        }
        // Without help and with help, with a washout between; another template may not have as many.
        design.plan.rounds = if template == Template::AssistedReading {
            2
        } else {
            design.plan.rounds.clamp(1, u32::try_from(design.showings()).unwrap_or(1).max(1))
        };
        // Expected scores say nothing of shares, and a share of choices nothing of one of right answers.
        design.power = None;
    }
    if let Some(title) = line(ui, "Study title", "Title, as readers see it", &design.title) {
        design.title = title;
    }
    let shown = design.asked().to_owned();
    if let Some(question) = line(ui, "Question", design.template.question(), &shown) {
        design.question = (!question.trim().is_empty() && question != design.template.question()).then_some(question);
    }
    let words: Vec<&str> = design.template.choices().iter().map(|choice| choice.figure).collect();
    caption(
        ui,
        format!(
            "Answers {}; the impression is {}.",
            words.join(", "),
            if design.template.shows_impression() { "shown" } else { "hidden" }
        ),
    );
    if design.template == Template::VisualGrading
        && let Some(list) = line(ui, "Criteria", "Criteria, with ; between them", &design.criteria.join("; "))
    {
        design.criteria = split(&list);
    }
}

fn images(ui: &mut Ui, panel: &mut Panel<'_>, design: &mut Design) {
    section(ui, "Images");
    path_field(ui, panel, Field::Cases, "Table of cases path", &design.cases.clone());
    caption(
        ui,
        "CSV or JSON lines: case, impression, and one column image:ARM for each arm. Images may be PNG, JPEG, DICOM or saved runs, by any program.",
    );
    if design.template == Template::AssistedReading {
        caption(
            ui,
            "The column `asked` holds the finding in question, `examples` the images that help; both arms name one image.",
        );
    }
    if let Some(list) = line(ui, "Arms", "Arms, with ; between them", &design.arms.join("; ")) {
        design.arms = split(&list);
    }
    if matches!(design.template, Template::RealOrSynthetic | Template::Quartet) || design.real.is_some() {
        let shown = design.real.clone().unwrap_or_default();
        if let Some(real) = line(ui, "Arm of real radiographs", "Arm that holds real radiographs", &shown) {
            design.real = (!real.trim().is_empty()).then(|| real.trim().to_owned());
        }
    }
    let single = matches!(design.template, Template::Realism | Template::RealOrSynthetic | Template::VisualGrading);
    if (single || !design.paired)
        && let Some(paired) =
            tick(ui, "Every case has an image of every arm", "Off: each case has one image of one arm.", design.paired)
    {
        design.paired = paired;
    }
    let arm = panel.state.reading.arm.clone();
    if let Some(name) = line(ui, "Name of the next arm of runs", "Name of the next arm of runs", &arm) {
        push(panel, Action::NameArm(name));
    }
    if Push::new("Choose runs")
        .with_icon(Icon::Runs)
        .purpose("Goes to the Runs room; “To reading study” there makes them an arm")
        .show(ui)
        .clicked()
    {
        panel.out.push(crate::action::Action::OpenRoom(crate::state::Room::Runs));
    }
}

fn people(ui: &mut Ui, design: &mut Design) {
    section(ui, "Readers");
    if let Some(list) = line(ui, "Reader codes", "Codes, never names, with ; between them", &design.readers.join("; ")) {
        design.readers = split(&list);
    }
    caption(ui, "Consent text");
    if let Some(consent) = paragraph(ui, "Consent text", "What readers agree to", 5, &design.consent) {
        design.consent = consent;
    }
    field::number(ui, "Seed", "Study seed", &mut design.seed, 0..=i64::MAX as u64, 0.5, 0, FIELD)
        .on_hover_text("Order, repeats and opaque names follow from it: the same design, cases and seed give the same study.");
    field::number(ui, "Pixels per image pixel", "Magnification", &mut design.display.magnification, 1..=8, 0.05, 0, FIELD)
        .on_hover_text("Device pixels per image pixel, the same for every image and reader; fixed when sealing.");
}

/// A list with ";" between its entries.
fn split(list: &str) -> Vec<String> {
    list.split(';').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// Checks, and the cases.
pub(super) fn middle(ui: &mut Ui, panel: &mut Panel<'_>) {
    if panel.state.reading.is_empty() {
        newcomer(ui, panel);
        rule(ui);
    }
    section(ui, "Checks");
    let Some(checked) = panel.state.reading.checked.clone() else {
        caption(ui, "The design is being checked.");
        return;
    };
    let arms = panel.state.reading.design.arms.len();
    if arms == 0 && panel.state.reading.design.cases.as_os_str().is_empty() {
        caption(ui, "The cases come from a table, or from runs of the Runs room.");
        busy(ui, panel, Tab::Build);
        return;
    }
    for fault in &checked.faults {
        check_line::show(ui, Verdict::Conflict, fault);
    }
    if checked.faults.is_empty() {
        check_line::show(ui, Verdict::Agrees, "Design, cases and plan fit together.");
    }
    if !panel.state.reading.design.readers.is_empty() && panel.state.reading.design.readers.len() < 2 {
        check_line::show(
            ui,
            Verdict::Note,
            "One reader gives no agreement; two or more let their disagreement be told from the effect.",
        );
    }
    busy(ui, panel, Tab::Build);
    rule(ui);
    ui.horizontal(|ui| {
        section(ui, "Cases");
        let practice = if checked.practice > 0 { format!(", {} for practice", checked.practice) } else { String::new() };
        secondary(ui, format!("{} that count{practice}, {arms} arms", grouped(checked.cases)));
    });
    if checked.first.is_empty() {
        caption(ui, "The cases of the table appear here.");
        return;
    }
    head(ui, &CASES);
    let height = super::draw::ROW;
    let most = (checked.first.len() as f32 * height).min(560.0).max(height);
    ScrollArea::vertical().id_salt("cases").max_height(most).auto_shrink([false, true]).show_rows(
        ui,
        height - ui.spacing().item_spacing.y,
        checked.first.len(),
        |ui, visible| {
            for (id, impression, images) in checked.first.iter().skip(visible.start).take(visible.len()) {
                row(ui, &CASES, &[id.as_str(), impression.as_str(), &images.to_string()], false).on_hover_text(impression);
            }
        },
    );
    if checked.cases > checked.first.len() {
        caption(ui, format!("{} more cases.", grouped(checked.cases - checked.first.len())));
    }
}

/// What an empty room offers.
pub(super) fn newcomer(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.label(RichText::new("Blinded reader studies").font(text::title()).color(tokens::INK));
    secondary(
        ui,
        "Radiologists score images without knowing who made them: build, audit, seal, read, join, analyse. \
         Try it first on a small study whose patients are drawn and whose readers are simulated; nothing of it is a finding.",
    );
    ui.add_space(4.0);
    let idle = panel.state.reading.busy.is_none();
    let example = Push::new("Try with a simulated study").primary().size(32.0, 0.0).enabled(idle);
    if example.purpose("Makes all files of a small study in your folder and opens its analysis").show(ui).clicked() {
        push(panel, Action::Example);
    }
}
